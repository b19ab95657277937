//! YEARFRAC and DAYS360 as Excel counts them, which is not as ISDA does.
//!
//! Microsoft's pages do not say how YEARFRAC counts. The rules here are those that D. A. Wheeler found by comparing
//! Excel with itself on millions of dates ("YEARFRAC Incompatibilities between Excel 2007 and OOXML", 2008).
#![forbid(unsafe_code)]

use super::Function;
use crate::calendar::{Date, Month, day_of_month, days_in_month, month_of, month_start};

/// `YEARFRAC(start_date, end_date, basis)`, dates in days since 1970-01-01; the fraction of `basis` is dropped.
pub const YEARFRAC: Function<3> = Function {
    arguments: ["start_date", "end_date", "basis"],
    outside: |[_, _, basis]| [false, false, !(0.0..5.0).contains(&basis) && !basis.is_nan()],
    value: |[start, end, basis]| Ok(Basis::of(basis).years(date(start), date(end))),
};

/// `DAYS360(start_date, end_date, method)`: `method` 0 is that of the United States, 1 the European.
pub const DAYS360: Function<3> = Function {
    arguments: ["start_date", "end_date", "method"],
    outside: |[_, _, method]| [false, false, method != 0.0 && method != 1.0 && !method.is_nan()],
    value: |[start, end, method]| {
        let (start, end) = (Day::of(date(start)), Day::of(date(end)));
        Ok(if method == 0.0 { days_360_us(start, end) } else { start.european().days_360_to(end.european()) })
    },
};

#[expect(clippy::cast_possible_truncation, reason = "days are judged to lie from 1900 to 2199 before")]
fn date(days: f64) -> Date {
    days as Date
}

/// How Excel's `basis` counts years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// 0: months of 30 days in years of 360, the last of February counting as the 30th of a start.
    Us30360,
    /// 1: days over the average length of the years touched.
    Actual,
    /// 2: days over 360.
    Actual360,
    /// 3: days over 365.
    Actual365,
    /// 4: months of 30 days in years of 360, February as it is.
    European30360,
}

impl Basis {
    /// By number; what is above 4 has been refused.
    #[must_use]
    pub fn of(number: f64) -> Self {
        if number < 1.0 {
            Self::Us30360
        } else if number < 2.0 {
            Self::Actual
        } else if number < 3.0 {
            Self::Actual360
        } else if number < 4.0 {
            Self::Actual365
        } else {
            Self::European30360
        }
    }

    /// Years from one date to the other, whichever comes first: never below 0.
    #[must_use]
    pub fn years(self, start: Date, end: Date) -> f64 {
        let (start, end) = (start.min(end), start.max(end));
        let days = f64::from(end.saturating_sub(start));
        match self {
            Self::Us30360 => us_30_360(Day::of(start), Day::of(end)) / 360.0,
            Self::Actual if days == 0.0 => 0.0,
            Self::Actual => days / average_year(start, end),
            Self::Actual360 => days / 360.0,
            Self::Actual365 => days / 365.0,
            Self::European30360 => Day::of(start).european().days_360_to(Day::of(end).european()) / 360.0,
        }
    }
}

/// A month and a day of it, which may be one that the month does not have.
#[derive(Clone, Copy)]
struct Day {
    month: Month,
    day: i32,
    is_last: bool,
}

impl Day {
    fn of(date: Date) -> Self {
        let (month, day) = (month_of(date), day_of_month(date));
        Self { month, day, is_last: day == days_in_month(month) }
    }

    fn on(self, day: i32) -> Self {
        Self { day, ..self }
    }

    fn is_last_of_february(self) -> bool {
        self.is_last && self.month.rem_euclid(12) == 1
    }

    fn european(self) -> Self {
        self.on(self.day.min(30))
    }

    fn days_360_to(self, end: Self) -> f64 {
        let months = f64::from(end.month) - f64::from(self.month);
        months * 30.0 + f64::from(end.day) - f64::from(self.day)
    }
}

fn us_30_360(start: Day, end: Day) -> f64 {
    let (first, last) = match (start.day, end.day) {
        (31, 31) => (30, 30),
        (31, day) => (30, day),
        (30, 31) => (30, 30),
        (_, _) if start.is_last_of_february() && end.is_last_of_february() => (30, 30),
        (_, day) if start.is_last_of_february() => (30, day),
        days => days,
    };
    start.on(first).days_360_to(end.on(last))
}

/// The last day of a start's month counts as its 30th, February's too; a 31st as an end becomes the first of the next
/// month unless the start counts as a 30th. (Microsoft's page has every last day become the first of the next month;
/// Excel leaves the end of February alone.)
fn days_360_us(start: Day, end: Day) -> f64 {
    let start = if start.is_last { start.on(30) } else { start };
    let end = if end.day == 31 && start.day == 30 { end.on(30) } else { end };
    start.days_360_to(end) // the 31st is where the first of the next month would be
}

/// What YEARFRAC divides days by for dates in order that differ.
fn average_year(start: Date, end: Date) -> f64 {
    let (first, last) = (Day::of(start), Day::of(end));
    let (first_year, last_year) = (first.month.div_euclid(12), last.month.div_euclid(12));
    let new_year = |year: i32| month_start(year.saturating_mul(12));
    let length = |from: i32, to: i32| f64::from(new_year(to.saturating_add(1)).saturating_sub(new_year(from)));
    let a_year = last.month.saturating_sub(first.month);
    let within_a_year = a_year < 12 || (a_year == 12 && last.day <= first.day);
    if first_year == last_year {
        length(first_year, first_year)
    } else if within_a_year {
        // 366 where the span holds a 29 February: a first of March from a leap year's, after the start.
        let holds = |year: i32| {
            let march = month_start(year.saturating_mul(12).saturating_add(2));
            length(year, year) == 366.0 && start < march && end >= march.saturating_sub(1)
        };
        if holds(first_year) || holds(last_year) { 366.0 } else { 365.0 }
    } else {
        length(first_year, last_year) / f64::from(last_year.saturating_sub(first_year).saturating_add(1))
    }
}
