//! Units of production: an asset is charged by what was drawn from its capacity, such as GPU-hours.
//!
//! Usage is cumulative by month in millionths of a unit, capped at the capacity; convention and life don't matter.
#![forbid(unsafe_code)]

use crate::calendar::Month;

/// What one asset produced: months in ascending order, and all that was used by the end of each.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage<'a> {
    /// Months with usage.
    pub months: &'a [Month],
    /// Millionths of a unit used by the end of each.
    pub cumulative: &'a [i64],
}

impl Usage<'_> {
    /// Millionths used by the end of `month`, at most `capacity`.
    #[must_use]
    pub fn by(&self, month: Month, capacity: i64) -> i64 {
        let count = self.months.partition_point(|used| *used <= month);
        count.checked_sub(1).and_then(|last| self.cumulative.get(last)).copied().unwrap_or(0).min(capacity)
    }

    /// The last month that still adds units within `capacity`.
    #[must_use]
    pub fn last_month(&self, capacity: i64) -> Option<Month> {
        let most = self.cumulative.last().copied().unwrap_or(0).min(capacity);
        let first_full = self.cumulative.partition_point(|used| *used < most);
        if most > 0 { self.months.get(first_full).copied() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_capped_at_capacity() {
        let usage = Usage { months: &[3, 5, 9], cumulative: &[10, 10, 40] };
        assert_eq!([2, 3, 4, 5, 8, 9, 99].map(|month| usage.by(month, 25)), [0, 10, 10, 10, 10, 25, 25]);
        assert_eq!(
            (usage.last_month(25), usage.last_month(10), Usage::default().last_month(5)),
            (Some(9), Some(3), None)
        );
    }
}
