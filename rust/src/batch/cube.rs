//! Facilities x test dates x scenarios: columns of amounts in, the first breach and the least headroom out.
#![forbid(unsafe_code)]

use super::columns::MoneyColumn;
use super::pool::{Poll, for_each};
use crate::covenant::{CubeResult, CubeTest, Exact, LANES, Lanes, Limit, Metric, Scratch, Threshold};
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

/// How a test of a facility reads.
#[derive(Clone, Copy, Debug)]
pub struct CubeTerms {
    /// Its metric, by number.
    pub metric: usize,
    /// Which side is met.
    pub limit: Limit,
    /// Whether the threshold itself fails.
    pub strict: bool,
}

/// The loops over scenarios, as a caller had them compiled.
#[derive(Clone, Copy)]
pub struct Kernels {
    /// [`MinorUnits::from_major_whole_into`].
    pub whole_into: fn(MinorUnits, &[f64], &mut [f64], f64) -> bool,
    /// [`CubeTest::test_block`].
    pub test_block: for<'a> fn(&CubeTest<'_>, &[Lanes], Exact<'_>, bool, &mut Scratch, &mut CubeResult<'a>),
}

impl Kernels {
    /// For any processor.
    pub const PORTABLE: Self = Self {
        whole_into: |units, major, out, limit| units.from_major_whole_into(major, out, limit),
        test_block: |test, block, exact, all_exact, scratch, out| {
            test.test_block(block, exact, all_exact, scratch, out);
        },
    };
}

/// What is tested.
pub struct Cube<'a> {
    /// Facilities, periods, scenarios.
    pub shape: [usize; 3],
    /// The measures, by number.
    pub measures: &'a [CubeMeasure<'a>],
    /// The metrics, by number.
    pub metrics: &'a [Metric],
    /// The tests of each facility, the same number of each.
    pub tests: &'a [CubeTerms],
    /// For each of them the threshold of each period.
    pub thresholds: &'a [Threshold],
    /// Periods in a year.
    pub per_year: usize,
    /// The currency's.
    pub units: MinorUnits,
    /// Minor units in the unit of an amount's headroom.
    pub scale: i64,
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
}

/// What a thread needs.
struct State {
    block: Vec<Lanes>,
    scratch: Scratch,
    major: Vec<f64>,
    minor: Vec<i64>,
    logs: Vec<IssueLog>,
}

/// Tests every facility under every scenario; what is wrong with the amounts is told by measure.
///
/// # Errors
/// [`Error::Interrupted`], [`Error::Argument`] for shapes that do not match.
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
    let sound = [out.first.len(), out.headroom.len(), out.undecided.len()].iter().all(|len| *len == total)
        && tests.saturating_mul(facilities) == cube.tests.len()
        && cube.thresholds.len() == cube.tests.len().saturating_mul(periods);
    if !sound || periods > 32_000 {
        return Err(Error::Argument("the arrays of a cube do not match its shape".to_owned()));
    }
    let mut logs = vec![IssueLog::default(); cube.measures.len()];
    if width == 0 {
        return Ok(logs);
    }
    let targets = out.first.chunks_mut(width).zip(out.headroom.chunks_mut(width)).zip(out.undecided.chunks_mut(width));
    let tasks: Vec<_> = targets.enumerate().collect();
    let bits = exact_bits(cube, tests, periods);
    let init = || State {
        block: cube
            .measures
            .iter()
            .map(|measure| {
                let lanes = if measure.is_flat { 1 } else { LANES };
                Lanes { values: vec![0.0; periods.saturating_mul(lanes)], is_flat: measure.is_flat }
            })
            .collect(),
        scratch: Scratch::default(),
        major: vec![0.0; LANES.max(periods)],
        minor: vec![0; LANES.max(periods)],
        logs: vec![IssueLog::default(); cube.measures.len()],
    };
    let work = |state: &mut State, (facility, ((first, headroom), undecided)): (usize, Target<'_>)| {
        for start in (0..scenarios).step_by(LANES) {
            let lanes = scenarios.saturating_sub(start).min(LANES);
            let fits = cube.read_block(state, facility, start, lanes, bits);
            for test in 0..tests {
                let from = test.saturating_mul(scenarios).saturating_add(start);
                let range = from..from.saturating_add(lanes);
                let Some(test) = cube.test(facility, test, tests, periods) else { continue };
                let parts = (first.get_mut(range.clone()), headroom.get_mut(range.clone()), undecided.get_mut(range));
                let (Some(first), Some(headroom), Some(undecided)) = parts else { continue };
                let exact = |measure, period, lane| cube.amount(measure, facility, period, start, lane);
                let mut found = CubeResult { first, headroom, undecided };
                (cube.kernels.test_block)(&test, &state.block, &exact, !fits, &mut state.scratch, &mut found);
            }
        }
        Ok(())
    };
    for state in for_each(tasks, threads, poll, &init, &work)? {
        logs.iter_mut().zip(state.logs).for_each(|(log, other)| log.merge(other));
    }
    Ok(logs)
}

