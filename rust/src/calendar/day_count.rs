//! Day counts: what part of a year lies between two dates, as an exact fraction.
//!
//! A period holds its first day and not its last: interest runs from the day money is lent to the day before it is
//! paid back. A period of no days is 0, and one that ends before it starts is minus the same period the other way
//! round. Dates outside the window count as its first or last day; the door refuses them before.
//!
//! The clauses are those of the 2006 ISDA Definitions, section 4.16, and of rule 251 of the ICMA rules.
#![forbid(unsafe_code)]

use super::date::{Date, FIRST_DAY, LAST_DAY, Month, civil, day_in_month, days_in_month, month_start, roll};

/// How a year is counted. The doc comment of each says its rule, its clause, its other names, and what differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DayCount {
    /// Days of the calendar over 360. Money markets, and loans on Term SOFR and SOFR. A year is 365/360 or 366/360.
    /// ISDA 4.16(e); also Actual/360, A/360.
    Act360,
    /// Days of the calendar over 365, in leap years too. Sterling loans and money markets. ISDA 4.16(d); also
    /// Actual/365 (Fixed), A/365F. The 2000 Definitions called ACT/ACT ISDA "Actual/365"; lenders mean this one.
    Act365Fixed,
    /// Days in leap years over 366 and days in other years over 365, split at 1 January. ISDA 4.16(b); also
    /// Actual/Actual, Actual/Actual (Historical). The bottom is 365 x 366 throughout, so periods add up exactly.
    ActActIsda,
    /// Days over the days of the regular coupon period that they fall in, times the coupons of a year. A stub is
    /// cut where regular (quasi) coupons would fall, backwards or forwards from the regular dates. ICMA rule 251,
    /// ISDA 4.16(c); also ISMA-99. It needs [`Context::reference`]; without one, years from the start are meant.
    ActActIcma,
    /// Months of 30 days. The 31st counts as the 30th: as a start always, as an end only where the start is the 30th
    /// or 31st. February is left as it is. ISDA 4.16(f); also Bond Basis, 360/360. Not additive: two periods that
    /// meet on a 31st may count a day more or less than their sum, as all of this family.
    Thirty360,
    /// As [`Self::Thirty360`], and the last day of February counts as the 30th: as a start always, as an end where
    /// the start is one too. The variant of the SIA (now SIFMA) for bonds of the USA that pay at month ends; also
    /// 30U/360. Excel's basis 0 differs for some ends of February; it stands apart.
    Thirty360Us,
    /// Months of 30 days; the 31st counts as the 30th on both sides, February is left as it is. ISDA 4.16(g); also
    /// Eurobond Basis, 30S/360, 30/360 ICMA.
    ThirtyE360,
    /// Months of 30 days; the last day of every month counts as the 30th, except an end that is the maturity date
    /// in February. ISDA 4.16(h). It needs [`Context::maturity`] where the end may be that date.
    ThirtyE360Isda,
    /// Months of 28 days and years of 336; later days count as the 28th. Only ACTUS has it (28E336).
    TwentyEight336,
}

/// The part of a year, exact. Lowest terms are not promised: the bottom is one number for a day count (for ACT/ACT
/// ICMA, for a regular period), so that the tops of consecutive periods may be summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct YearFraction {
    /// The numerator, below 2^34; negative where the period ends before it starts.
    pub top: i64,
    /// The denominator, above 0 and below 2^21.
    pub bottom: i64,
}

impl YearFraction {
    /// No time.
    pub const ZERO: Self = Self { top: 0, bottom: 1 };

    /// The float64 nearest to it.
    #[must_use]
    #[inline]
    pub fn as_f64(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "both are below 2^53, so the quotient is rounded once")]
        let (top, bottom) = (self.top as f64, self.bottom as f64);
        top / bottom
    }
}

/// A regular coupon period, and with it all regular dates before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    start: Date,
    end: Date,
    /// Months from one coupon to the next.
    months: i32,
    /// The day of the month on which coupons fall; 31 for the last.
    day: i32,
}

