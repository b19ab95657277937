//! Covenants of one facility under many scenarios at once: the first breach and the least headroom in each.
//!
//! Scenarios are lanes. Wherever a quotient comes so close to its threshold that doubles do not tell (which it does on
//! it), the lane is decided again in integers, from the amounts as they came. So are lanes over a denominator that is
//! zero or negative, and blocks with amounts too large for exact sums.
#![forbid(unsafe_code)]

use super::clause::Limit;
use super::evaluate::{Verdict, decide};
use super::metric::{Fraction, Metric, Term, common_bottom};
use super::plan::{Plan, Row, TestPlan};
use super::scan::{
    Kept, Lane, NEAR, NEVER, Rows, STRETCH, Step, WIDTH, lower, mix_in, off_both, off_top, run_sums, scan_both,
    scan_bottom, scan_top,
};
use crate::money::{MinorUnits, small_f64};

/// Scenarios in a block. Memory is slow to give pieces shorter than this; what a stretch of a few measures needs stays
/// in the second-level cache.
pub const LANES: usize = 1024;

/// A measure of a block of scenarios in whole minor units.
#[derive(Clone, Debug, Default)]
pub struct Lanes {
    /// [`WIDTH`] scenarios after [`WIDTH`] scenarios, of each the latest stretches.
    rows: Vec<Rows>,
    /// How many stretches are kept.
    slots: usize,
    /// The periods, where all scenarios have the same.
    pub flat: Vec<f64>,
    /// Whether they have.
    pub is_flat: bool,
}

impl Lanes {
    /// Room for a block, in which windows of at most so many periods are summed up.
    #[must_use]
    pub fn new(is_flat: bool, periods: usize, longest_window: usize) -> Self {
        let slots = longest_window.min(periods).div_ceil(STRETCH).saturating_add(1);
        let rows = if is_flat { 0 } else { slots.saturating_mul(LANES.div_ceil(WIDTH)) };
        Self {
            rows: vec![[[0.0; WIDTH]; STRETCH]; rows],
            slots,
            flat: vec![0.0; if is_flat { periods } else { 0 }],
            is_flat,
        }
    }

    /// Where the scenarios of a period go, [`WIDTH`] after [`WIDTH`].
    #[inline(always)]
    fn of_period(&mut self, period: usize) -> impl Iterator<Item = &mut Lane> {
        let slot = (period / STRETCH).checked_rem(self.slots).unwrap_or(0);
        let stretches = self.rows.iter_mut().skip(slot).step_by(self.slots.max(1));
        stretches.filter_map(move |rows| rows.get_mut(period % STRETCH))
    }

    /// Takes the amounts of a period, or of all where that is all there is to them; whether all are whole minor units
    /// and below a limit.
    // Always inline: the caller may be compiled for wider registers.
    #[must_use]
    #[inline(always)]
    pub fn take_major(&mut self, units: MinorUnits, period: usize, major: &[f64], limit: f64) -> bool {
        if self.is_flat {
            return units.from_major_whole_into(major, &mut self.flat, limit);
        }
        let (lanes, rest) = major.as_chunks::<WIDTH>();
        let mut places = self.of_period(period);
        let mut clean = true;
        for (lane, place) in lanes.iter().zip(&mut places) {
            clean &= units.from_major_whole_into(lane, place, limit);
        }
        if let (false, Some(place)) = (rest.is_empty(), places.next()) {
            clean &= units.from_major_whole_into(rest, place, limit);
        }
        clean
    }

    /// The same of whole minor units; those beyond 2^51 are not held exactly.
    pub fn take_minor(&mut self, period: usize, minor: &[i64]) {
        if self.is_flat {
            self.flat.iter_mut().zip(minor).for_each(|(slot, amount)| *slot = small_f64(*amount));
        } else {
            let places = self.of_period(period).flatten();
            places.zip(minor).for_each(|(slot, amount)| *slot = small_f64(*amount));
        }
    }

