//! Money as an integer number of minor units, and the one rounding rule.
//!
//! An amount becomes an `i64` count of minor units at the door and a float64 again on the way out, the double
//! nearest to the exact decimal. Products are `i128`. Rounding is half-to-even, once, of an exact rational.
#![forbid(unsafe_code)]

use crate::error::Rule;

/// A float64 amount at or above this many minor units is refused: up to here adding `1.5 * 2^52` rounds to the
/// nearest integer exactly, and every hundredth survives the trip through a double.
pub const FLOAT_LIMIT_MINOR: f64 = 2_251_799_813_685_248.0; // 2^51

const ROUNDER: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52

// A product within 5/4 epsilon of its size from a whole number means an amount within 7/4 epsilon of its own size from a
// minor unit, which is inside the 4 ulp allowed; the double nearest to a minor unit is always within 1 epsilon. This
// spares a division for each amount.
const NEAR: f64 = 1.25 * f64::EPSILON;

/// How many decimal digits the currency has: 0 (JPY) to 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinorUnits {
    digits: u8,
    scale: u16,
}

impl MinorUnits {
    /// `digits` from 0 to 4.
    #[must_use]
    pub fn new(digits: u8) -> Option<Self> {
        let scale = match digits {
            0 => 1,
            1 => 10,
            2 => 100,
            3 => 1_000,
            4 => 10_000,
            _ => return None,
        };
        Some(Self { digits, scale })
    }

    /// Minor units to a major unit: 100 for cents.
    #[must_use]
    pub fn scale(self) -> f64 {
        f64::from(self.scale)
    }

    /// The whole number of minor units that `major` stands for.
    ///
    /// A float more than 4 ulp off a minor unit is [`Rule::Precision`] unless `round_input` allows it, then it is
    /// rounded half-to-even as the double it is.
    ///
    /// # Errors
    /// [`Rule::NonFinite`] for NaN and infinities, [`Rule::Precision`] as said, and at or beyond 2^51 minor units.
    pub fn from_major(self, major: f64, round_input: bool) -> Result<i64, Rule> {
        if !major.is_finite() {
            return Err(Rule::NonFinite);
        }
        let scaled = major * self.scale();
        if scaled.abs() >= FLOAT_LIMIT_MINOR {
            return Err(Rule::Precision);
        }
        let (whole, minor) = nearest_integer(scaled);
        let ulp = f64::from_bits(major.to_bits() & 0x7FF0_0000_0000_0000) * f64::EPSILON;
        if (whole / self.scale() - major).abs() > 4.0 * ulp && !round_input {
            return Err(Rule::Precision);
        }
        Ok(minor)
    }

    /// Converts a column; `false` when some value needs [`MinorUnits::from_major`]'s slow judgement.
    #[must_use]
    pub fn from_major_into(self, major: &[f64], out: &mut [i64]) -> bool {
        let scale = self.scale();
        let mut clean = true;
        for (value, slot) in major.iter().zip(out) {
            let scaled = value * scale;
            let (whole, minor) = nearest_integer(scaled);
            // NaN fails both comparisons, so it is never clean.
            clean &= (scaled.abs() < FLOAT_LIMIT_MINOR) & ((scaled - whole).abs() <= NEAR * scaled.abs());
            *slot = minor;
        }
        clean
    }

    /// As [`MinorUnits::from_major_into`], but as whole doubles; `false` too where one is above `limit` minor units.
    // Always inline: the caller may be compiled for wider registers.
    #[must_use]
    #[inline(always)]
    pub fn from_major_whole_into(self, major: &[f64], out: &mut [f64], limit: f64) -> bool {
        let (scale, limit) = (self.scale(), limit.min(FLOAT_LIMIT_MINOR));
        let mut unclean = 0_u64; // as wide as the numbers, so that they are judged side by side
        for (value, slot) in major.iter().zip(out) {
            let scaled = value * scale;
            let whole = scaled + ROUNDER - ROUNDER;
            let is_clean = (scaled.abs() < limit) & ((scaled - whole).abs() <= NEAR * scaled.abs());
            unclean |= if is_clean { 0 } else { 1 };
            *slot = whole;
        }
        unclean == 0
    }

    /// The double nearest to `minor / scale`.
    #[must_use]
    #[inline]
    pub fn to_major(self, minor: i64) -> f64 {
        const EXACT: i64 = 1 << 53;
        if (-EXACT..=EXACT).contains(&minor) {
            // An integer below 2^53 is a double, and IEEE division rounds once.
            #[expect(clippy::cast_precision_loss, reason = "at most 2^53, checked above")]
            let exact = minor as f64;
            exact / self.scale()
        } else {
            self.wide_to_major(i128::from(minor))
        }
    }

