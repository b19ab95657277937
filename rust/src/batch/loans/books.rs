//! The books of loans: their rows and what is booked on each, loan after loan.
#![forbid(unsafe_code)]

use std::ops::Range;

use super::chunk::LoanChunk;
use super::columns::Loans;
use super::joint::Stop;
use super::refusal::Refusal;
use super::resolve::Layout;
use super::settings::LoanSettings;
use super::vintages::Vintage;
use crate::batch::pool::{Poll, for_each, stretches};
use crate::calendar::Date;
use crate::debt::ResolvedLoan;
use crate::debt::books::{BookFault, BookRow, Costs, Scratch, keep, keep_together, measure};
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
    /// Keeps the books of a loan, or those of all its draws, by date: each draw with terms of its own is an instrument of
    /// its own, with the discount it was drawn at, its share of the costs, and its effective rate.
    fn keep(&mut self, loans: &Loans<'_>, settings: &LoanSettings, index: usize, measured: bool) -> Option<f64> {
        self.chunk.left.clear();
        if !self.chunk.has_vintages(index) {
            let floats = !measured || self.chunk.rates.floats(index);
            return self.keep_one(loans, settings, index, floats, measured.then(|| self.chunk.costs(index)));
        }
        let shares = if measured { self.chunk.shares(index) } else { Shares::default() };
        self.chunk.watched.set(shares.whole.is_some_and(|costs| costs.upfront > 0));
        let kept = if self.chunk.is_joint(index) {
            self.keep_jointly(loans, settings, index, measured, &shares)
        } else {
            self.keep_each(loans, settings, index, measured, &shares)
        };
        self.chunk.watched.set(false);
        self.rows.sort_by_key(|row| (row.entry.date, row.entry.draw_number));
        kept
    }

    fn keep_each(
        &mut self,
        loans: &Loans<'_>,
        settings: &LoanSettings,
        index: usize,
        measured: bool,
        shares: &Shares,
    ) -> Option<f64> {
        let mut all = Vec::new();
        let mut chunk = std::mem::take(&mut self.chunk);
        let fine = chunk.each_part(settings, index, |chunk| {
            std::mem::swap(chunk, &mut self.chunk);
            let floats = !measured || self.chunk.rates.floats(index);
            let costs = measured.then(|| shares.of(self.chunk.vintage.get().as_ref()));
            let kept = self.keep_one(loans, settings, index, floats, costs).is_some();
            std::mem::swap(chunk, &mut self.chunk);
            for row in &self.rows {
                chunk.take_prepaid(index, row.entry.clock, row.entry.prepayment);
            }
            all.extend_from_slice(&self.rows);
            kept
        });
        self.chunk = chunk;
        self.rows = all;
        fine.then_some(0.0)
    }

    fn keep_jointly(
        &mut self,
        loans: &Loans<'_>,
        settings: &LoanSettings,
        index: usize,
        measured: bool,
        shares: &Shares,
    ) -> Option<f64> {
        self.rows.clear();
        if *self.chunk.reader.bad.get(index)? {
            return None;
        }
        let construction = self.chunk.beside.construction(index).to_vec();
        let index_floats = self.chunk.rates.floats(index);
        let draws = self.chunk.facility.draws(index).to_vec();
        let vintage_of = |loan: &ResolvedLoan<'_, i64>| {
            let number = loan.draw_number;
            number.checked_sub(1).and_then(|at| draws.get(at)).map(|draw| Vintage { number, draw: *draw })
        };
        let (rows, scratch) = (&mut self.rows, &mut self.scratch);
        let outcome = self.chunk.jointly(loans, settings, index, &mut self.layout, |all, shared| {
            let mut books = vec![Vec::new(); all.len()];
            keep_together(all, shared, &mut books).map_err(BookFault::Loan)?;
            for (loan, books) in all.iter().zip(&mut books) {
                let vintage = vintage_of(loan);
                let fixed = vintage.is_some_and(|vintage| vintage.draw.rate.is_some());
                let costs = if measured { shares.of(vintage.as_ref()) } else { PAR };
                let costs = costs.at_least(loan.principal);
                measure(loan, !measured || index_floats && !fixed, &costs, &construction, books, scratch)
                    .map_err(BookFault::Rate)?;
                rows.extend_from_slice(books);
            }
            Ok(())
        });
        match outcome {
            Ok(()) => {}
            Err(Stop::Refused(refusal)) => {
                self.chunk.refuse(index, refusal);
                return None;
            }
            Err(Stop::Failed(fault)) => {
                self.refuse(settings, index, &fault);
                return None;
            }
        }
        self.chunk.refuse_left(settings, index).then_some(0.0)
    }

    /// Keeps the books of the loan at hand; without costs nothing is measured.
    fn keep_one(
        &mut self,
        loans: &Loans<'_>,
        settings: &LoanSettings,
        index: usize,
        floats: bool,
        costs: Option<Costs<'_>>,
    ) -> Option<f64> {
        let costs = costs.unwrap_or(PAR);
        let construction = self.chunk.beside.construction(index).to_vec();
        let (rows, scratch) = (&mut self.rows, &mut self.scratch);
        let work = |loan: &ResolvedLoan<'_, i64>| {
            keep(loan, floats, &costs.at_least(loan.principal), &construction, rows, scratch)
        };
        match self.chunk.with(loans, settings, index, &mut self.layout, work)? {
            Ok(rate) => Some(rate),
            Err(fault) => {
                self.refuse(settings, index, &fault);
                None
            }
        }
    }

    fn refuse(&mut self, settings: &LoanSettings, index: usize, fault: &BookFault) {
        let refusal = match fault {
            BookFault::Loan(fault) => self.chunk.explain(settings, index, fault),
            BookFault::Rate(NoRate::Open) => Refusal::new("principal", Rule::NoRoot, "not repaid"),
            BookFault::Rate(NoRate::OutOfBounds) => {
                Refusal::new("issue_price", Rule::NoRoot, "nothing, or too little, is received")
            }
        };
        self.chunk.refuse(index, refusal);
    }
}

