//! Conventions: from the day of service to the share of the life that has passed at each month's end.
//!
//! A convention maps month ends to elapsed life-months `t`, and the cumulative share is `t / life`. Written over a
//! common denominator that share is a ramp of integers: so many units a month in the first months, so many in each
//! later month, capped at the total. Only `actual_days` under balance rounding follows the real calendar instead.
//! With `k` months since the month of service and a life of `N` months:
//!
//! | convention | elapsed at the end of month `k` |
//! |---|---|
//! | `full_month` | `k + 1` |
//! | `next_month` | `k` |
//! | `mid_month` | `k + 1/2` |
//! | `half_year` | `12 j + 6` at the end of fiscal year `j`, even over the months in service of that year |
//! | `actual_days` | `N x` days in service `/` days of the whole life; the in-service day counts |
#![forbid(unsafe_code)]

use crate::calendar::{
    Date, Month, PeriodGrid, add_months, day_of_month, days_in_month, month_end, month_of, month_start, month_starts,
};

/// What counts as depreciated in the month of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Convention {
    /// The month of service counts in full.
    FullMonth,
    /// Charging starts with the month after.
    NextMonth,
    /// The month of service counts half.
    MidMonth,
    /// The fiscal year of service counts half.
    HalfYear,
    /// Every day counts, the in-service day too.
    ActualDays,
}

impl Convention {
    /// Every convention, by its public name.
    pub const ALL: [(&'static str, Self); 5] = [
        ("full_month", Self::FullMonth),
        ("next_month", Self::NextMonth),
        ("mid_month", Self::MidMonth),
        ("half_year", Self::HalfYear),
        ("actual_days", Self::ActualDays),
    ];

    /// Reads a public name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == text).map(|(_, convention)| *convention)
    }
}

/// The dates of an asset as its owner states them.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// The day it entered service.
    pub in_service: Date,
    /// Its useful life.
    pub life_months: i32,
    /// For an asset brought in mid-life: the day at whose close its opening depreciation stood.
    pub opening: Option<Date>,
}

/// The cumulative share of the life, as units of a total.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Share {
    /// `first` units in each of `first_months` months, then `later` units a month.
    Ramp { start: Month, first: i64, first_months: i32, later: i64 },
    /// A unit a day from `start` on.
    Days { start: Date },
}

/// When an asset is charged, resolved to months and units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// The month in which its cost (or, brought in mid-life, its book value) enters the ledger.
    pub enter_month: Month,
    /// The first month that may be charged.
    pub open_month: Month,
    /// The last month that is charged.
    pub last_month: Month,
    share: Share,
    total: i64,
    elapsed: i64,
    life_months: i64,
    over: bool,
}

impl Timing {
    /// Resolves the dates. `by_days` lets `actual_days` follow the calendar day by day (balance and unrounded); without it a full
    /// month counts as one and only the first is pro rata (the ledger habit).
    #[must_use]
    pub fn new(service: &Service, convention: Convention, grid: PeriodGrid, by_days: bool) -> Self {
        let month = month_of(service.in_service);
        let life = i64::from(service.life_months);
        let ramp = |start, first, first_months, later| Share::Ramp { start, first, first_months, later };
        let (share, total) = match convention {
            Convention::FullMonth => (ramp(month, 1, 1, 1), life),
            Convention::NextMonth => (ramp(month.saturating_add(1), 1, 1, 1), life),
            Convention::MidMonth => (ramp(month, 1, 1, 2), life.saturating_mul(2)),
            Convention::HalfYear => {
                let months = grid.months_to_year_end(month);
                let weight = i64::from(months);
                (ramp(month, life.min(6), months, weight), life.saturating_mul(weight))
            }
            Convention::ActualDays if by_days => {
                let end = add_months(service.in_service, service.life_months);
                let days = i64::from(end).saturating_sub(i64::from(service.in_service));
                (Share::Days { start: service.in_service }, days)
            }
            Convention::ActualDays => {
                let days = i64::from(days_in_month(month));
                let first = days.saturating_sub(i64::from(day_of_month(service.in_service))).saturating_add(1);
                (ramp(month, first, 1, days), life.saturating_mul(days))
            }
        };
        let mut timing = Self {
            enter_month: month,
            open_month: share.first_charge_month(),
            last_month: share.month_reaching(total),
            share,
            total,
            elapsed: 0,
            life_months: life,
            over: false,
        };
        if let Some(opening) = service.opening {
            let open_month = month_of(opening.saturating_add(1));
            timing = timing.rebased(open_month);
            timing.enter_month = open_month.saturating_sub(1);
        }
        timing
    }

