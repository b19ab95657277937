//! A table: a share of the depreciable amount for each year or month of the life, as a manual or a company states it.
//!
//! Shares are decimals read to 1e-12 and divided by their own sum; inside a period the cumulative share is linear.
//! Headroom: a cumulative share is at most 2^41 (they sum to one within 1e-9), times `12 T < 2^22`.
#![forbid(unsafe_code)]

use super::Timing;

/// The shares of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Cumulative shares in 1e-12, starting with 0.
    cumulative: Vec<i64>,
    /// Life-months of a period.
    months: i64,
}

impl Table {
    /// Shares by period of `months` life-months; `None` unless they lie in 0 to 1 and sum to 1 within 1e-9.
    #[must_use]
    pub fn new(fractions: &[f64], months: i32) -> Option<Self> {
        let mut cumulative = vec![0_i64];
        let mut sum = 0_i64;
        for fraction in fractions {
            if !(0.0..=1.0).contains(fraction) {
                return None;
            }
            #[expect(clippy::cast_possible_truncation, reason = "between 0 and 10^12")]
            let parts = (fraction * 1e12).round() as i64;
            sum = sum.checked_add(parts)?;
            cumulative.push(sum);
        }
        let one = 999_999_999_000..=1_000_000_001_000;
        (one.contains(&sum) && months > 0).then_some(Self { cumulative, months: months.into() })
    }

    /// The life that the table covers, in months.
    #[must_use]
    pub fn life_months(&self) -> i64 {
        i64::try_from(self.cumulative.len()).unwrap_or(i64::MAX).saturating_sub(1).saturating_mul(self.months)
    }

    /// The cumulative share at so many units, as a whole number up to [`Table::total`].
    #[must_use]
    pub fn cumulative(&self, timing: &Timing, units: i64) -> i64 {
        let period_span = self.months.saturating_mul(timing.total());
        let passed = units.saturating_mul(timing.life_months());
        let period = passed.checked_div(period_span).unwrap_or(0);
        let into = passed.saturating_sub(period.saturating_mul(period_span));
        let at = |period: i64| usize::try_from(period).ok().and_then(|period| self.cumulative.get(period)).copied();
        let last = self.cumulative.last().copied().unwrap_or(0);
        let before = at(period).unwrap_or(last);
        let share = at(period.saturating_add(1)).unwrap_or(last).saturating_sub(before);
        before.saturating_mul(period_span).saturating_add(share.saturating_mul(into))
    }

    /// What the shares of a whole life sum to.
    #[must_use]
    pub fn total(&self, timing: &Timing) -> i64 {
        self.cumulative(timing, timing.total())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn shares_are_linear_inside_a_period() {
        let table = Table::new(&[0.2, 0.32, 0.192, 0.1152, 0.1152, 0.0576], 12).unwrap();
        let timing = Timing::fresh(0, 72, false);
        assert_eq!(table.life_months(), 72);
        let share = |months| table.cumulative(&timing, months);
        assert_eq!(share(6).saturating_mul(10), table.total(&timing));
        assert_eq!(share(18).saturating_mul(100), table.total(&timing).saturating_mul(36));
        assert!(Table::new(&[0.5, 0.4], 12).is_none() && Table::new(&[1.5, -0.5], 12).is_none());
        assert!(Table::new(&[1.0 / 3.0; 3], 1).is_some());
    }
}
