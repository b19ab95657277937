//! Numbers of twice the digits of float64: the unevaluated sum of two doubles, the second below half an ulp of the first.
//!
//! T. J. Dekker, "A floating-point technique for extending the available precision", 1971; bounds by M. Joldes,
//! J.-M. Muller and V. Popescu, "Tight and rigorous error bounds for basic building blocks of double-word
//! arithmetic", 2017: none of the operations here is off by more than 16 x 2^-106 of its result, for numbers far from
//! the ends of the exponent's range.
#![forbid(unsafe_code)]

/// A number as the sum of two doubles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DoubleDouble {
    high: f64,
    low: f64,
}

/// The sum and what its rounding lost.
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let part = sum - a;
    (sum, (a - (sum - part)) + (b - part))
}

/// The same where `a` is the larger.
fn quick_two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    (sum, b - (sum - a))
}

/// The halves of a double, each of 26 bits.
fn halves(a: f64) -> (f64, f64) {
    const SPLITTER: f64 = 134_217_729.0; // 2^27 + 1
    let scaled = SPLITTER * a;
    let high = scaled - (scaled - a);
    (high, a - high)
}

/// The product and what its rounding lost.
fn two_product(a: f64, b: f64) -> (f64, f64) {
    let product = a * b;
    let ((a1, a2), (b1, b2)) = (halves(a), halves(b));
    (product, ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2)
}

impl DoubleDouble {
    /// The number nearest to a whole one.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "what the first rounds away, the second holds"
    )]
    pub fn of(whole: i128) -> Self {
        let high = whole as f64;
        let low = whole.saturating_sub(high as i128) as f64;
        let (high, low) = quick_two_sum(high, low);
        Self { high, low }
    }

    /// The double nearest to it.
    #[must_use]
    pub fn high(self) -> f64 {
        self.high
    }

    /// The sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let (sum, lost) = two_sum(self.high, other.high);
        let (low, lost_low) = two_sum(self.low, other.low);
        let (sum, low) = quick_two_sum(sum, lost + low);
        let (high, low) = quick_two_sum(sum, low + lost_low);
        Self { high, low }
    }

    /// The product.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        let (product, lost) = two_product(self.high, factor);
        let (high, low) = quick_two_sum(product, lost + self.low * factor);
        Self { high, low }
    }

    /// The quotient.
    #[must_use]
    pub fn over(self, divisor: Self) -> Self {
        let less = |from: Self, digit: f64| {
            let part = divisor.times(digit);
            from.plus(Self { high: -part.high, low: -part.low })
        };
        let first = self.high / divisor.high;
        let rest = less(self, first);
        let second = rest.high / divisor.high;
        let third = less(rest, second).high / divisor.high;
        let (high, low) = quick_two_sum(first, second);
        Self { high, low }.plus(Self { high: third, low: 0.0 })
    }

    /// The whole number nearest to the first part, and the rest as a double.
    #[must_use]
    pub fn split(self) -> (f64, f64) {
        let whole = self.high.round();
        (whole, (self.high - whole) + self.low)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    /// The number times 2^`bits`, rounded down.
    fn scaled(number: DoubleDouble, bits: i32) -> i128 {
        let scale = 2_f64.powi(bits);
        (number.high * scale) as i128 + (number.low * scale) as i128
    }

    proptest! {
        #[test]
        fn whole_numbers_of_104_bits_are_exact(a in -(1_i128 << 104)..(1_i128 << 104)) {
            prop_assert_eq!(scaled(DoubleDouble::of(a), 0), a);
        }

        #[test]
        fn sums_of_whole_numbers_are_exact(a in -(1_i128 << 102)..(1_i128 << 102), b in -(1_i128 << 102)..(1_i128 << 102)) {
            prop_assert_eq!(scaled(DoubleDouble::of(a).plus(DoubleDouble::of(b)), 0), a + b);
        }

        /// a / b is between 2^-1 and 2; times 2^100 it is a whole number of 101 bits, off by less than 16.
        #[test]
        fn quotients_have_a_hundred_bits(a in (1_i128 << 59)..(1_i128 << 60), b in (1_i128 << 59)..(1_i128 << 60)) {
            let quotient = DoubleDouble::of(a).over(DoubleDouble::of(b));
            let exact = |bits: u32| {
                // Long division, a bit at a time.
                let (mut found, mut rest) = (a / b, a % b);
                for _ in 0..bits {
                    rest *= 2;
                    found = found * 2 + rest / b;
                    rest %= b;
                }
                found
            };
            prop_assert!((scaled(quotient, 100) - exact(100)).abs() <= 16);
        }
    }
}
