//! Business days: weekends, holidays, and where a date is moved that falls on one.
//!
//! The conventions are those of section 4.12 of the 2006 ISDA Definitions; modified preceding, the mirror image of
//! modified following, is one of ACTUS.
#![forbid(unsafe_code)]

use super::date::{Date, FIRST_DAY, LAST_DAY, month_end, month_of, month_start};
use crate::error::Rule;

/// Where a date goes that is no business day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BusinessDayConvention {
    /// It stays.
    #[default]
    None,
    /// To the next business day.
    Following,
    /// To the next business day, or the one before where the next lies in another month. Usual for loans.
    ModifiedFollowing,
    /// To the business day before.
    Preceding,
    /// To the business day before, or the next where the one before lies in another month.
    ModifiedPreceding,
}

impl BusinessDayConvention {
    /// Every convention, by its public name.
    pub const ALL: [(&'static str, Self); 5] = [
        ("none", Self::None),
        ("following", Self::Following),
        ("modified_following", Self::ModifiedFollowing),
        ("preceding", Self::Preceding),
        ("modified_preceding", Self::ModifiedPreceding),
    ];

    const ALIASES: [(&'static str, Self); 9] = [
        ("UNADJUSTED", Self::None),
        ("NOS", Self::None), // "no shift" of ACTUS
        ("F", Self::Following),
        ("MF", Self::ModifiedFollowing),
        ("MODIFIED", Self::ModifiedFollowing),
        ("P", Self::Preceding),
        ("PREVIOUS", Self::Preceding),
        ("MP", Self::ModifiedPreceding),
        ("MODIFIEDPREVIOUS", Self::ModifiedPreceding),
    ];

    /// Reads a public name or an abbreviation, in any case, with spaces, dashes or underscores.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain: String = text.chars().filter(|c| !" -_".contains(*c)).collect();
        let plain = plain.to_uppercase();
        let named = Self::ALL.iter().find(|(name, _)| name.replace('_', "").eq_ignore_ascii_case(&plain));
        named.or_else(|| Self::ALIASES.iter().find(|(name, _)| *name == plain)).map(|(_, convention)| *convention)
    }
}

/// Which dates interest is counted between where a payment date was moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Accrual {
    /// The moved ones: shift, then calculate (SC of ACTUS). Usual for loans and floating rates.
    #[default]
    Adjusted,
    /// Those of the schedule: calculate, then shift (CS of ACTUS). Usual for fixed-rate bonds; only payment waits.
    Unadjusted,
}

impl Accrual {
    /// Both, by their public names.
    pub const ALL: [(&'static str, Self); 2] = [("adjusted", Self::Adjusted), ("unadjusted", Self::Unadjusted)];

    /// Reads a public name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == text).map(|(_, accrual)| *accrual)
    }
}

/// Which days of the week are none for business: bit 0 is Monday, bit 6 is Sunday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Weekend(u8);

impl Weekend {
    /// Every day of the week may be a business day.
    pub const NONE: Self = Self(0);
    /// Saturday and Sunday.
    pub const SATURDAY_SUNDAY: Self = Self(0b110_0000);

    /// Takes the days of the week whose bits are set; `None` for other bits.
    #[must_use]
    pub fn from_bits(bits: u8) -> Option<Self> {
        (bits < 128).then_some(Self(bits))
    }

    #[inline]
    fn contains(self, date: Date) -> bool {
        // 1970-01-01 was a Thursday.
        let weekday = date.saturating_add(3).rem_euclid(7);
        u32::from(self.0).wrapping_shr(weekday.cast_unsigned()) & 1 == 1
    }
}

impl Default for Weekend {
    fn default() -> Self {
        Self::SATURDAY_SUNDAY
    }
}

/// How far a business day is looked for. No calendar is closed for longer.
const MAX_SEARCH_DAYS: i32 = 366;

/// Words of 64 bits that hold a bit for each day of the window.
const WORDS: usize = 1_713;

/// A calendar: the weekend, and the dates that are holidays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holidays {
    weekend: Weekend,
    /// A bit for each day of the window, set for a holiday; empty where there are none.
    closed: Vec<u64>,
}