    /// The stretches that are kept of a group.
    fn group(&self, number: usize) -> &[Rows] {
        let start = number.saturating_mul(self.slots);
        self.rows.get(start..start.saturating_add(self.slots)).unwrap_or_default()
    }
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

/// What is known of [`WIDTH`] lanes of a test so far.
#[derive(Clone, Copy, Debug)]
struct Known {
    first: Lane,
    headroom: Lane,
    open: [bool; WIDTH],
}

/// Room for the work on a block.
#[derive(Debug)]
pub struct Scratch {
    /// How the tests are scanned.
    pub plan: Plan,
    windows: Vec<Rows>,
    mixes: Vec<Rows>,
    /// Of each group its windows.
    sums: Vec<Lane>,
    /// Of each group its tests.
    known: Vec<Known>,
    kept: Box<Kept>,
}

impl Default for Scratch {
    fn default() -> Self {
        let (windows, mixes, sums, known) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { plan: Plan::default(), windows, mixes, sums, known, kept: Box::new(Kept::START) }
    }
}

impl Scratch {
    /// Forgets what is known, before the first stretch of a block.
    pub fn begin(&mut self) {
        const ROWS: Rows = [[0.0; WIDTH]; STRETCH];
        let groups = LANES.div_ceil(WIDTH);
        let Self { plan, windows, mixes, sums, known, .. } = self;
        windows.resize(plan.windows.len(), ROWS);
        mixes.resize(plan.mixes.len(), ROWS);
        sums.clear();
        sums.resize(plan.windows.len().saturating_mul(groups), [0.0; WIDTH]);
        known.clear();
        for _ in 0..groups {
            known.extend(plan.tests.iter().map(|test| Known {
                first: [NEVER; WIDTH],
                headroom: [f64::INFINITY; WIDTH],
                open: [test.is_open; WIDTH],
            }));
        }
    }

