//! Draws with terms of their own: each is a loan, run by itself, and shown with the others or apart.
#![forbid(unsafe_code)]

use super::LoanAmount;
use super::chunk::{LoanChunk, Words};
use super::columns::Loans;
use super::facility::DrawRow;
use super::loan_dates::Dates;
use super::refusal::{Refusal, explain};
use super::resolve::Layout;
use super::settings::LoanSettings;
use crate::batch::reader::iso;
use crate::calendar::{Date, Schedule, ScheduleTerms};
use crate::debt::fees::UndrawnFee;
use crate::debt::floating::{InKind, Term};
use crate::debt::hedge::Hedges;
use crate::debt::steps::{Movement, Span};
use crate::debt::{Amount, Entry, Fault, Ledger, ResolvedLoan, Rider, Sink, amortize};
use crate::error::Rule;
use crate::rate::AnnualRate;

/// A draw that is a loan of its own: on the terms of the loan it belongs to but where it has others.
#[derive(Clone, Copy, Debug)]
pub struct Vintage<A> {
    /// Its place among the loan's draws, from 1.
    pub number: usize,
    pub draw: DrawRow<A>,
}

impl<A> Vintage<A> {
    /// Whether its own terms stand whatever becomes of the loan's.
    pub fn keeps(&self, term: Term) -> bool {
        match term {
            Term::AnnualRate => self.draw.rate.is_some(),
            Term::Margin => self.draw.margin.is_some() || self.draw.rate.is_some(),
            _ => false,
        }
    }
}

/// Notes what prepayments took.
struct Taken<'a, A>(&'a mut Vec<(usize, A)>);

impl<A: Amount> Rider<A> for Taken<'_, A> {
    #[inline]
    fn pass(&mut self, _: &Ledger<A>, _: A, _: &Span<'_>) -> Result<(), Fault> {
        Ok(())
    }

    #[inline]
    fn pay(&mut self, _: &mut Ledger<A>, _: &mut A, _: &mut Entry<A>) -> Result<(), Fault> {
        Ok(())
    }

    fn moved(&mut self, what: &Movement<A>, _: &mut Ledger<A>, _: &mut Entry<A>) -> Result<(), Fault> {
        if let Movement::Prepayment(paid) = what {
            self.0.push((paid.place, paid.amount.unwrap_or_default()));
        }
        Ok(())
    }
}

/// Runs a resolved loan with all that accrues beside it.
fn run_with_riders<A: LoanAmount>(
    loan: &ResolvedLoan<'_, A>,
    taken: &mut Vec<(usize, A)>,
    sink: &mut impl Sink<A>,
) -> Result<(), Fault> {
    let taken = Taken(taken);
    let rates = || (InKind::new(loan.path), Hedges::new(loan.hedges, loan.path));
    let fee = loan.undrawn.map(|terms| UndrawnFee::new(terms));
    match (fee, loan.path.is_empty()) {
        (None, true) => amortize(loan, &mut { taken }, sink),
        (None, false) => amortize(loan, &mut (rates(), taken), sink),
        (Some(fee), true) => amortize(loan, &mut (fee, taken), sink),
        (Some(fee), false) => amortize(loan, &mut ((fee, rates()), taken), sink),
    }
}

/// Collects rows.
struct Collect<'a, A: Amount>(&'a mut Vec<Entry<A>>);

impl<A: Amount> Sink<A> for Collect<'_, A> {
    fn entry(&mut self, entry: &Entry<A>) {
        self.0.push(*entry);
    }
}

impl<A: LoanAmount> LoanChunk<A> {
    /// Runs the loan at `index` and its draws, one after the other; `false` where it is left out or wrong, and then
    /// noted.
    pub fn run(
        &mut self,
        loans: &Loans<'_>,
        settings: &LoanSettings,
        index: usize,
        layout: &mut Layout<A>,
        sink: &mut impl Sink<A>,
    ) -> bool {
        self.left.clear();
        if !self.has_vintages(index) {
            return self.run_one(loans, settings, index, layout, sink);
        }
        if self.is_joint(index) {
            let rows = self.run_jointly(loans, settings, index, layout);
            rows.iter().flatten().flatten().for_each(|entry| sink.entry(entry));
            return rows.is_some();
        }
        self.each_part(settings, index, |chunk| chunk.run_one(loans, settings, index, layout, sink))
    }

    /// Makes a draw the loan at hand, or the loan itself.
    pub(super) fn at_hand(&self, vintage: Option<Vintage<A>>) {
        self.rates.own_margin.set(vintage.and_then(|vintage| vintage.draw.margin));
        self.rates.own_fixed.set(vintage.is_some_and(|vintage| vintage.draw.rate.is_some()));
        self.vintage.set(vintage);
    }

