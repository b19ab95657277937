//! Totals of loan books by group and period, never materialising loans x payments.
#![forbid(unsafe_code)]

use std::ops::Range;

use super::LoanAmount;
use super::batch::{Batch, Where, post_unrounded};
use super::chunk::LoanChunk;
use super::columns::Loans;
use super::keys::key_of;
use super::ladder::{Ladder, Plain};
use super::lanes::{Equal, may_be_equal};
use super::resolve::Layout;
use super::settings::{LoanMeasure, LoanSettings};
use crate::batch::flows::{self, Flows};
use crate::batch::pool::{Poll, filled, for_each_asking, stretches};
use crate::batch::roll::Addable;
use crate::batch::settings::Horizon;
use crate::batch::totals::{ACCUMULATOR_BYTES, Grouping};
use crate::calendar::{Date, Month, month_end, month_of};
use crate::debt::dues::NO_MONTH;
use crate::debt::lane_kernels::LaneKernels;
use crate::debt::lanes::LaneRow;
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
    if fitting == 0 {
        let totals = [groups, 1, horizon.months()];
        let bytes = cells.saturating_add(each);
        return Err(Error::MemoryLimit { totals, bytes, limit: settings.memory_limit });
    }
    let fresh = || -> Result<Sums<A>, Error> {
        Ok(Sums { flows: Flows::new(horizon, planes)?, group_rows: filled(groups, 0)? })
    };
    let (log, found) = if settings.rounded {
        by_threads(loans, settings, grouping, fitting, &fresh, poll)?
    } else {
        // Float sums depend on their order: loans are added up in blocks that are the same on every machine, one after
        // the other in each, and the blocks in their order.
        let most = ACCUMULATOR_BYTES.checked_div(each).unwrap_or(1).clamp(1, MOST_BLOCKS);
        let blocks = if fitting < most { 1 } else { most };
        by_blocks(loans, settings, grouping, blocks, &fresh, poll)?
    };
    let Sums { flows, group_rows } = match found {
        Some(found) => found,
        None => fresh()?,
    };
    let totals = LoanTotals { horizon, settings: settings.clone(), groups, flows, group_rows };
    Ok(if log.is_empty() { (log, Some(totals)) } else { (log, None) })
}

const MOST_BLOCKS: usize = 64;
const LEAST_BLOCK: usize = 4_096;

type Fresh<'a, A> = &'a (dyn Fn() -> Result<Sums<A>, Error> + Sync);
type Found<A> = (IssueLog, Option<Sums<A>>);

/// Whole amounts: each thread has sums of its own, and any order gives the same.
fn by_threads<A: LoanAmount>(
    loans: &Loans<'_>,
    settings: &LoanSettings,
    grouping: Grouping<'_>,
    fitting: usize,
    fresh: Fresh<'_, A>,
    poll: Poll<'_>,
) -> Result<Found<A>, Error> {
    let work = |state: &mut Option<(Worker<A>, Sums<A>)>, range: Range<usize>, poll: Poll<'_>| -> Result<(), Error> {
        let (worker, sums) = match state {
            Some(state) => state,
            None => state.insert((Worker::default(), fresh()?)),
        };
        worker.add(loans, settings, grouping, &range, sums, poll)
    };
    let tasks = stretches(loans.len, settings.batch_size(loans.len));
    let (mut log, mut merged) = (IssueLog::default(), None);
    for (worker, sums) in
        for_each_asking(tasks, settings.threads.min(fitting), poll, &|| None, &work)?.into_iter().flatten()
    {
        log.merge(worker.chunk.reader.log);
        Sums::join(&mut merged, sums)?;
    }
    Ok((log, merged))
}

