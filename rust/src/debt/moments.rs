//! Sums of many unrounded loans of level payments by moments of their rates: no loan is looked at payment by payment.
//!
//! Of the first payment `first` is principal, of that `k` payments later `first (1 + x)^k`, with `x` the interest of a
//! period on one unit. Let the rates of some loans lie in a band, `1 + x = c (1 + r z)` with `z` from -1 to 1. What they
//! owe in a month is a sum of `first p(z)`, where `p` is a polynomial that the band and `k` settle; so of loans that pay
//! in the same months the sums of `first z^i` are enough, and fourteen of those: Chebyshev's coefficients of
//! `(1 + r z)^k` are `2 sum_m C(k, j + 2 m) C(j + 2 m, m) (r / 2)^(j + 2 m)`, at most twice the modified Bessel function
//! `I_j(k r)`. Where `k r` is at most 0.8, those from the 14th on come to less than 7e-17, that is 1.4e-16 of the least
//! `(1 + r z)^k` in the band. The polynomial is therefore the binomial series, in which `z^14` and higher powers are
//! replaced by their Chebyshev series up to the 13th.
#![forbid(unsafe_code)]

use super::double_double::DoubleDouble;
use super::dues::{LevelColumns, SIDES, first_shares};
use crate::money::nearest_integer;

/// Sums of `first z^i` that are kept.
const MOMENTS: usize = 14;
/// Numbers of a cell.
const SIZE: usize = 16;
/// Numbers that one step of a loop is for.
const STRIDE: usize = 4;
/// Terms of the binomial series: `0.8^22 / 22!` is below 1e-23.
const TERMS: usize = 22;
/// Those that are replaced.
const HIGH: usize = TERMS - MOMENTS;
/// The most that payments times `r` may be.
const REACH: f64 = 0.8;
/// More bands than this are too many.
const MOST_BANDS: f64 = 8.0;

/// Loans of so many payments from one month on: moments, then level payments, then what was lent.
pub type Cell = [f64; SIZE];
/// The place of level payments.
const PAYMENT: usize = MOMENTS;
/// The place of what was lent.
const LENT: usize = MOMENTS + 1;

/// Rates of a period cut into bands of equal width, for loans of up to so many payments.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cut {
    low: f64,
    /// Half the width of a band.
    half: f64,
    count: f64,
    payments: usize,
}

impl Cut {
    /// Bands for rates from `low` to `high`; `None` where there would be too many.
    #[must_use]
    pub fn of((low, high): (f64, f64), payments: usize) -> Option<Self> {
        const FINEST: f64 = 1.0 / 1_099_511_627_776.0; // 2^-40
        const MARKS: f64 = 32.0;
        // Ends on a grid of a power of two, so that all centres are exact, and rates that lie a little apart are cut
        // in the same way.
        let mut grid = FINEST;
        while grid * MARKS < high - low {
            grid *= 2.0;
        }
        let (low, high) = ((low / grid).floor() * grid, (high / grid).ceil() * grid);
        let (mut half, mut count) = (0.5 * (high - low).max(grid), 1.0);
        let payments_f64 = f64::from(u32::try_from(payments).ok()?);
        while payments_f64 * half > REACH * (1.0 + low) {
            (half, count) = (0.5 * half, 2.0 * count);
            if count > MOST_BANDS {
                return None;
            }
        }
        Some(Self { low, half, count, payments })
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        usize::try_from(nearest_integer(self.count).1).unwrap_or(1)
    }

    /// Whether rates from `low` to `high` lie in them.
    #[must_use]
    pub fn holds(&self, (low, high): (f64, f64)) -> bool {
        self.low <= low && high <= self.low + 2.0 * self.half * self.count
    }
}

/// The polynomials of each band.
#[derive(Clone, Debug)]
pub struct Bands {
    cut: Cut,
    /// By band and payment: how much of each moment is due.
    weights: Vec<Cell>,
}

