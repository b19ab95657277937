//! `exp` over many numbers at once, and sums that it goes into.
//!
//! The loops are written so that a compiler turns them into vectors of whatever width the machine has: no branch, no
//! call, eight sums of their own. The order of addition is fixed, so results do not depend on that width. All is inlined:
//! the caller may be compiled for wider registers.
#![forbid(unsafe_code)]

/// Sums of their own; columns are padded with zeros to a multiple of this.
pub const LANES: usize = 8;

/// Below this `exp` is taken as 3e-308, which is nothing beside a flow at time 0.
const LEAST: f64 = -708.0;
const MOST: f64 = 709.0;

/// `e^x` within an ulp or two, for `x` from -708 to 709; beyond, the value at the end.
#[inline(always)]
#[must_use]
pub fn exp(x: f64) -> f64 {
    // Adding 1.5 x 2^52 rounds to a whole number and leaves it in the low bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const LN2_HIGH: f64 = 0.693_147_180_369_123_8;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    let x = if x < LEAST { LEAST } else { x };
    let x = if x > MOST { MOST } else { x };
    let shifted = x * std::f64::consts::LOG2_E + ROUND;
    let powers = shifted - ROUND;
    let rest = (x - powers * LN2_HIGH) - powers * LN2_LOW;
    // |rest| <= ln 2 / 2, where the next term of the series is below 2e-17.
    let mut series = 1.0 / 6_227_020_800.0;
    for coefficient in SERIES {
        series = series * rest + coefficient;
    }
    f64::from_bits(series.to_bits().wrapping_add(shifted.to_bits() << 52))
}

const SERIES: [f64; 13] = [
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
    1.0,
    1.0,
];

/// `e^(-u t)` of eight times.
#[inline(always)]
#[must_use]
pub fn powers(times: &[f64; LANES], u: f64) -> [f64; LANES] {
    let mut out = [0.0; LANES];
    for (slot, time) in out.iter_mut().zip(times) {
        *slot = exp(-u * time);
    }
    out
}

/// [`moments`], as a caller had it compiled for its processor.
#[derive(Clone, Copy, Debug)]
pub struct Kernel(pub fn(&[f64], &[f64], f64) -> [f64; 3]);

impl Default for Kernel {
    fn default() -> Self {
        Self(moments)
    }
}

/// `sum a e^(-u t)` and its first two derivatives by `u`.
#[inline(always)]
#[must_use]
pub fn moments(amounts: &[f64], times: &[f64], u: f64) -> [f64; 3] {
    let mut sums = [[0.0; LANES]; 3];
    for (amounts, times) in amounts.as_chunks::<LANES>().0.iter().zip(times.as_chunks::<LANES>().0) {
        add(&mut sums, amounts, times, &powers(times, u));
    }
    sums.map(total)
}

/// As [`moments`] at `u` = 0.
#[inline(always)]
#[must_use]
pub fn plain_moments(amounts: &[f64], times: &[f64]) -> [f64; 3] {
    let mut sums = [[0.0; LANES]; 3];
    for (amounts, times) in amounts.as_chunks::<LANES>().0.iter().zip(times.as_chunks::<LANES>().0) {
        add(&mut sums, amounts, times, &[1.0; LANES]);
    }
    sums.map(total)
}

#[inline(always)]
fn add(sums: &mut [[f64; LANES]; 3], amounts: &[f64; LANES], times: &[f64; LANES], powers: &[f64; LANES]) {
    let [values, slopes, bends] = sums;
    let given = amounts.iter().zip(times).zip(powers);
    let places = values.iter_mut().zip(slopes.iter_mut()).zip(bends.iter_mut());
    for (((value, slope), bend), ((amount, time), power)) in places.zip(given) {
        let present = amount * power;
        let moment = present * time;
        *value += present;
        *slope -= moment;
        *bend += moment * time;
    }
}

#[inline(always)]
fn total(lanes: [f64; LANES]) -> f64 {
    lanes.into_iter().sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp, reason = "exact by design")]
    use super::*;

    #[test]
    fn powers_of_e_are_right_to_the_last_digits() {
        let mut worst = 0.0_f64;
        for step in -7_080_000..=7_090_000_i32 {
            let x = f64::from(step) * 1e-4;
            worst = worst.max((exp(x) / x.exp() - 1.0).abs());
        }
        assert!(worst <= 2.0 * f64::EPSILON, "{worst}");
        assert_eq!((exp(0.0), exp(-1e9), exp(1e9)), (1.0, exp(LEAST), exp(MOST)));
    }
}
