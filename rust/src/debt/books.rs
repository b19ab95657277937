//! What a borrower books for a loan: amortised cost, interest cost, and the part of it that is capitalised.
//!
//! The rows are those of the loan, and more where the books are looked at between payments ([`Movement::Observe`]).
//! Everything is a difference of balances that are right on their own: contractual interest of accrued interest,
//! amortization of the unamortised balance, capitalised interest of a cumulative sum.
#![forbid(unsafe_code)]

use super::effective_interest::{Kind, NoRate, Row, solve, unamortized_into};
use super::floating::{InKind, Stretch};
use super::hedge::Hedges;
use super::steps::{Movement, Span};
use super::together::{Shared, amortize_together};
use super::{Amount, Entry, Fault, Ledger, ResolvedLoan, Rider, Sink, amortize};
use crate::calendar::Date;
use crate::money::round_half_even;
use crate::rate::AnnualRate;

/// What is not received of what is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Costs<'a> {
    /// The share of each draw that is received, in parts of one: the issue price.
    pub issue_price: i64,
    /// Fees to lenders and costs of third parties, for the whole commitment.
    pub upfront: i64,
    /// What may be drawn in all: a draw takes its share of them with it; until then they are an asset.
    pub commitment: i64,
    /// The last day on which may be drawn: what no draw has taken then is expensed.
    pub draw_until: Date,
    /// What is drawn of the commitment on terms of its own, by date: those draws take their shares with them.
    pub elsewhere: &'a [(Date, i64)],
}

impl Costs<'_> {
    /// What draws have taken of the costs in all, once so much is drawn.
    #[must_use]
    pub fn taken(&self, drawn: i64) -> i64 {
        Amount::portion(self.upfront, drawn.min(self.commitment), self.commitment.max(1))
    }
}

/// The part of interest cost that is capitalised from a date on (ASC 835-20, IAS 23), in parts of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Construction {
    /// The first day.
    pub date: Date,
    /// Until the next.
    pub share: i64,
}

/// A row of the books.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BookRow {
    /// The loan's own row; without amounts where the books are only looked at.
    pub entry: Entry<i64>,
    /// Interest by the contract since the row before, paid, capitalised or accrued; without hedges.
    pub contractual: i64,
    /// Accrued and not yet settled.
    pub accrued: i64,
    /// Discount and costs of what was drawn on this day.
    pub discount: i64,
    /// Written off since the row before.
    pub amortized: i64,
    /// Not yet written off.
    pub unamortized: i64,
    /// Costs of what is not drawn yet.
    pub commitment_cost: i64,
    /// Such costs that are expensed.
    pub expensed: i64,
    /// Interest cost that becomes part of an asset.
    pub capitalized: i64,
    /// The effective rate of a year: the spread over what the contract charges before this row, where it floats.
    pub effective: f64,
}

/// Why there are no books.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BookFault {
    /// The loan itself is at fault.
    Loan(Fault),
    /// It has no effective rate.
    Rate(NoRate),
}

/// A sum over calculation periods, the last of which goes on.
#[derive(Clone, Copy, Default)]
struct Through {
    done: f64,
    from: Date,
    last: f64,
}

impl Through {
    /// The calculation period since `from` comes to so much up to now.
    fn pass(&mut self, from: Date, last: f64) {
        if from != self.from {
            self.done += self.last;
            self.from = from;
        }
        self.last = last;
    }

    fn sum(&self) -> f64 {
        self.done + self.last
    }
}

/// Notes time, and what the contract charges, between rows.
#[derive(Clone)]
struct Watch<'a> {
    in_kind: InKind<'a, i64>,
    /// Since the start: time, and what one unit is charged, paid and in kind.
    time: Through,
    paid: Through,
    capitalized: Through,
    /// How much of it rows have been given.
    noted: (f64, f64),
}

impl<'a> Watch<'a> {
    fn new(loan: &ResolvedLoan<'a, i64>) -> Self {
        let since = Through { from: loan.start, ..Through::default() };
        let (time, paid, capitalized) = (since, since, since);
        Self { in_kind: InKind::new(loan.path), time, paid, capitalized, noted: (0.0, 0.0) }
    }

