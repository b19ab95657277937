//! The fee on what is committed and not drawn.
#![forbid(unsafe_code)]

use super::steps::Span;
use super::{Amount, Entry, Fault, Ledger, Rider, Running};
use crate::calendar::Date;
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
pub struct UndrawnFee<A: Amount> {
    terms: Undrawn<A>,
    accrued: Running<A>,
}

impl<A: Amount> UndrawnFee<A> {
    /// For a loan with these terms.
    #[must_use]
    pub fn new(terms: Undrawn<A>) -> Self {
        Self { terms, accrued: Running::default() }
    }
}

impl<A: Amount> Rider<A> for UndrawnFee<A> {
    fn pass(&mut self, _: &Ledger<A>, drawn: A, span: &Span<'_>) -> Result<(), Fault> {
        // Where the window opens or closes inside, the fee alone is cut there.
        let (from, to) = (span.from.max(self.terms.from), span.to.min(self.terms.to));
        if from >= to {
            return Ok(());
        }
        let undrawn = self.terms.commitment.minus(drawn).ok_or(Fault::Overflow)?.at_least_zero();
        self.accrued.pass(undrawn, self.terms.rate, &Span { from, to, ..*span })
    }

    fn pay(&mut self, _: &mut Ledger<A>, _: &mut A, entry: &mut Entry<A>) -> Result<(), Fault> {
        let due = self.accrued.settle()?;
        entry.fee = entry.fee.plus(due).ok_or(Fault::Overflow)?;
        Ok(())
    }
}
