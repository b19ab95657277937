//! Covenants of one facility under many scenarios at once: the first breach and the least headroom in each.
//!
//! Scenarios are lanes. Wherever a quotient comes so close to its threshold that doubles do not tell (which it does on
//! it), the lane is decided again in integers, from the amounts as they came. So are lanes over a denominator that is
//! zero or negative, and blocks with amounts too large for exact sums.
#![forbid(unsafe_code)]

use super::clause::Limit;
use super::evaluate::{Verdict, decide};
use super::metric::{Fraction, Metric, Term, Window, common_bottom};
use super::plan::{Plan, Row, TestPlan};
use super::scan::{
    Kept, Lane, NEAR, NEVER, Step, WIDTH, mix_in, off_both, off_top, run_sums, scan_both, scan_bottom, scan_top,
};

/// Scenarios in a block: what a block needs of a few measures stays in the second-level cache.
pub const LANES: usize = 1024;

/// A measure of a block of scenarios in whole minor units.
#[derive(Clone, Debug, Default)]
pub struct Lanes {
    /// [`WIDTH`] scenarios after [`WIDTH`] scenarios, of each the periods.
    pub rows: Vec<Lane>,
    /// The periods, where all scenarios have the same.
    pub flat: Vec<f64>,
    /// Whether they have.
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
    /// Its number; tests of one metric share its sums.
    pub number: usize,
    /// Which side is met.
    pub limit: Limit,
    /// Whether the threshold itself fails.
    pub strict: bool,
    /// Thresholds of the periods.
    pub thresholds: &'a [Threshold],
    /// In which of them a failure is no breach; none where it is empty.
    pub waived: &'a [bool],
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
#[derive(Debug, Default)]
pub struct Scratch {
    /// How the tests are scanned.
    pub plan: Plan,
    windows: Vec<Lane>,
    mixes: Vec<Lane>,
}

/// A group of lanes: its number, how many of them count, and how many periods it has.
#[derive(Clone, Copy)]
struct Group {
    number: usize,
    lanes: usize,
    periods: usize,
}

impl Group {
    fn rows<'a>(&self, rows: &'a [Lane], number: usize) -> &'a [Lane] {
        let start = number.saturating_mul(self.periods);
        rows.get(start..start.saturating_add(self.periods)).unwrap_or_default()
    }

    fn measure<'a>(&self, block: &'a [Lanes], measure: usize) -> &'a [Lane] {
        block.get(measure).map_or(&[], |measure| self.rows(&measure.rows, self.number))
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

    /// Decides one lane of a period in integers.
    #[cold]
    #[inline(never)]
    fn decide(&self, period: usize, exact: &dyn Fn(usize, usize) -> i64) -> Option<(Verdict, Option<f64>)> {
        let Some(Threshold::Known(threshold)) = self.thresholds.get(period) else { return None };
        let amounts = |measure, period| Some(exact(measure, period));
        // Headroom of an amount stays in minor units until the end.
        decide(self.metric, (self.limit, self.strict, *threshold), &amounts, self.per_year, period, 1)
    }
}

