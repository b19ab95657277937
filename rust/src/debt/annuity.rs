//! The level payment: one amount for all periods, by which a balance and its interest are repaid at the last.
//!
//! With `X` the balance and its interest by the first payment, and growth `g` over each later period,
//!
//! `A = X / (1 + 1/g_2 + 1/(g_2 g_3) + ... + 1/(g_2 ... g_m))`, `g_i = 1 + rate x t_i`.
//!
//! Periods may differ in length, so there is no power to take. Where all are alike this is the textbook's payment.
//! Cents: the rational itself is rounded, half to even. Float64 with a bound on its error decides, unless the bound
//! reaches a tie; then twice its digits ([`super::double_double`]) do, and then whole numbers of any length.
#![forbid(unsafe_code)]

use std::cmp::Ordering;

use super::amount::{Amount, ExactInterest, common_divisor};
use super::double_double::DoubleDouble;
use super::natural::Natural;
use crate::calendar::YearFraction;
use crate::rate::AnnualRate;

/// The payment in float64.
pub fn unrounded(due: f64, rate: AnnualRate, later: &[YearFraction]) -> f64 {
    let rate = rate.as_f64();
    due / later.iter().rev().fold(1.0, |worth, time| 1.0 + worth / (1.0 + rate * time.as_f64()))
}

/// The payment in whole minor units; `None` where it does not fit.
pub fn exact(balance: i64, interest: ExactInterest, rate: AnnualRate, later: &[YearFraction]) -> Option<i64> {
    // Shrinking by more than half in a period is beyond the proofs below, and beyond any loan.
    let shrinks = rate.parts() < 0 && later.iter().any(|time| rate.as_f64() * time.as_f64() < -0.5);
    let indebted =
        interest.top.checked_mul(2)? >= i128::from(balance).checked_neg()?.checked_mul(interest.denominator())?;
    if !shrinks && indebted && later.len() <= 1_000_000 {
        let decided = quick(balance, interest, rate, later).or_else(|| precise(balance, interest, rate, later));
        if decided.is_some() {
            return decided;
        }
    }
    let parts = Parts::new(balance, interest, rate, later)?;
    if parts.top.is_zero() {
        return Some(0);
    }
    // The least k whose upper tie k + 1/2 is not below the payment.
    let (mut low, mut high) = (0_u64, i64::MAX.unsigned_abs());
    while low < high {
        let middle = low.midpoint(high);
        match parts.against_tie_above(middle) {
            Ordering::Less => high = middle,
            Ordering::Greater => low = middle.checked_add(1)?,
            Ordering::Equal => {
                let even = if middle % 2 == 0 { middle } else { middle.checked_add(1)? };
                return i64::try_from(even).ok();
            }
        }
    }
    i64::try_from(low).ok().filter(|found| *found < i64::MAX)
}

/// The payment if float64 can tell.
///
/// With u = 2^-53: a rate, a time and their product are each rounded once, so `x = rate x t` is off by 3 u of its size
/// and, for `x >= -1/2`, the factor `1 + x` by 4 u. A step divides by it and adds 1: 6 u more. The amount due is off by
/// at most 15 u where interest is at least minus half the balance, and a division ends it: (6 m + 16) u in all, to
/// first order. 7 m + 32 leaves room for the rest up to 10^6 periods.
fn quick(balance: i64, interest: ExactInterest, rate: AnnualRate, later: &[YearFraction]) -> Option<i64> {
    const UNIT_ROUNDOFF: f64 = f64::EPSILON / 2.0;
    const LARGEST: f64 = 2_251_799_813_685_248.0; // 2^51
    #[expect(clippy::cast_precision_loss, reason = "rounded once, as the bound supposes")]
    let earned = interest.top as f64 / interest.denominator() as f64;
    let payment = unrounded(balance.as_f64() + earned, rate, later);
    #[expect(clippy::cast_precision_loss, reason = "at most 10^6")]
    let bound = payment * (7.0 * later.len() as f64 + 32.0) * UNIT_ROUNDOFF;
    if !(0.0..LARGEST).contains(&payment) || bound >= 0.25 {
        return None;
    }
    let whole = payment.floor();
    // Exact: both are multiples of the same power of two, and so is 1/2.
    decide(integer(whole)?, payment - whole, bound)
}

