//! Facilities x test dates x scenarios: columns of amounts in, the first breach and the least headroom out.
#![forbid(unsafe_code)]

use super::columns::MoneyColumn;
use super::pool::{Poll, for_each};
use crate::covenant::{
    Book, Covenant, CubeResult, CubeTerms, CubeTest, Exact, LANES, Lanes, LoadMajor, Measure, Metric, Outcome, STRETCH,
    Scratch, Threshold, Way, Window, test_lane, test_stretch,
};
use crate::error::{Column, Error, IssueLog, Rule};
use crate::money::{MinorUnits, small_f64};

/// A measure of all facilities, period after period: one amount for each scenario, or one for all.
#[derive(Clone, Copy)]
pub struct CubeMeasure<'a> {
    /// The amounts.
    pub values: MoneyColumn<'a>,
    /// Whether all scenarios have the same.
    pub is_flat: bool,
}

/// A scan of a stretch of a block.
type Scan = fn(&[CubeTest<'_>], &[Lanes], (usize, usize), Exact<'_>, &mut Scratch);

/// A way to put results where they go.
type Finish = fn(&Scratch, &[CubeTest<'_>], usize, &mut [CubeResult<'_>]);

/// A way to put the amounts of a period where they go.
type Take = fn(&mut Lanes, MinorUnits, usize, (LoadMajor<'_>, &mut [f64]), f64) -> bool;

/// The loops over scenarios, as a caller had them compiled.
#[derive(Clone, Copy)]
pub struct Kernels {
    /// [`Lanes::take_major`].
    pub take_major: Take,
    /// [`test_stretch`].
    pub test_stretch: Scan,
    /// [`Scratch::finish`].
    pub finish: Finish,
}

impl Kernels {
    /// For any processor.
    pub const PORTABLE: Self = Self {
        take_major: |lanes, units, period, source, limit| lanes.take_major(units, period, source, limit),
        test_stretch: |tests, block, place, exact, scratch| test_stretch(tests, block, place, exact, scratch),
        finish: |scratch, tests, lanes, out| scratch.finish(tests, lanes, out),
    };
}

/// What is tested.
pub struct Cube<'a> {
    /// Facilities, periods, scenarios.
    pub shape: [usize; 3],
    /// The measures, by number.
    pub measures: &'a [CubeMeasure<'a>],
    /// All covenants, without amounts; their entities are the facilities.
    pub book: &'a Book,
    /// The tests of each facility, the same number of each: its covenants by number, where it has them.
    pub tests: &'a [Option<usize>],
    /// The currency's.
    pub units: MinorUnits,
    /// Whether amounts off a minor unit are rounded.
    pub round_input: bool,
    /// The loops.
    pub kernels: Kernels,
}

/// Where it goes: facility after facility, test after test, a place for each scenario.
pub struct CubeTargets<'a> {
    /// The first period with a breach, -1 for none.
    pub first: &'a mut [i16],
    /// The least headroom.
    pub headroom: &'a mut [f64],
    /// Whether some test could not be decided.
    pub undecided: &'a mut [bool],
    /// The status of each test period after period, -1 where none is due; empty where it is not asked for.
    pub statuses: &'a mut [i8],
}

/// What a thread needs.
struct State {
    block: Vec<Lanes>,
    scratch: Scratch,
    terms: Vec<CubeTerms>,
    major: Vec<f64>,
    minor: Vec<i64>,
    logs: Vec<IssueLog>,
    measures: Vec<Measure>,
    outcomes: Vec<Outcome>,
}

/// What a facility's results go to.
type Target<'a> = (((&'a mut [i16], &'a mut [f64]), &'a mut [bool]), &'a mut [i8]);