    /// A new life of whole months that starts with `month`; `by_days` follows the calendar day by day.
    #[must_use]
    pub fn fresh(month: Month, life_months: i32, by_days: bool) -> Self {
        let life = i64::from(life_months);
        let (share, total) = if by_days {
            let start = month_start(month);
            let end = month_start(month.saturating_add(life_months));
            (Share::Days { start }, i64::from(end).saturating_sub(start.into()))
        } else {
            (Share::Ramp { start: month, first: 1, first_months: 1, later: 1 }, life)
        };
        let last_month = month.saturating_add(life_months).saturating_sub(1);
        let (enter_month, open_month) = (month, month);
        Self { enter_month, open_month, last_month, share, total, elapsed: 0, life_months: life, over: false }
    }

    /// All that is left is charged in one month.
    #[must_use]
    pub fn at_once(self, month: Month) -> Self {
        let share = Share::Ramp { start: month, first: 1, first_months: 1, later: 1 };
        Self { open_month: month, last_month: month, share, total: 1, elapsed: 0, over: true, ..self }
    }

    /// The rest of the life from `month` on; where nothing is left of it, all is charged in that month.
    #[must_use]
    pub fn rebased(mut self, month: Month) -> Self {
        self.rebase(month);
        self
    }

    /// As [`Timing::rebased`], in its place.
    #[inline]
    pub fn rebase(&mut self, month: Month) {
        let elapsed = self.units_at(month.saturating_sub(1));
        if elapsed >= self.total {
            *self = self.at_once(month);
        } else {
            self.elapsed = elapsed;
            self.open_month = month.max(self.share.first_charge_month());
        }
    }

    /// The months in which use charges an asset: from service, or from where it was brought in, to the last use.
    #[must_use]
    pub fn by_use(self, opening: Option<Date>, last_use: Option<Month>) -> Self {
        let first = opening.map_or(self.enter_month, |day| month_of(day.saturating_add(1)));
        let last_month = last_use.unwrap_or(first).max(first);
        let share = Share::Ramp { start: first, first: 1, first_months: 1, later: 1 };
        Self { open_month: first, last_month, share, total: i64::MAX, elapsed: 0, over: false, ..self }
    }

    /// A life that stood still from the first day of `since` to that of `month`.
    #[must_use]
    pub fn resumed(self, since: Month, month: Month) -> Self {
        let months = month.saturating_sub(since);
        let share = match self.share {
            Share::Ramp { start, first, first_months, later } => {
                Share::Ramp { start: start.saturating_add(months), first, first_months, later }
            }
            Share::Days { .. } => {
                let passed = i32::try_from(self.units_at(since.saturating_sub(1))).unwrap_or(i32::MAX);
                Share::Days { start: month_start(month).saturating_sub(passed) }
            }
        };
        let last_month = share.month_reaching(self.total);
        Self { share, last_month, open_month: share.first_charge_month(), ..self }
    }

    /// Whether the life was over and all that is left is charged at once.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Units of the whole life that have passed at the end of `month`, those before this schedule too.
    #[must_use]
    #[inline]
    pub fn passed(&self, month: Month) -> i64 {
        self.units_at(month).max(self.elapsed)
    }

    /// Whether all that passed before the first month that may be charged had passed when this schedule began, so that
    /// its first month is a whole one.
    #[must_use]
    #[inline]
    pub fn starts_clean(&self) -> bool {
        self.units_at(self.open_month.saturating_sub(1)) == self.elapsed
    }

    /// Units of the life that had passed when this schedule began.
    #[must_use]
    pub fn elapsed(&self) -> i64 {
        self.elapsed
    }

