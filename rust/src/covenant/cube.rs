//! Covenants of one facility under many scenarios at once: the first breach and the least headroom in each.
//!
//! Scenarios are lanes. Amounts are whole minor units held in doubles, so that sums over windows are exact and run
//! along as they stand; a quotient is then off by less than [`NEAR`] of itself, and wherever it comes that close to its
//! threshold (which it does on it) the lane is decided again in integers, from the amounts as they came. So are lanes
//! over a denominator that is zero or negative, and blocks with amounts too large for exact sums.
#![forbid(unsafe_code)]

use super::clause::Limit;
use super::evaluate::{Verdict, decide};
use super::metric::{Fraction, Metric, Term, Window, common_bottom};

/// Scenarios in a block: what a block needs of a measure stays in the second-level cache.
pub const LANES: usize = 1024;
/// Closer than this share of its threshold a double does not decide: five roundings of 2^-53 each, and room.
const NEAR: f64 = 1e-15;
/// Later than any period.
const NEVER: f64 = 1e9;

/// A measure of a block of scenarios in whole minor units.
#[derive(Clone, Debug, Default)]
pub struct Lanes {
    /// Period after period: [`LANES`] of each, or one where all scenarios have the same.
    pub values: Vec<f64>,
    /// Whether all scenarios have the same.
    pub is_flat: bool,
}

/// Reads an amount in integers: measure, period, lane.
pub type Exact<'a> = &'a dyn Fn(usize, usize, usize) -> i64;

/// The threshold of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threshold {
    /// It is not tested.
    None,
    /// It is tested against something that is not known.
    Unknown,
    /// It is tested.
    Known(Fraction),
}

/// A test of a facility.
#[derive(Clone, Copy, Debug)]
pub struct CubeTest<'a> {
    /// What is measured.
    pub metric: &'a Metric,
    /// Which side is met.
    pub limit: Limit,
    /// Whether the threshold itself fails.
    pub strict: bool,
    /// Thresholds of the periods.
    pub thresholds: &'a [Threshold],
    /// Periods in a year.
    pub per_year: usize,
    /// Minor units in the unit of an amount's headroom.
    pub scale: i64,
}

/// What becomes of the lanes of a block, all of the same length.
#[derive(Debug)]
pub struct CubeResult<'a> {
    /// The first period with a breach, -1 for none.
    pub first: &'a mut [i16],
    /// The least headroom over the periods tested; +infinity where none was, -infinity over no denominator.
    pub headroom: &'a mut [f64],
    /// Whether some test could not be decided.
    pub undecided: &'a mut [bool],
}

/// Room for the work on a block.
#[derive(Debug)]
pub struct Scratch {
    sums: Vec<f64>,
    above: Vec<f64>,
    below: Vec<f64>,
    lanes: Running,
}

/// What is kept of each lane from period to period.
#[derive(Debug)]
struct Running {
    first: Vec<f64>,
    headroom: Vec<f64>,
    /// The least inverse quotient since the threshold changed: one division then gives its headroom.
    inverse: Vec<f64>,
    /// How far the last quotient was from its threshold.
    gap: Vec<f64>,
}

impl Default for Scratch {
    fn default() -> Self {
        let row = || vec![0.0; LANES];
        let lanes = Running { first: row(), headroom: row(), inverse: row(), gap: row() };
        Self { sums: Vec::new(), above: row(), below: row(), lanes }
    }
}

/// One side in one period, to be multiplied with a factor.
#[derive(Clone, Copy)]
enum Row<'a> {
    Flat(f64),
    Lanes(&'a [f64]),
}

impl Running {
    fn start(&mut self) {
        self.first.fill(NEVER);
        self.headroom.fill(f64::INFINITY);
        self.inverse.fill(f64::INFINITY);
    }

    /// Compares `quotient(lane)` with a threshold below which it fails; says whether some lane is too near to tell.
    #[inline(always)]
    fn scan(&mut self, top: &[f64], period: f64, threshold: f64, factor: f64) -> bool {
        let near = NEAR * threshold.abs();
        let mut is_near = false;
        for ((top, first), headroom) in top.iter().zip(&mut self.first).zip(&mut self.headroom) {
            let off = top * factor - threshold;
            is_near |= off.abs() <= near;
            let failed = if off < -near { period } else { NEVER };
            *first = least(failed, *first);
            *headroom = least(off, *headroom);
        }
        is_near
    }

