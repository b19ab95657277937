//! Borrowed columns of a fleet, read a chunk at a time.
//!
//! A kernel never looks at the caller's memory twice: each chunk is copied out once, then judged and computed from
//! the copy. A caller that changes a column meanwhile gets the old or the new value of a row, never a mixture.
#![forbid(unsafe_code)]

use super::happenings::{Events, UsageColumns};
use crate::calendar::{Date, FIRST_DAY};

/// A column that can copy a stretch of itself.
pub trait Load<T>: Sync {
    /// Copies `out.len()` values from `start` on.
    fn load(&self, start: usize, out: &mut [T]);
}

impl<T: Copy + Sync> Load<T> for Vec<T> {
    fn load(&self, start: usize, out: &mut [T]) {
        if let Some(source) = self.get(start..start.saturating_add(out.len())) {
            out.copy_from_slice(source);
        }
    }
}

/// Amounts: float64 major units or int64 minor units.
#[derive(Clone, Copy)]
pub enum MoneyColumn<'a> {
    /// Major units.
    Major(&'a dyn Load<f64>),
    /// Minor units.
    Minor(&'a dyn Load<i64>),
}

/// Dates: ticks since 1970 (the least `i64` is no date) or days since 1970.
#[derive(Clone, Copy)]
pub enum DateColumn<'a> {
    /// Ticks, so many to a day.
    Ticks(&'a dyn Load<i64>, i64),
    /// Days.
    Days(&'a dyn Load<i32>),
}

/// Numbers of months.
#[derive(Clone, Copy)]
pub enum MonthsColumn<'a> {
    /// Whole numbers.
    Whole(&'a dyn Load<i64>),
    /// Whole numbers of 32 bits.
    Narrow(&'a dyn Load<i32>),
    /// Floats that must be whole.
    Float(&'a dyn Load<f64>),
}

/// Codes of groups or policies, of any integer width; negative means null.
#[derive(Clone, Copy)]
pub enum CodeColumn<'a> {
    /// 8 bits.
    I8(&'a dyn Load<i8>),
    /// 16 bits.
    I16(&'a dyn Load<i16>),
    /// 32 bits.
    I32(&'a dyn Load<i32>),
    /// 64 bits.
    I64(&'a dyn Load<i64>),
}

/// A column with an optional mask of missing values (non-zero = missing).
#[derive(Clone, Copy)]
pub struct Nullable<'a, C> {
    /// The values.
    pub values: C,
    /// The mask.
    pub nulls: Option<&'a dyn Load<u8>>,
}

/// A fleet as columns of equal length.
#[derive(Clone, Copy)]
pub struct Fleet<'a> {
    /// Number of rows.
    pub len: usize,
    /// What was paid.
    pub cost: Nullable<'a, MoneyColumn<'a>>,
    /// The day of service.
    pub in_service: Nullable<'a, DateColumn<'a>>,
    /// Own residual value; missing means the policy's.
    pub residual: Option<Nullable<'a, MoneyColumn<'a>>>,
    /// Own life; missing means the policy's.
    pub life_months: Option<Nullable<'a, MonthsColumn<'a>>>,
    /// Depreciation before the asset was brought in, and the day at whose close it stood.
    pub opening: Option<(Nullable<'a, MoneyColumn<'a>>, Nullable<'a, DateColumn<'a>>)>,
    /// What happened to the assets.
    pub events: Option<Events<'a>>,
    /// What they produced.
    pub usage: Option<UsageColumns<'a>>,
    /// Rows to leave out (non-zero).
    pub skip: Option<&'a dyn Load<u8>>,
    /// Whether NaN in an optional column means missing.
    pub nan_is_null: bool,
}

/// What a date turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateRead {
    /// A day.
    Day(Date),
    /// No date.
    Missing,
    /// A day, and a time of it.
    NotMidnight(Date),
    /// A day outside 1900 to 2199.
    Outside,
}

impl DateRead {
    /// Reads ticks, so many to a day.
    #[inline]
    #[must_use]
    pub fn of(ticks: i64, per_day: i64) -> Self {
        // Dates are midnights: a division of doubles, checked by a product, says which day at a third of the time.
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a guess, checked")]
        let day = (ticks as f64 / per_day as f64) as i32;
        match i64::from(day).checked_mul(per_day) {
            Some(midnight) if midnight == ticks && in_window(day) => Self::Day(day),
            _ => read_ticks(ticks, per_day),
        }
    }
}

/// Reads ticks as a day.
#[inline]
pub(super) fn read_ticks(ticks: i64, per_day: i64) -> DateRead {
    if ticks == i64::MIN {
        return DateRead::Missing;
    }
    let day = ticks.div_euclid(per_day);
    match i32::try_from(day) {
        Ok(day) if in_window(day) => {
            if ticks.rem_euclid(per_day) == 0 {
                DateRead::Day(day)
            } else {
                DateRead::NotMidnight(day)
            }
        }
        _ => DateRead::Outside,
    }
}

/// 1900 to 2199.
#[inline]
pub(super) fn in_window(day: Date) -> bool {
    const WIDTH: u32 = crate::calendar::LAST_DAY.abs_diff(FIRST_DAY);
    day.wrapping_sub(FIRST_DAY).cast_unsigned() <= WIDTH
}

/// A number that is known to fit, or to be refused.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "days of exact doubles and months allowed are few; others are not clean"
)]
pub(super) fn low_half(number: i64) -> i32 {
    number as i32
}

impl CodeColumn<'_> {
    /// Copies codes as `i32`; what does not fit counts as null.
    pub(super) fn load(&self, start: usize, out: &mut [i32]) {
        match self {
            Self::I32(column) => column.load(start, out),
            Self::I8(column) => widen(*column, start, out),
            Self::I16(column) => widen(*column, start, out),
            Self::I64(column) => widen(*column, start, out),
        }
    }
}

fn widen<T: Copy + Default + TryInto<i32>>(column: &dyn Load<T>, start: usize, out: &mut [i32]) {
    let mut buffer = [T::default(); 512];
    let mut at = start;
    for part in out.chunks_mut(buffer.len()) {
        if let Some(values) = buffer.get_mut(..part.len()) {
            column.load(at, values);
            for (slot, value) in part.iter_mut().zip(values) {
                *slot = (*value).try_into().unwrap_or(-1);
            }
        }
        at = at.saturating_add(part.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_become_days() {
        let us = 86_400_000_000;
        assert_eq!(read_ticks(-us, us), DateRead::Day(-1));
        assert_eq!(read_ticks(us + 1, us), DateRead::NotMidnight(1));
        assert_eq!(read_ticks(i64::MIN, us), DateRead::Missing);
        assert_eq!(read_ticks(i64::MAX, 1), DateRead::Outside);
        assert_eq!(read_ticks(-25_568, 1), DateRead::Outside);
        assert_eq!(read_ticks(84_005, 1), DateRead::Day(84_005));
        assert_eq!(read_ticks(84_006, 1), DateRead::Outside);
    }
}