/// Floats: block by block.
fn by_blocks<A: LoanAmount>(
    loans: &Loans<'_>,
    settings: &LoanSettings,
    grouping: Grouping<'_>,
    blocks: usize,
    fresh: Fresh<'_, A>,
    poll: Poll<'_>,
) -> Result<Found<A>, Error> {
    let size = loans.len.div_ceil(blocks.max(1)).max(if blocks == 1 { loans.len } else { LEAST_BLOCK });
    let ranges = stretches(loans.len, size);
    let mut slots: Vec<Option<Sums<A>>> = ranges.iter().map(|_| None).collect();
    let work = |worker: &mut Worker<A>,
                (range, slot): (Range<usize>, &mut Option<Sums<A>>),
                poll: Poll<'_>|
     -> Result<(), Error> {
        let sums = slot.insert(fresh()?);
        for part in stretches(range.len(), settings.batch_size(loans.len)) {
            let part = range.start.saturating_add(part.start)..range.start.saturating_add(part.end);
            worker.add(loans, settings, grouping, &part, sums, poll)?;
        }
        worker.ladder.finish(&mut sums.flows, TO, &settings.kernels);
        Ok(())
    };
    let tasks = ranges.into_iter().zip(&mut slots).collect();
    let mut log = IssueLog::default();
    for worker in for_each_asking(tasks, settings.threads, poll, &Worker::default, &work)? {
        log.merge(worker.chunk.reader.log);
    }
    let mut merged = None;
    for sums in slots.into_iter().flatten() {
        Sums::join(&mut merged, sums)?;
    }
    Ok((log, merged))
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
    let equal = may_be_equal(loans, settings);
    let init = || (LoanChunk::<A>::default(), Layout::default(), Extent::default());
    let work = |state: &mut (LoanChunk<A>, Layout<A>, Extent), range: Range<usize>, poll: Poll<'_>| {
        let (chunk, layout, extent) = state;
        chunk.read(loans, settings, &range);
        let mut asked = Asked::default();
        for index in 0..range.len() {
            if let Some(equal) = equal.then(|| chunk.lasting(loans, index)).flatten() {
                let months = Horizon { start: equal.start, end: equal.month(equal.loan.payments()) };
                extent.0 = Horizon::hull(extent.0, Some(months));
                continue;
            }
            asked.whether_to_stop(poll)?;
            chunk.run(loans, settings, index, layout, extent);
        }
        Ok(())
    };
    let tasks = stretches(loans.len, settings.batch_size(loans.len));
    let (mut log, mut extent) = (IssueLog::default(), None);
    for (chunk, _, part) in for_each_asking(tasks, settings.threads, poll, &init, &work)? {
        log.merge(chunk.reader.log);
        extent = Horizon::hull(extent, part.0);
    }
    Ok((log, extent))
}

/// Loans that took the long way since anyone asked.
#[derive(Default)]
struct Asked(u8);

impl Asked {
    /// Asks from time to time whether to stop.
    fn whether_to_stop(&mut self, poll: Poll<'_>) -> Result<(), Error> {
        self.0 = self.0.wrapping_add(1);
        if self.0 == 0 && poll() { Err(Error::Interrupted) } else { Ok(()) }
    }
}

/// The sums of some loans.
struct Sums<A: LoanAmount> {
    flows: Flows<A, Planes>,
    group_rows: Vec<i64>,
}

impl<A: LoanAmount> Sums<A> {
    fn join(merged: &mut Option<Self>, other: Self) -> Result<(), Error> {
        let Some(mine) = merged else {
            *merged = Some(other);
            return Ok(());
        };
        mine.flows.merge(other.flows)?;
        for (mine, count) in mine.group_rows.iter_mut().zip(other.group_rows) {
            *mine = mine.saturating_add(count);
        }
        Ok(())
    }
}

/// Where one thread works.
struct Worker<A: LoanAmount> {
    chunk: LoanChunk<A>,
    layout: Layout<A>,
    codes: Vec<i32>,
    batch: Batch,
    ladder: Ladder,
    rows: Vec<LaneRow>,
    /// Where loans begin that are plain at a glance, and what they bear in a month.
    begins: Vec<Month>,
    factors: Vec<f64>,
}

impl<A: LoanAmount> Default for Worker<A> {
    fn default() -> Self {
        Self {
            chunk: LoanChunk::default(),
            layout: Layout::default(),
            codes: Vec::new(),
            batch: Batch::default(),
            ladder: Ladder::default(),
            rows: Vec::new(),
            begins: Vec::new(),
            factors: Vec::new(),
        }
    }
}

