//! Products of 128-bit integers without loss, and their quotients rounded once.
//!
//! The margin of a test is a difference of products of amounts, window lengths and thresholds of twelve decimals. It
//! nearly always fits an `i128`; where it does not, 384 bits do: amounts of 63 bits summed over a window stay below
//! 2^94 with their common denominator, and no product here has more than 2^300.
#![forbid(unsafe_code)]

use std::cmp::Ordering;

const LIMBS: usize = 6;
const BITS: u32 = 384;

/// An integer of 384 bits and a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wide {
    negative: bool,
    limbs: [u64; LIMBS], // least first
}

impl From<i128> for Wide {
    fn from(value: i128) -> Self {
        let mut limbs = [0; LIMBS];
        for (slot, half) in limbs.iter_mut().zip(halves(value.unsigned_abs())) {
            *slot = half;
        }
        Self { negative: value < 0, limbs }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the halves of 128 bits")]
fn halves(value: u128) -> [u64; 2] {
    [value as u64, (value >> 64) as u64]
}

impl Wide {
    /// The product with another integer.
    #[must_use]
    pub fn times(self, factor: i128) -> Self {
        let [low, high] = halves(factor.unsigned_abs());
        let upper = times_limb(self.limbs, high);
        let mut shifted = [0; LIMBS];
        for (slot, limb) in shifted.iter_mut().skip(1).zip(upper) {
            *slot = limb;
        }
        let limbs = add_limbs(times_limb(self.limbs, low), shifted);
        Self { negative: self.negative != (factor < 0) && limbs != [0; LIMBS], limbs }
    }

    /// The difference.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        if self.negative != other.negative {
            return Self { negative: self.negative, limbs: add_limbs(self.limbs, other.limbs) };
        }
        match compare(&self.limbs, &other.limbs) {
            Ordering::Equal => Self { negative: false, limbs: [0; LIMBS] },
            Ordering::Greater => Self { negative: self.negative, limbs: subtract(self.limbs, other.limbs) },
            Ordering::Less => Self { negative: !self.negative, limbs: subtract(other.limbs, self.limbs) },
        }
    }

    /// With the other sign.
    #[must_use]
    pub fn negated(self) -> Self {
        Self { negative: !self.negative && !self.is_zero(), limbs: self.limbs }
    }

    /// Whether it is 0.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.limbs == [0; LIMBS]
    }

    /// Its sign: how it compares with 0.
    #[must_use]
    pub fn sign(self) -> Ordering {
        match (self.is_zero(), self.negative) {
            (true, _) => Ordering::Equal,
            (_, true) => Ordering::Less,
            (_, false) => Ordering::Greater,
        }
    }

    /// The double nearest to `self / bottom`; `None` over 0.
    #[must_use]
    pub fn over(self, bottom: Self) -> Option<f64> {
        if bottom.is_zero() {
            return None;
        }
        let size = match (small(&self.limbs), small(&bottom.limbs)) {
            (Some(top), Some(bottom)) => top / bottom,
            _ => medium_ratio(self.size(), bottom.size()).unwrap_or_else(|| long_ratio(self.limbs, bottom.limbs)),
        };
        Some(if self.negative != bottom.negative && size != 0.0 { -size } else { size })
    }

    /// `self / bottom` rounded down; `None` over 0 or beyond 127 bits.
    #[must_use]
    pub fn floor_over(self, bottom: Self) -> Option<i128> {
        let bottom_sign = bottom.negative;
        if bottom.is_zero() {
            return None;
        }
        if let (Some(top), Some(bottom)) = (self.size(), bottom.size()) {
            let (whole, rest) = (top.checked_div(bottom)?, top.checked_rem(bottom)?);
            return signed(whole, self.negative != bottom_sign, rest != 0);
        }
        let (whole, rest) = divide(self.limbs, bottom.limbs);
        let mut parts = whole.iter().copied();
        let (low, high) = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        if parts.any(|limb| limb != 0) {
            return None;
        }
        signed(u128::from(high) << 64 | u128::from(low), self.negative != bottom_sign, rest != [0; LIMBS])
    }

    /// How large it is, if that fits 128 bits.
    fn size(self) -> Option<u128> {
        let mut limbs = self.limbs.into_iter();
        let (low, high) = (limbs.next()?, limbs.next()?);
        limbs.all(|limb| limb == 0).then_some(u128::from(high) << 64 | u128::from(low))
    }
}

