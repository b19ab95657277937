//! One row per loan and payment: count first, then fill arrays that the caller allocated.
#![forbid(unsafe_code)]

use std::ops::Range;

use super::LoanAmount;
use super::chunk::LoanChunk;
use super::columns::Loans;
use super::lane_rows::LaneRows;
use super::lanes::{Equal, may_be_equal};
use super::resolve::{Layout, Silent};
use super::settings::{LoanMeasure, LoanSettings};
use crate::batch::cells::{Amounts, Dates, MICROSECONDS_PER_DAY, cut};
use crate::batch::columns::Load;
use crate::batch::pool::{Poll, filled, for_each, stretches};
use crate::batch::reader::Reader;
use crate::calendar::Date;
use crate::debt::lanes::WIDTH;
use crate::debt::{Entry, Sink};
use crate::error::{Error, IssueLog};

/// How many rows each loan has.
#[derive(Debug, Default)]
pub struct LoanRowPlan {
    counts: Vec<u32>,
    /// Loans in a chunk.
    size: usize,
    /// Rows of the result.
    pub n_rows: usize,
}

impl LoanRowPlan {
    /// Rows of each loan.
    #[must_use]
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }
}

/// A thread's chunk and its places to work in.
struct Worker<A: LoanAmount> {
    chunk: LoanChunk<A>,
    layout: Layout<A>,
    entries: Entries<A>,
    values: Vec<A>,
    equals: Vec<Option<Equal>>,
    side: Vec<(usize, Equal)>,
    lanes: LaneRows,
}

impl<A: LoanAmount> Worker<A> {
    fn new(settings: &LoanSettings) -> Self {
        Self {
            chunk: LoanChunk::default(),
            layout: Layout::default(),
            entries: Entries { rows: Vec::new(), settings: settings.clone() },
            values: Vec::new(),
            equals: Vec::new(),
            side: Vec::new(),
            lanes: LaneRows::default(),
        }
    }
}

/// The rows of one loan inside the horizon.
struct Entries<A: LoanAmount> {
    rows: Vec<Entry<A>>,
    settings: LoanSettings,
}

impl<A: LoanAmount> Sink<A> for Entries<A> {
    fn entry(&mut self, entry: &Entry<A>) {
        if self.settings.includes(entry.date) {
            self.rows.push(*entry);
        }
    }
}

/// Counts the rows inside the horizon.
struct Count<'a> {
    rows: u32,
    settings: &'a LoanSettings,
}

impl<A: LoanAmount> Sink<A> for Count<'_> {
    fn entry(&mut self, entry: &Entry<A>) {
        self.rows = self.rows.saturating_add(u32::from(self.settings.includes(entry.date)));
    }
}

/// Judges every loan, or with `values_only` nothing but the values of its columns: the problems, and which rows have one.
///
/// # Errors
/// [`Error::Interrupted`], [`Error::OutOfMemory`].
pub fn validate_loans<A: LoanAmount>(
    loans: &Loans<'_>,
    settings: &LoanSettings,
    values_only: bool,
    poll: Poll<'_>,
) -> Result<(IssueLog, Vec<bool>), Error> {
    let mut bad = filled(loans.len, false)?;
    let size = settings.chunk_size(loans.len);
    let tasks = stretches(loans.len, size).into_iter().zip(bad.chunks_mut(size)).collect();
    let init = || (LoanChunk::<A>::default(), Layout::default());
    let work = |(chunk, layout): &mut (LoanChunk<A>, Layout<A>), (range, bad): (Range<usize>, &mut [bool])| {
        chunk.read(loans, settings, &range);
        for index in 0..if values_only { 0 } else { bad.len() } {
            chunk.run(loans, settings, index, layout, &mut Silent);
        }
        let Reader { bad: marks, skip, .. } = &chunk.reader;
        for ((slot, bad), skip) in bad.iter_mut().zip(marks).zip(skip) {
            *slot = *bad && !skip;
        }
        Ok(())
    };
    let states = for_each(tasks, settings.threads, poll, &init, &work)?;
    let mut log = IssueLog::default();
    states.into_iter().for_each(|(chunk, _)| log.merge(chunk.reader.log));
    Ok((log, bad))
}

