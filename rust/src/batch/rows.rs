//! One row per asset and period: count first, then fill arrays that the caller allocated.
#![forbid(unsafe_code)]

use std::ops::Range;

use super::asset_cells::{Ledger, RowAmount};
use super::books::{Extent, Row};
use super::cells::{Amounts, Dates, MICROSECONDS_PER_DAY, copy, cut};
use super::chunk::Prepared;
use super::columns::{Fleet, Load};
use super::months::Months;
use super::pool::{Poll, filled, for_each, stretches};
use super::remainders::Remainders;
use super::settings::{Horizon, Measure, Run, Settings};
use crate::calendar::{Date, Month, month_end};
use crate::depreciation::{Asset, Rounding};
use crate::error::{Error, IssueLog};

/// The months an asset is in the ledger: from the month its cost enters to its last charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stay {
    enter: Month,
    last: Month,
    /// Nothing is left after the last month: rows don't run on.
    gone: bool,
}

impl Stay {
    /// No row at all: an asset that is left out.
    const NONE: Self = Self { enter: Month::MAX, last: Month::MIN, gone: false };

    /// The stay of a row; [`Stay::NONE`] where it is left out or wrong.
    fn of<T: RowAmount>(chunk: &mut Prepared<T>, run: &Run<'_>, settings: &Settings, index: usize) -> Self {
        match chunk.row(run, settings, index) {
            None => Self::NONE,
            Some(Row::Plain(asset)) => {
                Self { enter: asset.timing.enter_month, last: asset.timing.last_month, gone: false }
            }
            Some(Row::Eventful(asset)) => {
                let (enter, mut extent) = (asset.timing.enter_month, Extent::default());
                match chunk.keep_books(run, settings, index, 0, Month::MIN, &mut extent) {
                    Some(()) => Self { enter, last: extent.last, gone: extent.gone },
                    None => Self::NONE,
                }
            }
        }
    }

    /// First month of its first period and last month of its last, inside the horizon.
    fn window(self, horizon: Horizon, settings: &Settings) -> Option<(Month, Month)> {
        let first = self.enter.max(horizon.start);
        let last = if settings.rows_all && !self.gone { horizon.end } else { self.last.min(horizon.end) };
        let (first, last) = (settings.grid.period_start(first), settings.grid.period_end(last));
        (self != Self::NONE && self.enter <= horizon.end && first <= last).then_some((first, last))
    }

    fn rows(self, horizon: Horizon, settings: &Settings) -> usize {
        let months = self.window(horizon, settings).map_or(0, |(start, end)| Horizon { start, end }.months());
        months.checked_div(settings.period_months()).unwrap_or(0)
    }
}

/// How many rows each asset has, and where each chunk's rows begin.
#[derive(Debug, Default)]
pub struct RowPlan {
    horizon: Option<Horizon>,
    stays: Vec<Stay>,
    /// Assets in a chunk.
    size: usize,
    chunk_counts: Vec<usize>,
    /// Rows of the result.
    pub n_rows: usize,
}

impl RowPlan {
    /// Rows of each asset.
    pub fn counts(&self, settings: &Settings) -> impl Iterator<Item = usize> {
        let (horizon, settings) = (self.horizon, *settings);
        self.stays.iter().map(move |stay| horizon.map_or(0, |horizon| stay.rows(horizon, &settings)))
    }
}

/// An asset becomes dozens of rows, so even a small fleet is worth dividing among threads.
fn chunk_size(assets: usize, settings: &Settings) -> usize {
    const FEWEST: usize = 256;
    let share = assets.checked_div(settings.threads.saturating_mul(2)).unwrap_or(assets);
    share.max(FEWEST).min(settings.chunk_rows).max(1)
}

/// Judges and resolves every row, and counts the rows of the result.
///
/// # Errors
/// [`Error::Interrupted`], [`Error::OutOfMemory`].
pub fn plan_rows<T: RowAmount>(
    fleet: &Fleet<'_>,
    run: &Run<'_>,
    settings: &Settings,
    poll: Poll<'_>,
) -> Result<(IssueLog, RowPlan), Error> {
    let mut stays = filled(fleet.len, Stay::NONE)?;
    let size = chunk_size(fleet.len, settings);
    let tasks = stretches(fleet.len, size).into_iter().zip(stays.chunks_mut(size)).collect();
    let init = || (Prepared::<T>::default(), None);
    let work = |(chunk, extent): &mut (Prepared<T>, Option<Horizon>), (range, stays): (Range<usize>, &mut [Stay])| {
        chunk.read(fleet, settings, range);
        chunk.assign(run);
        for (index, slot) in stays.iter_mut().enumerate() {
            *slot = Stay::of(chunk, run, settings, index);
            if *slot != Stay::NONE {
                *extent = Horizon::hull(*extent, Some(Horizon { start: slot.enter, end: slot.last }));
            }
        }
        Ok(())
    };
    let mut log = IssueLog::default();
    let mut extent = None;
    for (chunk, part) in for_each(tasks, settings.threads, poll, &init, &work)? {
        log.merge(chunk.reader.log);
        extent = Horizon::hull(extent, part);
    }
    let horizon = settings.snapped(extent.map(|e| e.start), extent.map(|e| e.end));
    let mut plan = RowPlan { horizon, stays, size, ..RowPlan::default() };
    for stays in plan.stays.chunks(size) {
        let rows = |stay: &Stay| horizon.map_or(0, |horizon| stay.rows(horizon, settings));
        let count = stays.iter().map(rows).fold(0, usize::saturating_add);
        plan.chunk_counts.push(count);
        plan.n_rows = plan.n_rows.saturating_add(count);
    }
    Ok((log, plan))
}