    /// Gives a row what has passed since the one before.
    fn note(&mut self, entry: &mut Entry<i64>) {
        let (time, growth) = (self.time.sum(), self.paid.sum() + self.capitalized.sum());
        entry.time += time - self.noted.0;
        entry.growth += growth - self.noted.1;
        self.noted = (time, growth);
    }
}

impl Rider<i64> for Watch<'_> {
    fn pass(&mut self, ledger: &Ledger<i64>, drawn: i64, span: &Span<'_>) -> Result<(), Fault> {
        self.in_kind.pass(ledger, drawn, span)?;
        let time = span.time(span.accrued, span.to).as_f64();
        self.time.pass(span.accrued, time);
        self.paid.pass(span.accrued, ledger.rate().as_f64() * time);
        let from = self.in_kind.from().max(span.period.start); // without a path it never began
        self.capitalized.pass(from, self.in_kind.rate_on(span.from).as_f64() * span.time(from, span.to).as_f64());
        Ok(())
    }

    fn pay(&mut self, ledger: &mut Ledger<i64>, interest: &mut i64, entry: &mut Entry<i64>) -> Result<(), Fault> {
        self.note(entry);
        self.in_kind.pay(ledger, interest, entry)
    }

    fn moved(&mut self, _: &Movement<i64>, ledger: &mut Ledger<i64>, entry: &mut Entry<i64>) -> Result<(), Fault> {
        if entry.is_shown() {
            self.note(entry); // else with the next row
        }
        entry.accrued = ledger.interest().due()?.plus(self.in_kind.due()?).ok_or(Fault::Overflow)?;
        Ok(())
    }

    fn look(
        &mut self,
        ledger: &Ledger<i64>,
        then: &Ledger<i64>,
        span: &Span<'_>,
        entry: &mut Entry<i64>,
    ) -> Result<(), Fault> {
        let mut seen = self.clone();
        seen.pass(ledger, 0, span)?;
        seen.note(entry);
        self.noted = seen.noted;
        entry.accrued = then.interest().due()?.plus(seen.in_kind.due()?).ok_or(Fault::Overflow)?;
        Ok(())
    }
}

/// Collects a loan's rows.
struct Rows<'a>(&'a mut Vec<BookRow>);

impl Sink<i64> for Rows<'_> {
    fn entry(&mut self, entry: &Entry<i64>) {
        self.0.push(BookRow { entry: *entry, accrued: entry.accrued, ..BookRow::default() });
    }
}

/// Keeps the books of a loan in `books`; returns its effective rate: of a year, compounding with payments, and where
/// the loan floats the spread over what the contract charges.
///
/// `floats` says that the contract's own rate is the base, `scratch` is room to work in.
///
/// # Errors
/// [`BookFault`].
pub fn keep(
    loan: &ResolvedLoan<'_, i64>,
    floats: bool,
    costs: &Costs<'_>,
    construction: &[Construction],
    books: &mut Vec<BookRow>,
    scratch: &mut Scratch,
) -> Result<f64, BookFault> {
    books.clear();
    amortize(loan, watched(loan), &mut Rows(books)).map_err(BookFault::Loan)?;
    measure(loan, floats, costs, construction, books, scratch).map_err(BookFault::Rate)
}

/// Writes the rows of draws that run together, for [`measure`].
///
/// # Errors
/// Any [`Fault`].
pub fn keep_together(
    loans: &[ResolvedLoan<'_, i64>],
    shared: &mut Shared<'_, i64>,
    books: &mut [Vec<BookRow>],
) -> Result<(), Fault> {
    books.iter_mut().for_each(Vec::clear);
    let mut sinks: Vec<_> = books.iter_mut().map(Rows).collect();
    amortize_together(loans, loans.iter().map(watched), shared, &mut sinks)
}

fn watched<'a>(loan: &ResolvedLoan<'a, i64>) -> (Watch<'a>, Hedges<'a, i64>) {
    (Watch::new(loan), Hedges::new(loan.hedges, loan.path))
}