    /// Converts a column.
    pub fn to_major_into(self, minor: &[i64], out: &mut [f64]) {
        const LIMIT: i64 = 1 << 51;
        let wide = minor.iter().fold(0, |bits, minor| bits | minor.wrapping_add(LIMIT).cast_unsigned());
        let scale = self.scale();
        if wide >> 52 == 0 {
            for (slot, minor) in out.iter_mut().zip(minor) {
                *slot = small_f64(*minor) / scale;
            }
        } else {
            for (slot, minor) in out.iter_mut().zip(minor) {
                *slot = self.to_major(*minor);
            }
        }
    }

    /// Converts a column of amounts that are mostly equal or one unit apart, as the charges of an asset are: those are
    /// looked up, not divided.
    pub fn near_to_major_into(self, minor: &[i64], out: &mut [f64]) {
        let Some(first) = minor.first() else { return };
        let (start, rest) = minor.split_at(minor.len().saturating_sub(1));
        if start.iter().fold(0, |differing, minor| differing | (minor ^ first)) == 0 {
            // Level charges: all alike but the last.
            out.fill(self.to_major(*first));
            if let (Some(last), Some(slot)) = (rest.first(), out.get_mut(start.len())) {
                *slot = self.to_major(*last);
            }
            return;
        }
        let low = first.saturating_sub(1);
        let near = [low, *first, first.saturating_add(1)].map(|minor| self.to_major(minor));
        for (slot, minor) in out.iter_mut().zip(minor) {
            let off = usize::try_from(minor.wrapping_sub(low)).unwrap_or(usize::MAX);
            *slot = match near.get(off) {
                Some(major) => *major,
                None => self.to_major(*minor),
            };
        }
    }

    /// As [`MinorUnits::to_major`] for totals beyond 64 bits.
    #[must_use]
    pub fn wide_to_major(self, minor: i128) -> f64 {
        match i64::try_from(minor) {
            Ok(small) if small.unsigned_abs() <= 1 << 53 => self.to_major(small),
            // The parser of the standard library rounds correctly, whatever the length.
            _ => format!("{minor}e-{}", self.digits).parse().unwrap_or(f64::MAX),
        }
    }
}

/// Rounds half-to-even; right for magnitudes below 2^51, anything else is caught by the caller.
#[must_use]
#[inline]
pub fn nearest_integer(scaled: f64) -> (f64, i64) {
    let shifted = scaled + ROUNDER;
    let minor = shifted.to_bits().cast_signed().wrapping_sub(ROUNDER.to_bits().cast_signed());
    (shifted - ROUNDER, minor)
}

/// The integer below 2^51 in size as a double, without the conversion instruction that only scalars have.
#[must_use]
#[inline]
pub fn small_f64(amount: i64) -> f64 {
    f64::from_bits(amount.wrapping_add(ROUNDER.to_bits().cast_signed()).cast_unsigned()) - ROUNDER
}

/// `amount / divisor` rounded half-to-even, for whole `0 <= amount < 2^51` and a whole divisor.
///
/// The double quotient is off by less than `1 / (4 divisor)`, and an exact quotient that is no tie lies at least
/// `1 / (2 divisor)` from one, so rounding the double decides as the rational would; a tie is itself a double.
#[must_use]
#[inline]
pub fn small_quotient_half_even(amount: f64, divisor: f64) -> f64 {
    nearest_integer(amount / divisor).0
}

/// The whole part of `amount / divisor` under the same bounds, by the same argument.
#[must_use]
#[inline]
pub fn small_quotient_floor(amount: f64, divisor: f64) -> f64 {
    let quotient = amount / divisor;
    let (nearest, _) = nearest_integer(quotient);
    if nearest > quotient { nearest - 1.0 } else { nearest }
}

/// `numerator / denominator` rounded half-to-even; a denominator below 1 counts as 1.
#[must_use]
pub fn round_half_even(numerator: i128, denominator: i128) -> i128 {
    let denominator = denominator.max(1);
    let whole = numerator.div_euclid(denominator);
    let rest = numerator.rem_euclid(denominator);
    // rest < denominator, so this compares 2 * rest with the denominator without doubling.
    whole.saturating_add(i128::from(rounds_up(rest, denominator.saturating_sub(rest), whole & 1 == 1)))
}

/// [`round_half_even`] in 64 bits.
#[must_use]
pub fn quotient_half_even(numerator: i64, denominator: i64) -> i64 {
    let denominator = denominator.max(1);
    let whole = numerator.div_euclid(denominator);
    let rest = numerator.rem_euclid(denominator);
    let up = rounds_up(rest.into(), denominator.saturating_sub(rest).into(), whole & 1 == 1);
    whole.saturating_add(i64::from(up))
}