/// Tests a block of scenarios as it was planned.
// Always inline, with all its loops: the caller may be compiled for wider registers.
#[inline(always)]
pub fn test_block(
    tests: &[CubeTest<'_>],
    block: &[Lanes],
    lanes: usize,
    exact: Exact<'_>,
    scratch: &mut Scratch,
    out: &mut [CubeResult<'_>],
) {
    let Scratch { plan, windows, mixes } = scratch;
    let periods = tests.first().map_or(0, |test| test.thresholds.len());
    windows.resize(plan.windows.len().saturating_mul(periods), [0.0; WIDTH]);
    mixes.resize(plan.mixes.len().saturating_mul(periods), [0.0; WIDTH]);
    for (number, start) in (0..lanes.min(LANES)).step_by(WIDTH).enumerate() {
        let group = Group { number, lanes: lanes.saturating_sub(start).min(WIDTH), periods };
        for ((measure, count), sums) in plan.windows.iter().zip(windows.chunks_exact_mut(periods.max(1))) {
            run_sums(group.measure(block, *measure), *count, sums);
        }
        for (mix, out) in plan.mixes.iter().zip(mixes.chunks_exact_mut(periods.max(1))) {
            out.iter_mut().zip(&mix.flat).for_each(|(out, flat)| *out = [*flat; WIDTH]);
            for (row, place) in &mix.rows {
                let rows = match row {
                    Row::Measure(measure) => group.measure(block, *measure),
                    Row::Window(number) => group.rows(windows, *number),
                    Row::Flat | Row::Mix(_) => continue,
                };
                mix_in(rows, mix.weights.iter().skip(*place).step_by(mix.terms.max(1)).copied(), out);
            }
        }
        let row = |row| match row {
            Row::Flat => None,
            Row::Measure(measure) => Some(group.measure(block, measure)),
            Row::Window(number) => Some(group.rows(windows, number)),
            Row::Mix(number) => Some(group.rows(mixes, number)),
        };
        for ((test, plan), out) in tests.iter().zip(&plan.tests).zip(out.iter_mut()) {
            let sides = (row(plan.top), row(plan.bottom));
            let mut kept = match sides {
                (Some(top), None) => scan_top(top, &plan.steps),
                (None, Some(bottom)) => scan_bottom(bottom, &plan.steps),
                (Some(top), Some(bottom)) => scan_both(top, bottom, &plan.steps),
                (None, None) => Kept::START,
            };
            let mut open = [plan.is_open; WIDTH];
            let is_near = kept.nearest.iter().fold(false, |is_near, nearest| is_near | (*nearest <= plan.near));
            if is_near || !plan.exact.is_empty() {
                let exact = |lane: usize, measure, period| exact(measure, period, start.saturating_add(lane));
                look_again(test, plan, sides, group.lanes, &exact, &mut kept, &mut open);
            }
            write(test, &kept, &open, start..start.saturating_add(group.lanes), out);
        }
    }
}

/// What is above the line and below it.
type Sides<'a> = (Option<&'a [Lane]>, Option<&'a [Lane]>);

/// Decides in integers what doubles cannot tell: so seldom that all is worked out again.
#[cold]
#[inline(never)]
fn look_again(
    test: &CubeTest<'_>,
    plan: &TestPlan,
    sides: Sides<'_>,
    lanes: usize,
    exact: &dyn Fn(usize, usize, usize) -> i64,
    kept: &mut Kept,
    open: &mut [bool; WIDTH],
) {
    // How far a lane is from its threshold as it was scanned, and its headroom.
    let off = |step: &Step, lane: usize| {
        let value = |rows: &[Lane]| rows.get(step.period).and_then(|row| row.get(lane)).copied().unwrap_or(0.0);
        match sides {
            (Some(top), Some(bottom)) => Some(off_both(value(top), value(bottom), *step)).map(|off| (off, off)),
            (Some(top), None) => Some(off_top(value(top), *step)).map(|off| (off, off)),
            (None, Some(bottom)) => {
                let quotient = value(bottom) * step.factor;
                let headroom = if quotient > 0.0 { step.most - 1.0 / quotient } else { f64::NEG_INFINITY };
                Some((quotient - step.wanted, headroom))
            }
            (None, None) => None,
        }
    };
    let places = kept.first.iter_mut().zip(&mut kept.headroom).zip(&kept.nearest).zip(open).take(lanes).enumerate();
    for (lane, (((first, headroom), nearest), open)) in places {
        if *nearest > plan.near && plan.exact.is_empty() {
            continue;
        }
        (*first, *headroom) = (NEVER, f64::INFINITY);
        let near = |step: &Step, off: f64| off.abs() <= NEAR * step.wanted.abs();
        let mut left = plan.exact.clone();
        for step in &plan.steps {
            match off(step, lane) {
                Some((off, room)) if !near(step, off) => {
                    *headroom = headroom.min(room);
                    if off < 0.0 {
                        *first = first.min(step.at);
                    }
                }
                _ => left.push(step.period),
            }
        }
        for period in left {
            match test.decide(period, &|measure, period| exact(lane, measure, period)) {
                Some((Verdict::Met, Some(found))) => *headroom = headroom.min(found),
                Some((Verdict::Failed, found)) => {
                    *headroom = headroom.min(found.unwrap_or(f64::NEG_INFINITY));
                    if !test.waived.get(period).copied().unwrap_or(false) {
                        *first = first.min(f64::from(u16::try_from(period).unwrap_or(u16::MAX)));
                    }
                }
                Some((Verdict::Met | Verdict::None, _)) | None => *open = true,
            }
        }
    }
}

/// Puts the lanes of a group where they go.
#[inline(always)]
fn write(
    test: &CubeTest<'_>,
    kept: &Kept,
    open: &[bool; WIDTH],
    range: std::ops::Range<usize>,
    out: &mut CubeResult<'_>,
) {
    let (firsts, rooms) = (out.first.get_mut(range.clone()), out.headroom.get_mut(range.clone()));
    let (Some(firsts), Some(rooms), Some(undecided)) = (firsts, rooms, out.undecided.get_mut(range)) else { return };
    #[expect(clippy::cast_precision_loss, reason = "at most 10,000")]
    let unit = if test.metric.denominator.is_empty() { test.scale as f64 } else { 1.0 };
    let found = kept.first.iter().zip(&kept.headroom).zip(open);
    for (((slot, headroom), undecided), ((first, worst), open)) in
        firsts.iter_mut().zip(rooms).zip(undecided).zip(found)
    {
        let breached = *first < NEVER;
        #[expect(clippy::cast_possible_truncation, reason = "the number of a period, below 2^15")]
        let number = if breached { *first as i32 as i16 } else { -1 };
        *slot = number;
        *headroom = worst / unit;
        *undecided = *open;
    }
}

#[cfg(test)]
#[path = "cube_tests.rs"]
mod tests;
