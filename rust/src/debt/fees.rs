//! The fee on what is committed and not drawn.
#![forbid(unsafe_code)]

use super::steps::Period;
use super::{Accrual, Amount, Entry, Fault, Ledger, Rider};
use crate::calendar::{Context, Date, DayCount, YearFraction};
use crate::rate::AnnualRate;

/// What the fee is computed from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Undrawn<A: Amount> {
    /// What may be drawn in all.
    pub commitment: A,
    /// The fee of a year.
    pub rate: AnnualRate,
    /// The first day of the draw window.
    pub from: Date,
    /// The last: the fee stops with it.
    pub to: Date,
}

/// The fee accrues by the loan's day count while the window is open and is settled, rounded once, with its payments.
#[derive(Clone, Copy, Debug)]
pub struct UndrawnFee<'a, A: Amount> {
    terms: Undrawn<A>,
    day_count: DayCount,
    periods: &'a [Period],
    accrued: Accrual<A>,
}

impl<'a, A: Amount> UndrawnFee<'a, A> {
    /// For a loan with these periods.
    #[must_use]
    pub fn new(terms: Undrawn<A>, day_count: DayCount, periods: &'a [Period]) -> Self {
        Self { terms, day_count, periods, accrued: Accrual::default() }
    }
}

impl<A: Amount> Rider<A> for UndrawnFee<'_, A> {
    fn pass(&mut self, ledger: &Ledger<A>, drawn: A, date: Date, time: YearFraction) -> Result<(), Fault> {
        let (from, to) = (ledger.clock().max(self.terms.from), date.min(self.terms.to));
        if from >= to {
            return Ok(());
        }
        let whole = from == ledger.clock() && to == date;
        let time = if whole {
            time
        } else {
            // The window opens or closes inside: only the fee is cut there, not the interest.
            let at = self.periods.partition_point(|period| period.end < date);
            let context = self.periods.get(at).map_or_else(Context::default, |period| period.context);
            self.day_count.fraction(from, to, &context)
        };
        let undrawn = self.terms.commitment.minus(drawn).ok_or(Fault::Overflow)?.at_least_zero();
        self.accrued.add(undrawn, self.terms.rate, time)
    }

    fn pay(&mut self, _: &mut Ledger<A>, _: &mut A, entry: &mut Entry<A>) -> Result<(), Fault> {
        let due = self.accrued.settle()?;
        entry.fee = entry.fee.plus(due).ok_or(Fault::Overflow)?;
        Ok(())
    }
}
