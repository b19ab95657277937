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
    // |rest| <= ln 2 / 2. Halves of the sum that do not wait for each other.
    let (square, [a, b, c, d, e, f, g, h, i, j]) = (rest * rest, SERIES);
    let fourth = square * square;
    let low = (a + b * rest) + (c + d * rest) * square;
    let high = (e + f * rest) + (g + h * rest) * square + (i + j * rest) * fourth;
    let series = 1.0 + (rest + square * (low + fourth * high));
    f64::from_bits(series.to_bits().wrapping_add(shifted.to_bits() << 52))
}

/// `(e^x - 1 - x) / x^2` as the polynomial whose largest relative error of `e^x` is least for `|x| <= ln 2 / 2`, by
/// Remez's exchange in numbers of 60 digits: 3.6e-18.
const SERIES: [f64; 10] = [
    0.500_000_000_000_001_1,
    0.166_666_666_666_664_1,
    0.041_666_666_666_529_725,
    0.008_333_333_333_494_976,
    0.001_388_888_894_375_996_5,
    0.000_198_412_695_057_737_76,
    2.480_149_294_963_387e-5,
    2.755_758_680_389_532_6e-6,
    2.763_030_625_029_36e-7,
    2.500_001_883_318_737_4e-8,
];

/// `e^x - 1` for `|x| <= 0.1`, to the digits of a small number.
#[inline(always)]
#[must_use]
pub fn small_exp_m1(x: f64) -> f64 {
    // The next term is below 1e-17 of the sum.
    let rest = [1.0 / 362_880.0, 1.0 / 40_320.0, 1.0 / 5_040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5];
    x + x * x * rest.into_iter().fold(1.0 / 3_628_800.0, |series, coefficient| series * x + coefficient)
}

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

/// Sums over the flows of a stream, as a caller had them compiled for its processor.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    /// [`moments`].
    pub moments: fn(&[f64], &[f64], f64, f64) -> [f64; ORDERS],
    /// [`plain_moments`].
    pub plain_moments: fn(&[f64], &[f64]) -> [f64; PLAIN_ORDERS],
    /// [`survey`].
    pub survey: fn(&[f64], &[f64]) -> Survey,
    /// [`years_of_365_days`].
    pub years: fn(&[i32], &mut [f64]),
    /// [`crate::batch::days_of_ticks`].
    pub days: fn(&[i64], i64, &mut [i32]) -> bool,
}

impl Default for Kernel {
    fn default() -> Self {
        Self { moments, plain_moments, survey, years: years_of_365_days, days: crate::batch::days_of_ticks }
    }
}

/// Derivatives that [`moments`] finds, the function itself counted.
pub const ORDERS: usize = 6;
/// Moments that [`plain_moments`] finds.
pub const PLAIN_ORDERS: usize = 5;

type Eight = [f64; LANES];

/// `sum a e^(-u t) (pivot - t)^k` for each k: `f e^(u pivot)` and its derivatives by `u`, all times `e^(-u pivot)`.
#[inline(always)]
#[must_use]
pub fn moments(amounts: &[f64], times: &[f64], u: f64, pivot: f64) -> [f64; ORDERS] {
    let mut sums = [[0.0; LANES]; ORDERS];
    for (amounts, times) in amounts.as_chunks::<LANES>().0.iter().zip(times.as_chunks::<LANES>().0) {
        add(&mut sums, product(amounts, &powers(times, u)), &each(times, |time| pivot - time));
    }
    sums.map(total)
}

/// `sum a t^k` for each k.
#[inline(always)]
#[must_use]
pub fn plain_moments(amounts: &[f64], times: &[f64]) -> [f64; PLAIN_ORDERS] {
    let mut sums = [[0.0; LANES]; PLAIN_ORDERS];
    for (amounts, times) in amounts.as_chunks::<LANES>().0.iter().zip(times.as_chunks::<LANES>().0) {
        add(&mut sums, *amounts, times);
    }
    sums.map(total)
}

/// Adds to each sum a power more of the factor than to the one before.
#[inline(always)]
fn add<const N: usize>(sums: &mut [Eight; N], mut term: Eight, factor: &Eight) {
    for sum in sums {
        for (sum, term) in sum.iter_mut().zip(&term) {
            *sum += *term;
        }
        term = product(&term, factor);
    }
}

// Whole rows of eight at a time: of longer chains for each lane compilers make shuffles instead of vectors.
#[inline(always)]
fn product(a: &Eight, b: &Eight) -> Eight {
    let mut out = [0.0; LANES];
    for ((slot, a), b) in out.iter_mut().zip(a).zip(b) {
        *slot = a * b;
    }
    out
}

#[inline(always)]
fn each(values: &Eight, of: impl Fn(f64) -> f64) -> Eight {
    let mut out = [0.0; LANES];
    for (slot, value) in out.iter_mut().zip(values) {
        *slot = of(*value);
    }
    out
}