impl Holidays {
    /// Takes dates in any order, more than once too, and on weekends too. Those outside the window do nothing.
    #[must_use]
    pub fn new(weekend: Weekend, dates: impl IntoIterator<Item = Date>) -> Self {
        let mut closed = vec![];
        for date in dates {
            closed.resize(WORDS, 0);
            let (word, bit) = place(date);
            if let Some(word) = closed.get_mut(word) {
                *word |= bit;
            }
        }
        Self { weekend, closed }
    }

    /// Whether a date is neither on a weekend nor a holiday.
    #[must_use]
    #[inline]
    pub fn is_business_day(&self, date: Date) -> bool {
        let (word, bit) = place(date);
        !self.weekend.contains(date) && self.closed.get(word).is_none_or(|word| word & bit == 0)
    }

    /// The business day that a date stands for; the date itself where it is one, or under no convention.
    ///
    /// # Errors
    /// [`Rule::Calendar`] where there is none: in the date's month (modified conventions), within 366 days (the
    /// others), or within the window of dates.
    #[inline]
    pub fn adjust(&self, date: Date, convention: BusinessDayConvention) -> Result<Date, Rule> {
        if convention == BusinessDayConvention::None || self.is_business_day(date) {
            return Ok(date);
        }
        let found = match convention {
            BusinessDayConvention::None => Some(date),
            BusinessDayConvention::Following => self.next(date, date.saturating_add(MAX_SEARCH_DAYS)),
            BusinessDayConvention::Preceding => self.previous(date, date.saturating_sub(MAX_SEARCH_DAYS)),
            BusinessDayConvention::ModifiedFollowing => {
                let (first, last) = month_of_day(date);
                self.next(date, last).or_else(|| self.previous(date, first))
            }
            BusinessDayConvention::ModifiedPreceding => {
                let (first, last) = month_of_day(date);
                self.previous(date, first).or_else(|| self.next(date, last))
            }
        };
        found.ok_or(Rule::Calendar)
    }

    fn next(&self, date: Date, last: Date) -> Option<Date> {
        (date.max(FIRST_DAY)..=last.min(LAST_DAY)).find(|day| self.is_business_day(*day))
    }

    fn previous(&self, date: Date, first: Date) -> Option<Date> {
        (first.max(FIRST_DAY)..=date.min(LAST_DAY)).rev().find(|day| self.is_business_day(*day))
    }
}

/// Which word and which bit of it stand for a date; no word for one outside the window.
#[inline]
fn place(date: Date) -> (usize, u64) {
    let day = date.saturating_sub(FIRST_DAY);
    (usize::try_from(day.wrapping_shr(6)).unwrap_or(usize::MAX), 1_u64.wrapping_shl(day.cast_unsigned() & 63))
}