    /// Puts what is known of so many lanes where it goes.
    #[inline(always)]
    pub fn finish(&self, tests: &[CubeTest<'_>], lanes: usize, out: &mut [CubeResult<'_>]) {
        let groups = self.known.chunks(tests.len().max(1));
        for (start, known) in (0..lanes.min(LANES)).step_by(WIDTH).zip(groups) {
            for ((test, known), out) in tests.iter().zip(known).zip(out.iter_mut()) {
                write(test, known, start..start.saturating_add(WIDTH).min(lanes), out);
            }
        }
    }
}

impl CubeTest<'_> {
    /// What a sum of this metric can be at most, in amounts.
    #[must_use]
    pub fn weight(&self) -> u64 {
        let of = |terms: &[Term]| {
            terms
                .iter()
                .fold(0_u64, |sum, term| sum.saturating_add(u64::try_from(term.window.reach()).unwrap_or(u64::MAX)))
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

/// Tests a stretch of a block of scenarios as it was planned, after those before it.
// Always inline, with all its loops: the caller may be compiled for wider registers.
#[inline(always)]
pub fn test_stretch(
    tests: &[CubeTest<'_>],
    block: &[Lanes],
    (stretch, lanes): (usize, usize),
    exact: Exact<'_>,
    scratch: &mut Scratch,
) {
    let Scratch { plan, windows, mixes, sums, known, kept } = scratch;
    let from = stretch.saturating_mul(STRETCH);
    let mut sums = sums.iter_mut();
    for ((number, start), known) in
        (0..lanes.min(LANES)).step_by(WIDTH).enumerate().zip(known.chunks_mut(tests.len().max(1)))
    {
        let measure = |measure: usize| block.get(measure).map_or(&[][..], |measure| measure.group(number));
        let latest = |of: usize| {
            let slots = measure(of);
            stretch.checked_rem(slots.len()).and_then(|slot| slots.get(slot))
        };
        for (((of, count), out), sums) in plan.windows.iter().zip(windows.iter_mut()).zip(&mut sums) {
            run_sums(measure(*of), stretch, *count, sums, out);
        }
        for (mix, out) in plan.mixes.iter().zip(mixes.iter_mut()) {
            out.iter_mut().zip(mix.flat.iter().skip(from)).for_each(|(out, flat)| *out = [*flat; WIDTH]);
            for (row, place) in &mix.rows {
                let rows = match row {
                    Row::Measure(of) => latest(*of),
                    Row::Window(number) => windows.get(*number),
                    Row::Flat | Row::Mix(_) => None,
                };
                let skipped = from.saturating_mul(mix.terms).saturating_add(*place);
                if let Some(rows) = rows {
                    mix_in(rows, mix.weights.iter().skip(skipped).step_by(mix.terms.max(1)).copied(), out);
                }
            }
        }
        let rows = |row| match row {
            Row::Flat => None,
            Row::Measure(of) => latest(of),
            Row::Window(number) => windows.get(number),
            Row::Mix(number) => mixes.get(number),
        };
        for ((test, plan), known) in tests.iter().zip(&plan.tests).zip(known) {
            let (sides, steps) = ((rows(plan.top), rows(plan.bottom)), plan.steps_of(stretch));
            match sides {
                (Some(top), None) => scan_top(top, steps, kept),
                (None, Some(bottom)) => scan_bottom(bottom, steps, kept),
                (Some(top), Some(bottom)) => scan_both(top, bottom, steps, kept),
                (None, None) => **kept = Kept::START,
            }
            if kept.is_near(plan.near) || !plan.exact.is_empty() {
                let exact = |lane: usize, measure, period| exact(measure, period, start.saturating_add(lane));
                let lanes = lanes.saturating_sub(start).min(WIDTH);
                look_again(test, plan, (stretch, sides), lanes, &exact, kept, &mut known.open);
            }
            lower(&mut known.first, &kept.first);
            lower(&mut known.headroom, &kept.headroom);
        }
    }
}

/// What is above the line and below it.
type Sides<'a> = (Option<&'a Rows>, Option<&'a Rows>);

/// Decides in integers what doubles cannot tell: so seldom that all is worked out again.
#[cold]
#[inline(never)]
fn look_again(
    test: &CubeTest<'_>,
    plan: &TestPlan,
    (stretch, sides): (usize, Sides<'_>),
    lanes: usize,
    exact: &dyn Fn(usize, usize, usize) -> i64,
    kept: &mut Kept,
    open: &mut [bool; WIDTH],
) {
    // How far a lane is from its threshold as it was scanned, and its headroom.
    let off = |step: &Step, lane: usize| {
        let value = |rows: &Rows| rows.get(step.period % STRETCH).and_then(|row| row.get(lane)).copied().unwrap_or(0.0);
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
    let exact_periods: Vec<usize> = plan.exact.iter().copied().filter(|period| period / STRETCH == stretch).collect();
    let places = kept.first.iter_mut().zip(&mut kept.headroom).zip(&kept.nearest).zip(open).take(lanes).enumerate();
    for (lane, (((first, headroom), nearest), open)) in places {
        if *nearest > plan.near && exact_periods.is_empty() {
            continue;
        }
        (*first, *headroom) = (NEVER, f64::INFINITY);
        let near = |step: &Step, off: f64| off.abs() <= NEAR * step.wanted.abs();
        let mut left = exact_periods.clone();
        for step in plan.steps_of(stretch) {
            match off(step, lane) {
                Some((off, room)) if !near(step, off) => {
                    *headroom = headroom.min(room);
                    if off < 0.0 && step.fails != 0 {
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
fn write(test: &CubeTest<'_>, known: &Known, range: std::ops::Range<usize>, out: &mut CubeResult<'_>) {
    let (firsts, rooms) = (out.first.get_mut(range.clone()), out.headroom.get_mut(range.clone()));
    let (Some(firsts), Some(rooms), Some(undecided)) = (firsts, rooms, out.undecided.get_mut(range)) else { return };
    #[expect(clippy::cast_precision_loss, reason = "at most 10,000")]
    let unit = if test.metric.denominator.is_empty() { test.scale as f64 } else { 1.0 };
    let found = known.first.iter().zip(&known.headroom).zip(&known.open);
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
