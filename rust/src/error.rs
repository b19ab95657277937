//! What can be wrong with a row, and what can go wrong with a call.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::fmt;

/// A rule that a value of the fleet broke. The slug is stable: users match on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// NaN or an infinity where a number is needed.
    NonFinite,
    /// A missing value in a required column.
    Null,
    /// A float amount that is not a whole number of minor units, or too large to hold them exactly.
    Precision,
    /// An amount beyond 64-bit minor units.
    Overflow,
    /// A value outside its permitted range.
    Range,
    /// A date outside 1900-01-01 to 2199-12-31.
    DateRange,
    /// A timestamp that is not midnight.
    DateTime,
    /// Dates in an impossible order.
    DateOrder,
    /// A number of the wrong kind, such as a broken number of months.
    DType,
    /// No policy for the row's class.
    PolicyMissing,
    /// No useful life, neither in the row nor in its policy.
    LifeMissing,
    /// An event that the asset's state does not allow.
    EventState,
    /// An event that the accounting framework does not know.
    Framework,
    /// An event that the asset's method has no answer to.
    Method,
    /// A word that is none of those a column knows.
    Choice,
    /// A rate that looks like a percentage.
    RateUnit,
    /// A payment that does not cover the interest, without leave to add the rest to the balance.
    NegativeAmortization,
    /// A payment that covers the interest and nothing more.
    NeverAmortises,
    /// A term that the loan's repayment profile has no use for.
    Profile,
    /// A date that no business day stands for.
    Calendar,
    /// A date of a curve before the one above it.
    CurveOrder,
    /// A date of a curve that stands there twice.
    CurveDuplicate,
    /// A day that a curve does not reach.
    CurveRange,
    /// An index without a curve.
    CurveMissing,
    /// A fixed rate beside an index.
    RateConflict,
    /// No cash flow.
    Empty,
    /// Cash flows that are all zero.
    AllZero,
    /// Cash flows of one sign.
    NoSignChange,
    /// No rate, or number of periods, that satisfies the equation.
    NoRoot,
    /// A draw on a day that is not open for draws.
    DrawWindow,
    /// A draw of more than the commitment leaves.
    Commitment,
    /// A draw of what was drawn before and repaid.
    Redraw,
    /// A draw of more than the collateral allows.
    BorrowingBase,
    /// A prepayment of more than what is owed.
    Overpayment,
    /// A cash flow that no payment can follow.
    NegativeCashFlow,
    /// Several rates that do.
    SeveralRoots,
    /// No observation at or before the time it is needed.
    ObservationMissing,
}

impl Rule {
    /// The stable slug.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NonFinite => "nonfinite",
            Self::Null => "null",
            Self::Precision => "precision",
            Self::Overflow => "overflow",
            Self::Range => "range",
            Self::DateRange => "date_range",
            Self::DateTime => "date_time",
            Self::DateOrder => "date_order",
            Self::DType => "dtype",
            Self::PolicyMissing => "policy_missing",
            Self::LifeMissing => "life_missing",
            Self::EventState => "event_state",
            Self::Framework => "framework",
            Self::Method => "method",
            Self::Choice => "choice",
            Self::RateUnit => "rate_unit",
            Self::NegativeAmortization => "negative_amortization",
            Self::NeverAmortises => "never_amortises",
            Self::Profile => "profile",
            Self::Calendar => "calendar",
            Self::CurveOrder => "curve_order",
            Self::CurveDuplicate => "curve_duplicate",
            Self::CurveRange => "curve_range",
            Self::CurveMissing => "curve_missing",
            Self::RateConflict => "rate_conflict",
            Self::Empty => "empty",
            Self::AllZero => "all_zero",
            Self::NoSignChange => "no_sign_change",
            Self::NoRoot => "no_root",
            Self::DrawWindow => "draw_window",
            Self::Commitment => "commitment",
            Self::Redraw => "redraw",
            Self::BorrowingBase => "borrowing_base",
            Self::Overpayment => "overpayment",
            Self::NegativeCashFlow => "negative_cash_flow",
            Self::SeveralRoots => "several_roots",
            Self::ObservationMissing => "observation_missing",
        }
    }
}

/// A column of a fleet or an argument of a function, under the name users know it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// What was paid for the asset.
    Cost,
    /// The day it entered service.
    InServiceDate,
    /// What it is expected to be worth at the end of its life.
    ResidualValue,
    /// Its own useful life.
    UsefulLifeMonths,
    /// Depreciation already charged when it was brought in.
    OpeningAccumulated,
    /// The day at whose close that amount stood.
    OpeningDate,
    /// The class by which its policy is chosen.
    Policy,
    /// The day of an event.
    EventDate,
    /// What kind it is.
    EventKind,
    /// Its amount.
    EventAmount,
    /// The share disposed of.
    EventShare,
    /// The months that remain.
    EventRemainingMonths,
    /// What a disposal brought.
    EventProceeds,
    /// A column of loans, or an argument of a function that knows no fleet.
    Argument(&'static str),
}

