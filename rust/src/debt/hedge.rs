//! Hedges of floating rates: what a swap, a cap or a sold floor pays for a day, and on how much.
//!
//! Rates are seen from the borrower: above 0 is received, below 0 paid. A hedge looks at the same fixing as the loan
//! it belongs to, before the loan's floors and caps: a loan with a floor of 0 % and a swap without one leaves the
//! borrower paying the difference when the index is negative, as it does in life.
#![forbid(unsafe_code)]

use super::floating::{Stretch, stretch_on};
use super::steps::Span;
use super::{Accrual, Amount, Entry, Fault, Ledger, Rider, Running};
use crate::calendar::Date;
use crate::rate::AnnualRate;

/// What is exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instrument {
    /// The index is received and this fixed rate is paid.
    PayFixedSwap(i64),
    /// What the index exceeds the strike by is received.
    Cap(i64),
    /// What the index falls short of the strike by is paid: with a cap, the other side of a collar.
    SoldFloor(i64),
}

impl Instrument {
    /// Received for a year on a notional of one.
    #[must_use]
    pub fn received_rate(self, index: i64) -> i64 {
        match self {
            Self::PayFixedSwap(fixed) => index.saturating_sub(fixed),
            Self::Cap(strike) => index.saturating_sub(strike).max(0),
            Self::SoldFloor(strike) => index.saturating_sub(strike).min(0),
        }
    }
}

/// On how much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Notional<A: Amount> {
    /// So much.
    Amount(A),
    /// A share of the loan's balance, in parts of one.
    ShareOfBalance(i64),
}

/// A row of a hedge's schedule: nothing before the first; a last one with a notional of 0 ends it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HedgeStep<A: Amount> {
    /// Which of the loan's hedges.
    pub hedge: i32,
    /// What is exchanged until the next step.
    pub instrument: Instrument,
    /// The first day.
    pub date: Date,
    /// On how much, until then.
    pub notional: Notional<A>,
}

/// The step of a hedge that is in force on a day; its steps are in order of date.
#[must_use]
pub fn in_force<A: Amount>(steps: &[HedgeStep<A>], day: Date) -> Option<&HedgeStep<A>> {
    let after = steps.partition_point(|step| step.date <= day);
    after.checked_sub(1).and_then(|at| steps.get(at))
}

impl<A: Amount> Notional<A> {
    /// How much that is for a loan with this balance.
    #[must_use]
    pub fn of(self, balance: A) -> A {
        match self {
            Self::Amount(amount) => amount,
            Self::ShareOfBalance(share) => balance.portion(share, AnnualRate::UNIT),
        }
    }
}

/// All hedges of a loan, settled with its payments for its accrual periods by its day count: what is paid under them
/// is part of the interest, and shown apart. The loan's principal never depends on it.
#[derive(Clone, Debug)]
pub struct Hedges<'a, A: Amount> {
    path: &'a [Stretch],
    /// Each with its steps, and what it has come to since the last payment.
    each: Vec<(&'a [HedgeStep<A>], Running<A>)>,
}

impl<'a, A: Amount> Hedges<'a, A> {
    /// Steps in order of hedge and date, along a path that is cut where notionals change.
    #[must_use]
    pub fn new(steps: &'a [HedgeStep<A>], path: &'a [Stretch]) -> Self {
        let each = steps.chunk_by(|one, next| one.hedge == next.hedge).map(|steps| (steps, Running::default()));
        Self { path, each: each.collect() }
    }
}

impl<A: Amount> Rider<A> for Hedges<'_, A> {
    fn pass(&mut self, ledger: &Ledger<A>, _: A, span: &Span<'_>) -> Result<(), Fault> {
        let Some(part) = stretch_on(&mut self.path, span.from) else { return Ok(()) };
        for (steps, received) in &mut self.each {
            let step = in_force(steps, part.from);
            let notional = step.map_or(A::zero(), |step| step.notional.of(ledger.balance()));
            let rate = step.map_or(0, |step| step.instrument.received_rate(part.index));
            received.pass(notional, AnnualRate::from_parts(rate), span)?;
        }
        Ok(())
    }

    fn pay(&mut self, _: &mut Ledger<A>, _: &mut A, entry: &mut Entry<A>) -> Result<(), Fault> {
        let mut received = Accrual::default();
        for (_, one) in &mut self.each {
            received = received.with(one.take()?)?;
        }
        let paid = A::zero().minus(received.settle()?).ok_or(Fault::Overflow)?;
        entry.hedge = entry.hedge.plus(paid).ok_or(Fault::Overflow)?;
        entry.interest = entry.interest.plus(paid).ok_or(Fault::Overflow)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    const PERCENT: i64 = AnnualRate::UNIT / 100;

    #[test]
    fn a_swap_makes_a_floating_rate_fixed() {
        for index in [-PERCENT, 0, 3 * PERCENT, 9 * PERCENT] {
            let received = Instrument::PayFixedSwap(4 * PERCENT).received_rate(index);
            assert_eq!(index - received, 4 * PERCENT);
        }
    }

    #[test]
    fn notionals_and_strikes_step_and_end() {
        let step = |date, strike, notional| HedgeStep { hedge: 0, instrument: Instrument::Cap(strike), date, notional };
        let steps = [
            step(10, 3, Notional::Amount(500_i64)),
            step(20, 4, Notional::ShareOfBalance(AnnualRate::UNIT / 4 * 3)),
            step(30, 4, Notional::Amount(0)),
        ];
        let on = |day| in_force(&steps, day).map(|step| (step.instrument.received_rate(9), step.notional.of(1_002)));
        let expected = [None, Some((6, 500)), Some((6, 500)), Some((5, 752)), Some((5, 0))]; // 751.5, to even
        assert_eq!([9, 10, 19, 20, 30].map(on), expected);
    }

    proptest! {
        /// A bought cap and a sold floor at one strike are a swap.
        #[test]
        fn cap_and_sold_floor_are_a_swap(strike in -AnnualRate::UNIT..AnnualRate::UNIT, index in -AnnualRate::UNIT..AnnualRate::UNIT) {
            let [swap, cap, floor] = [Instrument::PayFixedSwap(strike), Instrument::Cap(strike), Instrument::SoldFloor(strike)]
                .map(|instrument| instrument.received_rate(index));
            prop_assert_eq!(swap, cap + floor);
            prop_assert!(cap >= 0 && floor <= 0);
        }
    }
}
