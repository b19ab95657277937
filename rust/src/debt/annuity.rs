//! The level payment: one amount for all periods, by which a balance and its interest are repaid at the last.
//!
//! With `X` the balance and its interest by the first payment, and growth `g` over each later period,
//!
//! `A = X x g_2 x ... x g_m / (1 + g_m + g_m g_(m-1) + ... + g_m ... g_2)`, `g_i = 1 + rate x t_i`.
//!
//! Periods may differ in length, so there is no power to take. Where all are alike this is the textbook's payment.
//! Cents: the rational itself is rounded, half to even. Float64 with a bound on its error decides, unless the bound
//! reaches a tie; then whole numbers of any length do.
#![forbid(unsafe_code)]

use std::cmp::Ordering;

use super::amount::{Amount, ExactInterest, common_divisor};
use super::natural::Natural;
use crate::calendar::YearFraction;
use crate::rate::AnnualRate;

/// The payment in float64.
pub fn unrounded(due: f64, rate: AnnualRate, later: &[YearFraction]) -> f64 {
    let rate = rate.as_f64();
    let (mut growth, mut sum) = (1.0, 1.0);
    for time in later {
        let factor = 1.0 + rate * time.as_f64();
        growth *= factor;
        sum = 1.0 + factor * sum;
    }
    due * (growth / sum)
}

/// The payment in whole minor units; `None` where it does not fit.
pub fn exact(balance: i64, interest: ExactInterest, rate: AnnualRate, later: &[YearFraction]) -> Option<i64> {
    if let Some(decided) = quick(balance, interest, rate, later) {
        return Some(decided);
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
/// and, for `x >= -1/2`, the factor `1 + x` by 4 u. A step of the sum multiplies and adds: 6 u more. A step of the
/// growth multiplies: 5 u more. The amount due is off by at most 15 u where interest is at least minus half the
/// balance, and two divisions and a product end it: (11 m + 18) u in all, to first order. 12 m + 32 leaves room for
/// the rest up to 10^6 periods.
fn quick(balance: i64, interest: ExactInterest, rate: AnnualRate, later: &[YearFraction]) -> Option<i64> {
    const UNIT_ROUNDOFF: f64 = f64::EPSILON / 2.0;
    const LARGEST: f64 = 2_251_799_813_685_248.0; // 2^51
    let lent = balance.as_f64();
    #[expect(clippy::cast_precision_loss, reason = "rounded once, as the bound supposes")]
    let earned = interest.top as f64 / interest.denominator() as f64;
    let lowest = later.iter().map(|time| time.as_f64()).fold(0.0, f64::max) * rate.as_f64();
    if earned < -lent / 2.0 || lowest < -0.5 || later.len() > 1_000_000 {
        return None;
    }
    let payment = unrounded(lent + earned, rate, later);
    #[expect(clippy::cast_precision_loss, reason = "at most 10^6")]
    let bound = payment * (12.0 * later.len() as f64 + 32.0) * UNIT_ROUNDOFF;
    // NaN and infinities, where growth overflows, lie in no range.
    if !(0.0..LARGEST).contains(&payment) || bound >= 0.25 {
        return None;
    }
    let whole = payment.floor();
    let beyond_tie = payment - whole - 0.5; // exact: both are multiples of the same power of two, and so is 1/2
    if beyond_tie.abs() <= bound {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^51")]
    let whole = whole as i64;
    whole.checked_add(i64::from(beyond_tie > 0.0))
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