impl Column {
    /// The column's name in a fleet frame, or the argument's.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cost => "cost",
            Self::InServiceDate => "in_service_date",
            Self::ResidualValue => "residual_value",
            Self::UsefulLifeMonths => "useful_life_months",
            Self::OpeningAccumulated => "opening_accumulated",
            Self::OpeningDate => "opening_date",
            Self::Policy => "policy",
            Self::EventDate => "events.date",
            Self::EventKind => "events.kind",
            Self::EventAmount => "events.amount",
            Self::EventShare => "events.share",
            Self::EventRemainingMonths => "events.remaining_months",
            Self::EventProceeds => "events.proceeds",
            Self::Argument(name) => name,
        }
    }
}

/// All rows that broke one rule in one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// How many rows.
    pub count: u64,
    /// The lowest of them, at most [`FIRST_ROWS`].
    pub first_rows: Vec<usize>,
    /// The offending value in the lowest row.
    pub example: String,
}

/// How many row numbers an issue lists.
pub const FIRST_ROWS: usize = 5;

/// Every problem found, independent of the order in which chunks were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IssueLog {
    issues: BTreeMap<(Column, Rule), Issue>,
}

impl IssueLog {
    /// Records that `row` broke `rule` in `column`.
    pub fn note(&mut self, row: usize, column: Column, rule: Rule, example: impl fmt::Display) {
        let one = Issue { count: 1, first_rows: vec![row], example: example.to_string() };
        self.add(column, rule, one);
    }

    fn add(&mut self, column: Column, rule: Rule, other: Issue) {
        use std::collections::btree_map::Entry;
        match self.issues.entry((column, rule)) {
            Entry::Vacant(place) => {
                place.insert(other);
            }
            Entry::Occupied(mut place) => {
                let mine = place.get_mut();
                mine.count = mine.count.saturating_add(other.count);
                if other.first_rows.first() < mine.first_rows.first() {
                    mine.example = other.example;
                }
                mine.first_rows.extend(other.first_rows);
                mine.first_rows.sort_unstable();
                mine.first_rows.truncate(FIRST_ROWS);
            }
        }
    }

    /// Takes over the problems that another thread found.
    pub fn merge(&mut self, other: Self) {
        for ((column, rule), issue) in other.issues {
            self.add(column, rule, issue);
        }
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.issues.is_empty()
    }

    /// The issues by column and rule.
    pub fn iter(&self) -> impl Iterator<Item = (Column, Rule, &Issue)> {
        self.issues.iter().map(|((column, rule), issue)| (*column, *rule, issue))
    }
}

/// Why a call could not finish.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The caller asked to stop (Ctrl-C).
    Interrupted,
    /// An argument that no data could make right.
    Argument(String),
    /// Memory that could not be had.
    OutOfMemory(usize),
    /// Totals that need more memory than they may have.
    MemoryLimit {
        /// How many groups, runs and months they have.
        totals: [usize; 3],
        /// What they need.
        bytes: usize,
        /// What they may have.
        limit: usize,
    },
    /// The fleet changed between planning and filling.
    ConcurrentMutation,
    /// A total beyond what the requested type of number can hold.
    TotalOverflow,
    /// A worker stopped unexpectedly: a defect of the library.
    Internal,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interrupted => write!(f, "interrupted"),
            Self::Argument(why) => write!(f, "{why}"),
            Self::OutOfMemory(bytes) => write!(f, "could not allocate {bytes} bytes"),
            Self::MemoryLimit { totals: [groups, runs, months], bytes, limit } => write!(
                f,
                "totals of {groups} groups under {runs} policies over {months} months need {bytes} bytes, {limit} are available"
            ),
            Self::ConcurrentMutation => write!(f, "the fleet changed while it was being read"),
            Self::TotalOverflow => write!(f, "a total exceeds 64-bit minor units; ask for amounts=\"decimal\""),
            Self::Internal => write!(f, "internal error in a worker thread"),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]
    use super::*;

    #[test]
    fn merged_logs_do_not_depend_on_order() {
        let mut a = IssueLog::default();
        let mut b = IssueLog::default();
        for row in [9, 3, 12, 4] {
            a.note(row, Column::Cost, Rule::Range, row);
        }
        for row in [1, 30, 2] {
            b.note(row, Column::Cost, Rule::Range, row);
        }
        let (mut ab, mut ba) = (a.clone(), b.clone());
        ab.merge(b);
        ba.merge(a);
        assert_eq!(ab, ba);
        let (_, _, issue) = ab.iter().next().unwrap();
        assert_eq!((issue.count, issue.example.as_str()), (7, "1"));
        assert_eq!(issue.first_rows, vec![1, 2, 3, 4, 9]);
    }
}