/// Judges every loan and counts the rows of the result.
///
/// # Errors
/// [`Error::Interrupted`], [`Error::OutOfMemory`].
pub fn plan_loan_rows<A: LoanAmount>(
    loans: &Loans<'_>,
    settings: &LoanSettings,
    poll: Poll<'_>,
) -> Result<(IssueLog, LoanRowPlan), Error> {
    let mut counts = filled(loans.len, 0_u32)?;
    let size = settings.chunk_size(loans.len);
    let tasks = stretches(loans.len, size).into_iter().zip(counts.chunks_mut(size)).collect();
    let init = || (LoanChunk::<A>::default(), Layout::default());
    let work = |(chunk, layout): &mut (LoanChunk<A>, Layout<A>), (range, counts): (Range<usize>, &mut [u32])| {
        chunk.read(loans, settings, &range);
        let equal = may_be_equal(loans, settings);
        for (index, slot) in counts.iter_mut().enumerate() {
            if let Some(equal) = equal.then(|| chunk.lasting(loans, index)).flatten() {
                let (early, before_end) = equal.rows(settings);
                *slot = u32::try_from(before_end.saturating_sub(early)).unwrap_or(u32::MAX);
                continue;
            }
            let mut count = Count { rows: 0, settings };
            *slot = if chunk.run_together(loans, settings, index, layout, &mut count) { count.rows } else { 0 };
        }
        Ok(())
    };
    let mut log = IssueLog::default();
    for (chunk, _) in for_each(tasks, settings.threads, poll, &init, &work)? {
        log.merge(chunk.reader.log);
    }
    let n_rows = counts.iter().fold(0_usize, |sum, count| sum.saturating_add(usize::try_from(*count).unwrap_or(0)));
    Ok((log, LoanRowPlan { counts, size, n_rows }))
}

/// The columns to fill, each as long as the result.
#[derive(Default)]
pub struct LoanRowTargets<'a> {
    /// The loan's row number.
    pub position: Option<&'a mut [i32]>,
    /// The loan's own number, taken from a column.
    pub ids: Option<(&'a dyn Load<i64>, &'a mut [i64])>,
    /// The number of the payment.
    pub number: Option<&'a mut [i64]>,
    /// Its day.
    pub date: Option<Dates<'a>>,
    /// The first day whose interest is settled.
    pub accrual_start: Option<Dates<'a>>,
    /// The rate in force.
    pub rate: Option<&'a mut [f64]>,
    /// The number of the draw.
    pub draw_number: Option<&'a mut [i64]>,
    /// Amounts by measure.
    pub money: Vec<(LoanMeasure, Amounts<'a>)>,
}

impl<'a> LoanRowTargets<'a> {
    fn cut(&mut self, count: usize) -> LoanRowTargets<'a> {
        LoanRowTargets {
            position: self.position.as_mut().map(|slice| cut(slice, count)),
            ids: self.ids.as_mut().map(|(source, slice)| (*source, cut(slice, count))),
            number: self.number.as_mut().map(|slice| cut(slice, count)),
            date: self.date.as_mut().map(|dates| dates.cut(count)),
            accrual_start: self.accrual_start.as_mut().map(|dates| dates.cut(count)),
            rate: self.rate.as_mut().map(|slice| cut(slice, count)),
            draw_number: self.draw_number.as_mut().map(|slice| cut(slice, count)),
            money: self.money.iter_mut().map(|(measure, amounts)| (*measure, amounts.cut(count))).collect(),
        }
    }
}

/// Some loans, as planned, and where their rows go.
struct Chunk<'a> {
    range: Range<usize>,
    counts: &'a [u32],
    targets: LoanRowTargets<'a>,
}

/// Fills the targets with the rows that `plan` counted.
///
/// # Errors
/// [`Error::ConcurrentMutation`] where the loans no longer are what was planned, [`Error::Interrupted`].
pub fn fill_loan_rows<A: LoanAmount>(
    loans: &Loans<'_>,
    settings: &LoanSettings,
    plan: &LoanRowPlan,
    mut targets: LoanRowTargets<'_>,
    poll: Poll<'_>,
) -> Result<(), Error> {
    let size = plan.size.max(1);
    let chunks = stretches(loans.len, size).into_iter().zip(plan.counts.chunks(size)).map(|(range, counts)| {
        let rows = counts.iter().fold(0_usize, |sum, count| sum.saturating_add(usize::try_from(*count).unwrap_or(0)));
        Chunk { range, counts, targets: targets.cut(rows) }
    });
    let work = |worker: &mut Worker<A>, mut part: Chunk<'_>| worker.fill(loans, settings, &mut part);
    for_each(chunks.collect(), settings.threads, poll, &|| Worker::new(settings), &work)?;
    Ok(())
}

