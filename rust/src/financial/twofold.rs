//! Numbers of twice the precision, and what is left of 1 after so many periods at a rate.
//!
//! An annuity is a quotient of powers of `1 + rate`. A float64 power is off by as many ulps as its logarithm is long,
//! and its difference from 1 by far more, so both are carried as an unevaluated sum of two doubles (T. J. Dekker, "A
//! floating-point technique for extending the available precision", 1971) and rounded once, at the end.
#![forbid(unsafe_code)]
#![allow(clippy::arithmetic_side_effects, reason = "only doubles here, two of which make a Twofold")]

use std::ops::{Add, Div, Mul, Neg, Sub};

/// An unevaluated sum of two doubles, the second below half an ulp of the first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Twofold {
    high: f64,
    low: f64,
}

/// `a + b` exactly.
fn sum(a: f64, b: f64) -> Twofold {
    let high = a + b;
    let of_b = high - a;
    Twofold { high, low: (a - (high - of_b)) + (b - of_b) }
}

/// `a + b` exactly where `a` is the larger.
fn quick_sum(a: f64, b: f64) -> Twofold {
    let high = a + b;
    Twofold { high, low: b - (high - a) }
}

/// Two halves of 26 bits.
fn split(a: f64) -> (f64, f64) {
    let shifted = 134_217_729.0 * a; // 2^27 + 1
    let high = shifted - (shifted - a);
    (high, a - high)
}

/// `a * b` exactly, up to 2^996.
fn product(a: f64, b: f64) -> Twofold {
    let high = a * b;
    let ((a1, a0), (b1, b0)) = (split(a), split(b));
    Twofold { high, low: ((a1 * b1 - high) + a1 * b0 + a0 * b1) + a0 * b0 }
}

impl Twofold {
    /// The nearest double.
    #[must_use]
    pub fn round(self) -> f64 {
        let rounded = self.high + self.low;
        // What overflows has no low part.
        if rounded.is_nan() { self.high } else { rounded }
    }
}

impl From<f64> for Twofold {
    fn from(value: f64) -> Self {
        Self { high: value, low: 0.0 }
    }
}

impl Neg for Twofold {
    type Output = Self;
    fn neg(self) -> Self {
        Self { high: -self.high, low: -self.low }
    }
}

impl Add for Twofold {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let high = sum(self.high, other.high);
        let low = sum(self.low, other.low);
        let first = quick_sum(high.high, high.low + low.high);
        quick_sum(first.high, first.low + low.low)
    }
}

impl Sub for Twofold {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Twofold {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let first = product(self.high, other.high);
        quick_sum(first.high, first.low + (self.high * other.low + self.low * other.high))
    }
}

impl Div for Twofold {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let first = self.high / other.high;
        let rest = self - other * first.into();
        let second = rest.high / other.high;
        if !second.is_finite() {
            return first.into(); // beyond what can be split
        }
        let rest = rest - other * second.into();
        quick_sum(first, second) + (rest.high / other.high).into()
    }
}

/// What is left of 1, and what is lost, after some periods: `left = q^n` and `lost = 1 - q^n`.
///
/// `q` is `1 / (1 + rate)` for rates above 0 and `1 + rate` for those below, so it never exceeds 1 and nothing
/// overflows. Both parts are sums and products of positive numbers, hence right to the last digits each.
#[derive(Clone, Copy, Debug)]
pub struct Decay {
    /// `q^n`.
    pub left: Twofold,
    /// `1 - q^n`.
    pub lost: Twofold,
}

impl Decay {
    fn then(self, next: Self) -> Self {
        Self { left: self.left * next.left, lost: self.lost + self.left * next.lost }
    }

    fn one(rate: f64) -> Self {
        let growth = sum(1.0, rate);
        if rate > 0.0 {
            let one = Twofold::from(1.0);
            Self { left: one / growth, lost: Twofold::from(rate) / growth }
        } else {
            Self { left: growth, lost: (-rate).into() }
        }
    }

    /// After `periods` at `rate`, which is above -1.
    #[must_use]
    pub fn over(rate: f64, periods: f64) -> Self {
        /// From here on every double is a whole number, and the powers would take too many squares to stay exact.
        const MANY: f64 = 9_007_199_254_740_992.0;
        let whole = if periods < MANY { periods.floor() } else { 0.0 };
        let broken = periods - whole;
        let mut total = Self { left: 1.0.into(), lost: 0.0.into() };
        if broken > 0.0 {
            let log = -rate.ln_1p().abs() * broken;
            total = Self { left: log.exp().into(), lost: (-log.exp_m1()).into() };
        }
        let mut power = Self::one(rate);
        let mut rest = whole;
        while rest > 0.0 {
            let half = (rest / 2.0).floor();
            if rest > 2.0 * half {
                total = total.then(power);
            }
            if half > 0.0 {
                power = power.then(power);
            }
            rest = half;
        }
        total
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp, reason = "exact by design")]
    use super::*;

    #[test]
    fn products_and_quotients_keep_twice_the_digits() {
        let third = Twofold::from(1.0) / 3.0.into();
        let nothing = (third * 3.0.into() - 1.0.into()).round();
        assert!(nothing.abs() < 1e-31, "{nothing}");
        let square = product(1.0 + f64::EPSILON, 1.0 + f64::EPSILON);
        assert_eq!((square.high, square.low), (1.0 + 2.0 * f64::EPSILON, f64::EPSILON * f64::EPSILON));
    }

    #[test]
    fn nothing_is_lost_to_cancellation() {
        // 1 - (1 + 1e-16)^-360 is 360 x 1e-16 less a term of 6.5e-28.
        let decay = Decay::over(1e-16, 360.0);
        assert!((decay.lost.round() / 3.6e-14 - 1.0).abs() < 1e-13);
        // 0.01^360 underflows, and all is lost.
        let decay = Decay::over(-0.99, 360.0);
        assert_eq!((decay.left.round(), decay.lost.round()), (0.0, 1.0));
        let halves = Decay::over(-0.5, 10.0);
        assert_eq!((halves.left.round(), halves.lost.round()), (1.0 / 1024.0, 1023.0 / 1024.0));
        let root = Decay::over(3.0, 0.5);
        assert_eq!((root.left.round(), root.lost.round()), (0.5, 0.5));
        assert!(Decay::over(1e-9, 1e18).lost.round() == 1.0);
    }
}