    /// Units of the whole life.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.total
    }

    /// The life in months.
    #[must_use]
    pub fn life_months(&self) -> i64 {
        self.life_months
    }

    /// The part of its month's charge that falls before `day`, where every day counts: the days on which the asset is
    /// charged before it, of those in the whole month. In months of equal weight the days before that of service are
    /// none of its life.
    #[must_use]
    pub fn part_before(&self, day: Date) -> (i128, i128) {
        let month = month_of(day);
        let at = self.passed(month.saturating_sub(1));
        let whole = i128::from(self.passed(month).saturating_sub(at));
        let (before, scale) = match self.share {
            Share::Days { start } => (i128::from(day).saturating_sub(start.into()).saturating_sub(at.into()), 1),
            Share::Ramp { start, first, later, .. } => {
                let days = i128::from(days_in_month(month));
                let late = if month == start { later.saturating_sub(first) } else { 0 };
                let gone = i128::from(day_of_month(day)).saturating_sub(1).saturating_mul(later.into());
                (gone.saturating_sub(days.saturating_mul(late.into())), days)
            }
        };
        let whole = whole.saturating_mul(scale).max(1);
        (before.clamp(0, whole), whole)
    }

    /// Units of the life passed at the end of `month`, 0 to the total.
    #[must_use]
    #[inline]
    fn units_at(&self, month: Month) -> i64 {
        let units = match self.share {
            Share::Ramp { start, first, first_months, later } => {
                let months = month.saturating_sub(start).saturating_add(1).max(0);
                let early = i64::from(months.min(first_months));
                let late = i64::from(months.saturating_sub(first_months).max(0));
                early.saturating_mul(first).saturating_add(late.saturating_mul(later))
            }
            Share::Days { start } => i64::from(month_end(month)).saturating_sub(start.into()).saturating_add(1),
        };
        units.clamp(0, self.total)
    }

    /// Units charged by the end of `month` since the asset came under neocalc, 0 to [`Timing::span`].
    #[must_use]
    #[inline]
    pub fn charged_units(&self, month: Month) -> i64 {
        self.units_at(month).saturating_sub(self.elapsed).max(0)
    }

    /// Units over which what is left is spread; at least 1.
    #[must_use]
    #[inline]
    pub fn span(&self) -> i64 {
        self.total.saturating_sub(self.elapsed).max(1)
    }

    /// Units charged at the end of `first` and of each month after it, as far as the calendar goes, where days count.
    pub fn charged_days(&self, first: Month) -> Option<impl Iterator<Item = i32>> {
        let Share::Days { start } = self.share else { return None };
        let (start, elapsed) = (i64::from(start), self.elapsed);
        let before = i32::try_from(start.saturating_add(elapsed)).unwrap_or(i32::MAX);
        let span = i32::try_from(self.span()).unwrap_or(i32::MAX);
        let next_months = month_starts(first.saturating_add(1)).iter();
        Some(next_months.map(move |next| next.saturating_sub(before).clamp(0, span)))
    }

    /// The months of the schedule where each is one of the units over which what is left is spread: a whole month of a
    /// life of months.
    #[must_use]
    #[inline]
    pub fn even_months(&self) -> Option<usize> {
        let Share::Ramp { first: 1, later: 1, .. } = self.share else { return None };
        let months = i64::from(self.last_month).wrapping_sub(self.open_month.into()).wrapping_add(1);
        usize::try_from(months).ok().filter(|_| months > 0 && months == self.total.wrapping_sub(self.elapsed))
    }

    /// The ramp over which months are alike: (first month, months with the first weight, first weight, later weight).
    #[must_use]
    #[inline]
    pub fn ramp(&self) -> Option<(Month, i32, i64, i64)> {
        match self.share {
            Share::Ramp { start, first, first_months, later } => Some((start, first_months, first, later)),
            Share::Days { .. } => None,
        }
    }
}

impl Share {
    fn first_charge_month(self) -> Month {
        match self {
            Self::Ramp { start, .. } => start,
            Self::Days { start } => month_of(start),
        }
    }

