//! Amounts that loans are computed in: whole minor units, exact, or unrounded float64.
//!
//! Interest is not rounded while it accrues. In the cents modes it is a fraction whose bottom is 10^12 (rates are
//! decimals of twelve places) times that of the day count; only [`Amount::settled`] rounds, once, half to even.
//!
//! Headroom: a balance below 2^62, a rate below 2^47 parts and a year of 2^18 parts make a product below 2^127. All
//! sums and products are checked, and `None` says that one did not fit.
#![forbid(unsafe_code)]

use std::fmt::Debug;

use super::{annuity, prepayment};
use crate::calendar::YearFraction;
use crate::money::{FLOAT_LIMIT_MINOR, nearest_integer, quotient_half_even, round_half_even};
use crate::rate::AnnualRate;

/// An amount that a loan can be computed in: `i64` minor units, or unrounded `f64` major units.
pub trait Amount: Copy + Default + PartialOrd + Debug + Send + Sync + 'static {
    /// Interest that is not settled yet, exact where amounts are.
    type Interest: Copy + Default + PartialEq + Debug + Send + Sync;

    /// The sum, if it fits.
    fn plus(self, other: Self) -> Option<Self>;
    /// The difference, if it fits.
    fn minus(self, other: Self) -> Option<Self>;
    /// `self x top / bottom`, half to even where amounts are whole; `top` is at most `bottom`, which is above 0.
    fn portion(self, top: i64, bottom: i64) -> Self;
    /// `self x top / bottom` rounded down where amounts are whole: what may be lent or taken at most. `bottom` is
    /// above 0.
    fn at_most(self, top: i64, bottom: i64) -> Option<Self>;
    /// What interest at `rate` on this amount over periods to come is worth now, at interest of `discount` over each
    /// of them ([`super::prepayment`]).
    fn interest_forgone(self, rate: AnnualRate, discount: AnnualRate, periods: &[YearFraction]) -> Option<Self>;
    /// Adds the interest on this amount over a part of a year.
    fn accrue(self, interest: Self::Interest, rate: AnnualRate, time: YearFraction) -> Option<Self::Interest>;
    /// Adds two stretches of interest.
    fn join(one: Self::Interest, other: Self::Interest) -> Option<Self::Interest>;
    /// The amount of interest due: rounded half to even, once, where amounts are whole.
    fn settled(interest: Self::Interest) -> Option<Self>;
    /// The level payment that repays this balance and its interest by the first payment, and after it interest at
    /// `rate` over each of `later` periods ([`annuity`]).
    fn level_payment(self, interest: Self::Interest, rate: AnnualRate, later: &[YearFraction]) -> Option<Self>;
    /// A float64, for rates of return and messages.
    fn as_f64(self) -> f64;
    /// Whether it is more than what is owed, by more than float dust where amounts are floats.
    fn exceeds(self, owed: Self) -> bool;

    /// Nothing.
    #[must_use]
    fn zero() -> Self {
        Self::default()
    }

    /// The smaller amount.
    #[must_use]
    fn lesser(self, other: Self) -> Self {
        if other < self { other } else { self }
    }

    /// The larger amount.
    #[must_use]
    fn greater(self, other: Self) -> Self {
        if other > self { other } else { self }
    }

    /// Nothing below zero.
    #[must_use]
    fn at_least_zero(self) -> Self {
        self.greater(Self::default())
    }
}

/// Interest as `top / (10^12 x bottom)` minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExactInterest {
    /// The numerator.
    pub top: i128,
    /// The day count's part of the denominator, above 0.
    pub bottom: i64,
}

impl Default for ExactInterest {
    fn default() -> Self {
        Self { top: 0, bottom: 1 }
    }
}

impl ExactInterest {
    /// The whole denominator: below 2^40 x 2^63.
    #[must_use]
    pub fn denominator(self) -> i128 {
        i128::from(AnnualRate::UNIT).saturating_mul(self.bottom.into())
    }

    /// Rounded half to even, if float64 can tell: with u = 2^-53, numerator, bottom, denominator and quotient are each
    /// rounded once, 4 u of its size to first order, for which 8 u stand. Farther than that from a tie it rounds as the
    /// fraction does.
    fn quick(self) -> Option<i64> {
        #[expect(clippy::cast_precision_loss, reason = "rounded once, as the bound supposes")]
        let quotient = self.top as f64 / (1e12 * self.bottom as f64);
        let (whole, decided) = nearest_integer(quotient);
        let size = quotient.abs();
        (size < FLOAT_LIMIT_MINOR && (quotient - whole).abs() < 0.5 - size * (4.0 * f64::EPSILON)).then_some(decided)
    }

