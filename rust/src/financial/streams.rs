//! Functions of whole streams of cash flows: many streams in one call, each read once, judged, and computed.
#![forbid(unsafe_code)]

use super::calendar::Basis;
use super::{Failure, Values};
use crate::batch::{DateColumn, DateRead, Load, Poll, for_each_asking, stretches};
use crate::error::{Column, Error, IssueLog, Rule};
use crate::roots::{Flows, Kernel, Trouble};

/// Flows per task, about.
const TASK_FLOWS: usize = 20_000;

/// Streams of cash flows: which of them each flow belongs to is said by `offsets`.
#[derive(Clone, Copy)]
pub struct Streams<'a> {
    /// How many flows.
    pub flows: usize,
    /// Their amounts.
    pub amounts: &'a dyn Load<f64>,
    /// Their dates and how years are counted between them; without dates, flows are a period apart.
    pub dates: Option<(DateColumn<'a>, Basis)>,
    /// Where each stream begins, and where the last ends.
    pub offsets: &'a dyn Load<i64>,
    /// How many streams.
    pub count: usize,
    /// The flows in the order of streams, where they are not.
    pub order: Option<&'a dyn Load<i64>>,
}

/// A stream out of its columns, and room for the search of a rate.
#[derive(Default)]
pub struct Stream {
    /// Amounts as given.
    pub amounts: Vec<f64>,
    /// Periods, or years since the earliest date.
    pub times: Vec<f64>,
    /// The flows that count, in the order of time.
    pub flows: Flows,
    /// The same backwards.
    pub spare: Flows,
    days: Vec<i32>,
    dates: Vec<i64>,
    number: Option<usize>,
    is_sound: bool,
}