/// A quotient rounded towards zero, rounded down.
fn signed(whole: u128, negative: bool, has_rest: bool) -> Option<i128> {
    let whole = i128::try_from(whole).ok()?;
    if negative { whole.checked_neg()?.checked_sub(i128::from(has_rest)) } else { Some(whole) }
}

impl PartialOrd for Wide {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Wide {
    fn cmp(&self, other: &Self) -> Ordering {
        self.minus(*other).sign()
    }
}

/// A whole number that a double holds exactly.
fn small(limbs: &[u64; LIMBS]) -> Option<f64> {
    let (low, rest) = limbs.split_first()?;
    #[expect(clippy::cast_precision_loss, reason = "at most 2^53")]
    (rest.iter().all(|limb| *limb == 0) && *low <= 1 << 53).then_some(*low as f64)
}

fn compare(a: &[u64; LIMBS], b: &[u64; LIMBS]) -> Ordering {
    a.iter().rev().cmp(b.iter().rev())
}

fn add_limbs(mut a: [u64; LIMBS], b: [u64; LIMBS]) -> [u64; LIMBS] {
    let mut carry = false;
    for (slot, other) in a.iter_mut().zip(b) {
        let (sum, over) = slot.overflowing_add(other);
        let (sum, again) = sum.overflowing_add(u64::from(carry));
        (*slot, carry) = (sum, over || again);
    }
    a
}

/// `a - b` for `a >= b`.
fn subtract(mut a: [u64; LIMBS], b: [u64; LIMBS]) -> [u64; LIMBS] {
    let mut borrow = false;
    for (slot, other) in a.iter_mut().zip(b) {
        let (rest, under) = slot.overflowing_sub(other);
        let (rest, again) = rest.overflowing_sub(u64::from(borrow));
        (*slot, borrow) = (rest, under || again);
    }
    a
}

fn times_limb(mut a: [u64; LIMBS], factor: u64) -> [u64; LIMBS] {
    let mut carry = 0;
    for slot in &mut a {
        // (2^64 - 1)^2 + 2^64 - 1 < 2^128
        let product = u128::from(*slot).wrapping_mul(u128::from(factor)).wrapping_add(u128::from(carry));
        [*slot, carry] = halves(product);
    }
    a
}

fn bit_length(a: &[u64; LIMBS]) -> u32 {
    let zeros = a.iter().rev().try_fold(0_u32, |zeros, limb| match limb {
        0 => Ok(zeros.saturating_add(64)),
        limb => Err(zeros.saturating_add(limb.leading_zeros())),
    });
    BITS.saturating_sub(zeros.unwrap_or_else(|zeros| zeros))
}

fn doubled(a: [u64; LIMBS], low_bit: bool) -> [u64; LIMBS] {
    let mut out = add_limbs(a, a);
    if let Some(low) = out.first_mut() {
        *low |= u64::from(low_bit);
    }
    out
}

fn shifted(a: [u64; LIMBS], bits: u32) -> [u64; LIMBS] {
    (0..bits).fold(a, |a, _| doubled(a, false))
}

/// Quotient and rest, bit by bit: only amounts near the end of 64 bits come here.
fn divide(top: [u64; LIMBS], bottom: [u64; LIMBS]) -> ([u64; LIMBS], [u64; LIMBS]) {
    let (mut whole, mut rest) = ([0; LIMBS], [0; LIMBS]);
    for limb in top.iter().rev() {
        for bit in (0..64_u32).rev() {
            rest = doubled(rest, (limb >> bit) & 1 == 1);
            let fits = compare(&rest, &bottom) != Ordering::Less;
            if fits {
                rest = subtract(rest, bottom);
            }
            whole = doubled(whole, fits);
        }
    }
    (whole, rest)
}

/// The double nearest to a quotient, by one division of 128 bits where that leaves 56 bits of it.
fn medium_ratio(top: Option<u128>, bottom: Option<u128>) -> Option<f64> {
    let (top, bottom) = (top?, bottom?);
    let shift = top.leading_zeros();
    if top == 0 || bottom >> 71 != 0 {
        return None;
    }
    let scaled = top << shift;
    let sticky = u128::from(scaled.checked_rem(bottom)? != 0);
    #[expect(clippy::cast_precision_loss, reason = "the one rounding that is meant")]
    let rounded = (scaled.checked_div(bottom)? | sticky) as f64;
    Some(rounded * power_of_two(shift.cast_signed().saturating_neg()))
}

/// The double nearest to a quotient of integers of any length.
fn long_ratio(top: [u64; LIMBS], bottom: [u64; LIMBS]) -> f64 {
    if top == [0; LIMBS] {
        return 0.0;
    }
    // Scaled so that the quotient has 66 or 67 bits; a last bit that stands for all that was cut off then rounds as
    // the exact quotient does.
    let shift = bit_length(&bottom).cast_signed().saturating_add(66).saturating_sub(bit_length(&top).cast_signed());
    let (whole, rest) = if shift >= 0 {
        divide(shifted(top, shift.unsigned_abs()), bottom)
    } else {
        divide(top, shifted(bottom, shift.unsigned_abs()))
    };
    let mut parts = whole.iter().copied();
    let (low, high) = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    let sticky = u64::from(rest != [0; LIMBS]);
    let bits = u128::from(high) << 64 | u128::from(low | sticky);
    #[expect(clippy::cast_precision_loss, reason = "the one rounding that is meant")]
    let rounded = bits as f64;
    rounded * power_of_two(shift.saturating_neg())
}

/// 2 to an exponent between -1022 and 1023.
fn power_of_two(exponent: i32) -> f64 {
    let biased = u64::from(exponent.saturating_add(1023).clamp(1, 2046).unsigned_abs());
    f64::from_bits(biased << 52)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::cast_precision_loss, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    fn wide(value: i128) -> Wide {
        Wide::from(value)
    }

    #[test]
    fn products_beyond_128_bits_compare_exactly() {
        let big = wide(i128::MAX).times(i128::MAX);
        assert_eq!(big.minus(big).sign(), Ordering::Equal);
        assert!(big.minus(wide(1)) < big && big.negated() < wide(i128::MIN));
        assert_eq!(big.floor_over(wide(i128::MAX)), Some(i128::MAX));
        assert_eq!(big.negated().minus(wide(1)).floor_over(wide(i128::MAX)), i128::MAX.checked_neg().map(|n| n - 1));
        assert_eq!(big.floor_over(wide(1)), None);
        assert_eq!(big.over(big), Some(1.0));
        assert_eq!((wide(1).over(wide(0)), wide(0).over(big), wide(1).over(wide(-4))), (None, Some(0.0), Some(-0.25)));
    }

    #[test]
    fn quotients_are_the_nearest_double() {
        // 2^53 + 1 lies between two doubles and goes to the even one; a hair more goes up.
        let odd = (1_i128 << 53) + 1;
        assert_eq!(wide(odd).over(wide(1)), Some((1_u64 << 53) as f64));
        assert_eq!(wide(odd * 1_000 + 1).over(wide(1_000)), Some(((1_u64 << 53) + 2) as f64));
        assert_eq!(wide(1).times(1 << 100).over(wide(3).times(1 << 100)), Some(1.0 / 3.0));
    }

    proptest! {
        #[test]
        fn as_in_128_bits(a in any::<i64>(), b in any::<i64>(), c in 1_i64.., shift in 0_u32..60) {
            let (a, b, c) = (i128::from(a), i128::from(b), i128::from(c));
            let product = wide(a).times(b);
            prop_assert_eq!(product, wide(a * b));
            prop_assert_eq!(product.floor_over(wide(c)), Some((a * b).div_euclid(c)));
            prop_assert_eq!(product.cmp(&wide(c)), (a * b).cmp(&c));
            prop_assert_eq!(product.minus(wide(c)), wide(a * b - c));
            // Both ways to a quotient agree where both are open.
            let (top, bottom) = (a >> 12, (c >> 12).max(1));
            let far = wide(top).times(1_i128 << shift << 60).over(wide(bottom).times(1_i128 << shift << 60));
            prop_assert_eq!(far, wide(top).over(wide(bottom)));
        }
    }
}