type Target<'a> = ((&'a mut [i16], &'a mut [f64]), &'a mut [bool]);

/// How many bits amounts may have so that every sum of every metric is exact in a double.
fn exact_bits(cube: &Cube<'_>, tests: usize, periods: usize) -> u32 {
    let mut widest = 1;
    let mut seen = vec![false; cube.metrics.len()];
    for (at, terms) in cube.tests.iter().enumerate() {
        let Some(seen) = seen.get_mut(terms.metric) else { continue };
        if std::mem::replace(seen, true) {
            continue;
        }
        let (facility, number) = (at.checked_div(tests).unwrap_or(0), at.checked_rem(tests).unwrap_or(0));
        widest = cube.test(facility, number, tests, periods).map_or(u64::MAX, |test| test.weight()).max(widest);
    }
    52_u32.saturating_sub(u64::BITS.saturating_sub(widest.leading_zeros())).min(50)
}

impl Cube<'_> {
    fn test(&self, facility: usize, number: usize, tests: usize, periods: usize) -> Option<CubeTest<'_>> {
        let place = facility.checked_mul(tests)?.checked_add(number)?;
        let terms = self.tests.get(place)?;
        let start = place.checked_mul(periods)?;
        Some(CubeTest {
            metric: self.metrics.get(terms.metric)?,
            limit: terms.limit,
            strict: terms.strict,
            thresholds: self.thresholds.get(start..start.checked_add(periods)?)?,
            per_year: self.per_year,
            scale: self.scale,
        })
    }

    /// Reads a block of every measure; whether all of its amounts leave room for exact sums.
    fn read_block(&self, state: &mut State, facility: usize, start: usize, lanes: usize, bits: u32) -> bool {
        let [_, periods, scenarios] = self.shape;
        let mut fits = bits > 0;
        for ((measure, block), log) in self.measures.iter().zip(&mut state.block).zip(&mut state.logs) {
            let first = facility.saturating_mul(periods);
            if measure.is_flat {
                let log = (start == 0).then_some(log); // told once
                let room = (&mut state.major[..], &mut state.minor[..]);
                fits &= self.read(measure.values, first, room, &mut block.values, log, bits);
                continue;
            }
            for (period, row) in block.values.chunks_exact_mut(LANES).enumerate() {
                let at = first.saturating_add(period).saturating_mul(scenarios).saturating_add(start);
                let room = (&mut state.major[..], &mut state.minor[..]);
                let Some(row) = row.get_mut(..lanes) else { continue };
                fits &= self.read(measure.values, at, room, row, Some(&mut *log), bits);
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
        out: &mut [f64],
        mut log: Option<&mut IssueLog>,
        bits: u32,
    ) -> bool {
        let Some(minor) = minor.get_mut(..out.len()) else { return false };
        match values {
            MoneyColumn::Minor(column) => column.load(at, minor),
            MoneyColumn::Major(column) => {
                let Some(major) = major.get_mut(..out.len()) else { return false };
                column.load(at, major);
                if (self.kernels.whole_into)(self.units, major, out, power_of_two(bits)) {
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
        for (slot, amount) in out.iter_mut().zip(minor.iter()) {
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