impl Reference {
    /// A period of `months` (1 to 12; 12 / `months` coupons a year) from one regular date to the next. They may have
    /// been moved to business days. Other regular dates fall on the later of their two days of the month, or, with
    /// `end_of_month` where both are the last of theirs, on month ends. `None` where the end is more than 15 days
    /// away from the start plus the months, or either outside the window.
    #[must_use]
    pub fn new(start: Date, end: Date, months: i32, end_of_month: bool) -> Option<Self> {
        let window = FIRST_DAY..=LAST_DAY;
        if !window.contains(&start) || !window.contains(&end) || end <= start || !(1..=12).contains(&months) {
            return None;
        }
        let ((first_month, first_day), (last_month, last_day)) = (civil(start), civil(end));
        let both_last = first_day == days_in_month(first_month) && last_day == days_in_month(last_month);
        let day = if end_of_month && both_last { 31 } else { first_day.max(last_day) };
        let nominal = day_in_month(first_month.saturating_add(months), first_day);
        (end.abs_diff(nominal) <= 15).then_some(Self { start, end, months, day })
    }

    /// The regular period that begins on a regular date; `None` as in [`Reference::new`].
    #[must_use]
    pub fn starting(start: Date, months: i32, end_of_month: bool) -> Option<Self> {
        let (month, day) = roll(start, end_of_month);
        let end = day_in_month(month.saturating_add(months), day);
        let sound = (FIRST_DAY..=LAST_DAY).contains(&start) && (1..=12).contains(&months);
        sound.then_some(Self { start, end, months, day })
    }

    /// The regular period that closes with a regular date; `None` as in [`Reference::new`].
    #[must_use]
    pub fn ending(end: Date, months: i32, end_of_month: bool) -> Option<Self> {
        let (month, day) = roll(end, end_of_month);
        let start = day_in_month(month.saturating_sub(months), day);
        let sound = (FIRST_DAY..=LAST_DAY).contains(&end) && (1..=12).contains(&months);
        sound.then_some(Self { start, end, months, day })
    }

    /// Of a grid that is known to be regular.
    pub(super) fn of_grid(start: Date, end: Date, months: i32, day: i32) -> Self {
        Self { start, end, months, day }
    }

    /// The regular date `number` periods after the start.
    fn date(&self, number: i32) -> Date {
        match number {
            0 => self.start,
            1 => self.end,
            _ => day_in_month(civil(self.start).0.saturating_add(number.saturating_mul(self.months)), self.day),
        }
    }

    /// Which period holds a date. Ends may have been moved over the start of a month, so the first guess may be off.
    fn number_of(&self, date: Date) -> i32 {
        let months = civil(date).0.saturating_sub(civil(self.start).0);
        let mut number = months.div_euclid(self.months.max(1));
        for _ in 0..3 {
            if self.date(number) > date {
                number = number.saturating_sub(1);
            } else if self.date(number.saturating_add(1)) <= date {
                number = number.saturating_add(1);
            }
        }
        number
    }
}

/// What a day count may need to know besides the dates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The maturity (termination) date, for 30E/360 ISDA.
    pub maturity: Option<Date>,
    /// A regular period, for ACT/ACT ICMA.
    pub reference: Option<Reference>,
}

/// Tops of ACT/ACT ISDA: a day of a leap year is 365 and any other 366, of 365 x 366 a year.
const ISDA_BOTTOM: i64 = 365 * 366;

