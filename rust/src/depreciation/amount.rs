//! What schedules need of an amount beyond straight line: exact portions, once rounded, and comparisons.
//!
//! Headroom: an `i64` times a numerator below 2^63 stays below 2^126. Shares of a life are below 2^62 (see each
//! method), shares of a sale below 2^46.
#![forbid(unsafe_code)]

use super::straight_line::{self, Amount};
use crate::money::{round_half_even, small_f64};
use crate::rate::Rate;

/// An amount that methods and events can compute in: `i64` minor units, or unrounded `f64`.
pub trait Exact: Amount + PartialOrd {
    /// `self x numerator / denominator`, half-even where amounts are whole.
    #[must_use]
    fn portion(self, numerator: i128, denominator: i128) -> Self;
    /// Whether `self x left >= other x right`, exactly where amounts are whole.
    #[must_use]
    fn reaches(self, left: i128, other: Self, right: i128) -> bool;
    /// The amount with its sign turned.
    #[must_use]
    fn negated(self) -> Self;
    /// The amount in minor units, where it is whole: tax returns have no others.
    #[must_use]
    fn whole(self) -> i64;
    /// An amount of minor units.
    #[must_use]
    fn of_whole(minor: i64) -> Self;
    /// Whether two balances of what cost so much are the same, but for float dust.
    #[must_use]
    fn matches(self, other: Self, cost: Self) -> bool;
    /// Whether the sum of two amounts of zero and more is an amount, too.
    #[must_use]
    fn has_room_for(self, other: Self) -> bool;
    /// Writes the charges whose running total is `self` times the share reached, which goes up to `total`; `before` was
    /// charged earlier.
    fn charges_by(self, total: i64, before: Self, reached: impl Iterator<Item = i64>, charges: &mut [Self]);

    /// The smaller amount.
    #[must_use]
    fn lesser(self, other: Self) -> Self {
        if other < self { other } else { self }
    }

    /// Nothing below zero.
    #[must_use]
    fn at_least_zero(self) -> Self {
        if self < Self::default() { Self::default() } else { self }
    }
}

/// Shares of an amount by a decimal rate.
pub trait Shared: Sized {
    /// The share, rounded once.
    #[must_use]
    fn shared(self, rate: Rate) -> Self;
    /// The share of a fraction, rounded once.
    #[must_use]
    fn shared_of(self, rate: Rate, fraction: (i128, i128)) -> Self;
}

impl<T: Exact> Shared for T {
    fn shared(self, rate: Rate) -> T {
        self.shared_of(rate, (1, 1))
    }

    fn shared_of(self, rate: Rate, (top, bottom): (i128, i128)) -> T {
        let (numerator, denominator) = rate.as_fraction();
        self.portion(i128::from(numerator).saturating_mul(top), i128::from(denominator).saturating_mul(bottom))
    }
}

impl Exact for i64 {
    fn portion(self, numerator: i128, denominator: i128) -> i64 {
        if let (Ok(top), Ok(bottom)) = (i64::try_from(numerator), i64::try_from(denominator))
            && let Some(product) = self.checked_mul(top)
        {
            return crate::money::quotient_half_even(product, bottom);
        }
        let exact = round_half_even(i128::from(self).saturating_mul(numerator), denominator);
        // Portions are at most the whole.
        i64::try_from(exact).unwrap_or(self)
    }

    fn reaches(self, left: i128, other: i64, right: i128) -> bool {
        i128::from(self).saturating_mul(left) >= i128::from(other).saturating_mul(right)
    }

    fn negated(self) -> i64 {
        self.saturating_neg()
    }

    fn whole(self) -> i64 {
        self
    }

    fn of_whole(minor: i64) -> i64 {
        minor
    }

    fn matches(self, other: i64, _: i64) -> bool {
        self == other
    }

    fn has_room_for(self, other: i64) -> bool {
        self.checked_add(other).is_some()
    }

    fn charges_by(self, total: i64, before: i64, reached: impl Iterator<Item = i64>, charges: &mut [i64]) {
        if self >= 0 && straight_line::is_small(self, total) {
            straight_line::small_balances_into(self, total, reached.map(small_f64), before, charges);
            return;
        }
        let mut before = before;
        for (slot, reached) in charges.iter_mut().zip(reached) {
            let balance = self.portion(reached.into(), total.into());
            *slot = balance.wrapping_sub(before);
            before = balance;
        }
    }
}

impl Exact for f64 {
    fn portion(self, numerator: i128, denominator: i128) -> f64 {
        self * float(numerator) / float(denominator)
    }

    fn reaches(self, left: i128, other: f64, right: i128) -> bool {
        // Where both sides are equal in truth, float dust must not decide.
        let (left, right) = (self * float(left), other * float(right));
        left >= right - right.abs() * 1e-13
    }

    fn negated(self) -> f64 {
        -self
    }

    fn whole(self) -> i64 {
        0
    }

    fn of_whole(_: i64) -> f64 {
        0.0
    }

    fn matches(self, other: f64, cost: f64) -> bool {
        // A balance is a difference of sums of the size of the cost.
        (self - other).abs() <= 1e-9 * self.abs().max(other.abs()).max(1e-3 * cost.abs())
    }

    fn has_room_for(self, other: f64) -> bool {
        (self + other).is_finite()
    }

    fn charges_by(self, total: i64, before: f64, reached: impl Iterator<Item = i64>, charges: &mut [f64]) {
        let mut before = before;
        for (slot, reached) in charges.iter_mut().zip(reached) {
            let balance = self.portion(reached.into(), total.into());
            *slot = balance - before;
            before = balance;
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "shares need no more than a double holds")]
fn float(whole: i128) -> f64 {
    whole as f64
}
