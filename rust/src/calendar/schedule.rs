//! Payment schedules: dates counted from an anchor, never from each other.
//!
//! Regular dates are `anchor + k x cycle`, so a loan paid on the 31st is paid on 28 February and again on 31 March.
//! A [`Schedule`] is that grid, the range of `k` inside the loan, and what the [`Stub`] rule makes of the rest; any of
//! its dates is found at once, and nothing is stored.
#![forbid(unsafe_code)]

use super::business_day::{BusinessDayConvention, Holidays};
use super::date::{Date, Month, day_in_month, month_of, roll};
use super::day_count::Reference;
use crate::error::Rule;

/// The time from one payment to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cycle(Step);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    Days(i32),
    Months(i32),
}

impl Cycle {
    /// The days of the window: no schedule needs a longer cycle.
    const MAX_DAYS: i32 = 109_573;

    /// So many days, at least 1.
    #[must_use]
    pub fn days(count: i32) -> Option<Self> {
        (1..=Self::MAX_DAYS).contains(&count).then_some(Self(Step::Days(count)))
    }

    /// So many months, at least 1.
    #[must_use]
    pub fn months(count: i32) -> Option<Self> {
        (1..=3_600).contains(&count).then_some(Self(Step::Months(count)))
    }

    /// Reads a count and a unit as ISO 8601 and ACTUS write them, with or without the P: D days, W weeks, M months,
    /// Q quarters, H half years, Y years. "P3M", "P1Q" and "3M" are the same.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix(['P', 'p']).unwrap_or(text);
        let at = text.len().checked_sub(1)?;
        let (count, unit) = (text.get(..at)?, text.get(at..)?);
        if !count.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let of = |units: i32| count.parse::<i32>().ok()?.checked_mul(units);
        match unit {
            "D" | "d" => Self::days(of(1)?),
            "W" | "w" => Self::days(of(7)?),
            "M" | "m" => Self::months(of(1)?),
            "Q" | "q" => Self::months(of(3)?),
            "H" | "h" => Self::months(of(6)?),
            "Y" | "y" => Self::months(of(12)?),
            _ => None,
        }
    }

    /// Its months; `None` for one of days or weeks.
    #[must_use]
    pub fn in_months(self) -> Option<i32> {
        match self.0 {
            Step::Months(months) => Some(months),
            Step::Days(_) => None,
        }
    }

    /// Its days; `None` for one of months.
    #[must_use]
    pub fn in_days(self) -> Option<i32> {
        match self.0 {
            Step::Days(days) => Some(days),
            Step::Months(_) => None,
        }
    }

    /// Nominal periods of a year as numerator and denominator: 12 months, 52 weeks, else 365 days.
    #[must_use]
    pub fn per_year(self) -> (i64, i64) {
        match self.0 {
            Step::Months(months) => (12, i64::from(months)),
            Step::Days(days) if days.rem_euclid(7) == 0 => (364, i64::from(days)),
            Step::Days(days) => (365, i64::from(days)),
        }
    }
}

/// How often a loan is paid, as lenders say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PaymentFrequency {
    /// After each cycle.
    Every(Cycle),
    /// Once, at the end.
    AtMaturity,
}

impl PaymentFrequency {
    /// Every month.
    pub const MONTHLY: Self = Self::Every(Cycle(Step::Months(1)));

    /// Every name; [`PaymentFrequency::parse`] also takes cycles.
    pub const ALL: [(&'static str, Self); 10] = [
        ("daily", Self::Every(Cycle(Step::Days(1)))),
        ("weekly", Self::Every(Cycle(Step::Days(7)))),
        ("biweekly", Self::Every(Cycle(Step::Days(14)))),
        ("monthly", Self::Every(Cycle(Step::Months(1)))),
        ("bimonthly", Self::Every(Cycle(Step::Months(2)))), // every two months
        ("quarterly", Self::Every(Cycle(Step::Months(3)))),
        ("every_four_months", Self::Every(Cycle(Step::Months(4)))),
        ("semiannual", Self::Every(Cycle(Step::Months(6)))),
        ("annual", Self::Every(Cycle(Step::Months(12)))),
        ("at_maturity", Self::AtMaturity),
    ];

    const ALIASES: [(&'static str, &'static str); 8] = [
        ("fortnightly", "biweekly"),
        ("semi_annual", "semiannual"),
        ("semi_annually", "semiannual"),
        ("semiannually", "semiannual"),
        ("half_yearly", "semiannual"),
        ("annually", "annual"),
        ("yearly", "annual"),
        ("bullet", "at_maturity"),
    ];

    /// Reads a name, in any case and with spaces or dashes for underscores, or a cycle such as "3M" or "P28D".
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.to_lowercase().replace([' ', '-'], "_");
        let alias = Self::ALIASES.iter().find(|(name, _)| *name == plain);
        let plain = alias.map_or(plain.as_str(), |(_, name)| name);
        let named = Self::ALL.iter().find(|(name, _)| *name == plain).map(|(_, frequency)| *frequency);
        named.or_else(|| Cycle::parse(text).map(Self::Every))
    }