/// What the core computes of a stream and two numbers.
type OfStream = fn(&mut Stream, [f64; 2], Poll<'_>) -> Result<Result<f64, Failure>, Error>;

/// A function of a stream and two numbers.
#[derive(Clone, Copy)]
pub struct StreamFunction {
    /// What the numbers are called.
    pub arguments: [&'static str; 2],
    /// Which of them are outside their range.
    pub outside: fn([f64; 2]) -> [bool; 2],
    /// The value, or why there is none.
    pub value: OfStream,
}

/// Writes the function of each stream into `out`; of the one stream there is, with each pair of numbers.
///
/// # Errors
/// [`Error::Interrupted`], [`Error::OutOfMemory`], [`Error::Argument`] for offsets that are none.
pub fn evaluate_streams(
    function: &StreamFunction,
    streams: &Streams<'_>,
    arguments: [Values<'_>; 2],
    out: &mut [f64],
    (threads, kernel): (usize, Kernel),
    poll: Poll<'_>,
) -> Result<IssueLog, Error> {
    if streams.count != 1 && streams.count != out.len() {
        return Err(Error::Argument("one result for each stream".into()));
    }
    let per_task = TASK_FLOWS.saturating_mul(streams.count).checked_div(streams.flows).unwrap_or(1).clamp(1, 4_096);
    let tasks = stretches(out.len(), per_task).into_iter().zip(out.chunks_mut(per_task)).collect();
    let work = |state: &mut (Stream, IssueLog), task: (std::ops::Range<usize>, &mut [f64]), poll: Poll<'_>| {
        let (stream, log) = state;
        let (range, out) = task;
        for (at, slot) in range.zip(out) {
            let mut given = [0.0; 2];
            for (value, argument) in given.iter_mut().zip(arguments) {
                argument.load(at, std::slice::from_mut(value));
            }
            let are_sound = judge(function, given, at, log);
            stream.read(streams, if streams.count == 1 { 0 } else { at }, log)?;
            if !(are_sound && stream.is_sound) {
                *slot = f64::NAN;
                continue;
            }
            *slot = (function.value)(stream, given, poll)?.unwrap_or_else(|failure| {
                let value = failure.value;
                failure.note::<()>(at, log);
                value
            });
        }
        Ok(())
    };
    let mut log = IssueLog::default();
    let init = || {
        let mut stream = Stream::default();
        (stream.flows.kernel, stream.spare.kernel) = (kernel, kernel);
        (stream, IssueLog::default())
    };
    for_each_asking(tasks, threads, poll, &init, &work)?.into_iter().for_each(|(_, part)| log.merge(part));
    Ok(log)
}

fn judge(function: &StreamFunction, given: [f64; 2], at: usize, log: &mut IssueLog) -> bool {
    let outside = (function.outside)(given.map(|value| if value.is_finite() { value } else { f64::NAN }));
    let mut sound = true;
    for ((name, value), outside) in function.arguments.into_iter().zip(given).zip(outside) {
        if !value.is_finite() || outside {
            let rule = if value.is_finite() { Rule::Range } else { Rule::NonFinite };
            log.note(at, Column::Argument(name), rule, value);
            sound = false;
        }
    }
    sound
}

/// A column of a length; what it held before it may still hold.
fn room<T: Copy + Default>(column: &mut Vec<T>, len: usize) -> Result<(), Error> {
    let more = len.saturating_sub(column.len());
    column.try_reserve(more).map_err(|_| Error::OutOfMemory(more.saturating_mul(size_of::<T>())))?;
    column.resize(len, T::default());
    Ok(())
}

impl Stream {
    /// Hands what was read to the flows, in whose place it must be read again.
    ///
    /// # Errors
    /// [`Trouble`] for a stream that can have no rate.
    pub fn take_flows(&mut self) -> Result<(), Trouble> {
        self.number = None;
        self.flows.take(&mut self.amounts, &mut self.times)
    }

    /// Reads a stream, unless it is the one read last.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], [`Error::Argument`].
    pub fn read(&mut self, streams: &Streams<'_>, number: usize, log: &mut IssueLog) -> Result<(), Error> {
        if self.number == Some(number) {
            return Ok(());
        }
        self.number = Some(number);
        self.is_sound = true;
        let mut ends = [0_i64; 2];
        streams.offsets.load(number, &mut ends);
        let none = || Error::Argument("offsets must ascend and end with the number of flows".into());
        let [start, end] = ends.map(usize::try_from);
        let (start, end) = (start.map_err(|_| none())?, end.map_err(|_| none())?);
        let len = end.checked_sub(start).filter(|_| end <= streams.flows).ok_or_else(none)?;
        room(&mut self.amounts, len)?;
        room(&mut self.times, len)?;
        let mut rows = Vec::new();
        if let Some(order) = streams.order {
            room(&mut rows, len)?;
            order.load(start, &mut rows);
        }
        let rows: Vec<usize> = rows.into_iter().map(|row| usize::try_from(row).unwrap_or(usize::MAX)).collect();
        if rows.iter().any(|row| *row >= streams.flows) {
            return Err(Error::Argument("the order must name flows".into()));
        }
        let row_of = |at: usize| rows.get(at).copied().unwrap_or(start.saturating_add(at));
        load(streams.amounts, start, &rows, &mut self.amounts);
        // All are looked at: a loop without a way out becomes one of vectors.
        if !self.amounts.iter().fold(true, |finite, amount| finite & amount.is_finite()) {
            for (at, amount) in self.amounts.iter().enumerate().filter(|(_, amount)| !amount.is_finite()) {
                log.note(row_of(at), Column::Argument("values"), Rule::NonFinite, amount);
                self.is_sound = false;
            }
        }
        match streams.dates {
            Some((dates, basis)) => self.read_dates(dates, basis, start, &rows, log)?,
            None => {
                let mut next = 0.0;
                for time in &mut self.times {
                    *time = next;
                    next += 1.0;
                }
            }
        }
        Ok(())
    }

    fn read_dates(
        &mut self,
        dates: DateColumn<'_>,
        basis: Basis,
        start: usize,
        rows: &[usize],
        log: &mut IssueLog,
    ) -> Result<(), Error> {
        let len = self.amounts.len();
        room(&mut self.dates, len)?;
        room(&mut self.days, len)?;
        match dates {
            DateColumn::Ticks(column, _) => load(column, start, rows, &mut self.dates),
            DateColumn::Days(column) => {
                let mut days = vec![0_i32; len];
                load(column, start, rows, &mut days);
                self.dates.iter_mut().zip(days).for_each(|(date, day)| *date = day.into());
            }
        }
        let per_day = if let DateColumn::Ticks(_, per_day) = dates { per_day } else { 1 };
        let kernel = self.flows.kernel;
        if !(kernel.days)(&self.dates, per_day, &mut self.days) {
            self.judge_dates(per_day, start, rows, log);
            if !self.is_sound {
                return Ok(());
            }
        }
        if basis == Basis::Actual365 {
            (kernel.years)(&self.days, &mut self.times);
        } else {
            let first = self.days.iter().copied().min().unwrap_or(0);
            self.times.iter_mut().zip(&self.days).for_each(|(time, day)| *time = basis.years(first, *day));
        }
        Ok(())
    }

    /// Reads dates one by one, and notes what is wrong with them.
    fn judge_dates(&mut self, per_day: i64, start: usize, rows: &[usize], log: &mut IssueLog) {
        for (at, (slot, ticks)) in self.days.iter_mut().zip(&self.dates).enumerate() {
            let rule = match DateRead::of(*ticks, per_day) {
                DateRead::Day(day) => {
                    *slot = day;
                    continue;
                }
                DateRead::NotMidnight(_) => Rule::DateTime,
                DateRead::Missing => Rule::Null,
                DateRead::Outside => Rule::DateRange,
            };
            let row = rows.get(at).copied().unwrap_or(start.saturating_add(at));
            log.note(row, Column::Argument("dates"), rule, ticks);
            self.is_sound = false;
        }
    }
}

fn load<T>(column: &dyn Load<T>, start: usize, rows: &[usize], out: &mut [T]) {
    if rows.is_empty() {
        return column.load(start, out);
    }
    for (slot, row) in out.iter_mut().zip(rows) {
        column.load(*row, std::slice::from_mut(slot));
    }
}