    /// The same for the inverse of a quotient, whose headroom waits.
    #[inline(always)]
    fn scan_inverse(&mut self, bottom: &[f64], period: f64, threshold: f64, factor: f64) -> bool {
        let near = NEAR * threshold;
        let mut is_near = false;
        for ((bottom, first), inverse) in bottom.iter().zip(&mut self.first).zip(&mut self.inverse) {
            let quotient = bottom * factor;
            let off = quotient - threshold;
            is_near |= off.abs() <= near;
            let failed = if off < -near { period } else { NEVER };
            *first = least(failed, *first);
            *inverse = least(quotient, *inverse);
        }
        is_near
    }

    /// The same for two rows; lanes over zero or less are left to be looked at.
    #[inline(always)]
    fn scan_both(&mut self, (top, bottom): (&[f64], &[f64]), period: f64, threshold: f64, factor: f64) -> bool {
        let near = NEAR * threshold.abs();
        let mut is_near = false;
        for (((top, bottom), first), headroom) in top.iter().zip(bottom).zip(&mut self.first).zip(&mut self.headroom) {
            let is_sound = *bottom > 0.0;
            let off = off_both(*top, *bottom, factor, threshold);
            is_near |= off.abs() <= near;
            let failed = if off < -near { period } else { NEVER };
            *first = least(failed, *first);
            let candidate = if is_sound { off } else { f64::INFINITY };
            *headroom = least(candidate, *headroom);
        }
        is_near
    }

    /// Keeps how far each lane is from its threshold, where some are too near: so seldom that it is worked out again.
    #[inline(always)]
    fn note(&mut self, offs: impl Iterator<Item = f64>) {
        self.gap.iter_mut().zip(offs).for_each(|(gap, off)| *gap = off);
    }

    /// Turns the least inverse quotients into headroom below a maximum.
    #[inline(always)]
    fn settle(&mut self, threshold: &mut Option<f64>) {
        let Some(threshold) = threshold.take() else { return };
        for (inverse, headroom) in self.inverse.iter_mut().zip(&mut self.headroom) {
            let found = if *inverse > 0.0 { threshold - 1.0 / *inverse } else { f64::NEG_INFINITY };
            *headroom = headroom.min(found);
            *inverse = f64::INFINITY;
        }
    }
}

