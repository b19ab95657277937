//! Hedges beside the loans: rows sorted by loan, hedge and date.
#![forbid(unsafe_code)]

use std::ops::Range;

use super::beside::{Grouped, loaded};
use crate::batch::columns::{Load, MoneyColumn};
use crate::batch::reader::ReadMoney;
use crate::calendar::Date;
use crate::debt::Amount;
use crate::debt::hedge::{Hedge, Instrument, Notional, NotionalStep};

/// Borrowed columns of the table.
#[derive(Clone, Copy)]
pub struct HedgeColumns<'a> {
    /// Where each loan's rows begin.
    pub offsets: &'a dyn Load<i64>,
    /// The number of the hedge: rows of one are its notional schedule.
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
    rows: Grouped<(i32, Instrument)>,
    steps: Vec<NotionalStep<A>>,
}

impl<A: Amount> Default for HedgeChunk<A> {
    fn default() -> Self {
        Self { rows: Grouped::default(), steps: Vec::new() }
    }
}

impl<A: Amount + ReadMoney> HedgeChunk<A> {
    /// Copies out what belongs to the loans of `range`.
    pub fn read(&mut self, columns: Option<&HedgeColumns<'_>>, range: &Range<usize>) {
        let rows = self.rows.begin(columns.map(|columns| columns.offsets), range);
        self.steps.clear();
        let Some(columns) = columns else { return };
        let mut amounts = Vec::new();
        A::load_optional(&columns.notional, &rows, &mut amounts);
        let kinds = loaded(columns.kind, &rows).into_iter().zip(loaded(columns.parts, &rows));
        for (number, (kind, parts)) in loaded(columns.number, &rows).into_iter().zip(kinds) {
            self.rows.push((number, instrument(kind, parts)));
        }
        let shares = loaded(columns.date, &rows).into_iter().zip(loaded(columns.share, &rows));
        for ((date, share), amount) in shares.zip(amounts) {
            let notional = match amount {
                Some(amount) => Notional::Amount(amount),
                None => Notional::ShareOfBalance(share.max(0)),
            };
            self.steps.push(NotionalStep { date, notional });
        }
    }

    /// The hedges of a loan, and the days on which their notionals change.
    pub fn of<'a>(&'a self, index: usize, hedges: &mut Vec<Hedge<'a, A>>, cuts: &mut Vec<Date>) {
        hedges.clear();
        cuts.clear();
        let Some(range) = self.rows.range(index) else { return };
        let (Some(rows), Some(steps)) = (self.rows.rows().get(range.clone()), self.steps.get(range)) else { return };
        let mut at = 0_usize;
        for same in rows.chunk_by(|one, other| one.0 == other.0) {
            let end = at.saturating_add(same.len());
            if let (Some((_, instrument)), Some(steps)) = (same.first(), steps.get(at..end)) {
                hedges.push(Hedge { instrument: *instrument, steps });
                cuts.extend(steps.iter().map(|step| step.date));
            }
            at = end;
        }
        cuts.sort_unstable();
        cuts.dedup();
    }
}