/// The columns to fill, each as long as the result.
#[derive(Default)]
pub struct RowTargets<'a> {
    /// The asset's row number in the fleet.
    pub position: Option<&'a mut [i32]>,
    /// The asset's own number, taken from a column.
    pub ids: Option<(&'a dyn Load<i64>, &'a mut [i64])>,
    /// The last day of each period.
    pub period_end: Option<Dates<'a>>,
    /// Amounts by measure.
    pub money: Vec<(Measure, Amounts<'a>)>,
}

impl<'a> RowTargets<'a> {
    fn cut(&mut self, count: usize) -> RowTargets<'a> {
        RowTargets {
            position: self.position.as_mut().map(|slice| cut(slice, count)),
            ids: self.ids.as_mut().map(|(source, slice)| (*source, cut(slice, count))),
            period_end: self.period_end.as_mut().map(|dates| dates.cut(count)),
            money: self.money.iter_mut().map(|(measure, amounts)| (*measure, amounts.cut(count))).collect(),
        }
    }
}

/// Fills the targets with the rows that `plan` counted.
///
/// # Errors
/// [`Error::ConcurrentMutation`] where the fleet no longer is what was planned, [`Error::Interrupted`].
pub fn fill_rows<T: RowAmount>(
    fleet: &Fleet<'_>,
    run: &Run<'_>,
    settings: &Settings,
    plan: &RowPlan,
    mut targets: RowTargets<'_>,
    poll: Poll<'_>,
) -> Result<(), Error> {
    let Some(horizon) = plan.horizon else { return Ok(()) };
    let size = plan.size.max(1);
    let chunks = stretches(fleet.len, size).into_iter().zip(plan.stays.chunks(size)).zip(&plan.chunk_counts);
    let mut chunks: Vec<_> =
        chunks.map(|((range, stays), count)| Chunk { range, stays, targets: targets.cut(*count) }).collect();
    // Neighbouring chunks go to one thread: two that write to the same large page for the first time wait for each
    // other.
    let together = chunks.len().checked_div(settings.threads.saturating_mul(8)).unwrap_or(1).clamp(1, 16);
    let ends = PeriodEnds::new(horizon, settings);
    let work = |(chunk, lines): &mut (Prepared<T>, Lines<T>), part: &mut [Chunk<'_>]| {
        part.iter_mut().try_for_each(|part| fill_chunk(fleet, run, settings, horizon, &ends, part, chunk, lines))
    };
    let tasks = chunks.chunks_mut(together).collect();
    for_each(tasks, settings.threads, poll, &Default::default, &work)?;
    Ok(())
}

/// Some rows of the fleet, as planned, and where their rows of the result go.
struct Chunk<'a> {
    range: Range<usize>,
    stays: &'a [Stay],
    targets: RowTargets<'a>,
}

/// The last days of the horizon's periods, ready to copy.
struct PeriodEnds {
    start: Month,
    months: usize,
    days: Vec<Date>,
    microseconds: Vec<i64>,
}

impl PeriodEnds {
    fn new(horizon: Horizon, settings: &Settings) -> Self {
        let days: Vec<Date> = (horizon.start..=horizon.end)
            .step_by(settings.period_months())
            .map(|month| month_end(settings.grid.period_end(month)))
            .collect();
        let microseconds = days.iter().map(|day| i64::from(*day).saturating_mul(MICROSECONDS_PER_DAY)).collect();
        Self { start: horizon.start, months: settings.period_months(), days, microseconds }
    }

    fn index(&self, month: Month) -> usize {
        let months = usize::try_from(month.saturating_sub(self.start)).unwrap_or(0);
        months.checked_div(self.months).unwrap_or(0)
    }
}