/// Tests every facility under every scenario; what is wrong with the amounts is told by measure.
///
/// # Errors
/// [`Error::Interrupted`], [`Error::TotalOverflow`], [`Error::Argument`] for shapes that do not match.
pub fn test_cube(
    cube: &Cube<'_>,
    out: CubeTargets<'_>,
    threads: usize,
    poll: Poll<'_>,
) -> Result<Vec<IssueLog>, Error> {
    let [facilities, periods, scenarios] = cube.shape;
    let tests = cube.tests.len().checked_div(facilities).unwrap_or(0);
    let width = tests.checked_mul(scenarios).unwrap_or(0);
    let total = width.saturating_mul(facilities);
    let wants_statuses = !out.statuses.is_empty();
    let sound = [out.first.len(), out.headroom.len(), out.undecided.len()].iter().all(|len| *len == total)
        && (!wants_statuses || out.statuses.len() == total.saturating_mul(periods))
        && tests.saturating_mul(facilities) == cube.tests.len()
        && cube.book.entities.len() == facilities
        && cube.book.entities.iter().all(|cells| cells.len() == periods);
    if !sound || periods > 32_000 {
        return Err(Error::Argument("the arrays of a cube do not match its shape".to_owned()));
    }
    let mut logs = vec![IssueLog::default(); cube.measures.len()];
    if width == 0 {
        return Ok(logs);
    }
    let deep = width.saturating_mul(periods).max(1);
    let statuses = out.statuses.chunks_mut(deep).map(Some).chain(std::iter::repeat_with(|| None));
    let targets: Vec<Target<'_>> = out
        .first
        .chunks_mut(width)
        .zip(out.headroom.chunks_mut(width))
        .zip(out.undecided.chunks_mut(width))
        .zip(statuses.map(Option::unwrap_or_default))
        .collect();
    let bits = exact_bits(cube, periods);
    let init = || cube.state(tests, periods);
    let work = |state: &mut State, (facility, target): (usize, Target<'_>)| {
        cube.test_facility(state, facility, tests, bits, target)
    };
    for state in for_each(targets.into_iter().enumerate().collect(), threads, poll, &init, &work)? {
        logs.iter_mut().zip(state.logs).for_each(|(log, other)| log.merge(other));
    }
    Ok(logs)
}

/// How many bits amounts may have so that every sum of every metric is exact in a double.
fn exact_bits(cube: &Cube<'_>, periods: usize) -> u32 {
    let thresholds = vec![Threshold::None; periods];
    let mut widest = 1;
    let mut seen = vec![false; cube.book.metrics.len()];
    for number in cube.tests.iter().flatten() {
        let Some(place) = cube.book.covenants.get(*number) else { continue };
        for clause in cube.book.clauses.get(place.clauses.clone()).unwrap_or_default() {
            let (Some(seen), Some(metric)) = (seen.get_mut(clause.metric), cube.book.metrics.get(clause.metric)) else {
                continue;
            };
            if !std::mem::replace(seen, true) {
                let test = CubeTest {
                    metric,
                    number: clause.metric,
                    limit: clause.limit,
                    strict: clause.strict,
                    thresholds: &thresholds,
                    waived: &[],
                    per_year: cube.book.per_year,
                    scale: 1,
                };
                widest = widest.max(test.weight());
            }
        }
    }
    52_u32.saturating_sub(u64::BITS.saturating_sub(widest.leading_zeros())).min(50)
}