/// The payment if twice the digits can tell.
///
/// With v = 2^-100 no operation of [`DoubleDouble`] is off by more than v of its result. A factor is off by 4 v for
/// `x >= -1/2`, a step by 2 v more, and the amount due and the last division by 8 v: (6 m + 8) v, for which 8 m + 16
/// stand. A payment below 2^62 is then off by less than 2^-14 up to 10^6 periods.
fn precise(balance: i64, interest: ExactInterest, rate: AnnualRate, later: &[YearFraction]) -> Option<i64> {
    const UNIT_ROUNDOFF: f64 = f64::EPSILON / 281_474_976_710_656.0; // 2^-52 / 2^48
    const LARGEST: f64 = 4_611_686_018_427_387_904.0; // 2^62
    let one = DoubleDouble::of(1);
    let earned = DoubleDouble::of(interest.top).over(DoubleDouble::of(interest.denominator()));
    let due = DoubleDouble::of(balance.into()).plus(earned);
    let unit = i128::from(AnnualRate::UNIT);
    let mut worth = one;
    for time in later.iter().rev() {
        let top = DoubleDouble::of(i128::from(rate.parts()).checked_mul(time.top.into())?);
        let factor = one.plus(top.over(DoubleDouble::of(unit.checked_mul(time.bottom.into())?)));
        worth = one.plus(worth.over(factor));
    }
    let payment = due.over(worth);
    #[expect(clippy::cast_precision_loss, reason = "at most 10^6")]
    let bound = payment.high() * (8.0 * later.len() as f64 + 16.0) * UNIT_ROUNDOFF;
    if !(0.0..LARGEST).contains(&payment.high()) {
        return None;
    }
    let (whole, part) = payment.split();
    // The part is below 2^10 and rounded once.
    let ahead = part.floor();
    decide(integer(whole)?.checked_add(integer(ahead)?)?, part - ahead, bound + 1e-12)
}

/// The nearest whole number to `whole + part`, unless it is within `bound` of a tie.
fn decide(whole: i64, part: f64, bound: f64) -> Option<i64> {
    let beyond_tie = part - 0.5;
    // NaN is within every bound.
    if beyond_tie > bound { whole.checked_add(1) } else { (beyond_tie < -bound).then_some(whole) }
}

/// A whole number up to 2^62 in size.
fn integer(float: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "checked")]
    (float.abs() <= 4_611_686_018_427_387_904.0).then_some(float as i64)
}

/// The payment as one fraction.
struct Parts {
    /// Twice the numerator.
    top: Natural,
    bottom: Natural,
}

impl Parts {
    fn new(balance: i64, interest: ExactInterest, rate: AnnualRate, later: &[YearFraction]) -> Option<Self> {
        let mut due = Natural::of(u64::try_from(balance).ok()?.into());
        let denominator = u128::try_from(interest.denominator()).ok()?;
        due.multiply(denominator);
        due.add_signed(interest.top);
        let (mut growth, mut before, mut sum) = (due, Natural::of(1), Natural::of(1));
        for time in later {
            let (top, bottom) = factor(rate, *time)?;
            growth.multiply(top);
            before.multiply(bottom);
            sum.multiply(top);
            sum.add(&before);
        }
        growth.multiply(2);
        sum.multiply(denominator);
        Some(Self { top: growth, bottom: sum })
    }

    /// The payment compared with `whole + 1/2`.
    fn against_tie_above(&self, whole: u64) -> Ordering {
        let mut tie = self.bottom.clone();
        tie.multiply(u128::from(whole).saturating_mul(2).saturating_add(1));
        self.top.compare(&tie)
    }
}

/// `1 + rate x time` in lowest terms.
fn factor(rate: AnnualRate, time: YearFraction) -> Option<(u128, u128)> {
    let bottom = i128::from(AnnualRate::UNIT).checked_mul(time.bottom.into())?;
    let top = bottom.checked_add(i128::from(rate.parts()).checked_mul(time.top.into())?)?;
    let (top, bottom) = (u128::try_from(top).ok()?, u128::try_from(bottom).ok()?);
    let common = common_divisor(top, bottom);
    Some((top.checked_div(common)?, bottom.checked_div(common)?))
}

#[cfg(test)]
#[path = "annuity_tests.rs"]
mod tests;
