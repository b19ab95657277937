//! Totals by group and period, never materialising assets x periods.
#![forbid(unsafe_code)]

use std::ops::Range;

use super::assets::validate;
use super::books::Row;
use super::chunk::Prepared;
use super::cohort_plan::CohortPlan;
use super::cohorts::{Cohorts, Shortcut};
use super::columns::{CodeColumn, Fleet};
use super::flows::{Addend, BROUGHT_IN, CHARGES, COST, Flows, Planes};
use super::pool::{Poll, filled, for_each_then, stretches};
use super::posting::Posting;
use super::remainders::Remainders;
use super::roll::{Addable, Movements, Roll};
use super::settings::{Horizon, Measure, Run, Settings};
use super::survey::survey;
use crate::calendar::{Date, Month, month_end};
use crate::depreciation::straight_line::Amount;
use crate::depreciation::{Asset, Flow, Rounding};
use crate::error::{Error, IssueLog};
use crate::money::MinorUnits;

/// The groups of a roll-up: a code for each row, negative for null.
#[derive(Clone, Copy)]
pub struct Grouping<'a> {
    /// The codes; without them all rows are group 0.
    pub codes: Option<CodeColumn<'a>>,
    /// How many groups there are, not counting null.
    pub groups: usize,
}

impl Grouping<'_> {
    /// Loads the group of each row, null as the last group, and counts the rows that are not bad.
    pub(super) fn load(
        &self,
        range: Range<usize>,
        bad: &[bool],
        groups: &mut Vec<i32>,
        group_rows: &mut [i64],
    ) -> Result<(), Error> {
        let null = i32::try_from(self.groups).map_err(|_| Error::Argument("too many groups".to_owned()))?;
        groups.clear();
        groups.resize(range.len(), 0);
        let Some(codes) = self.codes else {
            if let Some(count) = group_rows.first_mut() {
                *count = bad.iter().fold(*count, |count, bad| count.wrapping_add(i64::from(!bad)));
            }
            return Ok(());
        };
        codes.load(range.start, groups);
        if !groups.iter().fold(true, |plain, code| plain & (0..null).contains(code)) {
            for code in groups.iter_mut() {
                *code = match *code {
                    code if code < 0 => null,
                    code if code < null => code,
                    code => return Err(Error::Argument(format!("group code {code} is not below {null}"))),
                };
            }
        }
        for (code, bad) in groups.iter().zip(bad) {
            if let Some(count) = usize::try_from(*code).ok().and_then(|code| group_rows.get_mut(code)) {
                *count = count.wrapping_add(i64::from(!bad));
            }
        }
        Ok(())
    }
}

/// How rows are summed; the result is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// As the sizes suggest.
    Auto,
    /// Each asset's charges one by one.
    Direct,
    /// Cohorts of equal group and month wherever possible.
    Cohorts,
}

/// Accumulators of all threads together stay below this, as long as one fits at all.
pub(super) const ACCUMULATOR_BYTES: usize = 1 << 29;

/// Sums by run, group and period.
pub struct Totals<T: Addend> {
    horizon: Horizon,
    settings: Settings,
    groups: usize,
    runs: usize,
    flows: Flows<T>,
    /// Rows in each group, the null group last.
    pub group_rows: Vec<i64>,
}