impl Cube<'_> {
    fn state(&self, tests: usize, periods: usize) -> State {
        let longest = |measure: usize| {
            let terms = self.book.metrics.iter().flat_map(|metric| metric.numerator.iter().chain(&metric.denominator));
            let windows = terms.filter(|term| term.measure == measure && term.window != Window::Last);
            windows.map(|term| term.window.reach()).max().unwrap_or(0)
        };
        let lanes = |(at, measure): (usize, &CubeMeasure<'_>)| Lanes::new(measure.is_flat, periods, longest(at));
        State {
            block: self.measures.iter().enumerate().map(lanes).collect(),
            scratch: Scratch::default(),
            terms: vec![CubeTerms::default(); tests],
            major: vec![0.0; LANES.max(periods)],
            minor: vec![0; LANES.max(periods)],
            logs: vec![IssueLog::default(); self.measures.len()],
            measures: vec![Measure { values: vec![0; periods], known: vec![true; periods] }; self.measures.len()],
            outcomes: Vec::new(),
        }
    }

    fn covenant(&self, facility: usize, test: usize, tests: usize) -> Option<Covenant<'_>> {
        let number = self.tests.get(facility.checked_mul(tests)?.checked_add(test)?).copied().flatten()?;
        self.book.covenant(number)
    }

    fn test_facility(
        &self,
        state: &mut State,
        facility: usize,
        tests: usize,
        bits: u32,
        (((first, headroom), undecided), statuses): Target<'_>,
    ) -> Result<(), Error> {
        let [_, periods, scenarios] = self.shape;
        let mut terms = std::mem::take(&mut state.terms);
        for (number, terms) in terms.iter_mut().enumerate() {
            terms.read(self.covenant(facility, number, tests).as_ref(), periods);
            if !statuses.is_empty() {
                terms.way = Way::Each;
            }
            if terms.way == Way::Each {
                terms.thresholds.fill(Threshold::None); // nothing is scanned
            }
        }
        let never = Metric { numerator: Vec::new(), denominator: Vec::new(), cure: None };
        let read: Vec<CubeTest<'_>> = terms
            .iter()
            .map(|terms| CubeTest {
                metric: self.book.metrics.get(terms.metric).unwrap_or(&never),
                number: terms.metric,
                limit: terms.limit,
                strict: terms.strict,
                thresholds: &terms.thresholds,
                waived: &terms.waived,
                per_year: self.book.per_year,
                scale: self.book.scale,
            })
            .collect();
        let mut planned = None;
        for start in (0..scenarios).step_by(LANES) {
            let lanes = scenarios.saturating_sub(start).min(LANES);
            let exact = |measure, period, lane| self.amount(measure, facility, period, start, lane);
            let mut fits = self.read_flat(state, facility, start == 0, bits) && bits > 0;
            if planned != Some(fits) {
                state.scratch.plan.make(&read, &state.block, !fits);
                planned = Some(fits);
            }
            let test = |state: &mut State, stretch| {
                (self.kernels.test_stretch)(&read, &state.block, (stretch, lanes), &exact, &mut state.scratch);
            };
            state.scratch.begin();
            for stretch in 0..periods.div_ceil(STRETCH) {
                fits &= self.read_stretch(state, facility, stretch, (start, lanes), bits);
                if fits {
                    test(state, stretch);
                }
            }
            if !fits {
                // Some amount is too large for sums in doubles.
                state.scratch.plan.make(&read, &state.block, true);
                planned = Some(false);
                state.scratch.begin();
                (0..periods.div_ceil(STRETCH)).for_each(|stretch| test(state, stretch));
            }
            let mut found: Vec<CubeResult<'_>> = first
                .chunks_mut(scenarios)
                .zip(headroom.chunks_mut(scenarios))
                .zip(undecided.chunks_mut(scenarios))
                .map(|((first, headroom), undecided)| CubeResult {
                    first: first.get_mut(start..start.saturating_add(lanes)).unwrap_or_default(),
                    headroom: headroom.get_mut(start..start.saturating_add(lanes)).unwrap_or_default(),
                    undecided: undecided.get_mut(start..start.saturating_add(lanes)).unwrap_or_default(),
                })
                .collect();
            (self.kernels.finish)(&state.scratch, &read, lanes, &mut found);
            for (number, (terms, found)) in terms.iter().zip(&mut found).enumerate() {
                if terms.way == Way::Scan {
                    continue;
                }
                let Some(covenant) = self.covenant(facility, number, tests) else { continue };
                for lane in 0..lanes {
                    let has_failed = found.first.get(lane).is_some_and(|first| *first >= 0);
                    if terms.way == Way::ScanThenEach && !has_failed {
                        continue;
                    }
                    for (number, measure) in state.measures.iter_mut().enumerate() {
                        for (period, slot) in measure.values.iter_mut().enumerate() {
                            *slot = exact(number, period, lane);
                        }
                    }
                    let outcome = test_lane(&covenant, &state.measures, &mut state.outcomes)?;
                    let places =
                        (found.first.get_mut(lane), found.headroom.get_mut(lane), found.undecided.get_mut(lane));
                    if let (Some(first), Some(headroom), Some(undecided)) = places {
                        *first = outcome.first.and_then(|period| i16::try_from(period).ok()).unwrap_or(-1);
                        (*headroom, *undecided) = (outcome.headroom, outcome.undecided);
                    }
                    let row = number.saturating_mul(periods);
                    for outcome in &state.outcomes {
                        let place = row.saturating_add(outcome.period).saturating_mul(scenarios);
                        if let Some(slot) = statuses.get_mut(place.saturating_add(start).saturating_add(lane)) {
                            *slot = outcome.status.code();
                        }
                    }
                }
            }
        }
        drop(read);
        state.terms = terms;
        Ok(())
    }

    /// Reads what is the same in all scenarios of a facility, and tells of it or not; whether all leave room for exact
    /// sums.
    fn read_flat(&self, state: &mut State, facility: usize, tells: bool, bits: u32) -> bool {
        let [_, periods, _] = self.shape;
        let State { block, major, minor, logs, .. } = state;
        let place = (facility.saturating_mul(periods), periods);
        let mut fits = true;
        for ((measure, lanes), log) in self.measures.iter().zip(block).zip(logs) {
            if measure.is_flat {
                fits &= self.read(measure.values, place, (major, minor), (lanes, 0), tells.then_some(log), bits);
            }
        }
        fits
    }

    /// Reads a stretch of a block of every other measure; whether all of its amounts leave room for exact sums.
    fn read_stretch(
        &self,
        state: &mut State,
        facility: usize,
        stretch: usize,
        (start, count): (usize, usize),
        bits: u32,
    ) -> bool {
        let [_, periods, scenarios] = self.shape;
        let State { block, major, minor, logs, .. } = state;
        let from = stretch.saturating_mul(STRETCH);
        let mut fits = true;
        for ((measure, lanes), log) in self.measures.iter().zip(block).zip(logs) {
            if measure.is_flat {
                continue;
            }
            for period in from..from.saturating_add(STRETCH).min(periods) {
                let cell = facility.saturating_mul(periods).saturating_add(period);
                let place = (cell.saturating_mul(scenarios).saturating_add(start), count);
                fits &= self.read(measure.values, place, (major, minor), (lanes, period), Some(&mut *log), bits);
            }
        }
        fits
    }

    /// Reads consecutive amounts as whole minor units; whether all have at most so many bits.
    fn read(
        &self,
        values: MoneyColumn<'_>,
        (at, count): (usize, usize),
        (major, minor): (&mut [f64], &mut [i64]),
        (lanes, period): (&mut Lanes, usize),
        mut log: Option<&mut IssueLog>,
        bits: u32,
    ) -> bool {
        let (Some(major), Some(minor)) = (major.get_mut(..count), minor.get_mut(..count)) else { return false };
        match values {
            MoneyColumn::Minor(column) => column.load(at, minor),
            MoneyColumn::Major(column) => {
                let load = |offset: usize, out: &mut [f64]| column.load(at.saturating_add(offset), out);
                if (self.kernels.take_major)(lanes, self.units, period, (&load, major), power_of_two(bits)) {
                    return true;
                }
                for (offset, (value, slot)) in major.iter().zip(minor.iter_mut()).enumerate() {
                    match self.units.from_major(*value, self.round_input) {
                        Ok(amount) => *slot = amount,
                        Err(rule) => {
                            *slot = 0;
                            note(&mut log, at.saturating_add(offset), rule, *value);
                        }
                    }
                }
            }
        }
        lanes.take_minor(period, minor);
        let room = 1_i64 << bits;
        let wide = minor.iter().fold(0, |wide, amount| wide | amount.wrapping_add(room).cast_unsigned());
        let fits = wide >> bits.saturating_add(1) == 0;
        if !fits {
            // The least integer has no negative, and is refused wherever amounts are read.
            let least = minor.iter().enumerate().filter(|(_, amount)| **amount == i64::MIN);
            least.for_each(|(offset, amount)| note(&mut log, at.saturating_add(offset), Rule::Overflow, amount));
        }
        fits
    }

    /// One amount in minor units; those that could not be read have been told of.
    fn amount(&self, measure: usize, facility: usize, period: usize, start: usize, lane: usize) -> i64 {
        let [_, periods, scenarios] = self.shape;
        let Some(measure) = self.measures.get(measure) else { return 0 };
        let cell = facility.saturating_mul(periods).saturating_add(period);
        let at = if measure.is_flat {
            cell
        } else {
            cell.saturating_mul(scenarios).saturating_add(start).saturating_add(lane)
        };
        match measure.values {
            MoneyColumn::Minor(column) => {
                let mut one = [0];
                column.load(at, &mut one);
                one.first().copied().unwrap_or(0)
            }
            MoneyColumn::Major(column) => {
                let mut one = [0.0];
                column.load(at, &mut one);
                let value = one.first().copied().unwrap_or(0.0);
                self.units.from_major(value, self.round_input).unwrap_or(0)
            }
        }
    }
}

/// 2 to a power below 51.
fn power_of_two(bits: u32) -> f64 {
    small_f64(1_i64 << bits.min(50))
}

fn note(log: &mut Option<&mut IssueLog>, row: usize, rule: Rule, value: impl std::fmt::Display) {
    if let Some(log) = log {
        log.note(row, Column::Argument("measure"), rule, value);
    }
}