impl<A: LoanAmount> Worker<A> {
    fn fill(&mut self, loans: &Loans<'_>, settings: &LoanSettings, part: &mut Chunk<'_>) -> Result<(), Error> {
        let Chunk { range, counts, targets } = part;
        self.chunk.read(loans, settings, range);
        let mut ids = vec![0; if targets.ids.is_some() { counts.len() } else { 0 }];
        if let Some((source, _)) = &targets.ids {
            source.load(range.start, &mut ids);
        }
        self.find_equals(loans, settings, counts.len());
        let mut lane = WIDTH;
        for (index, count) in counts.iter().enumerate() {
            if let Some(equal) = self.equals.get(index).copied().flatten() {
                if lane == WIDTH || !self.shares(index) {
                    self.run_lanes(loans, settings, index);
                    lane = 0;
                }
                let (early, before_end) = equal.rows(settings);
                let rows = before_end.saturating_sub(early);
                if u32::try_from(rows) != Ok(*count) {
                    return Err(Error::ConcurrentMutation);
                }
                targets.name(range.start.saturating_add(index), ids.get(index).copied(), rows);
                self.write_lane(settings, lane, &equal, early, &mut targets.cut_rows(rows));
                lane = lane.saturating_add(1);
                continue;
            }
            self.entries.rows.clear();
            if !self.chunk.run_together(loans, settings, index, &mut self.layout, &mut self.entries) {
                self.entries.rows.clear();
            }
            let rows = self.entries.rows.len();
            if u32::try_from(rows) != Ok(*count) {
                return Err(Error::ConcurrentMutation);
            }
            targets.name(range.start.saturating_add(index), ids.get(index).copied(), rows);
            self.write(settings, &mut targets.cut_rows(rows));
        }
        Ok(())
    }

    /// Finds the loans that can be computed side by side.
    fn find_equals(&mut self, loans: &Loans<'_>, settings: &LoanSettings, count: usize) {
        let equal = may_be_equal(loans, settings);
        self.equals.clear();
        self.equals.extend((0..count).map(|index| equal.then(|| self.chunk.lasting(loans, index)).flatten()));
    }

    /// Computes the loan at `index` and those after it: up to eight of its kind, until one that is of another.
    fn run_lanes(&mut self, loans: &Loans<'_>, settings: &LoanSettings, index: usize) {
        let later = self.equals.iter().enumerate().skip(index);
        let later = later.filter_map(|(index, equal)| equal.map(|equal| (index, equal)));
        self.side.clear();
        for (index, equal) in later.take(WIDTH) {
            if self.side.first().is_some_and(|(_, first)| first.kind() != equal.kind()) {
                break;
            }
            self.side.push((index, equal));
        }
        self.lanes.run(&self.chunk, loans, &self.side, &settings.kernels);
    }

    /// Whether the loan at `index` was computed with the one of equal periods before it.
    fn shares(&self, index: usize) -> bool {
        let now = self.equals.get(index).copied().flatten();
        self.side.first().map(|(_, equal)| equal.kind()) == now.map(|equal| equal.kind())
    }

    /// Writes the rows of one loan that was computed beside others.
    fn write_lane(
        &mut self,
        settings: &LoanSettings,
        lane: usize,
        equal: &Equal,
        early: usize,
        targets: &mut LoanRowTargets<'_>,
    ) {
        let first = u32::try_from(early).unwrap_or(u32::MAX);
        if let Some(out) = &mut targets.number {
            let mut number = i64::from(first);
            for slot in out.iter_mut() {
                *slot = number;
                // A loan has a few thousand payments: nothing wraps.
                number = number.wrapping_add(1);
            }
        }
        if equal.step == 1 {
            put_days(&mut targets.date, equal.monthly_dates(first));
        } else {
            put_days(&mut targets.date, equal.dates(first));
        }
        // Nothing accrues before the first advance.
        let before = (first == 0).then_some(equal.date(0));
        put_days(&mut targets.accrual_start, before.into_iter().chain(equal.dates(first.saturating_sub(1))));
        if let Some(out) = &mut targets.draw_number {
            out.fill(0);
        }
        if let Some(out) = &mut targets.rate {
            self.lanes.write_rates(lane, equal, early, out);
        }
        for (measure, out) in &mut targets.money {
            let out = out.cut(usize::MAX);
            self.lanes.write::<A>(lane, equal, early, *measure, settings.reading.units, out);
        }
    }

