//! Rows of loans that were computed side by side, written loan by loan.
#![forbid(unsafe_code)]

use super::LoanAmount;
use super::chunk::LoanChunk;
use super::columns::Loans;
use super::lanes::{Equal, Laned};
use super::settings::LoanMeasure;
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
        self.rows.clear();
        self.rows.resize(longest, LaneRow::default());
        if equals.first().is_some_and(|(_, equal)| equal.floats) {
            // Some rate stands also after a loan's last payment, so that it has a payment: of nothing.
            self.rates.clear();
            self.rates.resize(longest, [1; WIDTH]);
            for (lane, (index, equal)) in equals.iter().enumerate() {
                chunk.rates_into(loans, *index, equal, lane, &mut self.rates);
            }
            let kernel = if A::ROUNDED { kernels.floating_rows } else { kernels.unrounded_floating_rows };
            kernel(&side, &self.rates, &mut self.rows);
        } else {
            let kernel = if A::ROUNDED { kernels.rows } else { kernels.unrounded_rows };
            kernel(&side, &mut self.rows);
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
        let of = |lanes: &[f64; WIDTH]| lanes.get(lane).copied().unwrap_or(0.0);
        let lent = equal.loan.principal();
        values.clear();
        match measure {
            LoanMeasure::Interest => {
                values.push(0.0);
                values.extend(rows.iter().map(|row| of(&row.interest)));
            }
            LoanMeasure::Principal => {
                values.push(0.0);
                values.extend(rows.iter().map(|row| of(&row.principal)));
            }
            LoanMeasure::Payment => {
                values.push(0.0);
                values.extend(rows.iter().map(|row| of(&row.interest) + of(&row.principal)));
            }
            LoanMeasure::ClosingBalance => {
                values.push(lent);
                values.extend(rows.iter().map(|row| of(&row.closing)));
            }
            LoanMeasure::OpeningBalance => {
                values.extend([0.0, lent]);
                values.extend(rows.iter().map(|row| of(&row.closing)).take(count.saturating_sub(1)));
            }
            LoanMeasure::Draw | LoanMeasure::Proceeds => {
                values.push(lent);
                values.resize(count.saturating_add(1), 0.0);
            }
            LoanMeasure::Pik
            | LoanMeasure::Prepayment
            | LoanMeasure::Fee
            | LoanMeasure::Premium
            | LoanMeasure::Hedge => {
                values.resize(count.saturating_add(1), 0.0);
            }
        }
        A::write_lane(values.get(early..).unwrap_or_default(), units, out);
    }
}
