//! The loops over a block of scenarios: sums over windows, then each test with what it keeps of a lane in registers.
//!
//! Amounts are whole minor units held in doubles, so that sums over windows are exact and run along as they stand; a
//! quotient is then off by less than [`NEAR`] of itself.
#![forbid(unsafe_code)]

/// Scenarios side by side.
pub const WIDTH: usize = 256;
/// A number of each.
pub type Lane = [f64; WIDTH];
/// Closer than this share of its threshold a double does not decide: five roundings of 2^-53 each, and room.
pub const NEAR: f64 = 1e-15;
/// Later than any period.
pub const NEVER: f64 = 1e9;

/// The test of a period that doubles can decide, of what is above the line, below it, or both.
#[derive(Clone, Copy, Debug, Default)]
pub struct Step {
    /// Which period.
    pub period: usize,
    /// Its number as it goes into the first breach; [`NEVER`] where a failure is no breach.
    pub at: f64,
    /// What the row is multiplied with to be compared.
    pub factor: f64,
    /// Below this it fails.
    pub wanted: f64,
    /// The maximum itself, where the row is below the line and `wanted` its inverse.
    pub most: f64,
}

/// What is kept of each lane from period to period.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// The first period that fails.
    pub first: Lane,
    /// The least headroom.
    pub headroom: Lane,
    /// How near any value came to its threshold.
    pub nearest: Lane,
}

impl Kept {
    /// Before the first period.
    pub const START: Self =
        Self { first: [NEVER; WIDTH], headroom: [f64::INFINITY; WIDTH], nearest: [f64::INFINITY; WIDTH] };
}

/// The smaller of two numbers. The sum with zero keeps what is stored from being a plain choice between the old value
/// and another: compilers make a masked store of that, which some processors take a dozen cycles for.
#[inline(always)]
fn least(a: f64, b: f64) -> f64 {
    (if a < b { a } else { b }) + 0.0
}

/// How far what is above the line, over what is the same in all lanes, is from its threshold.
#[inline(always)]
pub fn off_top(top: f64, step: Step) -> f64 {
    top * step.factor - step.wanted
}

/// The same for both; over zero or less as near as can be, to be looked at.
#[inline(always)]
pub fn off_both(top: f64, bottom: f64, step: Step) -> f64 {
    if bottom > 0.0 { top * step.factor / bottom - step.wanted } else { 0.0 }
}

/// Scans a row above the line.
#[inline(always)]
pub fn scan_top(rows: &[Lane], steps: &[Step]) -> Kept {
    let Kept { mut first, mut headroom, mut nearest } = Kept::START;
    for step in steps {
        let Some(row) = rows.get(step.period) else { continue };
        // Copied, so that the loop over lanes has numbers and no memory that might change.
        let step = *step;
        for (((value, first), headroom), nearest) in row.iter().zip(&mut first).zip(&mut headroom).zip(&mut nearest) {
            let off = off_top(*value, step);
            *first = least(if off < 0.0 { step.at } else { NEVER }, *first);
            *headroom = least(off, *headroom);
            *nearest = least(off.abs(), *nearest);
        }
    }
    Kept { first, headroom, nearest }
}

/// Scans a row below the line against a maximum: the headroom of the least inverse is worked out when the maximum
/// changes.
#[inline(always)]
pub fn scan_bottom(rows: &[Lane], steps: &[Step]) -> Kept {
    let Kept { mut first, mut headroom, mut nearest } = Kept::START;
    let mut inverse = [f64::INFINITY; WIDTH];
    let mut most = steps.first().map_or(0.0, |step| step.most);
    for step in steps {
        let Some(row) = rows.get(step.period) else { continue };
        #[expect(clippy::float_cmp, reason = "the same number or another one")]
        if step.most != most {
            settle(&mut inverse, &mut headroom, most);
            most = step.most;
        }
        let step = *step;
        for (((value, first), inverse), nearest) in row.iter().zip(&mut first).zip(&mut inverse).zip(&mut nearest) {
            let quotient = value * step.factor;
            let off = quotient - step.wanted;
            *first = least(if off < 0.0 { step.at } else { NEVER }, *first);
            *inverse = least(quotient, *inverse);
            *nearest = least(off.abs(), *nearest);
        }
    }
    settle(&mut inverse, &mut headroom, most);
    Kept { first, headroom, nearest }
}

/// Turns the least inverse quotients into headroom below a maximum.
#[inline(always)]
fn settle(inverse: &mut Lane, headroom: &mut Lane, most: f64) {
    for (inverse, headroom) in inverse.iter_mut().zip(headroom) {
        let found = if *inverse > 0.0 { most - 1.0 / *inverse } else { f64::NEG_INFINITY };
        *headroom = least(found, *headroom);
        *inverse = f64::INFINITY;
    }
}

/// Scans a row over another.
#[inline(always)]
pub fn scan_both(tops: &[Lane], bottoms: &[Lane], steps: &[Step]) -> Kept {
    let Kept { mut first, mut headroom, mut nearest } = Kept::START;
    for step in steps {
        let Some((tops, bottoms)) = tops.get(step.period).zip(bottoms.get(step.period)) else { continue };
        let step = *step;
        let kept = first.iter_mut().zip(&mut headroom).zip(&mut nearest);
        for ((top, bottom), ((first, headroom), nearest)) in tops.iter().zip(bottoms).zip(kept) {
            let off = off_both(*top, *bottom, step);
            *first = least(if off < 0.0 { step.at } else { NEVER }, *first);
            *headroom = least(if *bottom > 0.0 { off } else { f64::INFINITY }, *headroom);
            *nearest = least(off.abs(), *nearest);
        }
    }
    Kept { first, headroom, nearest }
}

/// Sums a measure over windows of so many periods: whole numbers, so that what is taken off leaves no trace.
#[inline(always)]
pub fn run_sums(rows: &[Lane], count: usize, out: &mut [Lane]) {
    let mut sum = [0.0; WIDTH];
    let leaving = std::iter::repeat_n(&[0.0; WIDTH], count).chain(rows);
    for ((new, old), out) in rows.iter().zip(leaving).zip(out) {
        for ((sum, new), old) in sum.iter_mut().zip(new).zip(old) {
            *sum += new - old;
        }
        *out = sum;
    }
}

/// Adds a row, times the weight of each period, to another.
#[inline(always)]
pub fn mix_in(rows: &[Lane], weights: impl Iterator<Item = f64>, out: &mut [Lane]) {
    for ((row, weight), out) in rows.iter().zip(weights).zip(out) {
        for (value, out) in row.iter().zip(out) {
            *out += weight * value;
        }
    }
}
