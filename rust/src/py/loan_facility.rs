//! The facility side of loan books for Python.
#![forbid(unsafe_code)]

use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::columns::Column;
use super::door::enter;
use super::happenings::take;
use super::inputs::{DateArray, MoneyArray, WithNulls};
use super::loans::{Columns, LoanSettings, Loans, item, offsets_of, rate_column};
use super::{IssueTuple, issue_tuples};
use crate::batch::{self, Poll};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(loan_payoffs, module)?)?;
    module.add_function(wrap_pyfunction!(debt_capacities, module)?)
}

struct Draws {
    offsets: Column<i64>,
    date: Column<i32>,
    amount: MoneyArray,
    maturity: Column<i32>,
    rate: Column<i64>,
    margin: Column<i64>,
    table: Column<i8>,
    source: Column<i32>,
}

impl Draws {
    fn read(table: &Bound<'_, PyDict>, rows: usize) -> PyResult<Self> {
        let (offsets, len) = offsets_of(table, "date", rows)?;
        Ok(Self {
            offsets,
            date: take(&item(table, "date")?, len)?,
            amount: MoneyArray::take(&item(table, "amount")?, Some(len))?,
            maturity: take(&item(table, "maturity")?, len)?,
            rate: take(&item(table, "rate")?, len)?,
            margin: take(&item(table, "margin")?, len)?,
            table: take(&item(table, "table")?, len)?,
            source: take(&item(table, "source")?, len)?,
        })
    }

    fn borrow(&self) -> batch::DrawColumns<'_> {
        batch::DrawColumns {
            offsets: &self.offsets,
            date: &self.date,
            amount: self.amount.borrow(),
            maturity: &self.maturity,
            rate: &self.rate,
            margin: &self.margin,
            table: &self.table,
            source: &self.source,
        }
    }
}

struct Prepayments {
    offsets: Column<i64>,
    date: Column<i32>,
    amount: MoneyArray,
    share: Column<i64>,
    manner: Column<i8>,
    draw: Column<i32>,
    table: Column<i8>,
    source: Column<i32>,
}

impl Prepayments {
    fn read(table: &Bound<'_, PyDict>, rows: usize) -> PyResult<Self> {
        let (offsets, len) = offsets_of(table, "date", rows)?;
        Ok(Self {
            offsets,
            date: take(&item(table, "date")?, len)?,
            amount: MoneyArray::take(&item(table, "amount")?, Some(len))?,
            share: take(&item(table, "share")?, len)?,
            manner: take(&item(table, "manner")?, len)?,
            draw: take(&item(table, "draw")?, len)?,
            table: take(&item(table, "table")?, len)?,
            source: take(&item(table, "source")?, len)?,
        })
    }

    fn borrow(&self) -> batch::PrepaymentColumns<'_> {
        batch::PrepaymentColumns {
            offsets: &self.offsets,
            date: &self.date,
            amount: self.amount.borrow(),
            share: &self.share,
            manner: &self.manner,
            draw: &self.draw,
            table: &self.table,
            source: &self.source,
        }
    }
}

struct Premiums {
    offsets: Column<i64>,
    date: Column<i32>,
    parts: Column<i64>,
}

impl Premiums {
    fn read(table: &Bound<'_, PyDict>, rows: usize) -> PyResult<Self> {
        let (offsets, len) = offsets_of(table, "date", rows)?;
        Ok(Self { offsets, date: take(&item(table, "date")?, len)?, parts: take(&item(table, "parts")?, len)? })
    }

    fn borrow(&self) -> batch::PremiumColumns<'_> {
        batch::PremiumColumns { offsets: &self.offsets, date: &self.date, parts: &self.parts }
    }
}

struct Dated {
    offsets: Column<i64>,
    date: Column<i32>,
    amount: MoneyArray,
    source: Column<i32>,
}

impl Dated {
    fn read(table: &Bound<'_, PyDict>, rows: usize) -> PyResult<Self> {
        let (offsets, len) = offsets_of(table, "date", rows)?;
        Ok(Self {
            offsets,
            date: take(&item(table, "date")?, len)?,
            amount: MoneyArray::take(&item(table, "amount")?, Some(len))?,
            source: take(&item(table, "source")?, len)?,
        })
    }

    fn borrow(&self) -> batch::DatedColumns<'_> {
        let (offsets, date, source) = (&self.offsets, &self.date, &self.source);
        batch::DatedColumns { offsets, date, amount: self.amount.borrow(), source }
    }
}