impl DayCount {
    /// Every day count, by the name that the market writes.
    pub const ALL: [(&'static str, Self); 9] = [
        ("ACT/360", Self::Act360),
        ("ACT/365F", Self::Act365Fixed),
        ("ACT/ACT ISDA", Self::ActActIsda),
        ("ACT/ACT ICMA", Self::ActActIcma),
        ("30/360", Self::Thirty360),
        ("30/360 US", Self::Thirty360Us),
        ("30E/360", Self::ThirtyE360),
        ("30E/360 ISDA", Self::ThirtyE360Isda),
        ("28E/336", Self::TwentyEight336),
    ];

    /// Other names, without the spaces, brackets and dashes that [`DayCount::parse`] ignores; ACT stands for ACTUAL.
    const ALIASES: [(&'static str, Self); 25] = [
        ("A/360", Self::Act360),
        ("A360", Self::Act360),
        ("A/365F", Self::Act365Fixed),
        ("A/365FIXED", Self::Act365Fixed),
        ("ACT/365FIXED", Self::Act365Fixed),
        ("ACT/365", Self::Act365Fixed),
        ("A/365", Self::Act365Fixed),
        ("A365", Self::Act365Fixed),
        ("ACT/ACT", Self::ActActIsda),
        ("ACT/ACTHISTORICAL", Self::ActActIsda),
        ("A/A", Self::ActActIsda),
        ("AA", Self::ActActIsda),
        ("ACT/ACTISMA", Self::ActActIcma),
        ("ACT/ACTBOND", Self::ActActIcma),
        ("ISMA99", Self::ActActIcma),
        ("360/360", Self::Thirty360),
        ("BONDBASIS", Self::Thirty360),
        ("30/360BONDBASIS", Self::Thirty360),
        ("30U/360", Self::Thirty360Us),
        ("EUROBOND", Self::ThirtyE360),
        ("EUROBONDBASIS", Self::ThirtyE360),
        ("30S/360", Self::ThirtyE360),
        ("30/360ICMA", Self::ThirtyE360),
        ("30E360", Self::ThirtyE360),
        ("30E360ISDA", Self::ThirtyE360Isda),
    ];

    /// Reads a name of the market in any case, with or without spaces, brackets and dashes; also the codes of ACTUS.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain: String = text.chars().filter(|c| !" ()-_.".contains(*c)).collect();
        let plain = plain.to_uppercase().replace("ACTUAL", "ACT");
        let named = Self::ALL.iter().find(|(name, _)| name.replace(' ', "") == plain);
        let found = named.or_else(|| Self::ALIASES.iter().find(|(name, _)| *name == plain));
        found.map(|(_, day_count)| *day_count).or_else(|| (plain == "28E336").then_some(Self::TwentyEight336))
    }

    /// The part of a year from `start` to `end`, the start counted and the end not.
    #[must_use]
    #[inline]
    pub fn fraction(self, start: Date, end: Date, context: &Context) -> YearFraction {
        let (start, end) = (start.clamp(FIRST_DAY, LAST_DAY), end.clamp(FIRST_DAY, LAST_DAY));
        if start > end {
            let YearFraction { top, bottom } = self.ordered(end, start, context);
            return YearFraction { top: top.saturating_neg(), bottom };
        }
        self.ordered(start, end, context)
    }

    /// The same as float64. ACT/ACT ISDA is the sum of its two quotients, as definitions print it and as ACTUS has it;
    /// that may differ in the last bit from the one quotient of [`DayCount::fraction`].
    #[must_use]
    pub fn fraction_f64(self, start: Date, end: Date, context: &Context) -> f64 {
        let fraction = self.fraction(start, end, context);
        if self != Self::ActActIsda {
            return fraction.as_f64();
        }
        // top = 365 leap + 366 other, and both together are the days between.
        let days = day_difference(start.clamp(FIRST_DAY, LAST_DAY), end.clamp(FIRST_DAY, LAST_DAY));
        let leap = days.saturating_mul(366).saturating_sub(fraction.top);
        let other = days.saturating_sub(leap);
        YearFraction { top: leap, bottom: 366 }.as_f64() + YearFraction { top: other, bottom: 365 }.as_f64()
    }

    #[inline]
    fn ordered(self, start: Date, end: Date, context: &Context) -> YearFraction {
        let (top, bottom) = match self {
            Self::Act360 => (day_difference(start, end), 360),
            Self::Act365Fixed => (day_difference(start, end), 365),
            Self::ActActIsda => (isda_units(end).saturating_sub(isda_units(start)), ISDA_BOTTOM),
            Self::ActActIcma => return icma(start, end, context.reference),
            Self::Thirty360 => (months_of(30, start, end, |(_, from), (_, to)| capped(from.min(30), to)), 360),
            Self::Thirty360Us => (months_of(30, start, end, us_days), 360),
            Self::ThirtyE360 => (months_of(30, start, end, |(_, from), (_, to)| (from.min(30), to.min(30))), 360),
            Self::ThirtyE360Isda => {
                let at_maturity = context.maturity == Some(end);
                let to_day = |to: Civil| if at_maturity { to.1.min(30) } else { month_end_is_30(to) };
                (months_of(30, start, end, |from, to| (month_end_is_30(from), to_day(to))), 360)
            }
            Self::TwentyEight336 => (months_of(28, start, end, |(_, from), (_, to)| (from.min(28), to.min(28))), 336),
        };
        YearFraction { top, bottom }
    }
}

#[inline]
fn day_difference(start: Date, end: Date) -> i64 {
    i64::from(end).saturating_sub(i64::from(start))
}

/// ISDA units from 1970 to a date: the difference of two is the top of the fraction, whatever years lie between.
#[inline]
fn isda_units(date: Date) -> i64 {
    let years = civil(date).0.div_euclid(12);
    let january = years.saturating_mul(12);
    let first = month_start(january);
    let length = month_start(january.saturating_add(12)).saturating_sub(first);
    let day = i64::from(date.saturating_sub(first)).saturating_mul(i64::from(731_i32.saturating_sub(length)));
    i64::from(years).saturating_mul(ISDA_BOTTOM).saturating_add(day)
}

/// A month and a day of it.
type Civil = (Month, i32);

/// Days where every month has `length`, once the days of both ends are adapted to that.
#[inline]
#[expect(clippy::arithmetic_side_effects, reason = "dates lie in the window: every term is below 2^18")]
fn months_of(length: i32, start: Date, end: Date, days: impl Fn(Civil, Civil) -> (i32, i32)) -> i64 {
    let (from, to) = (civil(start), civil(end));
    let (from_day, to_day) = days(from, to);
    i64::from(length * (to.0 - from.0) + to_day - from_day)
}

/// 30 for the last day of any month: those of 31 days and February, and it is so already where there are 30.
#[inline]
fn month_end_is_30((month, day): Civil) -> i32 {
    if day == days_in_month(month) { 30 } else { day }
}

/// The end is the 30th at most where the start is the 30th.
#[inline]
fn capped(from: i32, to: i32) -> (i32, i32) {
    (from, if from == 30 { to.min(30) } else { to })
}

#[inline]
fn us_days(from: Civil, to: Civil) -> (i32, i32) {
    let ends_february = |(month, day): Civil| day < 30 && day == days_in_month(month);
    if ends_february(from) && ends_february(to) {
        return (30, 30);
    }
    capped(month_end_is_30(from), to.1)
}

/// ICMA rule 251: days in the periods of the two ends, each over its own length, and the whole ones between.
fn icma(start: Date, end: Date, reference: Option<Reference>) -> YearFraction {
    let Some(reference) = reference.or_else(|| Reference::starting(start, 12, false)) else {
        return YearFraction::ZERO; // never: the start is clamped to the window
    };
    let inside = reference.start <= start && end <= reference.end;
    let first = if inside { 0 } else { reference.number_of(start) };
    // The end belongs to the period that it closes.
    let last = if inside { 0 } else { reference.number_of(end.saturating_sub(1)).max(first) };
    let months = i64::from(reference.months);
    let days_of = |number: i32| day_difference(reference.date(number), reference.date(number.saturating_add(1))).max(1);
    let first_days = days_of(first);
    if first == last {
        let top = day_difference(start, end).saturating_mul(months);
        return YearFraction { top, bottom: first_days.saturating_mul(12) };
    }
    let last_days = days_of(last);
    let left = day_difference(start, reference.date(first.saturating_add(1))).saturating_mul(last_days);
    let right = day_difference(reference.date(last), end).saturating_mul(first_days);
    let whole = i64::from(last.saturating_sub(first).saturating_sub(1));
    let both = first_days.saturating_mul(last_days);
    let parts = left.saturating_add(right).saturating_add(whole.saturating_mul(both));
    YearFraction { top: parts.saturating_mul(months), bottom: both.saturating_mul(12) }
}

#[cfg(test)]
#[path = "day_count_tests.rs"]
mod tests;