    /// Runs the loan at `index` itself and then each draw with terms of its own, as long as all goes well. What
    /// prepayments took is taken off [`LoanChunk::left`] by whatever runs them.
    pub(super) fn each_part(
        &mut self,
        settings: &LoanSettings,
        index: usize,
        mut run: impl FnMut(&mut Self) -> bool,
    ) -> bool {
        let rows = self.facility.prepayments(index);
        self.left.clear();
        self.left.extend(rows.iter().map(|row| row.amount.unwrap_or_default()));
        let mut fine = run(self);
        for place in 0..self.facility.draws(index).len() {
            let draw = self.facility.draws(index).get(place).copied();
            let known = |draw: &DrawRow<A>| draw.is_vintage() && settings.knows(draw.date);
            let Some(draw) = draw.filter(known) else { continue };
            self.at_hand(Some(Vintage { number: place.saturating_add(1), draw }));
            fine = fine && run(self);
        }
        self.at_hand(None);
        fine && self.refuse_left(settings, index)
    }

    /// Takes what was prepaid on a day off what is left of that day's prepayments.
    pub(super) fn take_prepaid(&mut self, index: usize, date: Date, mut paid: A) {
        let mine = self.vintage.get().map_or(0, |vintage| vintage.number);
        for (row, left) in self.facility.prepayments(index).iter().zip(&mut self.left) {
            if row.date == date && row.draw.is_none_or(|draw| draw == mine) {
                let taken = if row.amount.is_none() { paid } else { paid.lesser(*left) };
                paid = paid.minus(taken).unwrap_or_default();
                *left = left.minus(taken).unwrap_or_default();
            }
        }
    }

