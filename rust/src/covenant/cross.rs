//! Cross-default: whose default is whose, carried along the graph of clauses to a fixed point.
//!
//! Contracts point at each other in circles, and rightly so. What is computed is the least fixed point: a default
//! spreads from a test that failed, never from the circle itself, so two facilities that point at each other stay well
//! until one of them fails a test of its own.
#![forbid(unsafe_code)]

use super::clause::{Clause, Level, Outcome, Span, Status};
use super::metric::Measure;
use crate::calendar::Date;

/// A clause: a default of one entity is a default of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Whose default.
    pub trigger: usize,
    /// Who defaults with it.
    pub affected: usize,
    /// First and last day in force.
    pub in_force: Span,
    /// Only while this measure of the trigger stands above this amount; one that is not known counts as above.
    pub above: Option<(usize, i64)>,
}

/// How an entity stands on a day. What is worse is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// No default that is known of.
    Clear,
    /// A test of it could not be decided.
    Doubtful,
    /// In default.
    Default,
}

/// From which day on an entity stands how, by one of its covenants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The entity.
    pub entity: usize,
    /// From this day on.
    pub date: Date,
    /// It stands so.
    pub standing: Standing,
}

/// The standings that follow from the tests of one covenant, by date.
///
/// A breach is a default from the end of its days of grace on, unless a later test was met by then, and until one is.
pub fn changes(entity: usize, clauses: &[Clause], dates: &[Date], outcomes: &[Outcome]) -> Vec<Change> {
    let mut found: Vec<Change> = Vec::new();
    for outcome in outcomes {
        let clause = outcome.clause.and_then(|at| clauses.get(at));
        if clause.is_some_and(|clause| clause.level != Level::Default) {
            continue;
        }
        let Some(date) = dates.get(outcome.period).copied() else { continue };
        let standing = match outcome.status {
            Status::Breach | Status::LockUp | Status::DrawStop => Standing::Default,
            Status::InsufficientData | Status::Unknown | Status::Undefined => Standing::Doubtful,
            Status::Pass | Status::AtRisk | Status::Cured | Status::Waived | Status::NotTested => Standing::Clear,
        };
        if standing == Standing::Default {
            // One that ripens goes on: a second breach does not begin it anew.
            if found.last().is_none_or(|last| last.standing != Standing::Default) {
                found.push(Change { entity, date: outcome.default_date.unwrap_or(date), standing });
            }
            continue;
        }
        while found.last().is_some_and(|last| last.date > date) {
            found.pop(); // put right within its days of grace
        }
        found.push(Change { entity, date, standing });
    }
    found
}

/// The entities as the graph sees them.
#[derive(Clone, Copy, Debug)]
pub struct Graph<'a> {
    /// How many.
    pub entities: usize,
    /// Who points at whom.
    pub edges: &'a [Edge],
    /// When a cross-default of an entity is waived.
    pub waivers: &'a [(usize, Span)],
    /// All measures.
    pub measures: &'a [Measure],
    /// First cell and ends of periods of each entity.
    pub calendars: &'a [(usize, &'a [Date])],
}

/// How the others make an entity stand on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contagion {
    /// How it stands by their defaults alone.
    pub standing: Standing,
    /// Whose default that is.
    pub cause: Option<usize>,
    /// Whether it is waived: it then goes no further.
    pub waived: bool,
}