    /// Writes the rows of one loan.
    fn write(&mut self, settings: &LoanSettings, targets: &mut LoanRowTargets<'_>) {
        let rows = &self.entries.rows;
        if let Some(out) = &mut targets.number {
            put(out, rows, |entry| i64::try_from(entry.number).unwrap_or(i64::MAX));
        }
        put_dates(&mut targets.date, rows, |entry| entry.date);
        put_dates(&mut targets.accrual_start, rows, |entry| entry.accrual_start);
        if let Some(out) = &mut targets.draw_number {
            put(out, rows, |entry| i64::try_from(entry.draw_number).unwrap_or(i64::MAX));
        }
        if let Some(out) = &mut targets.rate {
            put(out, rows, |entry| entry.rate.as_f64());
        }
        for (measure, out) in &mut targets.money {
            self.values.clear();
            self.values.extend(rows.iter().map(|entry| value(entry, *measure)));
            A::convert(&self.values, settings.reading.units, out.cut(rows.len()));
        }
    }
}

impl<'a> LoanRowTargets<'a> {
    /// Writes which loan the next rows are of.
    fn name(&mut self, row: usize, id: Option<i64>, rows: usize) {
        if let Some(position) = &mut self.position {
            cut(position, rows).fill(i32::try_from(row).unwrap_or(i32::MAX));
        }
        if let Some((_, out)) = &mut self.ids {
            cut(out, rows).fill(id.unwrap_or(0));
        }
    }

    /// Cuts the rows of one loan off all columns but its identity.
    fn cut_rows(&mut self, count: usize) -> LoanRowTargets<'a> {
        let (position, ids) = (self.position.take(), self.ids.take());
        let part = self.cut(count);
        (self.position, self.ids) = (position, ids);
        part
    }
}

/// A measure of a row.
pub(super) fn value<A: LoanAmount>(entry: &Entry<A>, measure: LoanMeasure) -> A {
    match measure {
        LoanMeasure::OpeningBalance => entry.opening,
        LoanMeasure::Draw => entry.draw,
        LoanMeasure::Interest => entry.interest,
        LoanMeasure::Pik => entry.pik,
        LoanMeasure::Principal => entry.principal,
        LoanMeasure::Prepayment => entry.prepayment,
        LoanMeasure::Fee => entry.fee,
        LoanMeasure::Payment => entry.payment,
        LoanMeasure::ClosingBalance => entry.closing,
        LoanMeasure::Premium => entry.premium,
        LoanMeasure::Hedge => entry.hedge,
        LoanMeasure::Proceeds => entry.proceeds,
    }
}

fn put<T, A: LoanAmount>(out: &mut [T], rows: &[Entry<A>], pick: impl Fn(&Entry<A>) -> T) {
    for (slot, entry) in out.iter_mut().zip(rows) {
        *slot = pick(entry);
    }
}

fn put_days(out: &mut Option<Dates<'_>>, days: impl Iterator<Item = Date>) {
    match out {
        None => {}
        Some(Dates::Days(out)) => {
            for (slot, day) in out.iter_mut().zip(days) {
                *slot = day;
            }
        }
        Some(Dates::Microseconds(out)) => {
            for (slot, day) in out.iter_mut().zip(days) {
                // Days of a few centuries: nothing wraps.
                *slot = i64::from(day).wrapping_mul(MICROSECONDS_PER_DAY);
            }
        }
    }
}

fn put_dates<A: LoanAmount>(out: &mut Option<Dates<'_>>, rows: &[Entry<A>], pick: impl Fn(&Entry<A>) -> Date) {
    match out {
        None => {}
        Some(Dates::Days(out)) => put(out, rows, pick),
        Some(Dates::Microseconds(out)) => {
            put(out, rows, |entry| i64::from(pick(entry)).saturating_mul(MICROSECONDS_PER_DAY));
        }
    }
}