    /// Adds a stretch over another bottom; equal ones, the rule, cost an addition.
    fn add(self, other: Self) -> Option<Self> {
        if self.top == 0 {
            return Some(other);
        }
        if self.bottom == other.bottom {
            return Some(Self { top: self.top.checked_add(other.top)?, bottom: self.bottom });
        }
        let common = common_divisor(self.bottom.unsigned_abs().into(), other.bottom.unsigned_abs().into());
        let common = i64::try_from(common).ok()?;
        let (mine, theirs) = (other.bottom.checked_div(common)?, self.bottom.checked_div(common)?);
        let top = self.top.checked_mul(mine.into())?.checked_add(other.top.checked_mul(theirs.into())?)?;
        Some(Self { top, bottom: self.bottom.checked_mul(mine)? })
    }
}

/// The greatest common divisor; 1 where both are 0.
pub(super) fn common_divisor(a: u128, b: u128) -> u128 {
    let (mut a, mut b) = (a, b);
    while let Some(rest) = a.checked_rem(b) {
        (a, b) = (b, rest);
    }
    a.max(1)
}

impl Amount for i64 {
    type Interest = ExactInterest;

    #[inline]
    fn plus(self, other: i64) -> Option<i64> {
        self.checked_add(other)
    }

    #[inline]
    fn minus(self, other: i64) -> Option<i64> {
        self.checked_sub(other)
    }

    fn portion(self, top: i64, bottom: i64) -> i64 {
        if let Some(product) = self.checked_mul(top) {
            return quotient_half_even(product, bottom);
        }
        let exact = round_half_even(i128::from(self).saturating_mul(top.into()), bottom.into());
        // A portion is at most the whole.
        i64::try_from(exact).unwrap_or(self)
    }

    fn at_most(self, top: i64, bottom: i64) -> Option<i64> {
        let product = i128::from(self).checked_mul(top.into())?;
        i64::try_from(product.checked_div_euclid(bottom.into())?).ok()
    }

    fn interest_forgone(self, rate: AnnualRate, discount: AnnualRate, periods: &[YearFraction]) -> Option<i64> {
        prepayment::exact(self, rate, discount, periods)
    }

    fn accrue(self, interest: ExactInterest, rate: AnnualRate, time: YearFraction) -> Option<ExactInterest> {
        let over = |time: YearFraction| {
            if let Some(days) = self.checked_mul(time.top) {
                // Two factors of 64 bits: the product fits, and needs no check.
                let top = i128::from(days).saturating_mul(rate.parts().into());
                return interest.add(ExactInterest { top, bottom: time.bottom });
            }
            let days = i128::from(self).checked_mul(time.top.into())?;
            interest.add(ExactInterest { top: days.checked_mul(rate.parts().into())?, bottom: time.bottom })
        };
        over(time).or_else(|| {
            let common = common_divisor(time.top.unsigned_abs().into(), time.bottom.unsigned_abs().into());
            let common = i64::try_from(common).ok()?;
            over(YearFraction { top: time.top.checked_div(common)?, bottom: time.bottom.checked_div(common)? })
        })
    }

    fn join(one: ExactInterest, other: ExactInterest) -> Option<ExactInterest> {
        one.add(other)
    }

    fn settled(interest: ExactInterest) -> Option<i64> {
        if let Some(decided) = interest.quick() {
            return Some(decided);
        }
        i64::try_from(round_half_even(interest.top, interest.denominator())).ok()
    }

    fn level_payment(self, interest: ExactInterest, rate: AnnualRate, later: &[YearFraction]) -> Option<i64> {
        annuity::exact(self, interest, rate, later)
    }

    fn as_f64(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "rates of return and messages need no more")]
        let float = self as f64;
        float
    }

    fn exceeds(self, owed: i64) -> bool {
        self > owed
    }
}

impl Amount for f64 {
    type Interest = f64;

    #[inline]
    fn plus(self, other: f64) -> Option<f64> {
        Some(self + other)
    }

    #[inline]
    fn minus(self, other: f64) -> Option<f64> {
        Some(self - other)
    }

    fn portion(self, top: i64, bottom: i64) -> f64 {
        // Shares and counts of payments, all far below 2^53.
        self * top.as_f64() / bottom.as_f64()
    }