impl Graph<'_> {
    fn is_active(&self, edge: &Edge, date: Date) -> bool {
        if !(edge.in_force.0..=edge.in_force.1).contains(&date) {
            return false;
        }
        let Some((measure, above)) = edge.above else { return true };
        let Some((first, dates)) = self.calendars.get(edge.trigger) else { return true };
        let Some(period) = dates.partition_point(|end| *end <= date).checked_sub(1) else { return true };
        let cell = first.saturating_add(period);
        let Some(column) = self.measures.get(measure) else { return true };
        match (column.known.get(cell), column.values.get(cell)) {
            (Some(true), Some(value)) => *value > above,
            _ => true,
        }
    }

    /// The least fixed point on one day, from how each entity stands by its own tests.
    #[must_use]
    pub fn spread(&self, own: &[Standing], date: Date) -> Vec<Contagion> {
        let clear = Contagion { standing: Standing::Clear, cause: None, waived: false };
        let mut found = vec![clear; self.entities];
        for contact in &mut found.iter_mut().enumerate() {
            let (entity, contagion) = contact;
            let waived = |(whose, (from, to)): &(usize, Span)| *whose == entity && (*from..=*to).contains(&date);
            contagion.waived = self.waivers.iter().any(waived);
        }
        let mut active: Vec<&Edge> = self.edges.iter().filter(|edge| self.is_active(edge, date)).collect();
        active.sort_by_key(|edge| edge.trigger);
        for standing in [Standing::Default, Standing::Doubtful] {
            let mut queue: Vec<usize> =
                own.iter().enumerate().filter(|(_, own)| **own == standing).map(|(entity, _)| entity).collect();
            // What spreads as a default spreads as doubt no more.
            queue.reverse();
            while let Some(trigger) = queue.pop() {
                let start = active.partition_point(|edge| edge.trigger < trigger);
                for edge in active.iter().skip(start).take_while(|edge| edge.trigger == trigger) {
                    let Some(contagion) = found.get_mut(edge.affected) else { continue };
                    if contagion.standing >= standing {
                        continue;
                    }
                    contagion.standing = standing;
                    contagion.cause = Some(trigger);
                    // One that stands so by itself is in the queue already.
                    if !contagion.waived && own.get(edge.affected).is_some_and(|own| *own < standing) {
                        queue.push(edge.affected);
                    }
                }
            }
        }
        found
    }
}

impl Contagion {
    /// What the cross-default of an entity comes to.
    #[must_use]
    pub fn status(self) -> Status {
        match (self.standing, self.waived) {
            (Standing::Clear, _) => Status::Pass,
            (_, true) => Status::Waived,
            (Standing::Doubtful, _) => Status::Unknown,
            (Standing::Default, _) => Status::Breach,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "tests")]
    use super::*;

    const ALWAYS: Span = (Date::MIN, Date::MAX);

    fn edge(trigger: usize, affected: usize) -> Edge {
        Edge { trigger, affected, in_force: ALWAYS, above: None }
    }

    fn standings(edges: &[Edge], waivers: &[(usize, Span)], own: &[Standing]) -> Vec<Standing> {
        let graph = Graph { entities: own.len(), edges, waivers, measures: &[], calendars: &[] };
        graph.spread(own, 0).into_iter().map(|contagion| contagion.standing).collect()
    }

    #[test]
    fn a_circle_stays_well_until_one_fails() {
        use Standing::{Clear, Default, Doubtful};
        let circle = [edge(0, 1), edge(1, 2), edge(2, 0)];
        assert_eq!(standings(&circle, &[], &[Clear; 3]), [Clear; 3]);
        assert_eq!(standings(&circle, &[], &[Clear, Default, Clear]), [Default, Default, Default]);
        assert_eq!(standings(&circle, &[], &[Doubtful, Clear, Clear]), [Doubtful; 3]);
        // A waiver stops it: entity 2 is spared, and whoever follows from it.
        assert_eq!(standings(&circle, &[(2, ALWAYS)], &[Clear, Default, Clear]), [Clear, Clear, Default]);
        assert_eq!(standings(&[edge(0, 1)], &[], &[Clear, Default]), [Clear, Clear]);
    }

    #[test]
    fn a_default_outweighs_a_doubt() {
        use Standing::{Clear, Default, Doubtful};
        let edges = [edge(0, 2), edge(1, 2)];
        assert_eq!(standings(&edges, &[], &[Doubtful, Default, Clear]), [Clear, Clear, Default]);
        let graph = Graph { entities: 3, edges: &edges, waivers: &[], measures: &[], calendars: &[] };
        assert_eq!(graph.spread(&[Doubtful, Default, Clear], 0)[2].cause, Some(1));
    }
}