    /// The cycle, where there is one.
    #[must_use]
    pub fn cycle(self) -> Option<Cycle> {
        match self {
            Self::Every(cycle) => Some(cycle),
            Self::AtMaturity => None,
        }
    }
}

/// Where the irregular period lies that is left when the cycle does not divide the loan, and what becomes of it.
///
/// At the front, dates are counted back from the end; at the back, on from the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Stub {
    /// A first period shorter than the others.
    ShortFront,
    /// The short first period joined to the next.
    LongFront,
    /// A last period shorter than the others.
    #[default]
    ShortBack,
    /// The short last period joined to the one before.
    LongBack,
}

impl Stub {
    /// Every rule, by its public name.
    pub const ALL: [(&'static str, Self); 4] = [
        ("short_front", Self::ShortFront),
        ("long_front", Self::LongFront),
        ("short_back", Self::ShortBack),
        ("long_back", Self::LongBack),
    ];

    /// Reads a public name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == text).map(|(_, stub)| *stub)
    }
}

/// All dates that lie whole cycles from an anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    anchor: Date,
    month: Month,
    /// 31 for the last of the month.
    day: i32,
    step: Step,
}

impl Grid {
    /// With `end_of_month`, an anchor on the last day of its month makes every date the last of its own; it has no
    /// effect on other anchors, nor on cycles of days.
    #[must_use]
    pub fn new(anchor: Date, cycle: Cycle, end_of_month: bool) -> Self {
        let (month, day) = roll(anchor, end_of_month);
        Self { anchor, month, day, step: cycle.0 }
    }

    /// The date `number` cycles after the anchor; before it where that is negative.
    #[must_use]
    #[inline]
    pub fn date(&self, number: i32) -> Date {
        match self.step {
            Step::Days(days) => self.anchor.saturating_add(number.saturating_mul(days)),
            Step::Months(months) => day_in_month(self.month.saturating_add(number.saturating_mul(months)), self.day),
        }
    }

    /// The number of the last date before `date`.
    fn last_before(&self, date: Date) -> i32 {
        match self.step {
            Step::Days(days) => date.saturating_sub(1).saturating_sub(self.anchor).div_euclid(days.max(1)),
            Step::Months(months) => {
                // Of the dates in the month of `date` or before it, only the last may lie too late.
                let number = month_of(date).saturating_sub(self.month).div_euclid(months.max(1));
                if self.date(number) < date { number } else { number.saturating_sub(1) }
            }
        }
    }

    /// The number of the first date after `date`.
    #[must_use]
    pub fn first_after(&self, date: Date) -> i32 {
        self.last_before(date.saturating_add(1)).saturating_add(1)
    }
}

/// A schedule as its owner states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScheduleTerms {
    /// The day the money is lent; no payment.
    pub start: Date,
    /// The last payment: the maturity date.
    pub end: Date,
    /// From one payment to the next; `None` where all is paid at the end.
    pub cycle: Option<Cycle>,
    /// What becomes of an irregular period.
    pub stub: Stub,
    /// Whether a schedule anchored on a month end stays on month ends.
    pub end_of_month: bool,
    /// The first payment, where the start does not tell; later ones are counted from it. It settles the front, so
    /// that the stub rule speaks only of the back, which is short unless the rule is [`Stub::LongBack`].
    pub first: Option<Date>,
    /// The last payment before the end that is a regular one. Without `first`, earlier ones are counted back from
    /// it, and the front is short unless the rule is [`Stub::LongFront`].
    pub last_regular: Option<Date>,
}

impl ScheduleTerms {
    /// From `start` on, a short period at the end, days of the month kept.
    #[must_use]
    pub fn new(start: Date, end: Date, cycle: Option<Cycle>) -> Self {
        let stub = Stub::ShortBack;
        Self { start, end, cycle, stub, end_of_month: false, first: None, last_regular: None }
    }
}

