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
    /// Only while this measure of the trigger stands above this amount; while it is not known, neither is the default.
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
/// A date on which nothing is tested changes nothing, unless it is waived.
pub fn changes(
    entity: usize,
    clauses: &[Clause],
    dates: &[Date],
    outcomes: &[Outcome],
    waivers: &[Span],
) -> Vec<Change> {
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
            Status::NotTested if !waivers.iter().any(|(from, to)| (*from..=*to).contains(&date)) => continue,
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
    /// What a default of its trigger makes of the affected by this edge alone.
    fn carries(&self, edge: &Edge, date: Date) -> Standing {
        if !(edge.in_force.0..=edge.in_force.1).contains(&date) {
            return Standing::Clear;
        }
        let Some((measure, above)) = edge.above else { return Standing::Default };
        match self.amount(measure, edge.trigger, date) {
            Some(amount) if amount > above => Standing::Default,
            Some(_) => Standing::Clear,
            None => Standing::Doubtful,
        }
    }

    /// A measure at the last period's end by a day, if it is known.
    fn amount(&self, measure: usize, entity: usize, date: Date) -> Option<i64> {
        let (first, dates) = self.calendars.get(entity)?;
        let period = dates.partition_point(|end| *end <= date).checked_sub(1)?;
        let cell = first.saturating_add(period);
        let column = self.measures.get(measure)?;
        let known = column.known.get(cell).copied().unwrap_or(false);
        column.values.get(cell).copied().filter(|_| known)
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
        let carries = |edge| (self.carries(edge, date), edge);
        let mut active: Vec<(Standing, &Edge)> = self.edges.iter().map(carries).collect();
        active.sort_by_key(|(_, edge)| edge.trigger);
        for standing in [Standing::Default, Standing::Doubtful] {
            // A default goes on as a doubt where an edge is doubtful.
            let stands = |(entity, own): (usize, &Standing)| {
                let by_others = found.get(entity).filter(|contagion| !contagion.waived);
                (*own).max(by_others.map_or(Standing::Clear, |contagion| contagion.standing)) >= standing
            };
            let mut queue: Vec<usize> = own
                .iter()
                .copied()
                .enumerate()
                .filter(|(entity, own)| stands((*entity, own)))
                .map(|(entity, _)| entity)
                .collect();
            queue.reverse();
            while let Some(trigger) = queue.pop() {
                let start = active.partition_point(|(_, edge)| edge.trigger < trigger);
                for (carried, edge) in active.iter().skip(start).take_while(|(_, edge)| edge.trigger == trigger) {
                    let Some(contagion) = found.get_mut(edge.affected) else { continue };
                    if *carried < standing || contagion.standing >= standing {
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
    fn a_default_lasts_until_a_test_is_met_or_waived() {
        use Status::{Breach, NotTested, Pass, Undefined};
        let on = |waivers: &[Span], statuses: &[Status]| -> Vec<(Date, Standing)> {
            let dates: Vec<Date> = (0..).step_by(10).take(statuses.len()).collect();
            let outcome = |(period, status): (usize, &Status)| Outcome::blank(period, *status);
            let outcomes: Vec<Outcome> = statuses.iter().enumerate().map(outcome).collect();
            changes(0, &[], &dates, &outcomes, waivers).iter().map(|change| (change.date, change.standing)).collect()
        };
        let (default, clear, doubt) = (Standing::Default, Standing::Clear, Standing::Doubtful);
        assert_eq!(on(&[], &[NotTested, Breach, NotTested, NotTested]), [(10, default)]);
        assert_eq!(on(&[], &[Breach, NotTested, Breach, Pass]), [(0, default), (30, clear)]);
        assert_eq!(on(&[], &[Undefined, NotTested]), [(0, doubt)]);
        assert_eq!(on(&[(5, 10)], &[Breach, NotTested, NotTested]), [(0, default), (10, clear)]);
        assert_eq!(on(&[(1, 9)], &[Breach, NotTested, NotTested]), [(0, default)]);
    }

    #[test]
    fn an_edge_that_hangs_on_what_is_not_known_carries_a_doubt() {
        use Standing::{Clear, Default, Doubtful};
        let column = |values: [i64; 3], known| Measure { values: values.to_vec(), known: vec![known; 3] };
        // Entity 0 defaults; 1 follows where its amount is above, 2 follows 1 in any case.
        let edges = [Edge { above: Some((0, 5)), ..edge(0, 1) }, edge(1, 2)];
        let spread = |measures: &[Measure], date| {
            let calendars = [(0, &[10][..]), (1, &[10][..]), (2, &[10][..])];
            let graph = Graph { entities: 3, edges: &edges, waivers: &[], measures, calendars: &calendars };
            [Default, Doubtful, Clear].map(|first| {
                graph
                    .spread(&[first, Clear, Clear], date)
                    .iter()
                    .map(|contagion| contagion.standing)
                    .collect::<Vec<_>>()
            })
        };
        let above = spread(&[column([6, 0, 0], true)], 10);
        assert_eq!(above, [[Clear, Default, Default], [Clear, Doubtful, Doubtful], [Clear; 3]]);
        assert_eq!(spread(&[column([5, 9, 9], true)], 10), [[Clear; 3]; 3]);
        let doubt = [[Clear, Doubtful, Doubtful], [Clear, Doubtful, Doubtful], [Clear; 3]];
        assert_eq!(spread(&[column([6, 0, 0], false)], 10), doubt);
        assert_eq!(spread(&[column([6, 0, 0], true)], 9), doubt, "before its first period");
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