type RateArray = Option<WithNulls<Column<f64>>>;

/// What makes loans facilities.
pub struct Facility {
    draw_start: Option<WithNulls<DateArray>>,
    undrawn_fee: RateArray,
    upfront_fee_rate: RateArray,
    target_dscr: RateArray,
    advance_rate: RateArray,
    make_whole_until: Option<WithNulls<DateArray>>,
    make_whole_rate: RateArray,
    draws: Option<Draws>,
    prepayments: Option<Prepayments>,
    premiums: Option<Premiums>,
    cash_flow: Option<Dated>,
    collateral: Option<Dated>,
}

impl Facility {
    /// Takes them out of the columns of a call.
    pub fn read(given: &Columns<'_>) -> PyResult<Self> {
        let rows = given.rows;
        Ok(Self {
            draw_start: given.dates("draw_start_date")?,
            undrawn_fee: given.rates("undrawn_fee_rate")?,
            upfront_fee_rate: given.rates("upfront_fee_rate")?,
            target_dscr: given.rates("target_dscr")?,
            advance_rate: given.rates("advance_rate")?,
            make_whole_until: given.dates("make_whole_until_date")?,
            make_whole_rate: given.rates("make_whole_rate")?,
            draws: given.beside("draws", |table| Draws::read(table, rows))?,
            prepayments: given.beside("prepayments", |table| Prepayments::read(table, rows))?,
            premiums: given.beside("prepayment_premiums", |table| Premiums::read(table, rows))?,
            cash_flow: given.beside("cash_flow", |table| Dated::read(table, rows))?,
            collateral: given.beside("collateral", |table| Dated::read(table, rows))?,
        })
    }

    pub fn borrow(&self) -> batch::FacilityColumns<'_> {
        batch::FacilityColumns {
            draw_start: self.draw_start.as_ref().map(|column| column.borrow(DateArray::borrow)),
            undrawn_fee: self.undrawn_fee.as_ref().map(rate_column),
            upfront_fee_rate: self.upfront_fee_rate.as_ref().map(rate_column),
            target_dscr: self.target_dscr.as_ref().map(rate_column),
            advance_rate: self.advance_rate.as_ref().map(rate_column),
            make_whole_until: self.make_whole_until.as_ref().map(|column| column.borrow(DateArray::borrow)),
            make_whole_rate: self.make_whole_rate.as_ref().map(rate_column),
            draws: self.draws.as_ref().map(Draws::borrow),
            prepayments: self.prepayments.as_ref().map(Prepayments::borrow),
            premiums: self.premiums.as_ref().map(Premiums::borrow),
            cash_flow: self.cash_flow.as_ref().map(Dated::borrow),
            collateral: self.collateral.as_ref().map(Dated::borrow),
        }
    }
}

/// What is paid to repay each loan in full, where that is agreed; 0 for others. In the core's own unit.
#[pyfunction]
fn loan_payoffs<'py>(
    py: Python<'py>,
    loans: &Loans,
    settings: &LoanSettings,
) -> PyResult<(Vec<IssueTuple>, Bound<'py, PyAny>)> {
    let settings = &settings.inner;
    if settings.rounded {
        let found = enter(py, |poll: Poll<'_>| batch::loan_payoffs::<i64>(&loans.borrow(), settings, poll));
        let (log, values) = found?;
        return Ok((issue_tuples(&log), PyArray1::from_vec(py, values).into_any()));
    }
    let found = enter(py, |poll: Poll<'_>| batch::loan_payoffs::<f64>(&loans.borrow(), settings, poll));
    let (log, values) = found?;
    Ok((issue_tuples(&log), PyArray1::from_vec(py, values).into_any()))
}

/// The largest principal of each sculpted loan, at most `most` minor units, that its cash flow repays.
#[pyfunction]
fn debt_capacities<'py>(
    py: Python<'py>,
    loans: &Loans,
    settings: &LoanSettings,
    most: &Bound<'py, PyAny>,
) -> PyResult<(Vec<IssueTuple>, Bound<'py, PyArray1<i64>>)> {
    let column: Column<i64> = take(most, loans.rows)?;
    let settings = &settings.inner;
    let found = enter(py, |poll: Poll<'_>| batch::debt_capacities(&loans.borrow(), settings, &column, poll));
    let (log, values) = found?;
    Ok((issue_tuples(&log), PyArray1::from_vec(py, values)))
}