    fn at_most(self, top: i64, bottom: i64) -> Option<f64> {
        Some(self * top.as_f64() / bottom.as_f64())
    }

    fn interest_forgone(self, rate: AnnualRate, discount: AnnualRate, periods: &[YearFraction]) -> Option<f64> {
        Some(prepayment::unrounded(self, rate, discount, periods))
    }

    #[inline]
    fn accrue(self, interest: f64, rate: AnnualRate, time: YearFraction) -> Option<f64> {
        Some(interest + self * rate.as_f64() * time.as_f64())
    }

    fn join(one: f64, other: f64) -> Option<f64> {
        Some(one + other)
    }

    fn settled(interest: f64) -> Option<f64> {
        Some(interest)
    }

    fn level_payment(self, interest: f64, rate: AnnualRate, later: &[YearFraction]) -> Option<f64> {
        let found = annuity::unrounded(self + interest, rate, later);
        found.is_finite().then_some(found)
    }

    fn as_f64(self) -> f64 {
        self
    }

    fn exceeds(self, owed: f64) -> bool {
        self > owed + owed.abs() * 1e-12
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests")]
    #![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    fn rate(rate: f64) -> AnnualRate {
        AnnualRate::new(rate, true).unwrap()
    }

    #[test]
    fn interest_is_rounded_once_and_half_to_even() {
        // 1,000.00 at 11 % over 31/360 is 9.4722..., at 6 % over half a year 30.00.
        let month = YearFraction { top: 31, bottom: 360 };
        let accrued = 100_000_i64.accrue(ExactInterest::default(), rate(0.11), month).unwrap();
        assert_eq!(i64::settled(accrued), Some(947));
        // Two halves of a cent and a half: 1.5 + 1.5 is 3, not 2 + 2. 1.5 alone goes to 2, 2.5 to 2.
        let half = YearFraction { top: 1, bottom: 2 };
        let once = 30_i64.accrue(ExactInterest::default(), rate(0.1), half).unwrap();
        let twice = 30_i64.accrue(once, rate(0.1), half).unwrap();
        assert_eq!((i64::settled(once), i64::settled(twice)), (Some(2), Some(3)));
        let again = 50_i64.accrue(ExactInterest::default(), rate(0.1), half).unwrap();
        assert_eq!(i64::settled(again), Some(2));
        // Negative rates obey the same rule.
        let negative = 30_i64.accrue(ExactInterest::default(), rate(-0.1), half).unwrap();
        assert_eq!(i64::settled(negative), Some(-2));
    }

    #[test]
    fn bottoms_that_differ_add_up_exactly() {
        // A third of a year by one count and a sixth by another are a half.
        let third = YearFraction { top: 122, bottom: 366 };
        let sixth = YearFraction { top: 60, bottom: 360 };
        let first = 10_i64.accrue(ExactInterest::default(), rate(0.1), third).unwrap();
        let both = 10_i64.accrue(first, rate(0.1), sixth).unwrap();
        let half = YearFraction { top: 1, bottom: 2 };
        let whole = 10_i64.accrue(ExactInterest::default(), rate(0.1), half).unwrap();
        assert_eq!(both.top * whole.denominator(), whole.top * both.denominator());
    }

    #[test]
    fn what_does_not_fit_is_none() {
        let century = YearFraction { top: 133_590 * 100, bottom: 133_590 };
        assert!(i64::MAX.accrue(ExactInterest::default(), rate(100.0), century).is_some(), "reduced to 100 years");
        let broken = YearFraction { top: 133_590 * 100 + 1, bottom: 133_590 };
        assert_eq!(i64::MAX.accrue(ExactInterest::default(), rate(100.0), broken), None);
        let huge = i64::MAX.accrue(ExactInterest::default(), rate(100.0), YearFraction { top: 2, bottom: 1 }).unwrap();
        assert_eq!(i64::settled(huge), None);
    }

    proptest! {
        #[test]
        fn portions_are_within_half(amount in -(1_i64 << 62)..(1_i64 << 62), bottom in 1_i64..1_000_000_000_000, share in 0.0..=1.0_f64) {
            let top = (bottom as f64 * share) as i64;
            let off = i128::from(amount.portion(top, bottom)) * i128::from(bottom) - i128::from(amount) * i128::from(top);
            prop_assert!(off.abs() * 2 <= i128::from(bottom));
        }
    }
}