/// What is wrong with the terms of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduleFault {
    /// The end is not after the start.
    End,
    /// The first payment lies before the start, after the end, or there is no cycle to follow it.
    First,
    /// The last regular payment lies before the start or the first payment, after the end, or there is no cycle.
    LastRegular,
    /// The last regular payment is no whole number of cycles after the first.
    LastRegularOffCycle,
}

impl ScheduleFault {
    /// The rule that it breaks.
    #[must_use]
    pub fn rule(self) -> Rule {
        match self {
            Self::End | Self::First | Self::LastRegular => Rule::DateOrder,
            Self::LastRegularOffCycle => Rule::Range,
        }
    }
}

/// Payment dates, numbered from 1; number 0 is the start. None is moved to a business day: see [`Schedule::adjusted`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    start: Date,
    end: Date,
    grid: Grid,
    has_cycle: bool,
    /// Numbers on the grid of the first and last regular dates between start and end.
    first: i32,
    last: i32,
}

impl Schedule {
    /// Resolves terms.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn new(terms: &ScheduleTerms) -> Result<Self, ScheduleFault> {
        let &ScheduleTerms { start, end, cycle, stub, end_of_month, first, last_regular } = terms;
        if end <= start {
            return Err(ScheduleFault::End);
        }
        let inside = |date: Option<Date>| date.is_none_or(|date| (start..=end).contains(&date) && cycle.is_some());
        if !inside(first) {
            return Err(ScheduleFault::First);
        }
        if !inside(last_regular) || first.zip(last_regular).is_some_and(|(first, last)| last < first) {
            return Err(ScheduleFault::LastRegular);
        }
        let Some(cycle) = cycle else {
            let grid = Grid::new(start, Cycle(Step::Days(Cycle::MAX_DAYS)), false);
            return Ok(Self { start, end, grid, has_cycle: false, first: 1, last: 0 });
        };
        let from_end = matches!(stub, Stub::ShortFront | Stub::LongFront);
        let anchor = first.or(last_regular).unwrap_or(if from_end { end } else { start });
        let grid = Grid::new(anchor, cycle, end_of_month);
        let after_start = grid.first_after(start);
        let before_end = grid.last_before(end);
        let (first, last) = match (first, last_regular) {
            (Some(_), Some(last)) => {
                let number = grid.last_before(last.saturating_add(1));
                if grid.date(number) != last {
                    return Err(ScheduleFault::LastRegularOffCycle);
                }
                (after_start.max(0), number.min(before_end))
            }
            (Some(_), None) => (after_start.max(0), long_back(&grid, before_end, end, stub)),
            (None, Some(_)) => (long_front(&grid, after_start, start, stub), before_end.min(0)),
            (None, None) if from_end => (long_front(&grid, after_start, start, stub), before_end),
            (None, None) => (after_start, long_back(&grid, before_end, end, stub)),
        };
        Ok(Self { start, end, grid, has_cycle: true, first, last })
    }

    /// Payments on the dates of a grid from number `least` on, between two days, and one at the end.
    #[must_use]
    pub fn on_grid_between(grid: Grid, start: Date, end: Date, stub: Stub, least: i32) -> Self {
        let first = grid.first_after(start).max(least);
        let last = long_back(&grid, grid.last_before(end), end, stub);
        Self { start, end, grid, has_cycle: true, first, last }
    }

    /// How many payments there are, the one at the end included.
    #[must_use]
    #[inline]
    pub fn count(&self) -> i32 {
        self.last.saturating_sub(self.first).saturating_add(1).max(0).saturating_add(1)
    }

    /// The date of a payment, numbered from 1; 0 is the start, and numbers beyond the last are the end.
    #[must_use]
    #[inline]
    pub fn date(&self, number: i32) -> Date {
        if number <= 0 {
            return self.start;
        }
        let on_grid = self.on_grid(number);
        if on_grid > self.last { self.end } else { self.grid.date(on_grid) }
    }

    /// The number on the grid of the first payment, or of what would be the first if the end did not come before it.
    #[must_use]
    pub fn first_on_grid(&self) -> i32 {
        self.first
    }

    #[inline]
    fn on_grid(&self, number: i32) -> i32 {
        self.first.saturating_add(number).saturating_sub(1)
    }

    /// Payment dates in order, the start not among them.
    pub fn dates(&self) -> impl ExactSizeIterator<Item = Date> + DoubleEndedIterator + '_ {
        let count = usize::try_from(self.count()).unwrap_or(0);
        (0..count).map(|number| self.date(i32::try_from(number).unwrap_or(i32::MAX).saturating_add(1)))
    }

    /// The date of a payment on a business day. Two payments may be moved to one day; that is for the caller to join.
    ///
    /// # Errors
    /// As [`Holidays::adjust`].
    #[inline]
    pub fn adjusted(&self, number: i32, convention: BusinessDayConvention, holidays: &Holidays) -> Result<Date, Rule> {
        holidays.adjust(self.date(number), convention)
    }

    /// Appends the payment dates on business days, each day once: payments that are moved to one day are one, and one
    /// that is moved to the day of the start is none unless there is no other.
    ///
    /// # Errors
    /// As [`Holidays::adjust`].
    pub fn fill_adjusted(
        &self,
        convention: BusinessDayConvention,
        holidays: &Holidays,
        out: &mut Vec<Date>,
    ) -> Result<(), Rule> {
        out.reserve(self.dates().len());
        let first = out.len();
        let mut previous = holidays.adjust(self.start, convention)?;
        for date in self.dates() {
            let date = holidays.adjust(date, convention)?;
            if date > previous {
                out.push(date);
            }
            previous = date;
        }
        // What is lent and due on one business day is still paid back.
        if out.len() == first {
            out.push(previous);
        }
        Ok(())
    }

    /// The regular period that closes with a payment, or would: what ACT/ACT ICMA counts a period against. `None`
    /// for cycles of days and of more than a year, which have no coupons a year.
    #[must_use]
    pub fn reference(&self, number: i32) -> Option<Reference> {
        match self.grid.step {
            Step::Months(months @ 1..=12) if self.has_cycle => {
                let closing = self.on_grid(number.max(1)).min(self.last.saturating_add(1));
                let (start, end) = (self.grid.date(closing.saturating_sub(1)), self.grid.date(closing));
                Some(Reference::of_grid(start, end, months, self.grid.day))
            }
            _ => None,
        }
    }

    /// Whether the period that ends with a payment is one whole cycle.
    #[must_use]
    pub fn is_regular(&self, number: i32) -> bool {
        let closing = self.on_grid(number);
        self.has_cycle
            && self.grid.date(closing) == self.date(number)
            && self.grid.date(closing.saturating_sub(1)) == self.date(number.saturating_sub(1))
    }
}

