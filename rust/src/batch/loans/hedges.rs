//! Hedges beside the loans: rows sorted by loan, hedge and date.
#![forbid(unsafe_code)]

use std::ops::Range;

use super::beside::{Grouped, loaded};
use crate::batch::columns::{Load, MoneyColumn};
use crate::batch::reader::ReadMoney;
use crate::calendar::Date;
use crate::debt::Amount;
use crate::debt::hedge::{HedgeStep, Instrument, Notional};

/// Borrowed columns of the table.
#[derive(Clone, Copy)]
pub struct HedgeColumns<'a> {
    /// Where each loan's rows begin.
    pub offsets: &'a dyn Load<i64>,
    /// The number of the hedge: rows of one are its schedule of notionals and strikes.
    pub number: &'a dyn Load<i32>,
    /// Place in [`KINDS`].
    pub kind: &'a dyn Load<i8>,
    /// The fixed rate, or the strike, in 10^-12.
    pub parts: &'a dyn Load<i64>,
    /// The first day of the notional.
    pub date: &'a dyn Load<Date>,
    /// The notional; the least integer or NaN for none.
    pub notional: MoneyColumn<'a>,
    /// Its share of the loan's balance in 10^-12; the least integer for none.
    pub share: &'a dyn Load<i64>,
}

/// Kinds of hedge by their public names.
pub const KINDS: [&str; 3] = ["pay_fixed_swap", "cap", "sold_floor"];

fn instrument(kind: i8, parts: i64) -> Instrument {
    match kind {
        0 => Instrument::PayFixedSwap(parts),
        1 => Instrument::Cap(parts),
        _ => Instrument::SoldFloor(parts),
    }
}

/// The hedges of a chunk's loans.
pub struct HedgeChunk<A: Amount> {
    steps: Grouped<HedgeStep<A>>,
}

impl<A: Amount> Default for HedgeChunk<A> {
    fn default() -> Self {
        Self { steps: Grouped::default() }
    }
}

impl<A: Amount + ReadMoney> HedgeChunk<A> {
    /// Copies out what belongs to the loans of `range`.
    pub fn read(&mut self, columns: Option<&HedgeColumns<'_>>, range: &Range<usize>) {
        let rows = self.steps.begin(columns.map(|columns| columns.offsets), range);
        let Some(columns) = columns else { return };
        let mut amounts = Vec::new();
        A::load_optional(&columns.notional, &rows, &mut amounts);
        let what = loaded(columns.kind, &rows).into_iter().zip(loaded(columns.parts, &rows));
        let when = loaded(columns.number, &rows).into_iter().zip(loaded(columns.date, &rows));
        let much = loaded(columns.share, &rows).into_iter().zip(amounts);
        for (((kind, parts), (hedge, date)), (share, amount)) in what.zip(when).zip(much) {
            let notional = match amount {
                Some(amount) => Notional::Amount(amount),
                None => Notional::ShareOfBalance(share.max(0)),
            };
            self.steps.push(HedgeStep { hedge, instrument: instrument(kind, parts), date, notional });
        }
    }

    /// The hedges of a loan.
    pub fn of(&self, index: usize) -> &[HedgeStep<A>] {
        self.steps.of(index)
    }

    /// What of them rides on a draw with terms of its own: shares of the balance. An amount is the loan's own notional.
    pub fn of_draw_into(&self, index: usize, steps: &mut Vec<HedgeStep<A>>) {
        steps.clear();
        let shared = |step: &HedgeStep<A>| matches!(step.notional, Notional::ShareOfBalance(_));
        let nothing = Notional::Amount(A::zero());
        if self.of(index).iter().any(shared) {
            let of = |step: &HedgeStep<A>| if shared(step) { *step } else { HedgeStep { notional: nothing, ..*step } };
            steps.extend(self.of(index).iter().map(of));
        }
    }

    /// The days on which their notionals or strikes change.
    pub fn cuts_into(&self, index: usize, cuts: &mut Vec<Date>) {
        cuts.clear();
        cuts.extend(self.of(index).iter().map(|step| step.date));
        cuts.sort_unstable();
        cuts.dedup();
    }
}
