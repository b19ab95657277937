//! Totals of loan books by group and period, never materialising loans x payments.
#![forbid(unsafe_code)]

use std::ops::Range;

use super::LoanAmount;
use super::chunk::LoanChunk;
use super::columns::Loans;
use super::resolve::Layout;
use super::settings::{LoanMeasure, LoanSettings};
use crate::batch::flows::{self, Flows};
use crate::batch::pool::{Poll, filled, for_each, stretches};
use crate::batch::roll::Addable;
use crate::batch::settings::Horizon;
use crate::batch::totals::{ACCUMULATOR_BYTES, Grouping};
use crate::calendar::{Date, Month, month_end, month_of};
use crate::debt::{Entry, Sink};
use crate::error::{Error, IssueLog};
use crate::money::MinorUnits;

/// What moves: a plane of sums each.
const FLOWS: [LoanMeasure; 9] = [
    LoanMeasure::Draw,
    LoanMeasure::Interest,
    LoanMeasure::Pik,
    LoanMeasure::Principal,
    LoanMeasure::Prepayment,
    LoanMeasure::Fee,
    LoanMeasure::Premium,
    LoanMeasure::Hedge,
    LoanMeasure::Proceeds,
];

/// The planes of a loan book.
#[derive(Clone, Copy, Debug)]
pub struct Planes {
    groups: usize,
}

impl flows::Layout for Planes {
    fn groups(self) -> usize {
        self.groups
    }

    fn count(self) -> usize {
        FLOWS.len()
    }
}

/// Sums by group and period.
pub struct LoanTotals<A: LoanAmount> {
    horizon: Horizon,
    settings: LoanSettings,
    groups: usize,
    flows: Flows<A, Planes>,
    /// Rows in each group, the null group last.
    pub group_rows: Vec<i64>,
}

/// What moved before the horizon and in each of its periods.
struct Line<W> {
    before: W,
    periods: Vec<W>,
}

/// The months in which anything moves.
#[derive(Default)]
struct Extent(Option<Horizon>);

impl<A: LoanAmount> Sink<A> for Extent {
    fn entry(&mut self, entry: &Entry<A>) {
        let month = month_of(entry.date);
        self.0 = Horizon::hull(self.0, Some(Horizon { start: month, end: month }));
    }
}

/// Sums the movements of a loan book; only `measures` may be asked of the result.
///
/// Issues found leave no totals; a book in which nothing moves has none either.
///
/// # Errors
/// [`Error::Interrupted`], [`Error::OutOfMemory`], [`Error::MemoryLimit`], [`Error::Argument`] for a group code out of
/// range.
pub fn loan_totals<A: LoanAmount>(
    loans: &Loans<'_>,
    settings: &LoanSettings,
    grouping: Grouping<'_>,
    measures: &[LoanMeasure],
    poll: Poll<'_>,
) -> Result<(IssueLog, Option<LoanTotals<A>>), Error> {
    let groups = grouping.groups.saturating_add(1);
    let (log, extent) = survey::<A>(loans, settings, poll)?;
    let horizon = settings.snapped(extent);
    let (true, Some(horizon)) = (log.is_empty(), horizon) else { return Ok((log, None)) };
    let planes = Planes { groups };
    let each = Flows::<A, Planes>::bytes(horizon, planes).max(1);
    let cells = each.saturating_mul(measures.len()).checked_div(FLOWS.len()).unwrap_or(each);
    let room = settings.memory_limit.saturating_sub(cells).min(ACCUMULATOR_BYTES.max(each));
    let fitting = room.checked_div(each).unwrap_or(1);
    // Float sums depend on their order: one thread keeps it.
    let threads = if settings.rounded { settings.threads.min(fitting) } else { fitting.min(1) };
    if threads == 0 {
        let totals = [groups, 1, horizon.months()];
        let bytes = cells.saturating_add(each);
        return Err(Error::MemoryLimit { totals, bytes, limit: settings.memory_limit });
    }
    let fresh = || -> Result<Worker<A>, Error> {
        Ok(Worker {
            chunk: LoanChunk::default(),
            layout: Layout::default(),
            flows: Flows::new(horizon, planes)?,
            group_rows: filled(groups, 0)?,
            codes: Vec::new(),
        })
    };
    let work = |state: &mut Option<Worker<A>>, range: Range<usize>| -> Result<(), Error> {
        let worker = match state {
            Some(worker) => worker,
            None => state.insert(fresh()?),
        };
        worker.add(loans, settings, grouping, &range)
    };
    let tasks = stretches(loans.len, settings.chunk_size(loans.len));
    let mut merged: Option<Worker<A>> = None;
    for worker in for_each(tasks, threads, poll, &|| None, &work)?.into_iter().flatten() {
        merged = Some(match merged {
            None => worker,
            Some(first) => first.merge(worker)?,
        });
    }
    let whole = match merged {
        Some(whole) => whole,
        None => fresh()?,
    };
    let log = whole.chunk.reader.log;
    let (flows, group_rows) = (whole.flows, whole.group_rows);
    let totals = LoanTotals { horizon, settings: settings.clone(), groups, flows, group_rows };
    Ok(if log.is_empty() { (log, Some(totals)) } else { (log, None) })
}