#[inline(always)]
fn total([a, b, c, d, e, f, g, h]: Eight) -> f64 {
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// What a stream is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Survey {
    /// The least size of any amount but 0.
    pub least: f64,
    /// The largest.
    pub most: f64,
    /// Whether any amount is 0.
    pub has_zeros: bool,
    /// Whether each time is later than the one before.
    pub ascends: bool,
    /// How often amounts change sign.
    pub changes: usize,
}

/// Looks a stream over.
#[inline(always)]
#[must_use]
pub fn survey(amounts: &[f64], times: &[f64]) -> Survey {
    let (least, most, has_zeros) = sizes(amounts);
    Survey {
        least,
        most,
        has_zeros,
        ascends: pairs(times, |a, b| a >= b) == 0,
        changes: pairs(amounts, |a, b| (a > 0.0) != (b > 0.0)),
    }
}

#[inline(always)]
fn sizes(amounts: &[f64]) -> (f64, f64, bool) {
    // Eight of each side by side, for a compiler to make vectors of.
    let (mut least, mut most, mut lowest) = ([f64::INFINITY; LANES], [0.0_f64; LANES], [f64::INFINITY; LANES]);
    let (eights, rest) = amounts.as_chunks::<LANES>();
    let mut last = [f64::NAN; LANES];
    for (slot, amount) in last.iter_mut().zip(rest) {
        *slot = *amount;
    }
    for eight in eights.iter().chain([&last]) {
        for (((least, most), lowest), amount) in least.iter_mut().zip(&mut most).zip(&mut lowest).zip(eight) {
            let size = amount.abs();
            *lowest = if size < *lowest { size } else { *lowest };
            *least = if (size < *least) & (size > 0.0) { size } else { *least };
            *most = if size > *most { size } else { *most };
        }
    }
    let smaller = |lanes: Eight| lanes.into_iter().fold(f64::INFINITY, f64::min);
    (smaller(least), most.into_iter().fold(0.0, f64::max), smaller(lowest) == 0.0)
}

/// How many neighbours break an order.
#[inline(always)]
fn pairs(column: &[f64], breaks: impl Fn(f64, f64) -> bool) -> usize {
    let neighbours = column.iter().zip(column.get(1..).unwrap_or_default());
    // There are fewer than a slice holds; a checked sum would not become one of vectors.
    neighbours.fold(0, |count, (a, b)| count.wrapping_add(usize::from(breaks(*a, *b))))
}

/// Years of 365 days since the first of some days.
#[inline(always)]
pub fn years_of_365_days(days: &[i32], years: &mut [f64]) {
    let first = days.iter().fold(i32::MAX, |first, day| if *day < first { *day } else { first });
    for (year, day) in years.iter_mut().zip(days) {
        // Days of three centuries: nothing wraps.
        *year = f64::from(day.wrapping_sub(first)) / 365.0;
    }
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
        let small = (-100_000..=100_000_i32).map(|step| f64::from(step) * 1e-6).filter(|x| *x != 0.0);
        let worst = small.map(|x| (small_exp_m1(x) / x.exp_m1() - 1.0).abs()).fold(0.0, f64::max);
        assert!(worst <= 2.0 * f64::EPSILON, "{worst}");
    }

    #[test]
    fn moments_are_sums() {
        let (amounts, times): (Vec<f64>, Vec<f64>) =
            (0..24).map(|k| (f64::from(k % 5) - 1.5, f64::from(k) * 0.3)).unzip();
        let (u, pivot) = (0.2, 1.3);
        for (order, found) in (0..).zip(moments(&amounts, &times, u, pivot)) {
            let terms = amounts.iter().zip(&times).map(|(a, t)| a * (-u * t).exp() * (pivot - t).powi(order));
            let (wanted, size) =
                terms.fold((0.0, 0.0), |(sum, size): (f64, f64), term| (sum + term, size + term.abs()));
            assert!((found - wanted).abs() <= 1e-14 * size, "{order}: {found} {wanted}");
        }
        for (order, found) in (0..).zip(plain_moments(&amounts, &times)) {
            let wanted: f64 = amounts.iter().zip(&times).map(|(a, t)| a * t.powi(order)).sum();
            assert!((found - wanted).abs() <= 1e-13 * wanted.abs().max(1.0), "{order}: {found} {wanted}");
        }
    }

    #[test]
    fn streams_are_looked_over() {
        for len in 1..40_u32 {
            let mut amounts: Vec<f64> = (0..len).map(|k| f64::from(k) + 2.0).collect();
            let times: Vec<f64> = (0..len).map(f64::from).collect();
            let most = f64::from(len) + 1.0;
            let plain = Survey { least: 2.0, most, has_zeros: false, ascends: true, changes: 0 };
            assert_eq!(survey(&amounts, &times), plain);
            if let Some(last) = amounts.last_mut() {
                *last = -*last;
            }
            assert_eq!(survey(&amounts, &times), Survey { changes: usize::from(len > 1), ..plain });
            if let Some(first) = amounts.first_mut() {
                *first = 0.0;
            }
            assert!(survey(&amounts, &times).has_zeros);
            let same_day = vec![3.0; amounts.len()];
            assert_eq!(survey(&amounts, &same_day).ascends, len == 1);
        }
    }
}
