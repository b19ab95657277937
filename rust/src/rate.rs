//! Rates as the decimal the user wrote: 0.11 is 11/100, not the double beside it.
#![forbid(unsafe_code)]

use crate::error::Rule;
use crate::money::{nearest_integer, quotient_half_even, round_half_even};

const UNIT: i64 = 1_000_000_000_000;

/// A rate from 0 to 1, exact to 1e-12.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    parts: i64,
    /// The same in lowest terms.
    reduced: (i64, i64),
}

impl Rate {
    /// Nothing.
    pub const ZERO: Self = Self { parts: 0, reduced: (0, 1) };

    /// All of it.
    pub const WHOLE: Self = Self { parts: UNIT, reduced: (1, 1) };

    /// Reads the decimal nearest to `rate` with twelve places.
    ///
    /// # Errors
    /// [`Rule::NonFinite`], or [`Rule::Range`] outside 0 to 1.
    pub fn new(rate: f64) -> Result<Self, Rule> {
        if !rate.is_finite() {
            return Err(Rule::NonFinite);
        }
        if !(0.0..=1.0).contains(&rate) {
            return Err(Rule::Range);
        }
        let parts = nearest_parts(rate);
        let common = greatest_common_divisor(parts, UNIT);
        let reduced = (parts.checked_div(common).unwrap_or(parts), UNIT.checked_div(common).unwrap_or(UNIT));
        Ok(Self { parts, reduced })
    }

    /// This share of `amount`, rounded half-to-even once. `|amount| * 10^12 < 2^104` stays far inside `i128`.
    #[must_use]
    #[inline]
    pub fn of(self, amount: i64) -> i64 {
        let (top, bottom) = self.reduced;
        if top == 0 {
            return 0;
        }
        // Common rates such as 5 % = 1/20 stay in 64 bits.
        if let Some(product) = amount.checked_mul(top) {
            return quotient_half_even(product, bottom);
        }
        let product = i128::from(amount).saturating_mul(i128::from(self.parts));
        // At most |amount|, so it fits.
        i64::try_from(round_half_even(product, i128::from(UNIT))).unwrap_or(amount)
    }

    /// Whether there is nothing to share.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.parts == 0
    }

    /// Whether it is the whole.
    #[must_use]
    pub fn is_whole(self) -> bool {
        self.parts == UNIT
    }

    /// Numerator and denominator in lowest terms.
    #[must_use]
    pub fn as_fraction(self) -> (i64, i64) {
        self.reduced
    }

    /// The rate as a float, for unrounded work.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "at most 10^12")]
        let parts = self.parts as f64;
        parts / 1e12
    }
}

/// Interest of a year on one unit of money, as the decimal that was written; it may be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct AnnualRate {
    parts: i64,
}

impl AnnualRate {
    /// Nothing.
    pub const ZERO: Self = Self { parts: 0 };
    /// Parts of one.
    pub const UNIT: i64 = UNIT;
    /// 10,000 % a year: beyond it, no rate is meant.
    const HIGHEST: f64 = 100.0;

    /// Reads the decimal nearest to `rate` with twelve places.
    ///
    /// # Errors
    /// [`Rule::NonFinite`]; [`Rule::Range`] at or below -100 % and above 10,000 %; [`Rule::RateUnit`] above 100 %,
    /// where 5 % was written as 5.0 rather than meant so, unless `allow_high` says otherwise.
    pub fn new(rate: f64, allow_high: bool) -> Result<Self, Rule> {
        if !rate.is_finite() {
            return Err(Rule::NonFinite);
        }
        if rate <= -1.0 || rate > Self::HIGHEST {
            return Err(Rule::Range);
        }
        if rate > 1.0 && !allow_high {
            return Err(Rule::RateUnit);
        }
        Ok(Self { parts: nearest_parts(rate) })
    }

    /// Reads a column; `false` where some rate needs [`AnnualRate::new`]'s judgement.
    #[must_use]
    pub fn read_into(rates: &[f64], allow_high: bool, out: &mut [Self]) -> bool {
        let highest = if allow_high { Self::HIGHEST } else { 1.0 };
        let mut clean = true;
        for (rate, slot) in rates.iter().zip(out) {
            // NaN fails the comparisons.
            clean &= (*rate > -1.0) & (*rate <= highest);
            slot.parts = nearest_parts(*rate);
        }
        clean
    }