fn month_of_day(date: Date) -> (Date, Date) {
    let month = month_of(date);
    (month_start(month), month_end(month))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests")]
    use proptest::prelude::*;

    use super::BusinessDayConvention::{Following, ModifiedFollowing, ModifiedPreceding, None as Unmoved, Preceding};
    use super::*;

    fn date(year: i32, month: i32, day: i32) -> Date {
        month_start((year - 1970) * 12 + month - 1) + day - 1
    }

    #[test]
    fn names_and_abbreviations() {
        for (name, convention) in BusinessDayConvention::ALL {
            assert_eq!(BusinessDayConvention::parse(name), Some(convention));
        }
        assert_eq!(BusinessDayConvention::parse("Modified Following"), Some(ModifiedFollowing));
        assert_eq!(BusinessDayConvention::parse("MP"), Some(ModifiedPreceding));
        assert_eq!(BusinessDayConvention::parse("nearest"), None);
        assert_eq!(Accrual::ALL.map(|(name, accrual)| Accrual::parse(name) == Some(accrual)), [true; 2]);
    }

    #[test]
    fn weekends() {
        let plain = Holidays::default();
        // 1 January 2024 was a Monday.
        let open: Vec<bool> = (1..=7).map(|day| plain.is_business_day(date(2024, 1, day))).collect();
        assert_eq!(open, [true, true, true, true, true, false, false]);
        let friday = Holidays::new(Weekend::from_bits(0b11_0000).unwrap(), vec![]);
        assert!(friday.is_business_day(date(2024, 1, 7)) && !friday.is_business_day(date(2024, 1, 5)));
        assert!(Holidays::new(Weekend::NONE, vec![]).is_business_day(date(1900, 1, 6)));
        assert_eq!(Weekend::from_bits(128), None);
        assert!(!plain.is_business_day(date(1900, 1, 6)), "a Saturday before 1970");
    }

    /// Easter 2024: Good Friday 29 March, Easter Monday 1 April.
    #[test]
    fn dates_are_moved() {
        let easter = Holidays::new(Weekend::default(), vec![date(2024, 4, 1), date(2024, 3, 29), date(2024, 4, 1)]);
        let moved = |day, convention| easter.adjust(day, convention).unwrap();
        let sunday = date(2024, 3, 31);
        assert_eq!(moved(sunday, Unmoved), sunday);
        assert_eq!(moved(sunday, Following), date(2024, 4, 2));
        assert_eq!(moved(sunday, ModifiedFollowing), date(2024, 3, 28));
        assert_eq!(moved(sunday, Preceding), date(2024, 3, 28));
        assert_eq!(moved(date(2024, 4, 1), Preceding), date(2024, 3, 28));
        assert_eq!(moved(date(2024, 4, 1), ModifiedPreceding), date(2024, 4, 2));
        assert_eq!(moved(sunday, ModifiedPreceding), date(2024, 3, 28));
        assert_eq!(moved(date(2024, 3, 28), ModifiedFollowing), date(2024, 3, 28));
    }

    #[test]
    fn a_calendar_without_a_business_day_says_so() {
        let never = Holidays::new(Weekend::from_bits(127).unwrap(), vec![]);
        let closed_march = Holidays::new(Weekend::NONE, date(2024, 3, 1)..=date(2024, 3, 31));
        for (_, convention) in BusinessDayConvention::ALL.into_iter().skip(1) {
            assert_eq!(never.adjust(date(2024, 3, 1), convention), Err(Rule::Calendar));
            assert_eq!(never.adjust(Date::MAX, convention), Err(Rule::Calendar));
            assert_eq!(never.adjust(Date::MIN, convention), Err(Rule::Calendar));
            let modified = matches!(convention, ModifiedFollowing | ModifiedPreceding);
            assert_eq!(closed_march.adjust(date(2024, 3, 9), convention).is_err(), modified);
        }
        assert_eq!(closed_march.adjust(date(2024, 3, 9), Following), Ok(date(2024, 4, 1)));
        let last = Holidays::new(Weekend::NONE, vec![LAST_DAY, FIRST_DAY, Date::MIN, Date::MAX, FIRST_DAY - 1]);
        assert!((FIRST_DAY + 1..LAST_DAY).all(|day| last.is_business_day(day)));
        assert_eq!(last.adjust(LAST_DAY, Following), Err(Rule::Calendar));
        assert_eq!(last.adjust(LAST_DAY, ModifiedFollowing), Ok(LAST_DAY - 1));
        assert_eq!(last.adjust(FIRST_DAY, Preceding), Err(Rule::Calendar));
    }

    proptest! {
        #[test]
        fn adjusted_dates_are_business_days(
            day in date(2020, 1, 1)..date(2026, 1, 1),
            other in date(2020, 1, 1)..date(2026, 1, 1),
            holidays in prop::collection::vec(date(2020, 1, 1)..date(2026, 1, 1), 0..200),
            weekend in 0..127_u8,
        ) {
            let calendar = Holidays::new(Weekend::from_bits(weekend).unwrap(), holidays);
            for (_, convention) in BusinessDayConvention::ALL.into_iter().skip(1) {
                let Ok(moved) = calendar.adjust(day, convention) else { continue };
                prop_assert!(calendar.is_business_day(moved));
                prop_assert_eq!(calendar.adjust(moved, convention), Ok(moved));
                match convention {
                    Following => prop_assert!(moved >= day && !(day..moved).any(|d| calendar.is_business_day(d))),
                    Preceding => prop_assert!(moved <= day && !(moved + 1..=day).any(|d| calendar.is_business_day(d))),
                    _ => prop_assert_eq!(month_of(moved), month_of(day), "modified never leaves the month"),
                }
                // Dates keep their order.
                if let Ok(other_moved) = calendar.adjust(other, convention) {
                    prop_assert!(other > day || other_moved <= moved);
                }
            }
        }
    }
}