/// Books what the rows of a loan mean: [`keep`] has the terms.
///
/// # Errors
/// [`NoRate`].
pub fn measure(
    loan: &ResolvedLoan<'_, i64>,
    floats: bool,
    costs: &Costs<'_>,
    construction: &[Construction],
    books: &mut [BookRow],
    scratch: &mut Scratch,
) -> Result<f64, NoRate> {
    let path = loan.path;
    accrue_contract(books);
    spread_costs(books, costs);
    // One rate throughout earns itself, and so does a base that is the contract's own.
    let same = |one: &Stretch, other: &Stretch| (one.cash_rate, one.pik_rate) == (other.cash_rate, other.pik_rate);
    let stepped = loan.steps.iter().any(|step| matches!(step.movement, Movement::Reset(_)));
    let level = if path.is_empty() {
        !stepped
    } else {
        path.iter().zip(path.iter().skip(1)).all(|(one, other)| same(one, other))
    };
    let in_kind = path.first().map_or(0, |part| part.pik_rate);
    let own = AnnualRate::from_parts(loan.rate.parts().saturating_add(in_kind));
    let own = if floats { 0.0 } else { own.as_f64() };
    scratch.lay(books, floats);
    let mut rest = scratch.left.as_mut_slice();
    for borrowing in scratch.rows.chunk_by(|_, next| !next.begins) {
        let rows = &mut scratch.rows_of_one;
        rows.clear();
        rows.extend(borrowing.iter().map(|row| row.row));
        let par = (level || floats) && rows.iter().all(|row| row.discount == 0);
        let rate = if par { own } else { solve(rows)? };
        let (left, more) = std::mem::take(&mut rest).split_at_mut_checked(rows.len()).unwrap_or_default();
        unamortized_into(rows, rate, par, left);
        scratch.rates.extend(rows.iter().map(|_| rate));
        rest = more;
    }
    let mut before = 0_i64;
    let found = scratch.rows.iter().zip(scratch.left.iter().zip(&scratch.rates)).filter(|(row, _)| row.ends);
    for (row, (_, (left, rate))) in books.iter_mut().zip(found) {
        row.unamortized = *left;
        row.amortized = before.saturating_add(row.discount).saturating_sub(*left);
        row.effective = if floats { row.entry.rate.as_f64() + rate } else { *rate };
        before = *left;
    }
    capitalize(books, construction);
    Ok(scratch.rates.first().copied().unwrap_or(own))
}

/// Room for one loan after the other.
#[derive(Debug, Default)]
pub struct Scratch {
    rows: Vec<Laid>,
    rows_of_one: Vec<Row>,
    left: Vec<i64>,
    rates: Vec<f64>,
}

/// A row of the books, or a part of one, for effective interest.
#[derive(Clone, Copy, Debug)]
struct Laid {
    row: Row,
    /// Whether a borrowing of its own begins with it. What was not written off when all had been repaid is gone then
    /// (an extinguishment, ASC 470-50-40-2, IFRS 9 3.3.3); what is drawn later is drawn anew.
    begins: bool,
    /// Whether it is all of its row, or the last part.
    ends: bool,
}

impl Scratch {
    /// Lays out the rows of the books: one that repays all that was owed and draws again is two.
    fn lay(&mut self, books: &[BookRow], floats: bool) {
        let Self { rows, left, rates, .. } = self;
        rows.clear();
        rates.clear();
        let (mut face, mut lent) = (0_i64, false);
        for book in books {
            let (whole, draw) = (as_row(book, floats), book.entry.draw);
            let rest = face.saturating_add(book.entry.pik).saturating_sub(whole.repaid);
            let again = draw > 0 && face > 0 && rest == 0 && whole.kind == Kind::Settlement;
            if again {
                let repaid = Row { advance: book.entry.pik, discount: 0, ..whole };
                rows.push(Laid { row: repaid, begins: false, ends: false });
                let (kind, discount) = (Kind::Between, whole.discount);
                let drawn = Row { kind, fraction: 0.0, base: 0.0, interest: 0, advance: draw, discount, repaid: 0 };
                rows.push(Laid { row: drawn, begins: true, ends: true });
            } else {
                rows.push(Laid { row: whole, begins: lent && face == 0 && draw > 0, ends: true });
            }
            lent |= draw > 0;
            face = face.saturating_add(whole.advance).saturating_sub(whole.repaid);
        }
        left.clear();
        left.resize(rows.len(), 0);
    }
}