impl<A: LoanAmount> Worker<A> {
    fn add(
        &mut self,
        loans: &Loans<'_>,
        settings: &LoanSettings,
        grouping: Grouping<'_>,
        range: &Range<usize>,
        sums: &mut Sums<A>,
        poll: Poll<'_>,
    ) -> Result<(), Error> {
        self.chunk.read(loans, settings, range);
        grouping.load(range.clone(), &self.chunk.reader.bad, &mut self.codes, &mut sums.group_rows)?;
        let equal = may_be_equal(loans, settings);
        let mut asked = Asked::default();
        let codes = std::mem::take(&mut self.codes);
        let at_a_glance = equal && self.glance(&settings.kernels);
        let mut next = 0;
        while next < codes.len() {
            let flows = &mut sums.flows;
            if at_a_glance {
                next = self.take_monthly(next, &codes, flows, &settings.kernels);
            }
            let Some(code) = codes.get(next) else { break };
            let (index, group) = (next, usize::try_from(*code).unwrap_or(0));
            next = next.saturating_add(1);
            // Two calls, so that a plain loan need never lie in memory.
            let is_taken = if equal && self.chunk.is_plain {
                let plain = self.chunk.plain(loans, index);
                plain.is_some_and(|plain| self.take(&plain, group, flows, &settings.kernels))
            } else {
                let equal = equal.then(|| self.chunk.equal(loans, index)).flatten().filter(|equal| !equal.floats);
                equal.is_some_and(|equal| self.take(&equal, group, flows, &settings.kernels))
            };
            if is_taken {
                continue;
            }
            asked.whether_to_stop(poll)?;
            let mut posting = Posting { flows, group, outcome: Ok(()) };
            self.chunk.run(loans, settings, index, &mut self.layout, &mut posting);
            posting.outcome?;
        }
        self.codes = codes;
        self.batch.post(&mut sums.flows, TO, &settings.kernels)
    }

    /// Looks for loans that are plain at a glance; `false` where there can be none.
    fn glance(&mut self, kernels: &LaneKernels) -> bool {
        let chunk = &self.chunk;
        let any_null = chunk.principal.has_nulls() || chunk.rate.has_nulls() || chunk.term_months.has_nulls();
        let Some(loans) = chunk.monthly().filter(|_| !any_null) else { return false };
        self.begins.resize(loans.starts.len(), NO_MONTH);
        self.factors.resize(loans.starts.len(), 0.0);
        (kernels.begin_monthly)(loans, &mut self.begins, &mut self.factors);
        true
    }

    /// Takes loans that are plain at a glance, from one row to the first that is not.
    fn take_monthly(
        &mut self,
        from: usize,
        codes: &[i32],
        flows: &mut Flows<A, Planes>,
        kernels: &LaneKernels,
    ) -> usize {
        let Some(loans) = self.chunk.monthly() else { return from };
        let rows = self.begins.iter().zip(codes).zip(&self.chunk.reader.bad).skip(from);
        let plain = rows.take_while(|((begin, code), bad)| **begin != NO_MONTH && **code >> 30 == 0 && !**bad);
        let to = from.saturating_add(plain.count());
        let plain = Plain {
            begins: self.begins.get(..to).unwrap_or_default(),
            groups: codes,
            months: loans.months,
            principals: loans.principals,
            factors: &self.factors,
        };
        let mut next = from;
        while next < to {
            next = next.saturating_add(self.ladder.push_plain(plain, next).max(1));
            if self.ladder.is_full() {
                self.ladder.add(flows, TO, kernels);
            }
        }
        next
    }

    /// Takes a loan of equal periods, to be added up later or at once; `false` where there is no room for it.
    #[inline(always)]
    fn take(&mut self, equal: &Equal, group: usize, flows: &mut Flows<A, Planes>, kernels: &LaneKernels) -> bool {
        let (loan, Some(key)) = (&equal.loan, key_of(equal, group)) else { return false };
        if A::ROUNDED {
            return self.batch.push(loan, key);
        }
        if !self.ladder.push(loan, key) {
            post_unrounded(loan, key, flows, TO, (&mut self.rows, kernels));
        } else if self.ladder.is_full() {
            self.ladder.add(flows, TO, kernels);
        }
        true
    }
}

const TO: Where = Where {
    draw: plane(LoanMeasure::Draw),
    proceeds: plane(LoanMeasure::Proceeds),
    interest: plane(LoanMeasure::Interest),
    principal: plane(LoanMeasure::Principal),
};

/// The plane of a flow.
const fn plane(measure: LoanMeasure) -> usize {
    match measure {
        LoanMeasure::Draw => 0,
        LoanMeasure::Interest => 1,
        LoanMeasure::Principal => 3,
        _ => 8,
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
