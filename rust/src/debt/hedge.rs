//! Hedges of floating rates: what a swap, a cap or a sold floor pays for a day, and on how much.
//!
//! Rates are seen from the borrower: above 0 is received, below 0 paid. A hedge looks at the same fixing as the loan
//! it belongs to, before the loan's floors and caps: a loan with a floor of 0 % and a swap without one leaves the
//! borrower paying the difference when the index is negative, as it does in life.
#![forbid(unsafe_code)]

use super::floating::RATE_UNIT;
use crate::calendar::Date;
use crate::money::round_half_even;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notional {
    /// Minor units.
    Amount(i64),
    /// A share of the loan's balance, in parts of one.
    ShareOfBalance(i64),
}

/// From this date on, the notional is this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The first day.
    pub date: Date,
    /// Until the next step.
    pub notional: Notional,
}

/// A hedge: nothing before its first step; a last step of 0 ends it.
#[derive(Clone, Copy, Debug)]
pub struct Hedge<'a> {
    /// What is exchanged.
    pub instrument: Instrument,
    /// On how much; dates ascend without repetition.
    pub steps: &'a [Step],
}

impl Hedge<'_> {
    /// The notional on a day in minor units, for a loan with this balance, and the day on which it next changes.
    #[must_use]
    pub fn notional_on(&self, day: Date, balance: i64) -> (i64, Option<Date>) {
        let after = self.steps.partition_point(|step| step.date <= day);
        let next = self.steps.get(after).map(|step| step.date);
        let notional = match after.checked_sub(1).and_then(|at| self.steps.get(at)).map(|step| step.notional) {
            None => 0,
            Some(Notional::Amount(amount)) => amount,
            Some(Notional::ShareOfBalance(share)) => {
                let product = i128::from(balance).saturating_mul(share.into());
                i64::try_from(round_half_even(product, RATE_UNIT.into())).unwrap_or(balance)
            }
        };
        (notional, next)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    const PERCENT: i64 = RATE_UNIT / 100;

    #[test]
    fn a_swap_makes_a_floating_rate_fixed() {
        for index in [-PERCENT, 0, 3 * PERCENT, 9 * PERCENT] {
            let received = Instrument::PayFixedSwap(4 * PERCENT).received_rate(index);
            assert_eq!(index - received, 4 * PERCENT);
        }
    }

    #[test]
    fn notionals_step_and_end() {
        let steps = [
            Step { date: 10, notional: Notional::Amount(500) },
            Step { date: 20, notional: Notional::ShareOfBalance(RATE_UNIT / 4 * 3) },
            Step { date: 30, notional: Notional::Amount(0) },
        ];
        let hedge = Hedge { instrument: Instrument::Cap(0), steps: &steps };
        let on = |day| hedge.notional_on(day, 1_002);
        assert_eq!(
            [9, 10, 19, 20, 30].map(on),
            [
                (0, Some(10)),
                (500, Some(20)),
                (500, Some(20)),
                (752, Some(30)), // 751.5, to even
                (0, None),
            ]
        );
    }

    proptest! {
        /// A bought cap and a sold floor at one strike are a swap.
        #[test]
        fn cap_and_sold_floor_are_a_swap(strike in -RATE_UNIT..RATE_UNIT, index in -RATE_UNIT..RATE_UNIT) {
            let [swap, cap, floor] = [Instrument::PayFixedSwap(strike), Instrument::Cap(strike), Instrument::SoldFloor(strike)]
                .map(|instrument| instrument.received_rate(index));
            prop_assert_eq!(swap, cap + floor);
            prop_assert!(cap >= 0 && floor <= 0);
        }
    }
}
