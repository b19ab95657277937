//! Facilities x test dates x scenarios: columns of amounts in, the first breach and the least headroom out.
#![forbid(unsafe_code)]

use super::columns::MoneyColumn;
use super::pool::{Poll, for_each};
use crate::covenant::{
    Book, Covenant, CubeResult, CubeTerms, CubeTest, Exact, LANES, Lane, Lanes, Measure, Metric, Outcome, Scratch,
    Threshold, WIDTH, Way, test_block, test_lane,
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

/// A scan of a block.
type Scan = fn(&[CubeTest<'_>], &[Lanes], usize, Exact<'_>, &mut Scratch, &mut [CubeResult<'_>]);

/// A way to put the amounts of a period where they go.
type Whole = fn(MinorUnits, &[f64], &mut [Lane], [usize; 2], f64) -> bool;

/// The loops over scenarios, as a caller had them compiled.
#[derive(Clone, Copy)]
pub struct Kernels {
    /// [`whole_rows`].
    pub whole_rows: Whole,
    /// [`test_block`].
    pub test_block: Scan,
}

impl Kernels {
    /// For any processor.
    pub const PORTABLE: Self = Self {
        whole_rows: |units, major, rows, place, limit| whole_rows(units, major, rows, place, limit),
        test_block: |tests, block, lanes, exact, scratch, out| test_block(tests, block, lanes, exact, scratch, out),
    };
}

/// Puts the amounts of a period where its lanes go: `[period, periods]`; whether all are whole and below a limit.
#[inline(always)]
pub fn whole_rows(
    units: MinorUnits,
    major: &[f64],
    rows: &mut [Lane],
    [period, periods]: [usize; 2],
    limit: f64,
) -> bool {
    let (lanes, rest) = major.as_chunks::<WIDTH>();
    let mut rows = rows.iter_mut().skip(period).step_by(periods.max(1));
    let mut clean = true;
    for (lane, row) in lanes.iter().zip(&mut rows) {
        clean &= units.from_major_whole_into(lane, row, limit);
    }
    if let (false, Some(row)) = (rest.is_empty(), rows.next()) {
        clean &= units.from_major_whole_into(rest, row, limit);
    }
    clean
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
    flat: Vec<Lane>,
    logs: Vec<IssueLog>,
    measures: Vec<Measure>,
    outcomes: Vec<Outcome>,
}

/// Rows that consecutive amounts go to, [`WIDTH`] to each: the first of them, how far apart they are, how many amounts.
struct Places<'a> {
    rows: &'a mut [Lane],
    place: [usize; 2],
    count: usize,
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
        let groups = LANES.div_ceil(WIDTH);
        let lanes = |measure: &CubeMeasure<'_>| Lanes {
            rows: vec![[0.0; WIDTH]; if measure.is_flat { 0 } else { periods.saturating_mul(groups) }],
            flat: vec![0.0; if measure.is_flat { periods } else { 0 }],
            is_flat: measure.is_flat,
        };
        State {
            block: self.measures.iter().map(lanes).collect(),
            scratch: Scratch::default(),
            terms: vec![CubeTerms::default(); tests],
            major: vec![0.0; LANES.max(periods)],
            minor: vec![0; LANES.max(periods)],
            flat: vec![[0.0; WIDTH]; periods.div_ceil(WIDTH)],
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
            let fits = self.read_block(state, facility, start, lanes, bits);
            if planned != Some(fits) {
                state.scratch.plan.make(&read, &state.block, !fits);
                planned = Some(fits);
            }
            let exact = |measure, period, lane| self.amount(measure, facility, period, start, lane);
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
            (self.kernels.test_block)(&read, &state.block, lanes, &exact, &mut state.scratch, &mut found);
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

    /// Reads a block of every measure; whether all of its amounts leave room for exact sums.
    fn read_block(&self, state: &mut State, facility: usize, start: usize, lanes: usize, bits: u32) -> bool {
        let [_, periods, scenarios] = self.shape;
        let mut fits = bits > 0;
        let State { block, major, minor, flat, logs, .. } = state;
        for ((measure, block), log) in self.measures.iter().zip(block).zip(logs) {
            let first = facility.saturating_mul(periods);
            if measure.is_flat {
                let log = (start == 0).then_some(log); // told once
                let places = Places { rows: flat, place: [0, 1], count: periods };
                fits &= self.read(measure.values, first, (major, minor), places, log, bits);
                block.flat.iter_mut().zip(flat.as_flattened()).for_each(|(slot, amount)| *slot = *amount);
                continue;
            }
            for period in 0..periods {
                let at = first.saturating_add(period).saturating_mul(scenarios).saturating_add(start);
                let places = Places { rows: &mut block.rows, place: [period, periods], count: lanes };
                fits &= self.read(measure.values, at, (major, minor), places, Some(&mut *log), bits);
            }
        }
        fits
    }

    /// Reads consecutive amounts as whole minor units; whether all have at most so many bits.
    fn read(
        &self,
        values: MoneyColumn<'_>,
        at: usize,
        (major, minor): (&mut [f64], &mut [i64]),
        to: Places<'_>,
        mut log: Option<&mut IssueLog>,
        bits: u32,
    ) -> bool {
        let Places { rows, place: [first, stride], count } = to;
        let (Some(major), Some(minor)) = (major.get_mut(..count), minor.get_mut(..count)) else { return false };
        match values {
            MoneyColumn::Minor(column) => column.load(at, minor),
            MoneyColumn::Major(column) => {
                column.load(at, major);
                if (self.kernels.whole_rows)(self.units, major, rows, [first, stride], power_of_two(bits)) {
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
        let room = 1_i64 << bits;
        let mut wide = 0;
        let rows = rows.iter_mut().skip(first).step_by(stride.max(1));
        for (slot, amount) in rows.flatten().zip(minor.iter()) {
            wide |= amount.wrapping_add(room).cast_unsigned();
            *slot = small_f64(*amount);
        }
        wide >> bits.saturating_add(1) == 0
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

fn note(log: &mut Option<&mut IssueLog>, row: usize, rule: Rule, value: f64) {
    if let Some(log) = log {
        log.note(row, Column::Argument("measure"), rule, value);
    }
}