impl Bands {
    /// Works the polynomials out.
    #[must_use]
    pub fn of(cut: Cut) -> Self {
        let lowered = lowered();
        let (mut weights, mut centre) = (Vec::new(), 1.0 + cut.low + cut.half);
        for _ in 0..cut.count() {
            // Powers of the centre concern all loans alike: an error in them would not average out.
            let mut level = DoubleDouble::of(1);
            let mut payments = 0.0;
            for _ in 0..cut.payments {
                weights.push(weights_of(payments, level.high(), cut.half / centre, &lowered));
                level = level.times(centre);
                payments += 1.0;
            }
            centre += 2.0 * cut.half;
        }
        Self { cut, weights }
    }

    /// What they were made of.
    #[must_use]
    pub fn cut(&self) -> Cut {
        self.cut
    }
}

/// `level (1 + ratio z)^payments` as a polynomial of degree 13.
fn weights_of(payments: f64, level: f64, ratio: f64, lowered: &[Cell; HIGH]) -> Cell {
    let mut terms = [0.0; TERMS];
    let (mut term, mut left, mut number) = (level, payments, 1.0);
    for slot in &mut terms {
        *slot = term;
        term *= left * (ratio / number);
        left = if left > 0.0 { left - 1.0 } else { 0.0 };
        number += 1.0;
    }
    let (low, high) = terms.split_at(MOMENTS);
    let mut sum = [0.0; SIZE];
    for (sum, term) in sum.iter_mut().zip(low) {
        *sum = *term;
    }
    for (term, polynomial) in high.iter().zip(lowered) {
        for (sum, part) in sum.iter_mut().zip(polynomial) {
            *sum += term * part;
        }
    }
    sum
}

/// The Chebyshev series up to the 13th of `z^14`, `z^15` and so on, as polynomials. All numbers are exact.
fn lowered() -> [Cell; HIGH] {
    let polynomials = chebyshev();
    let mut series = [0.0; TERMS];
    let [one, ..] = &mut series;
    *one = 1.0;
    let mut all = [[0.0; SIZE]; HIGH];
    for _ in 0..MOMENTS {
        series = times_z(&series);
    }
    for sum in &mut all {
        for (coefficient, polynomial) in series.iter().zip(&polynomials) {
            for (sum, part) in sum.iter_mut().zip(polynomial) {
                *sum += coefficient * part;
            }
        }
        series = times_z(&series);
    }
    all
}

/// Chebyshev's polynomials up to the 13th.
fn chebyshev() -> [Cell; MOMENTS] {
    let mut all = [[0.0; SIZE]; MOMENTS];
    let (mut before, mut now) = ([0.0; SIZE], [0.0; SIZE]);
    // Of numbers -1 and 0: z and 1.
    let ([_, slope, ..], [one, ..]) = (&mut before, &mut now);
    (*slope, *one) = (1.0, 1.0);
    for slot in &mut all {
        *slot = now;
        let mut next = before.map(|coefficient| -coefficient);
        for (next, now) in next.iter_mut().skip(1).zip(&now) {
            *next += 2.0 * now;
        }
        (before, now) = (now, next);
    }
    all
}

/// A Chebyshev series times `z`, by `2 z T_j = T_(j + 1) + T_(j - 1)`.
fn times_z(series: &[f64; TERMS]) -> [f64; TERMS] {
    let half = series.map(|coefficient| 0.5 * coefficient);
    let mut out = [0.0; TERMS];
    for (slot, above) in out.iter_mut().zip(half.iter().skip(1)) {
        *slot += above;
    }
    for (slot, below) in out.iter_mut().skip(1).zip(&half) {
        *slot += below;
    }
    let ([_, second, ..], [first, ..]) = (&mut out, &half);
    *second += first; // z T_0 is T_1, not half of it
    out
}

