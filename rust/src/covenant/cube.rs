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
    Both, Found, Lane, NEAR, NEVER, One, Quotient, Rows, STRETCH, TILE, Tile, WIDTH, first_of, lower, mix_in, run_sums,
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
    /// Room for a block, in which windows of at most so many periods are summed up, 0 where there is none.
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

    /// Takes the amounts of a period, or of all where that is all there is to them, by way of `major`; whether all are
    /// whole minor units and below a limit.
    // Always inline: the caller may be compiled for wider registers.
    #[must_use]
    #[inline(always)]
    pub fn take_major(
        &mut self,
        units: MinorUnits,
        period: usize,
        (load, major): (LoadMajor<'_>, &mut [f64]),
        limit: f64,
    ) -> bool {
        if self.is_flat {
            load(0, major);
            return units.from_major_whole_into(major, &mut self.flat, limit);
        }
        let mut clean = true;
        // Piece by piece, so that memory brings the next while this one is judged.
        for ((number, major), place) in major.chunks_mut(WIDTH).enumerate().zip(self.of_period(period)) {
            load(number.saturating_mul(WIDTH), major);
            clean &= units.from_major_whole_into(major, place, limit);
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

/// Copies the amounts of a block from a lane on.
pub type LoadMajor<'a> = &'a dyn Fn(usize, &mut [f64]);

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
    found: Found,
    open: [bool; WIDTH],
}

/// Room for the work on a block.
#[derive(Debug, Default)]
pub struct Scratch {
    /// How the tests are scanned.
    pub plan: Plan,
    windows: Vec<Rows>,
    mixes: Vec<Rows>,
    /// Of each group its windows.
    sums: Vec<Lane>,
    /// Of each group its tests.
    known: Vec<Known>,
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
            let start = |test: &TestPlan| Known { found: Found::START, open: [test.is_open; WIDTH] };
            known.extend(plan.tests.iter().map(start));
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
    let Scratch { plan, windows, mixes, sums, known } = scratch;
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
            let exact = |lane: usize, measure, period| exact(measure, period, start.saturating_add(lane));
            let group = Group { test, plan, stretch, lanes: lanes.saturating_sub(start).min(WIDTH), exact: &exact };
            match (rows(plan.top), rows(plan.bottom)) {
                (Some(rows), None) | (None, Some(rows)) => group.scan(One(rows), known),
                (Some(top), Some(bottom)) => group.scan(Both(top, bottom), known),
                (None, None) => group.scan(One(&NO_ROWS), known), // no steps: integers alone
            }
        }
    }
}

/// Rows that are not looked at.
static NO_ROWS: Rows = [[0.0; WIDTH]; STRETCH];

/// A test of a stretch of [`WIDTH`] lanes.
struct Group<'a> {
    test: &'a CubeTest<'a>,
    plan: &'a TestPlan,
    stretch: usize,
    /// How many of them there are.
    lanes: usize,
    exact: &'a dyn Fn(usize, usize, usize) -> i64,
}

impl Group<'_> {
    /// Adds to what is known of the lanes.
    #[inline(always)]
    fn scan<Q: Quotient>(&self, quotients: Q, known: &mut Known) {
        let (steps, near) = (self.plan.steps_of(self.stretch), self.plan.near);
        let is_exact = self.plan.exact.iter().any(|period| period / STRETCH == self.stretch);
        let (mut rooms, marks) = known.found.scan(quotients, steps, (near, self.plan.settled));
        for (tile, marks) in marks.as_chunks::<TILE>().0.iter().enumerate() {
            if marks.iter().fold(0, |all, mark| all | mark) == 0 && !is_exact {
                continue;
            }
            let (first, nearest) = first_of(quotients, steps, tile);
            let place = known.found.first.as_chunks_mut::<TILE>().0.get_mut(tile);
            let Some(place) = place else { continue };
            place.iter_mut().zip(&first).for_each(|(kept, first)| lower(kept, *first));
            if is_exact || nearest.iter().fold(false, |is_near, nearest| is_near | (*nearest <= near)) {
                self.look_again(quotients, (tile, &nearest), &mut rooms, known);
            }
        }
        known.found.headroom = rooms;
    }

    /// Decides in integers what doubles cannot tell: so seldom that all is worked out again.
    #[cold]
    #[inline(never)]
    fn look_again<Q: Quotient>(
        &self,
        quotients: Q,
        (tile, nearest): (usize, &Tile),
        rooms: &mut Lane,
        known: &mut Known,
    ) {
        let in_stretch = |period: &&usize| **period / STRETCH == self.stretch;
        let exact_periods: Vec<usize> = self.plan.exact.iter().filter(in_stretch).copied().collect();
        let start = tile.saturating_mul(TILE);
        let lanes = self.lanes.saturating_sub(start).min(TILE);
        let Known { found: Found { first, headroom }, open } = known;
        let places = first.iter_mut().zip(headroom).zip(rooms).zip(open).skip(start).zip(nearest).take(lanes);
        for (lane, ((((first, before), headroom), open), nearest)) in places.enumerate() {
            if *nearest > self.plan.near && exact_periods.is_empty() {
                continue;
            }
            *headroom = *before;
            if *first >= number(self.stretch.saturating_mul(STRETCH)) {
                *first = NEVER; // found in this stretch
            }
            let mut left = exact_periods.clone();
            for step in self.plan.steps_of(self.stretch) {
                let quotient = quotients.of_tile(*step, tile).get(lane).copied().unwrap_or(f64::NEG_INFINITY);
                let off = quotient - step.wanted;
                if off.abs() <= NEAR * step.wanted.abs() || off < f64::MIN {
                    left.push(step.period);
                    continue;
                }
                *headroom = headroom.min(step.headroom(quotient));
                if off < 0.0 && step.fails != 0 {
                    *first = first.min(step.at);
                }
            }
            for period in left {
                let exact = |measure, period| (self.exact)(start.saturating_add(lane), measure, period);
                match self.test.decide(period, &exact) {
                    Some((Verdict::Met, Some(found))) => *headroom = headroom.min(found),
                    Some((Verdict::Failed, found)) => {
                        *headroom = headroom.min(found.unwrap_or(f64::NEG_INFINITY));
                        if !self.test.waived.get(period).copied().unwrap_or(false) {
                            *first = first.min(number(period));
                        }
                    }
                    Some((Verdict::Met | Verdict::None, _)) | None => *open = true,
                }
            }
        }
    }
}

/// The number of a period as it goes into the first breach.
fn number(period: usize) -> f64 {
    f64::from(u16::try_from(period).unwrap_or(u16::MAX))
}

/// Puts the lanes of a group where they go.
#[inline(always)]
fn write(test: &CubeTest<'_>, known: &Known, range: std::ops::Range<usize>, out: &mut CubeResult<'_>) {
    let (firsts, rooms) = (out.first.get_mut(range.clone()), out.headroom.get_mut(range.clone()));
    let (Some(firsts), Some(rooms), Some(undecided)) = (firsts, rooms, out.undecided.get_mut(range)) else { return };
    #[expect(clippy::cast_precision_loss, reason = "at most 10,000")]
    let unit = if test.metric.denominator.is_empty() { test.scale as f64 } else { 1.0 };
    let found = known.found.first.iter().zip(&known.found.headroom).zip(&known.open);
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
