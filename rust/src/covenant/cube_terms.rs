//! What the clauses of a covenant say at each period, and how the lanes of a cube can be tested on it.
#![forbid(unsafe_code)]

use super::clause::{Clause, Level, Limit, Outcome, Status};
use super::cube::Threshold;
use super::evaluate::Covenant;
use super::metric::{Measure, Periods, stub_start};
use crate::error::Error;

/// How lanes are tested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// Side by side.
    #[default]
    Scan,
    /// Side by side; those that fail one by one, since a cure may put them right.
    ScanThenEach,
    /// One by one: what is tested depends on the lane, or changes with the date.
    Each,
}

/// The terms of a covenant, period by period.
#[derive(Clone, Debug)]
pub struct CubeTerms {
    /// The metric of all clauses, unless [`Way::Each`].
    pub metric: usize,
    /// Their side.
    pub limit: Limit,
    /// Whether the threshold itself fails.
    pub strict: bool,
    /// Thresholds of the periods that are tested.
    pub thresholds: Vec<Threshold>,
    /// Periods in which a failure is waived; empty where none is.
    pub waived: Vec<bool>,
    /// How lanes are tested.
    pub way: Way,
}

impl Default for CubeTerms {
    fn default() -> Self {
        let (thresholds, waived) = (Vec::new(), Vec::new());
        Self { metric: 0, limit: Limit::Min, strict: false, thresholds, waived, way: Way::Scan }
    }
}

impl CubeTerms {
    /// Reads a covenant; the room of what was read before is used again.
    pub fn read(&mut self, covenant: Option<&Covenant<'_>>, periods: usize) {
        self.thresholds.clear();
        self.thresholds.resize(periods, Threshold::None);
        self.waived.clear();
        self.way = Way::Scan;
        let Some(covenant) = covenant else { return };
        let Some(first) = covenant.clauses.first() else { return };
        (self.metric, self.limit, self.strict) = (first.metric, first.limit, first.strict);
        for ((date, month), slot) in covenant.dates.iter().zip(covenant.months).zip(&mut self.thresholds) {
            if !Clause::is_due(covenant.clauses, *date, *month) {
                continue;
            }
            let in_force = Clause::on(covenant.clauses, *date).filter(|(_, clause)| clause.first_test <= *date);
            if let Some((_, clause)) = in_force {
                *slot = clause.threshold.map_or(Threshold::Unknown, Threshold::Known);
            }
        }
        if !covenant.waivers.is_empty() {
            let is_waived = |date| covenant.waivers.iter().any(|(from, to)| (*from..=*to).contains(date));
            self.waived.extend(covenant.dates.iter().map(is_waived));
        }
        let alike = |clause: &Clause| {
            (clause.metric, clause.limit, clause.strict) == (first.metric, first.limit, first.strict)
                && clause.springing.is_none()
                && stub_start(covenant.dates, clause.stub_from) == 0
        };
        let is_curable = !covenant.cures.is_empty() && covenant.clauses.iter().any(|one| one.level == Level::Default);
        self.way = if !covenant.clauses.iter().all(alike) {
            Way::Each
        } else if is_curable {
            Way::ScanThenEach
        } else {
            Way::Scan
        };
    }
}

/// What a lane that was tested by itself came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LaneOutcome {
    /// The first period with a breach.
    pub first: Option<usize>,
    /// The least headroom of the periods tested.
    pub headroom: f64,
    /// Whether some test could not be decided.
    pub undecided: bool,
}

/// Tests one lane date after date, as a covenant alone is; its outcomes stay in `outcomes`.
///
/// # Errors
/// [`Error::TotalOverflow`] for an amount beyond 64 bits.
pub fn test_lane(
    covenant: &Covenant<'_>,
    measures: &[Measure],
    outcomes: &mut Vec<Outcome>,
) -> Result<LaneOutcome, Error> {
    let per_year = covenant.periods.per_year;
    let covenant = Covenant { periods: Periods { measures, first: 0, per_year }, ..*covenant };
    outcomes.clear();
    outcomes.resize(covenant.due().count(), Outcome::blank(0, Status::NotTested));
    covenant.test_into(outcomes)?;
    let mut found = LaneOutcome { first: None, headroom: f64::INFINITY, undecided: false };
    for outcome in &*outcomes {
        let has_failed = matches!(outcome.status, Status::Breach | Status::LockUp | Status::DrawStop);
        match outcome.status {
            Status::NotTested => continue,
            Status::InsufficientData | Status::Unknown | Status::Undefined => {
                found.undecided = true;
                continue;
            }
            _ => found.headroom = found.headroom.min(outcome.headroom.unwrap_or(f64::NEG_INFINITY)),
        }
        if has_failed && found.first.is_none() {
            found.first = Some(outcome.period);
        }
    }
    Ok(found)
}