/// Adds loans to cells, each to that at its place in the table of its band.
// Always inline, with all loops: the caller may be compiled for wider registers.
#[inline(always)]
pub fn add_moments(loans: LevelColumns<'_>, places: &[u32], bands: &Bands, cells: &mut [Cell]) {
    let cut = bands.cut;
    let table = cells.len().checked_div(cut.count()).unwrap_or(0);
    let (low, per_unit, last) = (cut.low, 0.5 / cut.half, cut.count - 1.0);
    let (principals, factors) = (loans.principals.chunks(SIDES), loans.factors.chunks(SIDES));
    let sides = principals.zip(factors).zip(loans.payments.chunks(SIDES)).zip(places.chunks(SIDES));
    for (((principals, factors), payments), places) in sides {
        // Where there is no loan, one of nothing.
        let (mut lent, mut rate, mut left) = ([0.0; SIDES], [1.0; SIDES], [1.0; SIDES]);
        for ((lent, principal), ((rate, factor), (left, payments))) in
            lent.iter_mut().zip(principals).zip(rate.iter_mut().zip(factors).zip(left.iter_mut().zip(payments)))
        {
            (*lent, *rate, *left) = (*principal, *factor, *payments);
        }
        let mut first = first_shares(&rate, &left);
        let (mut paid, mut offs, mut tables) = ([0.0; SIDES], [0.0; SIDES], [0; SIDES]);
        let out = first.iter_mut().zip(&mut paid).zip(offs.iter_mut().zip(&mut tables));
        for (((first, paid), (off, number)), (lent, rate)) in out.zip(lent.iter().zip(&rate)) {
            *first *= lent;
            *paid = lent * rate + *first;
            let along = (rate - low) * per_unit;
            let within = if along - 0.5 < last { along - 0.5 } else { last };
            let (band, whole) = nearest_integer(if within > 0.0 { within } else { 0.0 });
            (*off, *number) = (2.0 * (along - band) - 1.0, whole);
        }
        let loans = first.iter().zip(&paid).zip(lent.iter().zip(&offs)).zip(&tables);
        for ((((first, paid), (lent, off)), number), place) in loans.zip(places) {
            let (number, place) = (usize::try_from(*number).unwrap_or(0), usize::try_from(*place).unwrap_or(0));
            let Some(cell) = cells.get_mut(number.wrapping_mul(table).wrapping_add(place)) else { continue };
            add_loan(cell, (*first, *off), *paid, *lent);
        }
    }
}

/// Adds one loan to its cell.
#[inline(always)]
fn add_loan(cell: &mut Cell, (first, off): (f64, f64), paid: f64, lent: f64) {
    let squared = off * off;
    let leap = squared * squared;
    let mut powers = [first, first * off, first * squared, first * off * squared];
    let (moments, rest) = cell.split_at_mut(MOMENTS - 2);
    for four in moments.as_chunks_mut::<STRIDE>().0 {
        for (slot, power) in four.iter_mut().zip(&mut powers) {
            *slot += *power;
            *power *= leap;
        }
    }
    let [twelfth, thirteenth, ..] = powers;
    for (slot, part) in rest.iter_mut().zip([twelfth, thirteenth, paid, lent]) {
        *slot += part;
    }
}

/// Adds what loans that begin in one month pay, payment by payment, to `dues` (principal) and `paid` (all of it), and
/// returns what was lent. The cells are those of one band, ascending by the number of payments, the last of the most.
#[inline(always)]
pub fn add_payments(bands: &Bands, band: usize, cells: &[Cell], dues: &mut [f64], paid: &mut [f64]) -> f64 {
    let weights = bands.weights.chunks(bands.cut.payments.max(1)).nth(band).unwrap_or_default();
    let mut sum = [0.0; SIZE];
    let mut longest_first = cells.iter().rev();
    let slots = dues.iter_mut().zip(paid).zip(weights).rev();
    for ((due, paid), weight) in slots {
        if let Some(cell) = longest_first.next() {
            for (sum, part) in sum.iter_mut().zip(cell) {
                *sum += part;
            }
        }
        // The weights of what is no moment are 0.
        let mut parts = [0.0; STRIDE];
        for (weight, sum) in weight.as_chunks::<STRIDE>().0.iter().zip(sum.as_chunks::<STRIDE>().0) {
            for ((part, weight), sum) in parts.iter_mut().zip(weight).zip(sum) {
                *part += weight * sum;
            }
        }
        let [one, two, three, four] = parts;
        *due += (one + three) + (two + four);
        *paid += sum.get(PAYMENT).copied().unwrap_or(0.0);
    }
    sum.get(LENT).copied().unwrap_or(0.0)
}

#[cfg(test)]
#[path = "moments_tests.rs"]
mod tests;
