//! What was promised, and what a test of it can say.
#![forbid(unsafe_code)]

use super::metric::Fraction;
use crate::calendar::{Date, Month, PeriodGrid};

/// Which side of the threshold is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The value must be at least the threshold.
    Min,
    /// At most.
    Max,
}

/// What a failed test leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// A breach.
    Default,
    /// Cash stays in the borrower.
    LockUp,
    /// No draw.
    Sizing,
}

/// What a test found, under the names that users know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Met.
    Pass,
    /// Met, with less headroom than was asked to be told of.
    AtRisk,
    /// A lock-up test failed.
    LockUp,
    /// A sizing test failed.
    DrawStop,
    /// A default-level test failed.
    Breach,
    /// Failed, and put right by an equity cure.
    Cured,
    /// Failed, and waived for this date.
    Waived,
    /// Not in force, before the first test date, or not sprung.
    NotTested,
    /// A period of the window, or an amount in it, is missing.
    InsufficientData,
    /// The threshold is not known.
    Unknown,
    /// The denominator is zero or negative, and no rule says what that means.
    Undefined,
}

impl Status {
    /// All, in the order of their codes.
    pub const ALL: [(&'static str, Self); 11] = [
        ("pass", Self::Pass),
        ("at_risk", Self::AtRisk),
        ("lock_up", Self::LockUp),
        ("draw_stop", Self::DrawStop),
        ("breach", Self::Breach),
        ("cured", Self::Cured),
        ("waived", Self::Waived),
        ("not_tested", Self::NotTested),
        ("insufficient_data", Self::InsufficientData),
        ("unknown", Self::Unknown),
        ("undefined", Self::Undefined),
    ];

    /// Its place in [`Status::ALL`].
    #[must_use]
    pub fn code(self) -> i8 {
        let place = Self::ALL.iter().position(|(_, status)| *status == self).unwrap_or(0);
        i8::try_from(place).unwrap_or(i8::MAX)
    }
}

/// When a test applies at all: while another metric stands above a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Springing {
    /// The metric that springs it.
    pub metric: usize,
    /// Strictly above this; `None` is not known.
    pub above: Option<Fraction>,
}

/// Limits of equity cures; the largest number of each type stands for no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CureRights {
    /// How many over the life of the covenant.
    pub allowed: u32,
    /// How many at test dates that follow each other.
    pub in_a_row: u32,
    /// How many within twelve months.
    pub per_year: u32,
    /// The largest amount that counts, in minor units.
    pub amount_cap: i64,
}

/// One row of terms, in force over a span of dates; the rows of a covenant do not overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clause {
    /// First and last day in force.
    pub in_force: (Date, Date),
    /// Tests before this day do not count.
    pub first_test: Date,
    /// Where test dates lie.
    pub grid: PeriodGrid,
    /// What is measured.
    pub metric: usize,
    /// Annualised windows do not reach back before this day.
    pub stub_from: Date,
    /// Which side is met.
    pub limit: Limit,
    /// Whether the threshold itself fails ("more than", not "at least").
    pub strict: bool,
    /// `None` is not known.
    pub threshold: Option<Fraction>,
    /// What a failure leads to.
    pub level: Level,
    /// Less headroom than this share of the threshold is at risk.
    pub at_risk: Option<Fraction>,
    /// When it applies.
    pub springing: Option<Springing>,
    /// How it may be cured.
    pub cures: CureRights,
    /// Days from the test date until a breach is an event of default, and until which a cure may be paid in.
    pub grace_days: Option<i32>,
}

impl Clause {
    /// The clause in force on a day, of clauses in the order of their dates.
    #[must_use]
    pub fn on(clauses: &[Self], date: Date) -> Option<(usize, &Self)> {
        let after = clauses.partition_point(|clause| clause.in_force.0 <= date);
        let at = after.checked_sub(1)?;
        clauses.get(at).filter(|clause| date <= clause.in_force.1).map(|clause| (at, clause))
    }

    /// Whether a period's end is a test date: of the clause in force, or where there is none of the first.
    #[must_use]
    pub fn is_due(clauses: &[Self], date: Date, month: Month) -> bool {
        let clause = Self::on(clauses, date).map(|(_, clause)| clause).or(clauses.first());
        clause.is_some_and(|clause| clause.grid.period_end(month) == month)
    }

    /// The day on which a breach of a test date becomes an event of default.
    #[must_use]
    pub fn ripens(&self, date: Date) -> Date {
        date.saturating_add(self.grace_days.unwrap_or(0))
    }
}

/// Money that was paid in for a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cure {
    /// The period, from the entity's first.
    pub period: usize,
    /// Minor units.
    pub amount: i64,
    /// When it came, if that is known.
    pub paid: Option<Date>,
}

/// The first and the last day of something.
pub type Span = (Date, Date);

/// One test date of one covenant.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The period, from the entity's first.
    pub period: usize,
    /// The clause in force, of those of the covenant.
    pub clause: Option<usize>,
    /// What was found.
    pub status: Status,
    /// The ratio, or the amount in major units; cures that counted are in it.
    pub value: Option<f64>,
    /// How far it is on the right side of the threshold.
    pub headroom: Option<f64>,
    /// By how much the numerator may worsen, in minor units, rounded down.
    pub headroom_amount: Option<i64>,
    /// Headroom as a share of the threshold.
    pub headroom_rate: Option<f64>,
    /// The least cure with which it passes, in minor units; 0 where it passes.
    pub cure_needed: Option<i64>,
    /// The cure that counted.
    pub cure_applied: Option<i64>,
    /// When the breach becomes an event of default.
    pub default_date: Option<Date>,
    /// The entity whose default this one follows from.
    pub cause: Option<usize>,
}

impl Outcome {
    /// Nothing known yet.
    #[must_use]
    pub fn blank(period: usize, status: Status) -> Self {
        Self {
            period,
            clause: None,
            status,
            value: None,
            headroom: None,
            headroom_amount: None,
            headroom_rate: None,
            cure_needed: None,
            cure_applied: None,
            default_date: None,
            cause: None,
        }
    }
}
