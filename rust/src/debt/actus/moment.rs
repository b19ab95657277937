//! The two times of a day that ACTUS knows.
#![forbid(unsafe_code)]

use std::fmt;

use crate::calendar::{Date, day_of_month, month_of};

/// The beginning of a day, or its end: 23:59:59, which is shown as that day and counted as the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    date: Date,
    end_of_day: bool,
}

impl Moment {
    /// The code that stands for none.
    pub const NONE: i32 = i32::MIN;

    /// The beginning of a day.
    #[must_use]
    pub fn start_of(date: Date) -> Self {
        Self { date, end_of_day: false }
    }

    /// Reads twice the day, plus one for its end.
    #[must_use]
    pub fn from_code(code: i32) -> Option<Self> {
        (code != Self::NONE).then(|| Self { date: code.div_euclid(2), end_of_day: code.rem_euclid(2) == 1 })
    }

    /// Twice the day, plus one for its end.
    #[must_use]
    pub fn code(self) -> i32 {
        self.date.saturating_mul(2).saturating_add(i32::from(self.end_of_day))
    }

    /// The day that is shown.
    #[must_use]
    pub fn date(self) -> Date {
        self.date
    }

    /// Whether it is the end of that day.
    #[must_use]
    pub fn is_end_of_day(self) -> bool {
        self.end_of_day
    }

    /// The day for counting.
    #[must_use]
    pub fn counted(self) -> Date {
        self.date.saturating_add(i32::from(self.end_of_day))
    }

    /// The same time of another day.
    #[must_use]
    pub fn on(self, date: Date) -> Self {
        Self { date, ..self }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let month = month_of(self.date);
        let year = month.div_euclid(12).saturating_add(1970);
        let number = month.rem_euclid(12).saturating_add(1);
        write!(f, "{year:04}-{number:02}-{:02}", day_of_month(self.date))?;
        if self.end_of_day { write!(f, "T23:59:59") } else { Ok(()) }
    }
}