impl CubeTest<'_> {
    /// What a sum of this metric can be at most, in amounts.
    #[must_use]
    pub fn weight(&self) -> u64 {
        let of = |terms: &[Term]| {
            terms.iter().fold(0_u64, |sum, term| {
                let count = match term.window {
                    Window::Last => 1,
                    Window::Sum(count) | Window::Average(count) | Window::Annualized(count) => count,
                };
                sum.saturating_add(u64::try_from(count).unwrap_or(u64::MAX))
            })
        };
        let at = self.thresholds.len();
        let side = |terms: &[Term]| {
            let bottoms =
                (0..at).filter_map(|period| common_bottom(terms, period, 0, self.per_year)).max().unwrap_or(1);
            let factor = u64::try_from(bottoms).unwrap_or(u64::MAX);
            of(terms).saturating_mul(factor).saturating_mul(u64::try_from(self.per_year).unwrap_or(u64::MAX))
        };
        side(&self.metric.numerator).max(side(&self.metric.denominator))
    }

    /// Tests a block of scenarios; with `all_exact` nothing is left to doubles.
    // Always inline, with all its loops: the caller may be compiled for wider registers.
    #[inline(always)]
    pub fn test_block(
        &self,
        block: &[Lanes],
        exact: Exact<'_>,
        all_exact: bool,
        scratch: &mut Scratch,
        out: &mut CubeResult<'_>,
    ) {
        let lanes = out.first.len().min(LANES);
        let Scratch { sums, above, below, lanes: running } = scratch;
        running.start();
        sums.clear();
        sums.resize(self.terms().count().saturating_mul(LANES), 0.0);
        let split = self.metric.numerator.len().saturating_mul(LANES);
        let mut waiting = None;
        for (period, threshold) in self.thresholds.iter().enumerate() {
            for (term, sum) in self.terms().zip(sums.chunks_exact_mut(LANES)) {
                advance(term, block, period, sum);
            }
            let threshold = match threshold {
                Threshold::None => continue,
                Threshold::Known(threshold) => *threshold,
                Threshold::Unknown => {
                    out.undecided.fill(true);
                    continue;
                }
            };
            let (above_sums, below_sums) = sums.split_at_checked(split).unwrap_or_default();
            let top = self.row(&self.metric.numerator, block, period, above_sums, above);
            let bottom = self.row(&self.metric.denominator, block, period, below_sums, below);
            let (Some((top, n_factor)), Some((bottom, d_factor))) = (top, bottom) else {
                out.undecided.fill(true); // a window reaches back before the first period
                continue;
            };
            let fast = !all_exact && n_factor > 0.0 && d_factor > 0.0;
            let wanted = to_f64(threshold.top) / to_f64(threshold.bottom);
            let sign = if self.limit == Limit::Min { 1.0 } else { -1.0 };
            let factor = sign * n_factor / d_factor;
            let at = f64::from(u16::try_from(period).unwrap_or(u16::MAX));
            let near = match (top, bottom) {
                (Row::Lanes(top), Row::Flat(bottom)) if fast && bottom > 0.0 => {
                    let (factor, wanted) = (factor / bottom, sign * wanted);
                    running.scan(top, at, wanted, factor).then(|| {
                        running.note(top.iter().map(|top| top * factor - wanted));
                        NEAR * wanted.abs()
                    })
                }
                (Row::Flat(top), Row::Lanes(bottom))
                    if fast && top > 0.0 && wanted > 0.0 && self.limit == Limit::Max =>
                {
                    if waiting != Some(wanted) {
                        running.settle(&mut waiting);
                        waiting = Some(wanted);
                    }
                    let (factor, lowest) = (d_factor / (n_factor * top), 1.0 / wanted);
                    running.scan_inverse(bottom, at, lowest, factor).then(|| {
                        running.note(bottom.iter().map(|bottom| bottom * factor - lowest));
                        NEAR * lowest
                    })
                }
                (Row::Lanes(top), Row::Lanes(bottom)) if fast => {
                    let wanted = sign * wanted;
                    running.scan_both((top, bottom), at, wanted, factor).then(|| {
                        let lanes = top.iter().zip(bottom);
                        running.note(lanes.map(|(top, bottom)| off_both(*top, *bottom, factor, wanted)));
                        NEAR * wanted.abs()
                    })
                }
                _ => {
                    running.gap.fill(0.0);
                    Some(0.0)
                }
            };
            if let Some(near) = near {
                for lane in 0..lanes {
                    if running.gap.get(lane).is_some_and(|gap| gap.abs() <= near) {
                        self.decide_lane((period, lane, at), threshold, exact, running, out);
                    }
                }
            }
        }
        running.settle(&mut waiting);
        let found = running.first.iter().zip(&running.headroom);
        for ((slot, headroom), (first, worst)) in out.first.iter_mut().zip(out.headroom.iter_mut()).zip(found) {
            let breached = *first < NEVER;
            #[expect(clippy::cast_possible_truncation, reason = "the number of a period, below 2^15")]
            let number = if breached { *first as i16 } else { -1 };
            *slot = number;
            // Rounding must not show a lack of headroom where the integers found none.
            let shown = if !breached && *worst < 0.0 { 0.0 } else { *worst };
            *headroom = if self.metric.denominator.is_empty() { shown / to_f64(self.scale.into()) } else { shown };
        }
    }

    fn terms(&self) -> impl Iterator<Item = &Term> {
        self.metric.numerator.iter().chain(&self.metric.denominator)
    }

    #[inline(always)]
    /// A side in a period, and what its row is to be multiplied with; `None` where the record is too short.
    fn row<'a>(
        &self,
        terms: &[Term],
        block: &'a [Lanes],
        period: usize,
        sums: &'a [f64],
        room: &'a mut [f64],
    ) -> Option<(Row<'a>, f64)> {
        let bottom = common_bottom(terms, period, 0, self.per_year)?;
        let mut parts = terms.iter().zip(sums.chunks_exact(LANES)).map(|(term, sum)| {
            let span = term.window.span(period, 0)?;
            let (times, over) = term.window.factor(&span, self.per_year);
            let weight = bottom.checked_div(i128::try_from(over).ok()?)?.checked_mul(i128::try_from(times).ok()?)?;
            let measure = block.get(term.measure)?;
            let row = match (term.window, measure.is_flat) {
                (Window::Last, false) => Row::Lanes(lanes_of(measure, period)?),
                (Window::Last, true) => Row::Flat(measure.values.get(period).copied()?),
                (_, true) => Row::Flat(sum.first().copied()?),
                (_, false) => Row::Lanes(sum),
            };
            Some((row, to_f64(if term.minus { weight.checked_neg()? } else { weight })))
        });
        let Some(first) = parts.next() else { return Some((Row::Flat(1.0), 1.0)) };
        let (row, weight) = first?;
        if terms.len() == 1 {
            return Some((row, weight / to_f64(bottom)));
        }
        // Whole numbers with whole weights: every step is exact.
        let mut flat = 0.0;
        let mut is_flat = true;
        room.fill(0.0);
        for part in std::iter::once(Some((row, weight))).chain(parts) {
            let (row, weight) = part?;
            match row {
                Row::Flat(value) => flat += weight * value,
                Row::Lanes(values) => {
                    is_flat = false;
                    for (slot, value) in room.iter_mut().zip(values) {
                        *slot += weight * value;
                    }
                }
            }
        }
        if is_flat {
            return Some((Row::Flat(flat), 1.0 / to_f64(bottom)));
        }
        room.iter_mut().for_each(|slot| *slot += flat);
        Some((Row::Lanes(room), 1.0 / to_f64(bottom)))
    }

    #[cold]
    #[inline(never)]
    fn decide_lane(
        &self,
        (period, lane, at): (usize, usize, f64),
        threshold: Fraction,
        exact: Exact<'_>,
        running: &mut Running,
        out: &mut CubeResult<'_>,
    ) {
        let amounts = |measure, period| Some(exact(measure, period, lane));
        let test = (self.limit, self.strict, threshold);
        // Headroom of an amount stays in minor units until the end.
        let decided = decide(self.metric, test, &amounts, self.per_year, period, 1);
        let Some((first, headroom)) = running.first.get_mut(lane).zip(running.headroom.get_mut(lane)) else { return };
        match decided {
            Some((Verdict::Met, Some(found))) => *headroom = headroom.min(found),
            Some((Verdict::Failed, found)) => {
                *headroom = headroom.min(found.unwrap_or(f64::NEG_INFINITY));
                *first = first.min(at);
            }
            Some((Verdict::Met | Verdict::None, _)) | None => {
                if let Some(slot) = out.undecided.get_mut(lane) {
                    *slot = true;
                }
            }
        }
    }
}