    /// So many 10^-12.
    #[must_use]
    pub fn from_parts(parts: i64) -> Self {
        Self { parts }
    }

    /// The rate in 10^-12.
    #[must_use]
    pub fn parts(self) -> i64 {
        self.parts
    }

    /// The float64 nearest to it.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "at most 10^14, so the quotient is rounded once")]
        let parts = self.parts as f64;
        parts / 1e12
    }
}

/// The whole number of 10^-12 nearest to a rate, ties away from zero, for rates up to 2,000: without a call into the
/// library of C for each.
#[inline]
fn nearest_parts(rate: f64) -> i64 {
    let scaled = rate * 1e12;
    let (whole, parts) = nearest_integer(scaled);
    // A tie went to even: towards zero where what is left has the sign of the rate. The difference is exact.
    let left = scaled - whole;
    let up = (left == 0.5) & (scaled > 0.0);
    let down = (left == -0.5) & (scaled < 0.0);
    parts.wrapping_add(i64::from(up)).wrapping_sub(i64::from(down))
}

fn greatest_common_divisor(a: i64, b: i64) -> i64 {
    match a.checked_rem(b) {
        None => a.max(1),
        Some(rest) => greatest_common_divisor(b, rest),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_rate_is_the_decimal_that_was_written() {
        // 0.15 is a double just below 15/100; the half cent must be seen as a tie and go to even.
        assert_eq!(Rate::new(0.15).unwrap().of(30), 4); // 4.5 -> 4
        assert_eq!(Rate::new(0.15).unwrap().of(50), 8); // 7.5 -> 8
        assert_eq!(Rate::new(0.11).unwrap().of(-100), -11);
        assert_eq!(Rate::new(1.0).unwrap().of(i64::MAX), i64::MAX);
        assert_eq!(Rate::new(1.5), Err(Rule::Range));
        assert_eq!(Rate::new(f64::NAN), Err(Rule::NonFinite));
    }

    #[test]
    fn annual_rates_are_decimals_and_percents_are_refused() {
        let parts = |rate, high| AnnualRate::new(rate, high).map(AnnualRate::parts);
        assert_eq!(parts(0.11, false), Ok(110_000_000_000));
        assert_eq!(parts(-0.005, false), Ok(-5_000_000_000));
        assert_eq!(parts(1e-12, false), Ok(1));
        assert_eq!(parts(1.0, false), Ok(1_000_000_000_000));
        assert_eq!((parts(5.0, false), parts(5.0, true)), (Err(Rule::RateUnit), Ok(5_000_000_000_000)));
        assert_eq!((parts(-1.0, true), parts(1e300, true)), (Err(Rule::Range), Err(Rule::Range)));
        assert_eq!(parts(f64::INFINITY, true), Err(Rule::NonFinite));
        assert_eq!(AnnualRate::from_parts(125_000_000_000).as_f64(), 0.125);
    }

    #[test]
    fn parts_are_those_of_the_library() {
        #[expect(clippy::cast_possible_truncation, reason = "small")]
        let plain = |rate: f64| (rate * 1e12).round() as i64;
        let mut rates = vec![0.0, -0.0, 0.15, 1.0, 100.0, -0.999_999_999_999, 5e-324];
        for half in 0..2_000_u32 {
            // 2.5e-12, 3.5e-12 and the doubles beside them, ties or nearly.
            let tie = (f64::from(half) + 0.5) / 1e12;
            rates.extend([tie, tie.next_up(), tie.next_down(), -tie, 0.1 + tie, 64.0 - tie, f64::from(half) / 1_999.0]);
        }
        assert!(rates.iter().filter(|rate| (**rate * 1e12).fract().abs() == 0.5).count() > 1_000);
        let mut read = vec![AnnualRate::ZERO; rates.len()];
        assert!(AnnualRate::read_into(&rates, true, &mut read));
        for (rate, read) in rates.into_iter().zip(read) {
            assert_eq!((nearest_parts(rate), read.parts()), (plain(rate), plain(rate)), "{rate}");
        }
        for wrong in [-1.0, f64::NAN, f64::INFINITY, 1.5, 100.5] {
            assert!(!AnnualRate::read_into(&[0.1, wrong], false, &mut [AnnualRate::ZERO; 2]), "{wrong}");
            assert_eq!(AnnualRate::read_into(&[wrong], true, &mut [AnnualRate::ZERO]), wrong == 1.5, "{wrong}");
        }
    }
}
