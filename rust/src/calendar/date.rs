//! Days since 1970-01-01 and months since 1970-01, proleptic Gregorian, from 1900 to 2199.
//!
//! Month arithmetic always starts from the anchor and clamps to the month's end (31 Jan + 1 month = 28 or 29 Feb,
//! + 2 months = 31 Mar); it is never iterated, so no day is lost on the way.
#![forbid(unsafe_code)]

/// Days since 1970-01-01.
pub type Date = i32;
/// Months since January 1970.
pub type Month = i32;

/// 1900-01-01.
pub const FIRST_DAY: Date = -25_567;
/// 2199-12-31.
pub const LAST_DAY: Date = 84_005;
/// January 1900.
pub const FIRST_MONTH: Month = -840;
/// December 2199.
pub const LAST_MONTH: Month = 2_759;

/// Days from 0000-03-01 to 1970-01-01.
const EPOCH: i32 = 719_468;

/// Month and day of the month (from 1) of a date in the window.
///
/// The year starts in March, so that the leap day is its last; months and days then follow from one
/// multiplication each (C. Neri and L. Schneider, "Euclidean affine functions and their application to
/// calendar algorithms", 2023).
#[must_use]
#[inline(always)] // also into kernels for wide registers
#[expect(clippy::arithmetic_side_effects, reason = "inputs are clamped to the window, every term is below 2^31")]
pub fn civil(date: Date) -> (Month, i32) {
    let days = (date.clamp(FIRST_DAY, LAST_DAY) + EPOCH).cast_unsigned();
    let n1 = 4 * days + 3;
    let century = n1 / 146_097;
    let n2 = (n1 % 146_097) | 3;
    let product = 2_939_745 * u64::from(n2);
    #[expect(clippy::cast_possible_truncation, reason = "the halves of a 64-bit product")]
    let (year_of_century, low) = ((product >> 32) as u32, product as u32);
    let day_of_year = low / 2_939_745 / 4;
    let n3 = 2_141 * day_of_year + 197_913;
    let months = (100 * century + year_of_century) * 12 + (n3 >> 16);
    (months.cast_signed() - 1 - 12 * 1970, ((n3 & 0xFFFF) / 2_141).cast_signed() + 1)
}

/// The month a date falls in.
#[must_use]
#[inline]
pub fn month_of(date: Date) -> Month {
    civil(date).0
}

/// The day of the month, from 1.
#[must_use]
#[inline]
pub fn day_of_month(date: Date) -> i32 {
    civil(date).1
}

/// A year before the window: the regular coupon period of a stub may begin before its loan.
const FIRST_KNOWN_MONTH: Month = FIRST_MONTH - 12;
/// Months with a known start: from there through the window, and the 3,600 after it that the longest life may need.
const KNOWN_MONTHS: usize = 7_214;

/// The first day of every known month, worked out by the compiler.
static MONTH_STARTS: [Date; KNOWN_MONTHS] = {
    let mut starts = [0; KNOWN_MONTHS];
    let mut number = 0;
    while number < KNOWN_MONTHS {
        #[expect(clippy::indexing_slicing, reason = "checked by the compiler, which runs this")]
        #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "below 2^13")]
        {
            starts[number] = start_of(FIRST_KNOWN_MONTH + number as Month);
            number += 1;
        }
    }
    starts
};

#[expect(clippy::arithmetic_side_effects, reason = "known months lie in 1899..2500, every term is below 2^31")]
const fn start_of(month: Month) -> Date {
    let shifted = month + 12 * 1970 - 2;
    let (year, month_from_march) = (shifted / 12, shifted % 12);
    365 * year + year / 4 - year / 100 + year / 400 + (153 * month_from_march + 2) / 5 - EPOCH
}

/// The first day of a month; months before and after all known ones count as the first and the last.
#[must_use]
#[inline]
pub fn month_start(month: Month) -> Date {
    month_starts(month).first().copied().unwrap_or(LAST_DAY)
}

/// The first days of a month and of all known ones after it.
#[must_use]
#[inline]
pub fn month_starts(month: Month) -> &'static [Date] {
    let number = usize::try_from(month.saturating_sub(FIRST_KNOWN_MONTH)).unwrap_or(0);
    MONTH_STARTS.get(number.min(KNOWN_MONTHS.saturating_sub(1))..).unwrap_or_default()
}

/// The last day of a month.
#[must_use]
#[inline]
pub fn month_end(month: Month) -> Date {
    month_start(month.saturating_add(1)).saturating_sub(1)
}

/// 28 to 31.
#[must_use]
#[inline]
pub fn days_in_month(month: Month) -> i32 {
    month_start(month.saturating_add(1)).saturating_sub(month_start(month))
}

/// A day of a month, or the month's last day where it has no such day.
#[must_use]
#[inline]
pub fn day_in_month(month: Month, day: i32) -> Date {
    month_start(month).saturating_add(day.min(days_in_month(month))).saturating_sub(1)
}

/// The month of an anchor, and the day on which dates counted from it fall: its own, or 31 for the last of the month
/// where it is that and shall stay so.
#[must_use]
#[inline]
pub(super) fn roll(anchor: Date, end_of_month: bool) -> (Month, i32) {
    let (month, day) = civil(anchor);
    (month, if end_of_month && day == days_in_month(month) { 31 } else { day })
}

/// The same day `months` later, or the month's last day where it has no such day.
#[must_use]
pub fn add_months(date: Date, months: i32) -> Date {
    let (month, day) = civil(date);
    day_in_month(month.saturating_add(months), day)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, reason = "tests")]
    use super::*;

    /// The calendar as everyone knows it, one day at a time over the whole window.
    #[test]
    fn every_day_from_1900_to_2199() {
        let (mut year, mut month, mut day) = (1900, 1, 1);
        for date in FIRST_DAY..=LAST_DAY {
            let index = (year - 1970) * 12 + month - 1;
            assert_eq!((month_of(date), day_of_month(date)), (index, day));
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match month {
                2 if leap => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            assert_eq!((days_in_month(index), month_start(index)), (length, date - day + 1));
            assert_eq!(month_end(index), date - day + length);
            day += 1;
            if day > length {
                (day, month) = (1, month + 1);
            }
            if month > 12 {
                (month, year) = (1, year + 1);
            }
        }
        assert_eq!((year, month, day), (2200, 1, 1));
    }

    #[test]
    fn months_are_added_from_the_anchor() {
        let date = |year: i32, month: i32, day: i32| month_start((year - 1970) * 12 + month - 1) + day - 1;
        assert_eq!(add_months(date(2023, 1, 31), 1), date(2023, 2, 28));
        assert_eq!(add_months(date(2024, 1, 31), 1), date(2024, 2, 29));
        assert_eq!(add_months(date(2023, 1, 31), 2), date(2023, 3, 31));
        assert_eq!(add_months(date(2024, 2, 29), 12), date(2025, 2, 28));
        assert_eq!(add_months(date(2024, 2, 29), 48), date(2028, 2, 29));
        assert_eq!(add_months(date(2199, 12, 15), 72), date(2205, 12, 15));
        assert_eq!(add_months(date(1900, 3, 31), -12), date(1900, 3, 31) - 365);
    }
}