/// The smaller of two numbers. The sum with zero keeps what is stored from being a plain choice between the old value
/// and another: compilers make a masked store of that, which some processors take a dozen cycles for.
#[inline(always)]
fn least(a: f64, b: f64) -> f64 {
    (if a < b { a } else { b }) + 0.0
}

/// How far a quotient is from its threshold; over zero or less as near as can be, to be looked at.
#[inline(always)]
fn off_both(top: f64, bottom: f64, factor: f64, threshold: f64) -> f64 {
    if bottom > 0.0 { top * factor / bottom - threshold } else { 0.0 }
}

fn lanes_of(measure: &Lanes, period: usize) -> Option<&[f64]> {
    let start = period.checked_mul(LANES)?;
    measure.values.get(start..start.checked_add(LANES)?)
}

/// Brings the running sum of a term to a period: whole numbers, so that what is taken off leaves no trace.
#[inline(always)]
fn advance(term: &Term, block: &[Lanes], period: usize, sum: &mut [f64]) {
    let Some(measure) = block.get(term.measure) else { return };
    let count = match term.window {
        Window::Last => return,
        Window::Sum(count) | Window::Average(count) | Window::Annualized(count) => count,
    };
    let leaving = period.checked_sub(count);
    if measure.is_flat {
        let at = |period: usize| measure.values.get(period).copied().unwrap_or(0.0);
        if let Some(slot) = sum.first_mut() {
            *slot += at(period) - leaving.map_or(0.0, at);
        }
        return;
    }
    let Some(entering) = lanes_of(measure, period) else { return };
    match leaving.and_then(|leaving| lanes_of(measure, leaving)) {
        Some(leaving) => {
            for ((slot, new), old) in sum.iter_mut().zip(entering).zip(leaving) {
                *slot += new - old;
            }
        }
        None => sum.iter_mut().zip(entering).for_each(|(slot, new)| *slot += new),
    }
}

#[expect(clippy::cast_precision_loss, reason = "thresholds and weights; one rounding, which NEAR allows for")]
fn to_f64(value: i128) -> f64 {
    value as f64
}

#[cfg(test)]
#[path = "cube_tests.rs"]
mod tests;