/// Nothing is paid or kept back for what is owed.
const PAR: Costs<'_> =
    Costs { issue_price: AnnualRate::UNIT, upfront: 0, commitment: 0, draw_until: Date::MIN, elsewhere: &[] };

impl Costs<'_> {
    /// Where there is no commitment, what is lent on the first day stands for it.
    fn at_least(self, principal: i64) -> Self {
        Self { commitment: if self.commitment > 0 { self.commitment } else { principal }, ..self }
    }
}

/// The costs of a facility, divided among its draws.
#[derive(Default)]
struct Shares {
    whole: Option<Costs<'static>>,
    /// Draws with terms of their own, by date.
    elsewhere: Vec<(Date, i64)>,
    /// Of each of these its number and its share.
    shares: Vec<(usize, i64)>,
}

impl Shares {
    /// The costs of the loan itself, or of a draw.
    fn of(&self, vintage: Option<&Vintage<i64>>) -> Costs<'_> {
        let whole = self.whole.unwrap_or(PAR);
        let Some(vintage) = vintage else { return Costs { elsewhere: &self.elsewhere, ..whole } };
        let share = self.shares.iter().find(|(number, _)| *number == vintage.number).map_or(0, |(_, share)| *share);
        Costs { upfront: share, commitment: vintage.draw.amount, draw_until: Date::MAX, ..whole }
    }
}

impl LoanChunk<i64> {
    fn costs(&self, index: usize) -> Costs<'static> {
        // A fee that is wrong was refused with the loan.
        let fee = self.upfront(index).unwrap_or(0);
        Costs {
            issue_price: self.issue_price.get(index).map_or(AnnualRate::UNIT, AnnualRate::parts),
            upfront: fee.saturating_add(self.issue_costs.get(index).unwrap_or(0)),
            commitment: self.commitment.get(index).unwrap_or(0),
            draw_until: self.draw_end.get(index).unwrap_or(Date::MAX),
            elsewhere: &[],
        }
    }

    /// What each draw takes of the costs of the loan at `index`, by what was drawn before it; of one day, the loan's own
    /// draws come first.
    fn shares(&self, index: usize) -> Shares {
        let principal = self.principal.get(index).unwrap_or_default();
        let whole = self.costs(index).at_least(principal);
        let draws = self.facility.draws(index);
        let mut shares = Shares { whole: Some(whole), ..Shares::default() };
        for (place, draw) in draws.iter().enumerate().filter(|(_, draw)| draw.is_vintage()) {
            let earlier = draws
                .iter()
                .enumerate()
                .filter(|(at, other)| if other.is_vintage() { *at < place } else { other.date <= draw.date });
            let before = earlier.fold(principal, |sum, (_, other)| sum.saturating_add(other.amount));
            let share = whole.taken(before.saturating_add(draw.amount)).saturating_sub(whole.taken(before));
            shares.elsewhere.push((draw.date, draw.amount));
            shares.shares.push((place.saturating_add(1), share));
        }
        shares
    }
}
