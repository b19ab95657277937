//! What happens to a loan between and on its payment dates, as dated steps in order.
#![forbid(unsafe_code)]

use super::Amount;
use super::prepayment::Prepayment;
use crate::calendar::{Context, Date, DayCount, YearFraction};
use crate::rate::AnnualRate;

/// A period of interest and the payment that ends it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Period {
    /// The first day that bears interest.
    pub start: Date,
    /// The day up to which interest is computed.
    pub end: Date,
    /// The day of the schedule, before business days are looked at.
    pub scheduled: Date,
    /// The day of payment.
    pub paid: Date,
    /// The part of a year between start and end.
    pub time: YearFraction,
    /// What the day count needs to divide the period.
    pub context: Context,
}

impl Period {
    /// The part of a year between two of its days.
    #[must_use]
    pub fn time_between(&self, from: Date, to: Date, day_count: DayCount) -> YearFraction {
        if from == self.start && to == self.end { self.time } else { day_count.fraction(from, to, &self.context) }
    }
}

/// Days of a period that pass.
#[derive(Clone, Copy, Debug)]
pub struct Span<'a> {
    /// The first day.
    pub from: Date,
    /// The day after the last.
    pub to: Date,
    /// The day up to which the loan's own interest has accrued: at most the first.
    pub accrued: Date,
    /// The period.
    pub period: &'a Period,
    /// How parts of a year are counted.
    pub day_count: DayCount,
}

impl Span<'_> {
    /// The part of a year between two days of the period.
    #[must_use]
    pub fn time(&self, from: Date, to: Date) -> YearFraction {
        self.period.time_between(from, to, self.day_count)
    }
}

/// What can happen on a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Movement<A: Amount> {
    /// Interest accrues at another rate from this day on.
    Reset(AnnualRate),
    /// Principal agreed for a day that is no payment date.
    Principal(A),
    /// More principal than agreed.
    Prepayment(Prepayment<A>),
    /// A further advance.
    Draw(A),
    /// Lent under the same commitment, on other terms: a loan of its own.
    DrawnElsewhere(A),
    /// Nothing: the books are looked at, and have a row.
    Observe,
}

impl<A: Amount> Movement<A> {
    /// The order of movements on one day: after the scheduled payment, a new rate, then principal, then advances.
    #[must_use]
    pub fn order(&self) -> u8 {
        match self {
            Self::Reset(_) => 0,
            Self::Principal(_) => 1,
            Self::Prepayment(_) => 2,
            Self::Draw(_) | Self::DrawnElsewhere(_) => 3,
            Self::Observe => 4,
        }
    }
}

/// A movement and its day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step<A: Amount> {
    /// The day; movements on the end of a period follow its payment.
    pub date: Date,
    /// What happens.
    pub movement: Movement<A>,
}

/// Puts steps in the order in which they happen; those of one day and kind keep theirs.
pub fn sort<A: Amount>(steps: &mut [Step<A>]) {
    steps.sort_by_key(|step| (step.date, step.movement.order()));
}

/// Payments that are not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaymentHoliday {
    /// The first scheduled day that it covers.
    pub from: Date,
    /// The last.
    pub to: Date,
    /// Whether interest is added to the balance instead of being paid.
    pub capitalised: bool,
}

impl PaymentHoliday {
    /// Whether a payment scheduled for a day is not made.
    #[must_use]
    pub fn covers(&self, scheduled: Date) -> bool {
        (self.from..=self.to).contains(&scheduled)
    }
}
