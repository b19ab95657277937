//! One answer per asset: whether it is sound, and what it is worth on a day.
#![forbid(unsafe_code)]

use std::ops::Range;

use super::chunk::Prepared;
use super::columns::Fleet;
use super::pool::{Poll, filled, for_each, stretches};
use super::reader::{Money, Reader};
use super::settings::{Run, Settings};
use crate::calendar::Month;
use crate::depreciation::Rounding;
use crate::error::{Error, IssueLog};

/// Judges every row under every run: the problems, and which rows have one.
///
/// # Errors
/// [`Error::Interrupted`].
pub fn validate<T: Money>(
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
                let _ = chunk.resolve(run, settings, index);
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
pub fn book_values<T: Money>(
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
            let Some(asset) = chunk.resolve(run, settings, index) else { continue };
            let timing = &asset.timing;
            slot.remaining_months =
                timing.last_month.saturating_sub(as_of.max(timing.open_month.saturating_sub(1))).max(0);
            // Before its cost enters the ledger an asset is worth nothing there, as in the totals.
            if as_of >= timing.enter_month {
                slot.cost = asset.cost;
                slot.accumulated = T::accumulated_at(&asset, settings.rounding.unwrap_or(Rounding::Balance), as_of);
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
