//! Rows of loans that were computed side by side, written loan by loan.
#![forbid(unsafe_code)]

use super::LoanAmount;
use super::chunk::LoanChunk;
use super::columns::Loans;
use super::lanes::{Equal, Laned};
use super::settings::LoanMeasure;
use super::simple_float::Fixings;
use crate::batch::cells::Amounts;
use crate::debt::lane_kernels::LaneKernels;
use crate::debt::lanes::{EqualLoan, LaneRow, WIDTH};
use crate::money::MinorUnits;
use crate::rate::AnnualRate;

/// Eight loans' rows, to be written loan by loan.
#[derive(Default)]
pub(super) struct LaneRows {
    rows: Vec<LaneRow>,
    rates: Vec<[i64; WIDTH]>,
    fixings: Fixings,
    values: Vec<f64>,
}

impl LaneRows {
    /// Computes up to eight loans of one profile, of which all float or none.
    pub fn run<A: LoanAmount>(
        &mut self,
        chunk: &LoanChunk<A>,
        loans: &Loans<'_>,
        equals: &[(usize, Equal)],
        kernels: &LaneKernels,
    ) {
        let side: Vec<EqualLoan> = equals.iter().map(|(_, equal)| equal.loan).collect();
        let longest = side.iter().map(|loan| usize::try_from(loan.payments()).unwrap_or(0)).max().unwrap_or(0);
        self.rows.resize(longest.max(self.rows.len()), LaneRow::default());
        let rows = self.rows.get_mut(..longest).unwrap_or_default();
        if equals.first().is_some_and(|(_, equal)| equal.floats) {
            // Some rate stands also after a loan's last payment, so that it has a payment: of nothing.
            self.rates.clear();
            self.rates.resize(longest, [1; WIDTH]);
            for (lane, (index, equal)) in equals.iter().enumerate() {
                chunk.rates_into(loans, (*index, equal), &mut self.fixings, lane, &mut self.rates);
            }
            let kernel = if A::ROUNDED { kernels.floating_rows } else { kernels.unrounded_floating_rows };
            kernel(&side, &self.rates, rows);
        } else {
            let kernel = if A::ROUNDED { kernels.rows } else { kernels.unrounded_rows };
            kernel(&side, rows);
        }
    }

    /// Writes the rate in force before each of a loan's rows from `early` on.
    pub fn write_rates(&self, lane: usize, equal: &Equal, early: usize, out: &mut [f64]) {
        if !equal.floats {
            out.fill(equal.loan.rate().as_f64());
            return;
        }
        for (number, slot) in (early..).zip(out) {
            let row = self.rates.get(number.saturating_sub(1));
            let rate = row.and_then(|row| row.get(lane)).copied().unwrap_or(0);
            *slot = AnnualRate::from_parts(rate).as_f64();
        }
    }

    /// Writes one measure of a loan's rows from `early` on.
    pub fn write<A: Laned>(
        &mut self,
        lane: usize,
        equal: &Equal,
        early: usize,
        measure: LoanMeasure,
        units: MinorUnits,
        out: Amounts<'_>,
    ) {
        let Self { rows, values, .. } = self;
        let count = usize::try_from(equal.loan.payments()).unwrap_or(0);
        let rows = rows.get(..count).unwrap_or_default();
        let lent = equal.loan.principal();
        let out = match A::floats_out(out) {
            Ok(out) if early == 0 => return lay(measure, lent, rows, lane, out),
            Ok(out) => Amounts::Major(out),
            Err(out) => out,
        };
        values.resize(count.saturating_add(1), 0.0);
        lay(measure, lent, rows, lane, values);
        A::write_lane(values.get(early..).unwrap_or_default(), units, out);
    }
}

/// Writes one measure of one lane: that of the first advance, then those of the rows.
fn lay(measure: LoanMeasure, lent: f64, rows: &[LaneRow], lane: usize, out: &mut [f64]) {
    let of = |lanes: &[f64; WIDTH]| lanes.get(lane).copied().unwrap_or(0.0);
    match measure {
        LoanMeasure::Interest => after(0.0, rows, out, |row| of(&row.interest)),
        LoanMeasure::Principal => after(0.0, rows, out, |row| of(&row.principal)),
        LoanMeasure::Payment => after(0.0, rows, out, |row| of(&row.interest) + of(&row.principal)),
        LoanMeasure::ClosingBalance => after(lent, rows, out, |row| of(&row.closing)),
        LoanMeasure::OpeningBalance => {
            if let Some((before, out)) = out.split_first_mut() {
                *before = 0.0;
                after(lent, rows, out, |row| of(&row.closing));
            }
        }
        LoanMeasure::Draw | LoanMeasure::Proceeds => after(lent, rows, out, |_| 0.0),
        LoanMeasure::Pik | LoanMeasure::Prepayment | LoanMeasure::Fee | LoanMeasure::Premium | LoanMeasure::Hedge => {
            out.fill(0.0)
        }
    }
}

#[inline]
fn after(first: f64, rows: &[LaneRow], out: &mut [f64], of: impl Fn(&LaneRow) -> f64) {
    let Some((before, out)) = out.split_first_mut() else { return };
    *before = first;
    for (slot, row) in out.iter_mut().zip(rows) {
        *slot = of(row);
    }
}