fn rounds_up(rest: i128, to_next: i128, odd: bool) -> bool {
    rest > to_next || (rest == to_next && odd)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::cast_precision_loss, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ties_go_to_even() {
        assert_eq!([1, 3, 5, -1, -3, 7].map(|n| round_half_even(n, 2)), [0, 2, 2, 0, -2, 4]);
        assert_eq!(round_half_even(2, 3), 1);
        assert_eq!(round_half_even(i128::MAX, 1), i128::MAX);
    }

    #[test]
    fn dust_is_accepted_and_broken_cents_are_not() {
        let cents = MinorUnits::new(2).unwrap();
        assert_eq!(cents.from_major(0.1 + 0.2, false), Ok(30));
        assert_eq!(cents.from_major(-0.0, false), Ok(0));
        assert_eq!(cents.from_major(100.005, false), Err(Rule::Precision));
        assert_eq!(cents.from_major(5e-324, false), Err(Rule::Precision));
        assert_eq!(cents.from_major(5e-324, true), Ok(0));
        assert_eq!(cents.from_major(f64::NAN, true), Err(Rule::NonFinite));
        assert_eq!(cents.from_major(22_517_998_136_852.47, false), Ok((1 << 51) - 1));
        assert_eq!(cents.from_major(22_517_998_136_852.48, true), Err(Rule::Precision));
        assert!(MinorUnits::new(5).is_none());
    }

    #[test]
    fn wide_amounts_round_once() {
        let cents = MinorUnits::new(2).unwrap();
        assert_eq!(cents.wide_to_major(1 << 80), (1_u128 << 80) as f64 / 100.0);
        assert_eq!(cents.to_major(i64::MAX), 92_233_720_368_547_758.07);
    }

    proptest! {
        #[test]
        fn every_minor_unit_survives_the_double(minor in -((1_i64 << 51) - 1)..(1_i64 << 51), digits in 0_u8..=4) {
            let units = MinorUnits::new(digits).unwrap();
            prop_assert_eq!(units.from_major(units.to_major(minor), false), Ok(minor));
            for column in [[minor, -minor, minor - 1, minor + 1], [minor, minor, minor, minor / 2], [minor, i64::MIN, i64::MAX, minor], [i64::MIN, i64::MIN + 1, 0, i64::MAX]] {
                let mut majors = [0.0; 4];
                units.to_major_into(&column, &mut majors);
                prop_assert_eq!(majors, column.map(|minor| units.to_major(minor)));
                units.near_to_major_into(&column, &mut majors);
                prop_assert_eq!(majors, column.map(|minor| units.to_major(minor)));
            }
            let (mut out, mut whole) = ([0], [0.0]);
            prop_assert!(units.from_major_into(&[units.to_major(minor)], &mut out));
            prop_assert_eq!(out, [minor]);
            prop_assert!(units.from_major_whole_into(&[units.to_major(minor)], &mut whole, FLOAT_LIMIT_MINOR));
            prop_assert_eq!(whole, [minor as f64]);
            prop_assert!(!units.from_major_whole_into(&[units.to_major(minor)], &mut whole, minor.abs() as f64 / 2.0));
        }

        /// The quick judgement never accepts what the slow one refuses, nor reads it otherwise.
        #[test]
        fn quick_and_slow_judgement_agree(minor in -((1_i64 << 51) - 1)..(1_i64 << 51), digits in 0_u8..=4, ulps in -9_i64..=9, small: bool) {
            let units = MinorUnits::new(digits).unwrap();
            let minor = if small { minor >> 30 } else { minor };
            let near = f64::from_bits(units.to_major(minor).to_bits().wrapping_add_signed(ulps));
            let mut out = [0];
            if units.from_major_into(&[near], &mut out) {
                prop_assert_eq!(units.from_major(near, false), Ok(out[0]));
            }
        }

        #[test]
        fn small_quotients_are_the_rational_ones(
            amount in prop_oneof![0_i64..100_000, 0_i64..(1 << 51), ((1_i64 << 51) - 100_000)..(1 << 51)],
            divisor in prop_oneof![1_i64..=1024, 1_i64..=200_000], tie: bool,
        ) {
            let amount = if tie { (amount / divisor * 2 + 1) * divisor / 2 } else { amount }.min((1 << 51) - 1);
            let (top, bottom) = (amount as f64, divisor as f64);
            let rounded = round_half_even(amount.into(), divisor.into());
            prop_assert_eq!(small_quotient_half_even(top, bottom), rounded as f64);
            prop_assert_eq!(small_quotient_floor(top, bottom), (amount / divisor) as f64);
            prop_assert_eq!((small_f64(amount), small_f64(-amount)), (top, -top));
            prop_assert_eq!((nearest_integer(top), nearest_integer(-top)), ((top, amount), (-top, -amount)));
        }

        #[test]
        fn half_even_is_within_half(n in any::<i64>(), d in 1_i64..1_000_000) {
            let rounded = round_half_even(n.into(), d.into());
            prop_assert_eq!(i128::from(quotient_half_even(n, d)), rounded);
            let off = (rounded * i128::from(d) - i128::from(n)).abs() * 2;
            let d = i128::from(d);
            prop_assert!(off < d || (off == d && rounded % 2 == 0));
        }
    }
}