/// Judges every loan and finds the months in which anything moves.
fn survey<A: LoanAmount>(
    loans: &Loans<'_>,
    settings: &LoanSettings,
    poll: Poll<'_>,
) -> Result<(IssueLog, Option<Horizon>), Error> {
    if settings.start.is_some() && settings.end.is_some() {
        return Ok((IssueLog::default(), None));
    }
    let init = || (LoanChunk::<A>::default(), Layout::default(), Extent::default());
    let work = |(chunk, layout, extent): &mut (LoanChunk<A>, Layout<A>, Extent), range: Range<usize>| {
        chunk.read(loans, settings, &range);
        for index in 0..range.len() {
            chunk.run(loans, settings, index, layout, extent);
        }
        Ok(())
    };
    let tasks = stretches(loans.len, settings.chunk_size(loans.len));
    let (mut log, mut extent) = (IssueLog::default(), None);
    for (chunk, _, part) in for_each(tasks, settings.threads, poll, &init, &work)? {
        log.merge(chunk.reader.log);
        extent = Horizon::hull(extent, part.0);
    }
    Ok((log, extent))
}

/// What one thread adds up.
struct Worker<A: LoanAmount> {
    chunk: LoanChunk<A>,
    layout: Layout<A>,
    flows: Flows<A, Planes>,
    group_rows: Vec<i64>,
    codes: Vec<i32>,
}

impl<A: LoanAmount> Worker<A> {
    fn add(
        &mut self,
        loans: &Loans<'_>,
        settings: &LoanSettings,
        grouping: Grouping<'_>,
        range: &Range<usize>,
    ) -> Result<(), Error> {
        self.chunk.read(loans, settings, range);
        grouping.load(range.clone(), &self.chunk.reader.bad, &mut self.codes, &mut self.group_rows)?;
        for (index, code) in self.codes.iter().enumerate() {
            let group = usize::try_from(*code).unwrap_or(0);
            let mut posting = Posting { flows: &mut self.flows, group, outcome: Ok(()) };
            self.chunk.run(loans, settings, index, &mut self.layout, &mut posting);
            posting.outcome?;
        }
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

/// Where the rows of one loan are added up.
struct Posting<'f, A: LoanAmount> {
    flows: &'f mut Flows<A, Planes>,
    group: usize,
    outcome: Result<(), Error>,
}

impl<A: LoanAmount> Sink<A> for Posting<'_, A> {
    fn entry(&mut self, entry: &Entry<A>) {
        let Some(slot) = self.flows.slot(month_of(entry.date)) else { return };
        let amounts = FLOWS.map(|measure| super::rows::value(entry, measure));
        let most = amounts.iter().map(|amount| amount.magnitude()).max().unwrap_or(0);
        if let Err(error) = self.flows.reserve(most) {
            self.outcome = Err(error);
        }
        for (plane, amount) in amounts.into_iter().enumerate() {
            if amount != A::zero() {
                self.flows.add(plane, self.group, slot, amount);
            }
        }
    }
}

impl<A: LoanAmount> LoanTotals<A> {
    /// The last day of each period.
    #[must_use]
    pub fn period_ends(&self) -> Vec<Date> {
        let grid = self.settings.grid;
        self.starts().map(|month| month_end(grid.period_end(month))).collect()
    }

    fn starts(&self) -> impl Iterator<Item = Month> {
        (self.horizon.start..=self.horizon.end).step_by(self.step())
    }

    fn step(&self) -> usize {
        usize::try_from(self.settings.grid.months()).unwrap_or(1)
    }

    /// Each cell of a measure in row-major order of (group, period).
    pub fn each(&self, measure: LoanMeasure, mut emit: impl FnMut(A::Wide)) {
        const CASH: [LoanMeasure; 4] =
            [LoanMeasure::Interest, LoanMeasure::Principal, LoanMeasure::Prepayment, LoanMeasure::Fee];
        const UP: [LoanMeasure; 2] = [LoanMeasure::Draw, LoanMeasure::Pik];
        const DOWN: [LoanMeasure; 2] = [LoanMeasure::Principal, LoanMeasure::Prepayment];
        for group in 0..self.groups {
            match measure {
                LoanMeasure::Payment => self.line(group, &CASH).periods.into_iter().for_each(&mut emit),
                LoanMeasure::OpeningBalance | LoanMeasure::ClosingBalance => {
                    let (up, down) = (self.line(group, &UP), self.line(group, &DOWN));
                    let mut balance = up.before.sub(down.before);
                    for (up, down) in up.periods.into_iter().zip(down.periods) {
                        let opening = balance;
                        balance = balance.add(up).sub(down);
                        emit(if measure == LoanMeasure::OpeningBalance { opening } else { balance });
                    }
                }
                flow => self.line(group, &[flow]).periods.into_iter().for_each(&mut emit),
            }
        }
    }

    /// The sums of some flows of a group.
    fn line(&self, group: usize, what: &[LoanMeasure]) -> Line<A::Wide> {
        let mut line = Line { before: A::Wide::default(), periods: Vec::new() };
        let mut sums = Vec::new();
        for (plane, _) in FLOWS.iter().enumerate().filter(|(_, flow)| what.contains(flow)) {
            self.flows.read(plane, group, &mut sums);
            let Some((before, months)) = sums.split_first() else { continue };
            line.before = line.before.add(*before);
            let periods = months.chunks(self.step());
            line.periods.resize(periods.len(), A::Wide::default());
            for (sum, period) in line.periods.iter_mut().zip(periods) {
                *sum = period.iter().fold(*sum, |sum, month| sum.add(*month));
            }
        }
        line
    }

    /// Digits of the currency.
    #[must_use]
    pub fn units(&self) -> MinorUnits {
        self.settings.reading.units
    }
}
