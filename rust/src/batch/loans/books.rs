//! The books of loans: their rows and what is booked on each, loan after loan.
#![forbid(unsafe_code)]

use std::ops::Range;

use super::chunk::LoanChunk;
use super::columns::Loans;
use super::refusal::Refusal;
use super::resolve::Layout;
use super::settings::LoanSettings;
use crate::batch::pool::{Poll, for_each, stretches};
use crate::calendar::Date;
use crate::debt::ResolvedLoan;
use crate::debt::books::{BookFault, BookRow, Costs, Scratch, keep};
use crate::debt::effective_interest::NoRate;
use crate::error::{Error, IssueLog, Rule};
use crate::rate::AnnualRate;

/// The books of every loan.
#[derive(Debug, Default)]
pub struct Books {
    /// Rows of each loan.
    pub counts: Vec<u32>,
    /// Its effective rate, or where it floats the spread over its rate; NaN for loans that are left out or wrong.
    pub rates: Vec<f64>,
    /// The rows, loan after loan.
    pub rows: Vec<BookRow>,
}

struct Worker {
    chunk: LoanChunk<i64>,
    layout: Layout<i64>,
    scratch: Scratch,
    rows: Vec<BookRow>,
    done: Vec<(usize, Books)>,
}

/// Keeps the books of a loan book. With `measured`, discount and costs are written off; otherwise rows show what
/// moves and nothing is solved for.
///
/// # Errors
/// [`Error::Interrupted`].
pub fn loan_books(
    loans: &Loans<'_>,
    settings: &LoanSettings,
    measured: bool,
    poll: Poll<'_>,
) -> Result<(IssueLog, Books), Error> {
    let init = || Worker {
        chunk: LoanChunk::default(),
        layout: Layout::default(),
        scratch: Scratch::default(),
        rows: Vec::new(),
        done: Vec::new(),
    };
    let work = |worker: &mut Worker, range: Range<usize>| {
        worker.chunk.read(loans, settings, &range);
        let mut books = Books::default();
        for index in 0..range.len() {
            let rate = worker.keep(loans, settings, index, measured);
            let rows = if rate.is_some() { worker.rows.as_slice() } else { &[] };
            books.counts.push(u32::try_from(rows.len()).unwrap_or(u32::MAX));
            books.rates.push(rate.unwrap_or(f64::NAN));
            books.rows.extend_from_slice(rows);
        }
        worker.done.push((range.start, books));
        Ok(())
    };
    let tasks = stretches(loans.len, settings.chunk_size(loans.len));
    let (mut log, mut parts) = (IssueLog::default(), Vec::new());
    for worker in for_each(tasks, settings.threads, poll, &init, &work)? {
        log.merge(worker.chunk.reader.log);
        parts.extend(worker.done);
    }
    parts.sort_by_key(|(start, _)| *start);
    let mut whole = Books::default();
    for (_, part) in parts {
        whole.counts.extend(part.counts);
        whole.rates.extend(part.rates);
        whole.rows.extend(part.rows);
    }
    Ok((log, whole))
}

impl Worker {
    /// Keeps the books of a loan, or without measuring those of all its draws, one after the other.
    fn keep(&mut self, loans: &Loans<'_>, settings: &LoanSettings, index: usize, measured: bool) -> Option<f64> {
        self.chunk.left.clear();
        if !self.chunk.has_vintages(index) {
            return self.keep_one(loans, settings, index, measured);
        }
        if measured {
            // One rate cannot be the effective rate of draws with terms of their own.
            self.chunk.refuse_draws(index);
            return None;
        }
        let mut all = Vec::new();
        let mut chunk = std::mem::take(&mut self.chunk);
        let fine = chunk.each_part(settings, index, |chunk| {
            std::mem::swap(chunk, &mut self.chunk);
            let kept = self.keep_one(loans, settings, index, false).is_some();
            std::mem::swap(chunk, &mut self.chunk);
            for row in &self.rows {
                chunk.take_prepaid(index, row.entry.clock, row.entry.prepayment);
            }
            all.extend_from_slice(&self.rows);
            kept
        });
        self.chunk = chunk;
        all.sort_by_key(|row| (row.entry.date, row.entry.draw_number));
        self.rows = all;
        fine.then_some(0.0)
    }

    fn keep_one(&mut self, loans: &Loans<'_>, settings: &LoanSettings, index: usize, measured: bool) -> Option<f64> {
        let par = Costs { issue_price: AnnualRate::UNIT, upfront: 0, commitment: 0, draw_until: Date::MIN };
        let costs = if measured { self.chunk.costs(index) } else { par };
        let construction = self.chunk.beside.construction(index).to_vec();
        let floats = !measured || self.chunk.rates.floats(index);
        let (rows, scratch) = (&mut self.rows, &mut self.scratch);
        let work = |loan: &ResolvedLoan<'_, i64>| {
            let commitment = if costs.commitment > 0 { costs.commitment } else { loan.principal };
            keep(loan, floats, &Costs { commitment, ..costs }, &construction, rows, scratch)
        };
        let refusal = match self.chunk.with(loans, settings, index, &mut self.layout, work)? {
            Ok(rate) => return Some(rate),
            Err(BookFault::Loan(fault)) => self.chunk.explain(settings, index, &fault),
            Err(BookFault::Rate(NoRate::Open)) => Refusal::new("principal", Rule::NoRoot, "not repaid"),
            Err(BookFault::Rate(NoRate::OutOfBounds)) => {
                Refusal::new("issue_price", Rule::NoRoot, "nothing, or too little, is received")
            }
        };
        self.chunk.refuse(index, refusal);
        None
    }
}

impl LoanChunk<i64> {
    fn costs(&self, index: usize) -> Costs {
        // A fee that is wrong was refused with the loan.
        let fee = self.upfront(index).unwrap_or(0);
        Costs {
            issue_price: self.issue_price.get(index).map_or(AnnualRate::UNIT, AnnualRate::parts),
            upfront: fee.saturating_add(self.issue_costs.get(index).unwrap_or(0)),
            commitment: self.commitment.get(index).unwrap_or(0),
            draw_until: self.draw_end.get(index).unwrap_or(Date::MAX),
        }
    }
}