/// Sums the charges of a fleet under several runs; only `measures` may be asked of the result.
///
/// Issues found leave no totals; a fleet without rows has none either.
///
/// # Errors
/// [`Error::Interrupted`], [`Error::OutOfMemory`], [`Error::Argument`] for a group code out of range.
pub fn totals<T: Summable>(
    fleet: &Fleet<'_>,
    runs: &[Run<'_>],
    settings: &Settings,
    grouping: Grouping<'_>,
    measures: &[Measure],
    route: Route,
    poll: Poll<'_>,
) -> Result<(IssueLog, Option<Totals<T>>), Error> {
    let groups = grouping.groups.saturating_add(1);
    let found = survey::<T>(fleet, runs, settings, poll)?;
    let Some(horizon) = settings.snapped(found.extent.map(|e| e.start), found.extent.map(|e| e.end)) else {
        // Either there are no rows, or all of them are wrong: the log says which.
        return Ok((validate::<T>(fleet, runs, settings, poll)?.0, None));
    };
    // Sums of each thread, and the cells of the measures that will be read from them.
    let only_charges = measures.iter().all(|measure| *measure == Measure::Depreciation);
    let planes = Planes { groups, runs: runs.len(), eventful: fleet.events.is_some() && !only_charges };
    let leveled = Flows::<T>::level_bytes(horizon, planes).saturating_mul(planes.runs);
    let sums = Flows::<T>::bytes(horizon, planes).max(1);
    let each = if settings.rounding == Some(Rounding::Balance) { sums.saturating_add(leveled) } else { sums };
    let cells = sums.saturating_mul(measures.len());
    let room = settings.memory_limit.saturating_sub(cells).min(ACCUMULATOR_BYTES.max(each));
    let threads = match settings.rounding {
        Some(_) => settings.threads.min(room.checked_div(each).unwrap_or(1)),
        None => room.checked_div(each).unwrap_or(1).min(1),
    };
    if threads == 0 {
        let totals = [groups, runs.len(), horizon.months()];
        let bytes = cells.saturating_add(each);
        return Err(Error::MemoryLimit { totals, bytes, limit: settings.memory_limit });
    }
    let plan = if route == Route::Direct {
        None
    } else {
        CohortPlan::new(&found, fleet, runs, settings, groups, !only_charges, route == Route::Cohorts)
    };
    let fresh = || -> Result<Worker<T>, Error> {
        Ok(Worker {
            chunk: Prepared::default(),
            flows: Flows::new(horizon, planes)?,
            cohorts: match &plan {
                Some(plan) => T::shortcut(plan)?,
                None => None,
            },
            group_rows: filled(groups, 0)?,
            codes: Vec::new(),
            charges: Vec::new(),
            leftover: Vec::new(),
            remainders: Remainders::default(),
            only_charges,
        })
    };
    let work = |state: &mut Option<Worker<T>>, range: Range<usize>| -> Result<(), Error> {
        let worker = match state {
            Some(worker) => worker,
            None => state.insert(fresh()?),
        };
        worker.add(fleet, runs, settings, grouping, horizon, range)
    };
    let tasks = stretches(fleet.len, settings.rows_at_a_time(runs.len()));
    let mut log = IssueLog::default();
    let mut merged: Option<Worker<T>> = None;
    let finish = |state: &mut Option<Worker<T>>| state.as_mut().map_or(Ok(()), Worker::finish);
    for worker in for_each_then(tasks, threads, poll, &|| None, &work, &finish)?.into_iter().flatten() {
        merged = Some(match merged {
            None => worker,
            Some(first) => first.merge(worker)?,
        });
    }
    let whole = match merged {
        Some(whole) => whole,
        None => fresh()?,
    };
    log.merge(whole.chunk.reader.log);
    let totals = Totals {
        horizon,
        settings: *settings,
        groups,
        runs: runs.len(),
        flows: whole.flows,
        group_rows: whole.group_rows,
    };
    Ok(if log.is_empty() { (log, Some(totals)) } else { (log, None) })
}

/// What one thread adds up.
struct Worker<T: Summable> {
    chunk: Prepared<T>,
    flows: Flows<T>,
    cohorts: Option<Box<dyn Shortcut<T>>>,
    group_rows: Vec<i64>,
    codes: Vec<i32>,
    charges: Vec<T>,
    leftover: Vec<usize>,
    remainders: Remainders,
    only_charges: bool,
}

impl<T: Summable> Worker<T> {
    fn add(
        &mut self,
        fleet: &Fleet<'_>,
        runs: &[Run<'_>],
        settings: &Settings,
        grouping: Grouping<'_>,
        horizon: Horizon,
        range: Range<usize>,
    ) -> Result<(), Error> {
        self.chunk.read(fleet, settings, range.clone());
        grouping.load(range, &self.chunk.reader.bad, &mut self.codes, &mut self.group_rows)?;
        self.leftover.clear();
        if let Some(cohorts) = &mut self.cohorts {
            cohorts.begin(&self.chunk, &self.codes, &mut self.flows)?;
            for (number, run) in runs.iter().enumerate() {
                self.chunk.assign(run);
                cohorts.weigh(number, &self.chunk);
            }
            for number in 0..runs.len() {
                cohorts.deposit(number);
            }
            cohorts.settle(&self.chunk, &mut self.leftover);
        } else {
            self.leftover.extend(0..self.codes.len());
        }
        let leftover = std::mem::take(&mut self.leftover);
        for (number, run) in runs.iter().enumerate().take(if leftover.is_empty() { 0 } else { runs.len() }) {
            self.chunk.assign(run);
            for index in &leftover {
                let Some(row) = self.chunk.row(run, settings, *index) else { continue };
                let group = self.codes.get(*index).and_then(|code| usize::try_from(*code).ok()).unwrap_or(0);
                match row {
                    Row::Plain(asset) => {
                        let sums = (&mut self.flows, &mut self.remainders, &mut self.charges);
                        charge(asset, settings, horizon, group, number, sums)?;
                    }
                    Row::Eventful(_) => {
                        let mut sink = Posting {
                            flows: &mut self.flows,
                            remainders: &mut self.remainders,
                            only_charges: self.only_charges,
                            group,
                            run: number,
                            outcome: Ok(()),
                        };
                        self.chunk.keep_books(run, settings, *index, grouping.groups, horizon.end, &mut sink);
                        sink.outcome?;
                    }
                }
            }
        }
        self.leftover = leftover;
        Ok(())
    }

    /// Moves what was gathered elsewhere into the flows.
    fn finish(&mut self) -> Result<(), Error> {
        if let Some(cohorts) = &mut self.cohorts {
            cohorts.flush(&mut self.flows)?;
        }
        T::add_waiting(&mut self.remainders, &mut self.flows)?;
        self.flows.settle();
        Ok(())
    }

    fn merge(mut self, other: Self) -> Result<Self, Error> {
        let Self { chunk, flows, group_rows, .. } = other;
        self.flows.merge(flows)?;
        self.chunk.reader.log.merge(chunk.reader.log);
        for (mine, count) in self.group_rows.iter_mut().zip(group_rows) {
            *mine = mine.saturating_add(count);
        }
        Ok(self)
    }
}

/// Adds one asset; its cost enters with the first run.
fn charge<T: Summable>(
    asset: &Asset<T>,
    settings: &Settings,
    horizon: Horizon,
    group: usize,
    run: usize,
    (flows, remainders, charges): (&mut Flows<T>, &mut Remainders, &mut Vec<T>),
) -> Result<(), Error> {
    let timing = &asset.timing;
    let Some(entry) = flows.slot(timing.enter_month) else { return Ok(()) };
    flows.reserve(asset.cost.magnitude())?;
    if run == 0 {
        flows.add(COST, group, entry, asset.cost);
        flows.add(BROUGHT_IN, group, entry, asset.opening);
    }
    let plane = CHARGES.saturating_add(run);
    let months = Horizon { start: timing.open_month, end: timing.last_month.min(horizon.end) }.months();
    if settings.rounding == Some(Rounding::Balance)
        && T::add_charges(asset, remainders, timing.open_month, months, (&mut *flows, plane, group))?.is_some()
    {
        return Ok(());
    }
    let first = timing.open_month.max(horizon.start);
    let last = timing.last_month.min(horizon.end);
    charges.resize(Horizon { start: first, end: last }.months(), T::default());
    let rounding = settings.rounding.unwrap_or(Rounding::Balance);
    let before = T::charges_into(asset, rounding, first, charges);
    flows.add(plane, group, 0, before.minus(asset.opening));
    flows.add_months(plane, group, first, charges);
    Ok(())
}

impl<T: Addend> Totals<T> {
    /// The horizon, in whole periods.
    #[must_use]
    pub fn horizon(&self) -> Horizon {
        self.horizon
    }

    /// The last day of each period.
    #[must_use]
    pub fn period_ends(&self) -> Vec<Date> {
        let step = self.settings.period_months();
        (self.horizon.start..=self.horizon.end)
            .step_by(step)
            .map(|month| month_end(self.settings.grid.period_end(month)))
            .collect()
    }

    /// Cells of a measure: runs x groups (null last) x periods.
    #[must_use]
    pub fn n_cells(&self) -> usize {
        let periods = self.horizon.months().checked_div(self.settings.period_months()).unwrap_or(0);
        self.runs.saturating_mul(self.groups).saturating_mul(periods)
    }

    /// Each cell of some measures, by their place among them, in row-major order of (run, group, period).
    pub fn each(&self, measures: &[Measure], mut emit: impl FnMut(usize, T::Wide)) {
        let step = self.settings.period_months();
        let (mut charges, mut months) = (Vec::new(), Vec::new());
        for run in 0..self.runs {
            for group in 0..self.groups {
                if matches!(measures, [Measure::Depreciation]) {
                    self.flows.read(self.flows.planes.of(run, Flow::Charge), group, &mut charges);
                    let [_, charges @ ..] = charges.as_slice() else { continue };
                    charges
                        .chunks(step)
                        .for_each(|period| emit(0, period.iter().fold(T::Wide::default(), |s, m| s.add(*m))));
                    continue;
                }
                self.flows.movements(run, group, &mut months);
                let [before, months @ ..] = months.as_slice() else { continue };
                let mut roll = Roll::default();
                roll.over(*before);
                for period in months.chunks(step) {
                    let mut moved = Movements::default();
                    period.iter().for_each(|month| moved.join(month));
                    let line = roll.over(moved);
                    measures.iter().enumerate().for_each(|(at, measure)| emit(at, line.measure(*measure)));
                }
            }
        }
    }

    /// Digits of the currency.
    #[must_use]
    pub fn units(&self) -> MinorUnits {
        self.settings.units
    }
}

/// An amount whose totals can be asked for.
pub trait Summable: Addend {
    /// A faster way to add most rows, where the amount has one.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    fn shortcut(plan: &CohortPlan) -> Result<Option<Box<dyn Shortcut<Self>>>, Error>;

    /// Adds the balanced charges of an asset in so many months from `from` on with the help of tables, now or at the next
    /// [`Summable::add_waiting`], and returns what is accumulated then; `None`, and nothing added, without a table.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    fn add_charges(
        _: &Asset<Self>,
        _: &mut Remainders,
        _from: Month,
        _months: usize,
        _: Place<'_, Self>,
    ) -> Result<Option<Self>, Error> {
        Ok(None)
    }

    /// Adds what waits.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    fn add_waiting(_: &mut Remainders, _: &mut Flows<Self>) -> Result<(), Error> {
        Ok(())
    }
}

