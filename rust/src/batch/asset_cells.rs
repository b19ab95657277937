//! The cells of an asset that straight line charges: what its rows say, as each column wants it.
#![forbid(unsafe_code)]

use super::cells::{Amounts, Cell};
use super::reader::Money;
use super::remainders::Remainders;
use super::roll::Addable;
use super::settings::{Measure, Settings};
use crate::calendar::Month;
use crate::depreciation::straight_line::{Amount, level_cells};
use crate::depreciation::{Asset, Exact, Rounding};
use crate::money::{MinorUnits, small_f64};

/// The rows of one asset.
pub struct Ledger<'a, T> {
    /// What was paid.
    pub cost: T,
    /// Whether its cost enters in the first period rather than before the horizon.
    pub enters: bool,
    /// Accumulated depreciation before the first period.
    pub before: T,
    /// The charge of each period.
    pub charges: &'a [T],
    /// Accumulated depreciation at the end of each period; empty where no measure needs it.
    pub balances: &'a [T],
}

impl<T: Money> Ledger<'_, T> {
    /// Writes a measure of each period: `cell` makes a cell of an amount, `book` of the cost less an accumulated amount.
    #[inline]
    fn fill<C: Copy>(&self, measure: Measure, out: &mut [C], cell: impl Fn(T) -> C, book: impl Fn(T) -> C) {
        let nothing = || cell(T::default());
        match measure {
            Measure::Depreciation => each(out, self.charges, cell),
            Measure::AccumulatedDepreciation => each(out, self.balances, cell),
            Measure::ClosingBookValue => each(out, self.balances, book),
            Measure::OpeningBookValue => {
                if let Some((first, later)) = out.split_first_mut() {
                    *first = if self.enters { nothing() } else { book(self.before) };
                    each(later, self.balances, book);
                }
            }
            Measure::Additions => self.fill_first(out, book(self.before), nothing()),
            Measure::CostAdditions => self.fill_first(out, cell(self.cost), nothing()),
            Measure::OpeningCost => self.fill_first(out, nothing(), cell(self.cost)),
            Measure::ClosingCost => out.fill(cell(self.cost)),
            // Nothing happens to a plain asset.
            Measure::Impairment
            | Measure::Reversals
            | Measure::Disposals
            | Measure::Gain
            | Measure::Correction
            | Measure::Transfers
            | Measure::CostDisposals
            | Measure::CostTransfers => out.fill(nothing()),
        }
    }

    /// Writes one amount in the period in which the asset enters, another in the rest.
    fn fill_first<C: Copy>(&self, out: &mut [C], first: C, rest: C) {
        out.fill(rest);
        if let (true, Some(slot)) = (self.enters, out.first_mut()) {
            *slot = first;
        }
    }
}

#[inline]
fn each<T: Copy, C>(out: &mut [C], amounts: &[T], cell: impl Fn(T) -> C) {
    for (slot, amount) in out.iter_mut().zip(amounts) {
        *slot = cell(*amount);
    }
}

/// An amount whose measures can be written as cells.
pub trait RowAmount: Money + Exact + Addable + Cell {
    /// Writes one measure of an asset's rows.
    fn write(ledger: &Ledger<'_, Self>, measure: Measure, units: MinorUnits, out: Amounts<'_>);

    /// As `charges_into`, with the help of tables.
    fn charges_of(
        asset: &Asset<Self>,
        rounding: Rounding,
        from: Month,
        _: &mut Remainders,
        charges: &mut [Self],
    ) -> Self {
        Self::charges_into(asset, rounding, from, charges)
    }

    /// Cuts `count` cells off and writes the charges from `from` on without working each out; `false` where it cannot.
    fn write_charges(
        _: &Asset<Self>,
        _: &Settings,
        _from: Month,
        _: &mut Remainders,
        _out: &mut Amounts<'_>,
        _count: usize,
    ) -> bool {
        false
    }
}

impl RowAmount for i64 {
    fn write(ledger: &Ledger<'_, i64>, measure: Measure, units: MinorUnits, out: Amounts<'_>) {
        const SMALL: u64 = 1 << 51;
        let (cost, scale) = (ledger.cost, units.scale());
        match out {
            Amounts::Minor(out) => ledger.fill(measure, out, |amount| amount, |charged| cost.saturating_sub(charged)),
            Amounts::Major(out) if measure == Measure::Depreciation => units.near_to_major_into(ledger.charges, out),
            // No amount of an asset is larger than its cost, so these are exact doubles, divided several at a time.
            Amounts::Major(out) if cost.unsigned_abs() < SMALL => ledger.fill(
                measure,
                out,
                |amount| small_f64(amount) / scale,
                |charged| small_f64(cost.wrapping_sub(charged)) / scale,
            ),
            Amounts::Major(out) => ledger.fill(
                measure,
                out,
                |amount| units.to_major(amount),
                |charged| units.to_major(cost.saturating_sub(charged)),
            ),
        }
    }

    fn charges_of(
        asset: &Asset<i64>,
        rounding: Rounding,
        from: Month,
        remainders: &mut Remainders,
        charges: &mut [i64],
    ) -> i64 {
        match (rounding == Rounding::Balance).then(|| remainders.steps(asset)).flatten() {
            Some(steps) => {
                steps.write(from, charges);
                Self::accumulated_at(asset, rounding, from.saturating_sub(1))
            }
            None => Self::charges_into(asset, rounding, from, charges),
        }
    }

    fn write_charges(
        asset: &Asset<i64>,
        settings: &Settings,
        from: Month,
        remainders: &mut Remainders,
        out: &mut Amounts<'_>,
        count: usize,
    ) -> bool {
        if settings.period_months() != 1 {
            return false;
        }
        let written = match (settings.rounding, &mut *out) {
            (Some(Rounding::Level), Amounts::Minor(out)) => {
                level_cells(asset, from, |charge| charge, out.get_mut(..count).unwrap_or_default())
            }
            (Some(Rounding::Level), Amounts::Major(out)) => level_cells(
                asset,
                from,
                |charge| settings.units.to_major(charge),
                out.get_mut(..count).unwrap_or_default(),
            ),
            (Some(Rounding::Balance), Amounts::Major(out)) => remainders
                .steps(asset)
                .is_some_and(|steps| steps.write_major(from, settings.units, out.get_mut(..count).unwrap_or_default())),
            _ => false,
        };
        if written {
            out.cut(count);
        }
        written
    }
}

impl RowAmount for f64 {
    fn write(ledger: &Ledger<'_, f64>, measure: Measure, _: MinorUnits, out: Amounts<'_>) {
        match out {
            Amounts::Major(out) => ledger.fill(measure, out, |amount| amount, |charged| ledger.cost - charged),
            Amounts::Minor(_) => {}
        }
    }
}