    /// Runs the loan at `index` into what `make` makes for it, its draws together; `None` where it is left out or wrong.
    pub fn run_with<S: Sink<A>>(
        &mut self,
        loans: &Loans<'_>,
        settings: &LoanSettings,
        index: usize,
        layout: &mut Layout<A>,
        make: impl FnOnce(&ResolvedLoan<'_, A>) -> S,
    ) -> Option<S> {
        if self.has_vintages(index) {
            let mut sink = self.with(loans, settings, index, layout, make)?;
            return self.run_together(loans, settings, index, layout, &mut sink).then_some(sink);
        }
        self.left.clear();
        let outcome = self.with(loans, settings, index, layout, |loan| {
            let mut sink = make(loan);
            run_with_riders(loan, &mut Vec::new(), &mut sink).map(|()| sink)
        });
        outcome?.map_err(|fault| self.refuse_fault(settings, index, &fault)).ok()
    }

    pub(super) fn refuse_fault(&mut self, settings: &LoanSettings, index: usize, fault: &Fault) {
        let refusal = self.explain(settings, index, fault);
        self.refuse(index, refusal);
    }

    /// The same, with the rows of all draws on one day as one, unless they are wanted apart.
    pub fn run_together(
        &mut self,
        loans: &Loans<'_>,
        settings: &LoanSettings,
        index: usize,
        layout: &mut Layout<A>,
        sink: &mut impl Sink<A>,
    ) -> bool {
        if settings.draws_apart || !self.has_vintages(index) {
            return self.run(loans, settings, index, layout, sink);
        }
        let mut parts = std::mem::take(&mut layout.parts);
        parts.clear();
        let fine =
            self.run(loans, settings, index, layout, &mut Collect(&mut parts)) && show(&mut parts, sink).is_some();
        layout.parts = parts;
        fine
    }

    pub(super) fn has_vintages(&self, index: usize) -> bool {
        self.facility.draws(index).iter().any(DrawRow::is_vintage)
    }

    fn run_one(
        &mut self,
        loans: &Loans<'_>,
        settings: &LoanSettings,
        index: usize,
        layout: &mut Layout<A>,
        sink: &mut impl Sink<A>,
    ) -> bool {
        let mut taken = Vec::new();
        let outcome = self.with(loans, settings, index, layout, |loan| run_with_riders(loan, &mut taken, sink));
        for (place, amount) in taken {
            if let Some(left) = self.left.get_mut(place) {
                *left = left.minus(amount).unwrap_or_default();
            }
        }
        match outcome {
            None => false,
            Some(Ok(())) => true,
            Some(Err(fault)) => {
                self.refuse_fault(settings, index, &fault);
                false
            }
        }
    }

    /// What users read about a fault, with the row of the table beside where it stands in one.
    pub(super) fn explain(&self, settings: &LoanSettings, index: usize, fault: &Fault) -> Refusal {
        let told = explain(fault, settings);
        match fault {
            Fault::Overpaid { place, .. } => match self.facility.prepayments(index).get(*place) {
                Some(row) => told.standing(row.column(1), row.source),
                None => told,
            },
            Fault::BeyondBase { date, .. } => match self.facility.draws(index).iter().find(|row| row.date == *date) {
                Some(row) => told.standing(row.column(1), row.source),
                None => told,
            },
            _ => told,
        }
    }

    /// Refuses prepayments that all draws together could not take.
    pub(super) fn refuse_left(&mut self, settings: &LoanSettings, index: usize) -> bool {
        let rows = self.facility.prepayments(index).iter().zip(&self.left);
        let over = rows.filter(|(row, left)| {
            !row.capped && row.amount.is_some() && left.exceeds(A::zero()) && settings.knows(row.date)
        });
        let Some((row, left)) = over.map(|(row, left)| (*row, *left)).next() else { return true };
        let example = format!("{} more than is owed", left.show(settings.reading.units));
        self.refuse(index, Refusal::beside(row.column(1), Rule::Overpayment, example, row.source));
        false
    }

    /// When a draw is paid: on the dates of its loan, up to its own maturity.
    pub(super) fn dates_of_draw(
        &self,
        index: usize,
        vintage: &Vintage<A>,
        dates: Dates,
        words: &Words,
    ) -> Result<Dates, Refusal> {
        let draw = &vintage.draw;
        let (start, maturity) = (draw.date, draw.maturity.unwrap_or(dates.maturity));
        let refuse = |rule| Refusal::beside(draw.column(2), rule, iso(maturity), draw.source);
        if maturity <= start {
            return Err(refuse(Rule::DateOrder));
        }
        let schedule = match &dates.grid {
            Some((grid, _)) => {
                let least = if self.first_payment.get(index).is_some() { 0 } else { i32::MIN };
                Schedule::on_grid_between(*grid, start, maturity, words.stub, least)
            }
            None => Schedule::new(&ScheduleTerms::new(start, maturity, None)).map_err(|fault| refuse(fault.rule()))?,
        };
        Ok(Dates { schedule, start, maturity, ..dates })
    }
}

/// Adds up the rows of one day. Balances are those of all draws; a payment's number counts the days on which any draw
/// has one; the rate is the mean by what was owed.
fn show<A: LoanAmount>(parts: &mut [Entry<A>], sink: &mut impl Sink<A>) -> Option<()> {
    parts.sort_by_key(|entry| (entry.date, entry.draw_number));
    let (mut balance, mut number) = (A::zero(), 0_usize);
    for day in parts.chunk_by(|one, next| one.date == next.date) {
        let Some(first) = day.first() else { continue };
        let mut sum = Entry { opening: balance, draw_number: 0, ..*first };
        let (mut weight, mut weighted) = (0.0, 0.0);
        for (place, entry) in day.iter().enumerate() {
            weight += entry.opening.as_f64();
            weighted += entry.opening.as_f64() * entry.rate.as_f64();
            balance = balance.plus(entry.closing)?.minus(entry.opening)?;
            if place > 0 {
                add(&mut sum, entry)?;
            }
        }
        if weight > 0.0 {
            #[expect(clippy::cast_possible_truncation, reason = "a mean of rates, each below 10^14 parts")]
            let parts = (weighted / weight * 1e12).round() as i64;
            sum.rate = AnnualRate::from_parts(parts);
        }
        number = number.saturating_add(usize::from(sum.scheduled));
        (sum.number, sum.closing) = (number, balance);
        sink.entry(&sum);
    }
    Some(())
}

fn add<A: Amount>(sum: &mut Entry<A>, entry: &Entry<A>) -> Option<()> {
    sum.draw = sum.draw.plus(entry.draw)?;
    sum.proceeds = sum.proceeds.plus(entry.proceeds)?;
    sum.interest = sum.interest.plus(entry.interest)?;
    sum.pik = sum.pik.plus(entry.pik)?;
    sum.principal = sum.principal.plus(entry.principal)?;
    sum.prepayment = sum.prepayment.plus(entry.prepayment)?;
    sum.fee = sum.fee.plus(entry.fee)?;
    sum.premium = sum.premium.plus(entry.premium)?;
    sum.hedge = sum.hedge.plus(entry.hedge)?;
    sum.payment = sum.payment.plus(entry.payment)?;
    sum.payoff = sum.payoff.plus(entry.payoff)?;
    sum.settles |= entry.settles;
    sum.scheduled |= entry.scheduled;
    sum.accrual_start = sum.accrual_start.min(entry.accrual_start);
    Some(())
}
