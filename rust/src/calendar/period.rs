//! Months gathered into quarters and years that end with any month of the year.
#![forbid(unsafe_code)]

use super::date::Month;

/// How long an accounting period is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frequency {
    /// Calendar months.
    Month,
    /// Quarters of the fiscal year.
    Quarter,
    /// Halves of the fiscal year.
    HalfYear,
    /// Fiscal years.
    Year,
}

impl Frequency {
    /// Reads "M", "Q" or "Y", the periods of totals.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "M" => Some(Self::Month),
            "Q" => Some(Self::Quarter),
            "Y" => Some(Self::Year),
            _ => None,
        }
    }

    /// The one whose periods have so many months.
    #[must_use]
    pub fn of_months(months: i8) -> Option<Self> {
        let known = [Self::Month, Self::Quarter, Self::HalfYear, Self::Year];
        known.into_iter().find(|frequency| frequency.months() == i32::from(months))
    }

    /// Months in a period.
    #[must_use]
    pub fn months(self) -> i32 {
        match self {
            Self::Month => 1,
            Self::Quarter => 3,
            Self::HalfYear => 6,
            Self::Year => 12,
        }
    }
}

/// Where periods begin: a frequency anchored at a fiscal year end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeriodGrid {
    frequency: Frequency,
    fiscal_year_end: i32,
}

impl PeriodGrid {
    /// `fiscal_year_end` is the last month of the fiscal year, 1 to 12.
    #[must_use]
    pub fn new(frequency: Frequency, fiscal_year_end: u8) -> Option<Self> {
        (1..=12).contains(&fiscal_year_end).then(|| Self { frequency, fiscal_year_end: i32::from(fiscal_year_end) })
    }

    /// Months in a period.
    #[must_use]
    pub fn months(self) -> i32 {
        self.frequency.months()
    }

    /// The first month of the period that holds `month`.
    #[must_use]
    pub fn period_start(self, month: Month) -> Month {
        let length = self.months();
        // 0 in the first month of a period, since fiscal_year_end counts from 1.
        let into = month.saturating_sub(self.fiscal_year_end).rem_euclid(length);
        month.saturating_sub(into)
    }

    /// The last month of the period that holds `month`.
    #[must_use]
    pub fn period_end(self, month: Month) -> Month {
        self.period_start(month).saturating_add(self.months()).saturating_sub(1)
    }

    /// Months from `month` to the end of its fiscal year, both counted: 1 to 12.
    #[must_use]
    pub fn months_to_year_end(self, month: Month) -> i32 {
        let into = month.saturating_sub(self.fiscal_year_end).rem_euclid(12);
        12_i32.saturating_sub(into)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests")]
    use super::*;

    #[test]
    fn periods_end_with_the_fiscal_year() {
        for end in 1..=12_u8 {
            let year = PeriodGrid::new(Frequency::Year, end).unwrap();
            let quarter = PeriodGrid::new(Frequency::Quarter, end).unwrap();
            let half = PeriodGrid::new(Frequency::HalfYear, end).unwrap();
            for month in -840..2760 {
                assert_eq!(year.period_end(month).rem_euclid(12) + 1, i32::from(end));
                assert_eq!(year.period_end(month), month + year.months_to_year_end(month) - 1);
                assert_eq!((quarter.period_end(month) + 1 - i32::from(end)).rem_euclid(3), 0);
                assert!((0..3).contains(&(month - quarter.period_start(month))));
                // The second half ends with the year, the first six months before.
                let left = year.period_end(month) - half.period_end(month);
                assert_eq!(left, if year.months_to_year_end(month) > 6 { 6 } else { 0 });
            }
        }
        let months = [1_i8, 2, 3, 4, 6, 9, 12].map(|months| Frequency::of_months(months).map(Frequency::months));
        assert_eq!(months, [Some(1), None, Some(3), None, Some(6), None, Some(12)]);
        assert_eq!(PeriodGrid::new(Frequency::Month, 7).unwrap().period_end(5), 5);
        assert!(PeriodGrid::new(Frequency::Year, 0).is_none());
    }
}
