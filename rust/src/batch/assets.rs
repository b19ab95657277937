//! One answer per asset: whether it is sound, and what it is worth on a day.
#![forbid(unsafe_code)]

use std::ops::Range;

use super::books::{Judge, Row};
use super::chunk::Prepared;
use super::columns::Fleet;
use super::pool::{Poll, filled, for_each, stretches};
use super::reader::{Money, Reader};
use super::roll::{Addable, Movements, Roll};
use super::settings::{Measure, Run, Settings};
use crate::calendar::Month;
use crate::depreciation::{Exact, Flow, Rounding, Sink};
use crate::error::{Error, IssueLog};

/// Judges every row under every run: the problems, and which rows have one.
///
/// # Errors
/// [`Error::Interrupted`].
pub fn validate<T: Money + Exact>(
    fleet: &Fleet<'_>,
    runs: &[Run<'_>],
    settings: &Settings,
    poll: Poll<'_>,
) -> Result<(IssueLog, Vec<bool>), Error> {
    let mut bad = filled(fleet.len, false)?;
    let size = settings.rows_at_a_time(runs.len());
    let tasks = stretches(fleet.len, size).into_iter().zip(bad.chunks_mut(size)).collect();
    let work = |chunk: &mut Prepared<T>, (range, bad): (Range<usize>, &mut [bool])| {
        chunk.read(fleet, settings, range);
        for run in runs {
            chunk.assign(run);
            for index in 0..bad.len() {
                if let Some(Row::Eventful(_)) = chunk.row(run, settings, index) {
                    chunk.keep_books(run, settings, index, 0, Month::MIN, &mut Judge);
                }
            }
        }
        let Reader { bad: marks, skip, .. } = &chunk.reader;
        for ((slot, bad), skip) in bad.iter_mut().zip(marks).zip(skip) {
            *slot = *bad && !skip;
        }
        Ok(())
    };
    let states = for_each(tasks, settings.threads, poll, &Prepared::default, &work)?;
    let mut log = IssueLog::default();
    states.into_iter().for_each(|chunk| log.merge(chunk.reader.log));
    Ok((log, bad))
}

/// What an asset is worth on a day.
#[derive(Clone, Copy, Debug, Default)]
pub struct BookValue<T> {
    /// What was paid; nothing before the asset enters the ledger.
    pub cost: T,
    /// All that was charged so far.
    pub accumulated: T,
    /// The difference.
    pub book_value: T,
    /// Months that will still be charged.
    pub remaining_months: i32,
}

/// One row per asset at the close of `as_of`: cost, accumulated depreciation, book value, months still to be charged.
///
/// # Errors
/// [`Error::Interrupted`].
pub fn book_values<T: Money + Exact + Addable>(
    fleet: &Fleet<'_>,
    run: &Run<'_>,
    settings: &Settings,
    as_of: Month,
    poll: Poll<'_>,
) -> Result<(IssueLog, Vec<BookValue<T>>), Error> {
    let mut values = filled(fleet.len, BookValue::default())?;
    let size = settings.chunk_rows.max(1);
    let tasks = stretches(fleet.len, size).into_iter().zip(values.chunks_mut(size)).collect();
    let work = |chunk: &mut Prepared<T>, (range, values): (Range<usize>, &mut [BookValue<T>])| {
        chunk.read(fleet, settings, range);
        chunk.assign(run);
        for (index, slot) in values.iter_mut().enumerate() {
            let asset = match chunk.row(run, settings, index) {
                None => continue,
                Some(Row::Plain(asset)) => asset,
                Some(Row::Eventful(_)) => {
                    let mut sum = UpTo::new(as_of);
                    chunk.keep_books(run, settings, index, 0, Month::MAX, &mut sum);
                    *slot = sum.value();
                    continue;
                }
            };
            let timing = &asset.timing;
            slot.remaining_months =
                timing.last_month.saturating_sub(as_of.max(timing.open_month.saturating_sub(1))).max(0);
            // Before its cost enters the ledger an asset is worth nothing there, as in the totals.
            if as_of >= timing.enter_month {
                slot.cost = asset.cost;
                slot.accumulated = T::accumulated_at(asset, settings.rounding.unwrap_or(Rounding::Balance), as_of);
                slot.book_value = asset.cost.minus(slot.accumulated);
            }
        }
        Ok(())
    };
    let states = for_each(tasks, settings.threads, poll, &Prepared::<T>::default, &work)?;
    let mut log = IssueLog::default();
    states.into_iter().for_each(|chunk| log.merge(chunk.reader.log));
    Ok((log, values))
}

/// Sums all that moved by the end of a month.
struct UpTo<T> {
    month: Month,
    moved: Movements<T>,
    /// The first and last month with a charge.
    charged: Option<(Month, Month)>,
}

impl<T: Addable> UpTo<T> {
    fn new(month: Month) -> Self {
        Self { month, moved: Movements::default(), charged: None }
    }

    fn value(self) -> BookValue<T> {
        let line = Roll::default().over(self.moved);
        let remaining =
            |(first, last): (Month, Month)| last.saturating_sub(self.month.max(first.saturating_sub(1))).max(0);
        BookValue {
            cost: line.measure(Measure::ClosingCost),
            accumulated: line.measure(Measure::AccumulatedDepreciation),
            book_value: line.measure(Measure::ClosingBookValue),
            remaining_months: self.charged.map_or(0, remaining),
        }
    }
}

impl<T: Addable> Sink<T> for UpTo<T> {
    fn charges(&mut self, from: Month, charges: &[T], _: T) {
        for (month, charge) in (from..).zip(charges) {
            let (first, last) = self.charged.unwrap_or((month, month));
            self.charged = Some((first.min(month), last.max(month)));
            self.flow(month, Flow::Charge, *charge);
        }
    }

    fn flow(&mut self, month: Month, flow: Flow, amount: T) {
        if month <= self.month {
            self.moved.add(flow, amount);
        }
    }

    fn moved(&mut self, _: Month, _: usize, _: T, _: T) {}

    fn ended(&mut self, _: Month, _: bool) {}
}