/// One asset's periods.
#[derive(Default)]
struct Lines<T> {
    monthly: Vec<T>,
    charges: Vec<T>,
    /// Accumulated depreciation before the first period.
    before: T,
    /// Accumulated depreciation at the end of each.
    balances: Vec<T>,
    remainders: Remainders,
}

#[allow(clippy::too_many_arguments, reason = "the parts of one closure, named")]
fn fill_chunk<T: RowAmount>(
    fleet: &Fleet<'_>,
    run: &Run<'_>,
    settings: &Settings,
    horizon: Horizon,
    ends: &PeriodEnds,
    part: &mut Chunk<'_>,
    chunk: &mut Prepared<T>,
    lines: &mut Lines<T>,
) -> Result<(), Error> {
    let Chunk { range, stays, targets } = part;
    let start = range.start;
    chunk.read(fleet, settings, range.clone());
    chunk.assign(run);
    let mut ids = vec![0; if targets.ids.is_some() { stays.len() } else { 0 }];
    if let Some((source, _)) = &targets.ids {
        source.load(start, &mut ids);
    }
    // Charges alone are the commonest wish.
    let only_charges = matches!(targets.money.as_slice(), [(Measure::Depreciation, _)]);
    let balances = targets.money.iter().any(|(measure, _)| measure.is_a_balance());
    for (index, stay) in stays.iter().enumerate() {
        let row = chunk.row(run, settings, index);
        let known = match &row {
            Some(Row::Plain(asset)) => (asset.timing.enter_month, asset.timing.last_month) == (stay.enter, stay.last),
            Some(Row::Eventful(_)) => *stay != Stay::NONE,
            None => *stay == Stay::NONE,
        };
        if !known {
            return Err(Error::ConcurrentMutation);
        }
        let (Some(row), Some((first, last))) = (row, stay.window(horizon, settings)) else { continue };
        let count = stay.rows(horizon, settings);
        if let Some(position) = &mut targets.position {
            cut(position, count).fill(i32::try_from(start.saturating_add(index)).unwrap_or(i32::MAX));
        }
        if let Some((_, out)) = &mut targets.ids {
            cut(out, count).fill(ids.get(index).copied().unwrap_or(0));
        }
        let at = ends.index(first);
        let periods = at..at.saturating_add(count);
        match &mut targets.period_end {
            Some(Dates::Days(out)) => copy(cut(out, count), ends.days.get(periods)),
            Some(Dates::Microseconds(out)) => copy(cut(out, count), ends.microseconds.get(periods)),
            None => {}
        }
        if targets.money.is_empty() {
            continue;
        }
        let asset = match row {
            Row::Plain(asset) => asset,
            Row::Eventful(_) => {
                let mut months = Months::new(first, last);
                chunk.keep_books(run, settings, index, 0, last, &mut months);
                let lines = months.lines(settings.period_months());
                for (measure, out) in &mut targets.money {
                    let values: Vec<T> = lines.iter().map(|line| line.measure(*measure)).collect();
                    T::convert(&values, settings.units, out.cut(count));
                }
                continue;
            }
        };
        if let (true, Some((_, out))) = (only_charges, targets.money.first_mut())
            && T::write_charges(asset, settings, first, &mut lines.remainders, out, count)
        {
            continue;
        }
        lines.compute(asset, settings, first, last, balances);
        let ledger = Ledger {
            cost: asset.cost,
            enters: stay.enter >= horizon.start,
            before: lines.before,
            charges: &lines.charges,
            balances: &lines.balances,
        };
        for (measure, out) in &mut targets.money {
            T::write(&ledger, *measure, settings.units, out.cut(count));
        }
    }
    Ok(())
}

impl<T: RowAmount> Lines<T> {
    /// Computes the charges of each period from `first` to `last`, and the balances where they are wanted.
    fn compute(&mut self, asset: &Asset<T>, settings: &Settings, first: Month, last: Month, balances: bool) {
        let months = Horizon { start: first, end: last }.months();
        let rounding = settings.rounding.unwrap_or(Rounding::Balance);
        let step = settings.period_months();
        let monthly = if step == 1 { &mut self.charges } else { &mut self.monthly };
        monthly.resize(months, T::default());
        self.before = T::charges_of(asset, rounding, first, &mut self.remainders, monthly);
        if step > 1 {
            let sum = |period: &[T]| period.iter().fold(T::default(), |sum, charge| sum.plus(*charge));
            self.charges.clear();
            self.charges.extend(self.monthly.chunks(step).map(sum));
        }
        self.balances.clear();
        if balances {
            let step = i32::try_from(step).unwrap_or(i32::MAX);
            let mut month = first.saturating_sub(1);
            let mut balance = self.before;
            self.balances.extend(self.charges.iter().map(|charge| {
                month = month.saturating_add(step);
                balance = balance.plus(*charge).settled(asset, month);
                balance
            }));
        }
    }
}