    /// The first month at whose end `total` units have passed.
    fn month_reaching(self, total: i64) -> Month {
        let months = |units: i64, per_month: i64| -> i32 {
            // Nearly always a unit a month: no division.
            let whole = match per_month {
                1 => units.max(1),
                _ => units.max(1).saturating_add(per_month).saturating_sub(1).checked_div(per_month).unwrap_or(1),
            };
            i32::try_from(whole).unwrap_or(i32::MAX)
        };
        match self {
            Self::Ramp { start, first, first_months, later } => {
                let early = first.saturating_mul(first_months.into());
                let count = if early >= total {
                    months(total, first)
                } else {
                    first_months.saturating_add(months(total.saturating_sub(early), later))
                };
                start.saturating_add(count).saturating_sub(1)
            }
            Self::Days { start } => {
                // No month is longer than 31 days, so this is no later than the month sought, and little earlier.
                let last = i64::from(start).saturating_add(total).saturating_sub(1);
                let months = total.saturating_sub(1).saturating_div(31);
                let mut month = month_of(start).saturating_add(i32::try_from(months).unwrap_or(i32::MAX));
                while i64::from(month_end(month)) < last {
                    month = month.saturating_add(1);
                }
                month
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "tests")]
    use super::*;
    use crate::calendar::Frequency;
    use proptest::prelude::*;

    fn timing(day: Date, life: i32, convention: Convention, fiscal: u8, by_days: bool) -> Timing {
        let grid = PeriodGrid::new(Frequency::Month, fiscal).unwrap();
        Timing::new(&Service { in_service: day, life_months: life, opening: None }, convention, grid, by_days)
    }

    #[test]
    fn elapsed_months_by_convention() {
        let day = month_start(0) + 14; // 15 January 1970
        let shares = |convention, by_days, months: [i32; 3]| {
            let t = timing(day, 12, convention, 12, by_days);
            (months.map(|m| t.charged_units(m)), t.span(), t.last_month)
        };
        assert_eq!(shares(Convention::FullMonth, true, [-1, 0, 11]), ([0, 1, 12], 12, 11));
        assert_eq!(shares(Convention::NextMonth, true, [0, 1, 12]), ([0, 1, 12], 12, 12));
        assert_eq!(shares(Convention::MidMonth, true, [0, 1, 12]), ([1, 3, 24], 24, 12));
        assert_eq!(shares(Convention::HalfYear, true, [0, 11, 12]), ([6, 72, 84], 144, 17));
        assert_eq!(shares(Convention::ActualDays, true, [0, 1, 12]), ([17, 17 + 28, 365], 365, 12));
        assert_eq!(shares(Convention::ActualDays, false, [0, 1, 12]), ([17, 48, 372], 372, 12));
    }

    #[test]
    fn a_life_of_long_months_ends_on_its_last_day() {
        // 1 December 2032 to 31 January 2033 are 62 days.
        let t = timing(month_start(755), 2, Convention::ActualDays, 12, true);
        assert_eq!((t.span(), t.last_month), (62, 756));
    }

    #[test]
    fn a_life_that_is_over_is_charged_at_once() {
        let grid = PeriodGrid::new(Frequency::Month, 12).unwrap();
        let service = Service { in_service: 0, life_months: 12, opening: Some(month_end(40)) };
        let t = Timing::new(&service, Convention::FullMonth, grid, true);
        assert_eq!((t.enter_month, t.open_month, t.last_month), (40, 41, 41));
        assert_eq!((t.charged_units(40), t.charged_units(41), t.span()), (0, 1, 1));
    }

    proptest! {
        /// I16: the shares of a life sum to exactly one, and the last month is the first to reach it.
        #[test]
        fn shares_sum_to_one(day in -25_567_i32..84_006, life in 1_i32..1_200, which in 0_usize..5, fiscal in 1_u8..=12, by_days: bool) {
            let t = timing(day, life, Convention::ALL[which].1, fiscal, by_days);
            prop_assert_eq!(t.charged_units(t.last_month), t.span());
            prop_assert!(t.charged_units(t.last_month - 1) < t.span());
            prop_assert_eq!(t.charged_units(t.open_month - 1), 0);
            for (month, units) in (t.open_month..).zip(t.charged_days(t.open_month).into_iter().flatten().take(40)) {
                prop_assert_eq!(t.charged_units(month), i64::from(units));
            }
            prop_assert!(t.charged_units(t.open_month) > 0);
        }
    }
}