/// Where charges are added: to which plane and group of which sums.
pub type Place<'f, T> = (&'f mut Flows<T>, usize, usize);

impl Summable for i64 {
    fn shortcut(plan: &CohortPlan) -> Result<Option<Box<dyn Shortcut<Self>>>, Error> {
        Ok(Some(Box::new(Cohorts::new(plan)?)))
    }

    #[inline]
    fn add_charges(
        asset: &Asset<i64>,
        remainders: &mut Remainders,
        from: Month,
        months: usize,
        (flows, plane, group): Place<'_, i64>,
    ) -> Result<Option<i64>, Error> {
        let after = |month: Month| Self::accumulated_at(asset, Rounding::Balance, month);
        let first = from.max(flows.horizon().start);
        let last = from.saturating_add(i32::try_from(months).unwrap_or(0)).saturating_sub(1);
        let inside = Horizon { start: first, end: last }.months();
        let accumulated = match remainders.put_off(asset, first, inside, (plane, group)) {
            Some(accumulated) if remainders.are_full() => {
                remainders.add_waiting(flows)?;
                accumulated
            }
            Some(accumulated) => accumulated,
            None if inside == 0 => after(last),
            None => {
                let Some(steps) = remainders.steps(asset) else { return Ok(None) };
                flows.reserve(asset.base.minus(asset.opening).unsigned_abs())?;
                if let Some((_, slots)) = flows.stretch(plane, group, first, inside) {
                    steps.add(first, slots);
                }
                after(last)
            }
        };
        if first > from {
            let before = after(last.min(first.saturating_sub(1))).minus(after(from.saturating_sub(1)));
            flows.reserve(before.unsigned_abs())?;
            flows.add(plane, group, 0, before);
        }
        Ok(Some(accumulated))
    }

    fn add_waiting(remainders: &mut Remainders, flows: &mut Flows<i64>) -> Result<(), Error> {
        remainders.add_waiting(flows)
    }
}

impl Summable for f64 {
    fn shortcut(_: &CohortPlan) -> Result<Option<Box<dyn Shortcut<Self>>>, Error> {
        Ok(None)
    }
}

#[cfg(test)]
#[path = "totals_tests.rs"]
mod tests;
