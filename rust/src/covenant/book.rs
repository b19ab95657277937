//! All covenants of a call, with the measures they are tested on.
#![forbid(unsafe_code)]

use std::ops::Range;

use super::clause::{Clause, Cure, Level, Outcome, Span};
use super::cross::{Change, Edge, Graph, Standing, changes};
use super::evaluate::Covenant;
use super::metric::{Measure, Metric, Periods};
use crate::calendar::{Date, Month};

/// Where the parts of one covenant stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whose it is.
    pub entity: usize,
    /// Its clauses.
    pub clauses: Range<usize>,
    /// Its cures.
    pub cures: Range<usize>,
    /// Its waivers.
    pub waivers: Range<usize>,
}

/// Columns of everything, entity after entity and covenant after covenant.
#[derive(Clone, Debug, Default)]
pub struct Book {
    /// Metrics, by number.
    pub metrics: Vec<Metric>,
    /// Measures, by number; each has a value for every cell.
    pub measures: Vec<Measure>,
    /// The cells of each entity: consecutive periods.
    pub entities: Vec<Range<usize>>,
    /// The end of each cell's period.
    pub dates: Vec<Date>,
    /// The month it stands for.
    pub months: Vec<Month>,
    /// Periods in a year.
    pub per_year: usize,
    /// Minor units in the unit of values that are amounts.
    pub scale: i64,
    /// The covenants.
    pub covenants: Vec<Place>,
    /// All their clauses.
    pub clauses: Vec<Clause>,
    /// All their cures.
    pub cures: Vec<Cure>,
    /// All their waivers.
    pub waivers: Vec<Span>,
    /// Who defaults with whom.
    pub edges: Vec<Edge>,
    /// Waivers of cross-defaults.
    pub cross_waivers: Vec<(usize, Span)>,
}

/// The cross-default of an entity at one of its dates.
#[derive(Clone, Debug, PartialEq)]
pub struct CrossOutcome {
    /// Whose.
    pub entity: usize,
    /// What.
    pub outcome: Outcome,
}

impl Book {
    /// One covenant with what bears on it.
    #[must_use]
    pub fn covenant(&self, number: usize) -> Option<Covenant<'_>> {
        let place = self.covenants.get(number)?;
        let cells = self.entities.get(place.entity)?.clone();
        Some(Covenant {
            clauses: self.clauses.get(place.clauses.clone())?,
            metrics: &self.metrics,
            periods: Periods { measures: &self.measures, first: cells.start, per_year: self.per_year },
            dates: self.dates.get(cells.clone())?,
            months: self.months.get(cells)?,
            cures: self.cures.get(place.cures.clone())?,
            waivers: self.waivers.get(place.waivers.clone())?,
            scale: self.scale,
        })
    }

    fn dates_of(&self, entity: usize) -> &[Date] {
        self.entities.get(entity).and_then(|cells| self.dates.get(cells.clone())).unwrap_or_default()
    }

    /// Carries the defaults that the tests found along the edges: an outcome for every entity that an edge points at,
    /// and each of its dates. `tested` has the outcomes of each covenant.
    #[must_use]
    pub fn cross_default(&self, tested: &[&[Outcome]]) -> Vec<CrossOutcome> {
        let count = self.entities.len();
        let mut is_affected = vec![false; count];
        for edge in &self.edges {
            if let Some(slot) = is_affected.get_mut(edge.affected) {
                *slot = true;
            }
        }
        let affected: Vec<usize> =
            is_affected.iter().enumerate().filter(|(_, is)| **is).map(|(entity, _)| entity).collect();
        let calendars: Vec<(usize, &[Date])> =
            self.entities.iter().enumerate().map(|(entity, cells)| (cells.start, self.dates_of(entity))).collect();
        let graph = Graph {
            entities: count,
            edges: &self.edges,
            waivers: &self.cross_waivers,
            measures: &self.measures,
            calendars: &calendars,
        };
        // Each covenant's changes in the order of days; a covenant is where it last changed.
        let mut timeline: Vec<(Change, usize)> = Vec::new();
        for (number, outcomes) in tested.iter().enumerate() {
            let Some(place) = self.covenants.get(number) else { continue };
            let clauses = self.clauses.get(place.clauses.clone()).unwrap_or_default();
            if clauses.iter().all(|clause| clause.level != Level::Default) {
                continue;
            }
            let waivers = self.waivers.get(place.waivers.clone()).unwrap_or_default();
            let found = changes(place.entity, clauses, self.dates_of(place.entity), outcomes, waivers);
            timeline.extend(found.into_iter().map(|change| (change, number)));
        }
        timeline.sort_by_key(|(change, _)| change.date);
        let mut moments: Vec<Date> =
            affected.iter().flat_map(|entity| self.dates_of(*entity).iter().copied()).collect();
        moments.sort_unstable();
        moments.dedup();

        let mut standing_of = vec![Standing::Clear; tested.len()];
        let mut changing = timeline.into_iter().peekable();
        let mut next = vec![0_usize; count];
        let mut found = Vec::new();
        for date in moments {
            while let Some((change, number)) = changing.next_if(|(change, _)| change.date <= date) {
                if let Some(slot) = standing_of.get_mut(number) {
                    *slot = change.standing;
                }
            }
            let mut own = vec![Standing::Clear; count];
            for (place, standing) in self.covenants.iter().zip(&standing_of) {
                if let Some(slot) = own.get_mut(place.entity) {
                    *slot = (*slot).max(*standing);
                }
            }
            let contagion = graph.spread(&own, date);
            for entity in &affected {
                let (Some(period), Some(contagion)) = (next.get_mut(*entity), contagion.get(*entity)) else { continue };
                if self.dates_of(*entity).get(*period) != Some(&date) {
                    continue;
                }
                let mut outcome = Outcome::blank(*period, contagion.status());
                outcome.cause = contagion.cause;
                found.push(CrossOutcome { entity: *entity, outcome });
                *period = period.saturating_add(1);
            }
        }
        found.sort_by_key(|cross| (cross.entity, cross.outcome.period));
        found
    }
}