fn as_row(row: &BookRow, floats: bool) -> Row {
    let entry = &row.entry;
    let kind = if entry.settles { Kind::Settlement } else { Kind::Between };
    let settled = entry.interest.saturating_sub(entry.hedge).saturating_add(entry.pik);
    Row {
        kind,
        fraction: entry.time,
        base: if floats { entry.growth } else { 0.0 },
        interest: if kind == Kind::Settlement { settled } else { row.accrued },
        advance: entry.draw.saturating_add(entry.pik),
        discount: row.discount,
        repaid: entry.principal.saturating_add(entry.prepayment),
    }
}

/// Interest by the contract row by row, from what has accrued up to each.
fn accrue_contract(books: &mut [BookRow]) {
    let mut before = 0_i64;
    for row in books {
        let entry = &row.entry;
        let settled =
            if entry.settles { entry.interest.saturating_sub(entry.hedge).saturating_add(entry.pik) } else { 0 };
        if entry.settles {
            row.accrued = 0;
        }
        row.contractual = settled.saturating_add(row.accrued).saturating_sub(before);
        before = row.accrued;
    }
}

/// Splits discount and costs over draws; the rest is an asset until the last day for draws.
fn spread_costs(books: &mut [BookRow], costs: &Costs<'_>) {
    let (mut drawn, mut received, mut open) = (0_i64, 0_i64, true);
    let (mut own, mut elsewhere) = (0_i64, costs.elsewhere);
    let last = books.len().saturating_sub(1);
    for (number, row) in books.iter_mut().enumerate() {
        // Of one day, the loan's own draws come first.
        drawn = drawn.saturating_add(drawn_before(&mut elsewhere, row.entry.clock));
        let before = costs.taken(drawn);
        drawn = drawn.saturating_add(row.entry.draw);
        own = own.saturating_add(row.entry.draw);
        let proceeds = Amount::portion(own, costs.issue_price, AnnualRate::UNIT);
        row.discount = row.entry.draw.saturating_sub(proceeds.saturating_sub(received));
        received = proceeds;
        row.discount = row.discount.saturating_add(costs.taken(drawn).saturating_sub(before));
        drawn = drawn.saturating_add(drawn_before(&mut elsewhere, row.entry.clock.saturating_add(1)));
        let rest = costs.upfront.saturating_sub(costs.taken(drawn));
        let over = drawn >= costs.commitment || row.entry.clock >= costs.draw_until || number == last;
        row.commitment_cost = if over { 0 } else { rest };
        if open && over {
            open = false;
            row.expensed = rest;
        }
    }
}

/// Takes what was drawn before a day off the front.
fn drawn_before(draws: &mut &[(Date, i64)], day: Date) -> i64 {
    let (past, rest) = draws.split_at(draws.partition_point(|(date, _)| *date < day));
    *draws = rest;
    past.iter().fold(0, |sum, (_, amount)| sum.saturating_add(*amount))
}

/// The part of interest cost that belongs to an asset under construction.
fn capitalize(books: &mut [BookRow], construction: &[Construction]) {
    let (mut sum, mut before) = (0_i128, 0_i64);
    let mut from = Date::MIN;
    for row in books {
        // Rows stand wherever the share changes, so one share holds for the whole time since the row before.
        let at = construction.partition_point(|step| step.date <= from);
        let share = at.checked_sub(1).and_then(|at| construction.get(at)).map_or(0, |step| step.share);
        let cost = row.contractual.saturating_add(row.amortized);
        sum = sum.saturating_add(i128::from(cost).saturating_mul(share.into()));
        let through = i64::try_from(round_half_even(sum, AnnualRate::UNIT.into())).unwrap_or(before);
        row.capitalized = through.saturating_sub(before);
        before = through;
        from = row.entry.clock;
    }
}

#[cfg(test)]
#[path = "books_tests.rs"]
mod tests;