/// The last regular date before the end; with a long stub, the one before it, unless the end is regular itself.
fn long_back(grid: &Grid, last: i32, end: Date, stub: Stub) -> i32 {
    let joins = stub == Stub::LongBack && last > 0 && grid.date(last.saturating_add(1)) != end;
    if joins { last.saturating_sub(1) } else { last }
}

/// The first regular date after the start; with a long stub, the next, unless the start is regular itself.
fn long_front(grid: &Grid, first: i32, start: Date, stub: Stub) -> i32 {
    let joins = stub == Stub::LongFront && first < 0 && grid.date(first.saturating_sub(1)) != start;
    if joins { first.saturating_add(1) } else { first }
}

/// A cycle of ACTUS, such as "P1ML1": the cycle, and L0 for a long or L1 for a short last period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ActusCycle {
    /// From one date to the next.
    pub cycle: Cycle,
    /// [`Stub::ShortBack`] or [`Stub::LongBack`].
    pub stub: Stub,
}

impl ActusCycle {
    /// Reads it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let at = text.len().checked_sub(2)?;
        let (cycle, stub) = (text.get(..at)?, text.get(at..)?);
        let stub = match stub {
            "L0" => Stub::LongBack,
            "L1" => Stub::ShortBack,
            _ => return None,
        };
        cycle.strip_prefix('P').and_then(Cycle::parse).map(|cycle| Self { cycle, stub })
    }
}

/// A schedule of ACTUS: the anchor, then whole cycles from it while before `end`; then `end` itself if `with_end`. A
/// long last period is judged against `end` even where that is no date of the schedule. Without a cycle: the anchor
/// and the end. An anchor at or after the end leaves the end alone.
pub fn actus_dates(
    anchor: Date,
    cycle: Option<ActusCycle>,
    end: Date,
    end_of_month: bool,
    with_end: bool,
) -> impl Iterator<Item = Date> {
    let stub = cycle.map_or(Stub::ShortBack, |cycle| cycle.stub);
    let terms = ScheduleTerms { end_of_month, stub, ..ScheduleTerms::new(anchor, end, cycle.map(|c| c.cycle)) };
    let schedule = Schedule::new(&terms).ok();
    let count = schedule.map_or(1, |schedule| schedule.count()).saturating_sub(i32::from(!with_end));
    let from = if schedule.is_some() { 0 } else { 1 };
    (from..=count).map(move |number| schedule.map_or(end, |schedule| schedule.date(number)))
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
