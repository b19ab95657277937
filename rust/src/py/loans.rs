//! Loan books as Python hands them over: columns by name, tables beside, settings; frozen once made.
#![forbid(unsafe_code)]

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::columns::{Column, Mask, lane_kernels};
use super::happenings::{take, take_offsets};
use super::inputs::{self, Codes, DateArray, MoneyArray, MonthsArray, WithNulls, codes, count_threads};
use super::loan_facility::Facility;
use super::loan_rates::{Construction, HedgeTable, Rates};
use crate::batch::{self, Choice, Load, Nullable, Reading};
use crate::calendar::{
    Accrual, BusinessDayConvention, DayCount, Frequency, Holidays, PaymentFrequency, PeriodGrid, Stub, Weekend,
};
use crate::debt::ProfileKind;
use crate::money::MinorUnits;

/// Loans per chunk at most where nothing else is asked for.
const CHUNK_LOANS: usize = 8_192;

/// A column of words: codes and what they mean.
pub(super) struct Words<T> {
    codes: Codes,
    values: Vec<T>,
}

impl<T> Words<T> {
    pub fn borrow(&self) -> Choice<'_, T> {
        Choice { codes: self.codes.borrow(), values: &self.values }
    }
}

/// The columns of a call by name; what is not taken is unknown.
pub(super) struct Columns<'py> {
    left: Bound<'py, PyDict>,
    pub rows: usize,
}

type WithMask<'py> = (Bound<'py, PyAny>, Option<Bound<'py, PyAny>>);

impl<'py> Columns<'py> {
    fn new(given: &Bound<'py, PyDict>, rows: usize) -> PyResult<Self> {
        Ok(Self { left: given.copy()?, rows })
    }

    pub fn take(&self, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let found = self.left.get_item(name)?;
        if found.is_some() {
            self.left.del_item(name)?;
        }
        Ok(found)
    }

    fn money(&self, name: &str) -> PyResult<Option<WithNulls<MoneyArray>>> {
        let Some(found) = self.take(name)? else { return Ok(None) };
        let (values, nulls): WithMask<'_> = found.extract()?;
        WithNulls::take(MoneyArray::take(&values, Some(self.rows))?, nulls.as_ref(), self.rows).map(Some)
    }

    pub fn dates(&self, name: &str) -> PyResult<Option<WithNulls<DateArray>>> {
        let Some(found) = self.take(name)? else { return Ok(None) };
        let (values, unit, nulls): (Bound<'_, PyAny>, String, Option<Bound<'_, PyAny>>) = found.extract()?;
        WithNulls::take(DateArray::take(&values, &unit, self.rows)?, nulls.as_ref(), self.rows).map(Some)
    }

    pub fn months(&self, name: &str) -> PyResult<Option<WithNulls<MonthsArray>>> {
        let Some(found) = self.take(name)? else { return Ok(None) };
        let (values, nulls): WithMask<'_> = found.extract()?;
        WithNulls::take(MonthsArray::take(&values, self.rows)?, nulls.as_ref(), self.rows).map(Some)
    }

    pub fn rates(&self, name: &str) -> PyResult<Option<WithNulls<Column<f64>>>> {
        let Some(found) = self.take(name)? else { return Ok(None) };
        let (values, nulls): WithMask<'_> = found.extract()?;
        WithNulls::take(take(&values, self.rows)?, nulls.as_ref(), self.rows).map(Some)
    }

    pub fn words<T>(&self, name: &str, parse: impl Fn(&str) -> Option<T>) -> PyResult<Option<Words<T>>> {
        let Some(found) = self.take(name)? else { return Ok(None) };
        let (array, names): (Bound<'_, PyAny>, Vec<String>) = found.extract()?;
        let unknown = |word: &str| PyValueError::new_err(format!("{name} has no {word:?}"));
        let values = names.iter().map(|word| parse(word).ok_or_else(|| unknown(word))).collect::<PyResult<_>>()?;
        Ok(Some(Words { codes: codes(&array, self.rows)?, values }))
    }

    pub fn flags(&self, name: &str) -> PyResult<Option<Words<bool>>> {
        let Some(found) = self.take(name)? else { return Ok(None) };
        Ok(Some(Words { codes: codes(&found, self.rows)?, values: vec![false, true] }))
    }

    /// A table beside the loans.
    pub fn beside<T>(&self, name: &str, read: impl FnOnce(&Bound<'py, PyDict>) -> PyResult<T>) -> PyResult<Option<T>> {
        let Some(found) = self.take(name)? else { return Ok(None) };
        read(found.cast::<PyDict>()?).map(Some)
    }

    fn finish(self) -> PyResult<()> {
        match self.left.keys().iter().next() {
            None => Ok(()),
            Some(name) => Err(PyValueError::new_err(format!("unknown column {name}"))),
        }
    }
}

pub(super) fn item<'py>(table: &Bound<'py, PyDict>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    table.get_item(name)?.ok_or_else(|| PyValueError::new_err(format!("{name} is missing")))
}

/// Offsets for so many loans, and the length of the columns they lead to.
pub(super) fn offsets_of(table: &Bound<'_, PyDict>, first: &str, rows: usize) -> PyResult<(Column<i64>, usize)> {
    let len = item(table, first)?.len()?;
    let offsets = take_offsets(&item(table, "offsets")?, len)?;
    if offsets.len().checked_sub(1) == Some(rows) {
        Ok((offsets, len))
    } else {
        Err(PyValueError::new_err("columns differ in length"))
    }
}

struct RateSteps {
    offsets: Column<i64>,
    date: Column<i32>,
    term: Column<i8>,
    parts: Column<i64>,
    source: Column<i32>,
}

impl RateSteps {
    fn read(table: &Bound<'_, PyDict>, rows: usize) -> PyResult<Self> {
        let (offsets, len) = offsets_of(table, "date", rows)?;
        Ok(Self {
            offsets,
            date: take(&item(table, "date")?, len)?,
            term: take(&item(table, "term")?, len)?,
            parts: take(&item(table, "parts")?, len)?,
            source: take(&item(table, "source")?, len)?,
        })
    }

    fn borrow(&self) -> batch::RateSteps<'_> {
        batch::RateSteps {
            offsets: &self.offsets,
            date: &self.date,
            term: &self.term,
            parts: &self.parts,
            source: &self.source,
        }
    }
}

struct PrincipalSchedule {
    offsets: Column<i64>,
    number: Column<i32>,
    date: Column<i32>,
    amount: MoneyArray,
    share: Column<i64>,
    source: Column<i32>,
}

impl PrincipalSchedule {
    fn read(table: &Bound<'_, PyDict>, rows: usize) -> PyResult<Self> {
        let (offsets, len) = offsets_of(table, "date", rows)?;
        Ok(Self {
            offsets,
            number: take(&item(table, "number")?, len)?,
            date: take(&item(table, "date")?, len)?,
            amount: MoneyArray::take(&item(table, "amount")?, Some(len))?,
            share: take(&item(table, "share")?, len)?,
            source: take(&item(table, "source")?, len)?,
        })
    }

    fn borrow(&self) -> batch::PrincipalSchedule<'_> {
        batch::PrincipalSchedule {
            offsets: &self.offsets,
            number: &self.number,
            date: &self.date,
            amount: self.amount.borrow(),
            share: &self.share,
            source: &self.source,
        }
    }
}

struct PaymentHolidays {
    offsets: Column<i64>,
    from: Column<i32>,
    to: Column<i32>,
    capitalised: Column<i8>,
}

impl PaymentHolidays {
    fn read(table: &Bound<'_, PyDict>, rows: usize) -> PyResult<Self> {
        let (offsets, len) = offsets_of(table, "from", rows)?;
        Ok(Self {
            offsets,
            from: take(&item(table, "from")?, len)?,
            to: take(&item(table, "to")?, len)?,
            capitalised: take(&item(table, "capitalised")?, len)?,
        })
    }

    fn borrow(&self) -> batch::Skipped<'_> {
        batch::Skipped { offsets: &self.offsets, from: &self.from, to: &self.to, capitalised: &self.capitalised }
    }
}

/// A loan book as arrays.
#[pyclass(frozen, module = "neocalc._core")]
pub struct Loans {
    #[pyo3(get)]
    pub rows: usize,
    principal: Option<WithNulls<MoneyArray>>,
    commitment: Option<WithNulls<MoneyArray>>,
    start: WithNulls<DateArray>,
    maturity: Option<WithNulls<DateArray>>,
    term_months: Option<WithNulls<MonthsArray>>,
    rate: WithNulls<Column<f64>>,
    profile: Option<Words<ProfileKind>>,
    frequency: Option<Words<PaymentFrequency>>,
    day_count: Option<Words<DayCount>>,
    convention: Option<Words<BusinessDayConvention>>,
    stub: Option<Words<Stub>>,
    end_of_month: Option<Words<bool>>,
    first_payment: Option<WithNulls<DateArray>>,
    interest_only_months: Option<WithNulls<MonthsArray>>,
    amortization_months: Option<WithNulls<MonthsArray>>,
    payment: Option<WithNulls<MoneyArray>>,
    balance_cap: Option<WithNulls<MoneyArray>>,
    balance_cap_rate: Option<WithNulls<Column<f64>>>,
    rate_steps: Option<RateSteps>,
    principal_schedule: Option<PrincipalSchedule>,
    payment_holidays: Option<PaymentHolidays>,
    rates: Option<Rates>,
    hedges: Option<HedgeTable>,
    issue_price: Option<WithNulls<Column<f64>>>,
    upfront_fee: Option<WithNulls<MoneyArray>>,
    issue_costs: Option<WithNulls<MoneyArray>>,
    draw_end: Option<WithNulls<DateArray>>,
    construction: Option<Construction>,
    facility: Facility,
    skip: Option<Mask>,
    nan_is_null: bool,
}

#[pymethods]
impl Loans {
    #[new]
    #[pyo3(signature = (columns, rows, *, skip=None, nan_is_null=true))]
    fn new(
        columns: &Bound<'_, PyDict>,
        rows: usize,
        skip: Option<&Bound<'_, PyAny>>,
        nan_is_null: bool,
    ) -> PyResult<Self> {
        if i32::try_from(rows).is_err() {
            return Err(PyValueError::new_err("a loan book has at most 2^31 - 1 rows; pass it in parts"));
        }
        let given = Columns::new(columns, rows)?;
        let needed = |name: &str| PyValueError::new_err(format!("{name} is missing"));
        let loans = Self {
            rows,
            principal: given.money("principal")?,
            commitment: given.money("commitment")?,
            start: given.dates("start_date")?.ok_or_else(|| needed("start_date"))?,
            maturity: given.dates("maturity_date")?,
            term_months: given.months("term_months")?,
            rate: given.rates("annual_rate")?.ok_or_else(|| needed("annual_rate"))?,
            profile: given.words("profile", ProfileKind::parse)?,
            frequency: given.words("frequency", PaymentFrequency::parse)?,
            day_count: given.words("day_count", DayCount::parse)?,
            convention: given.words("business_day_convention", BusinessDayConvention::parse)?,
            stub: given.words("stub", Stub::parse)?,
            end_of_month: given.flags("end_of_month")?,
            first_payment: given.dates("first_payment_date")?,
            interest_only_months: given.months("interest_only_months")?,
            amortization_months: given.months("amortization_months")?,
            payment: given.money("payment")?,
            balance_cap: given.money("balance_cap")?,
            balance_cap_rate: given.rates("balance_cap_rate")?,
            rate_steps: given.beside("rate_steps", |table| RateSteps::read(table, rows))?,
            principal_schedule: given.beside("principal_schedule", |table| PrincipalSchedule::read(table, rows))?,
            payment_holidays: given.beside("payment_holidays", |table| PaymentHolidays::read(table, rows))?,
            rates: Rates::read(&given)?,
            hedges: given.beside("hedges", |table| HedgeTable::read(table, rows))?,
            issue_price: given.rates("issue_price")?,
            upfront_fee: given.money("upfront_fee")?,
            issue_costs: given.money("issue_costs")?,
            draw_end: given.dates("draw_end_date")?,
            construction: given.beside("construction", |table| Construction::read(table, rows))?,
            facility: Facility::read(&given)?,
            skip: skip.map(|mask| Mask::take(mask, rows)).transpose()?,
            nan_is_null,
        };
        given.finish()?;
        Ok(loans)
    }
}

pub(super) fn rate_column(column: &WithNulls<Column<f64>>) -> Nullable<'_, &dyn Load<f64>> {
    column.borrow(|column| column as &dyn Load<f64>)
}

impl Loans {
    pub fn borrow(&self) -> batch::Loans<'_> {
        batch::Loans {
            len: self.rows,
            principal: self.principal.as_ref().map(|column| column.borrow(MoneyArray::borrow)),
            commitment: self.commitment.as_ref().map(|column| column.borrow(MoneyArray::borrow)),
            start: self.start.borrow(DateArray::borrow),
            maturity: self.maturity.as_ref().map(|column| column.borrow(DateArray::borrow)),
            term_months: self.term_months.as_ref().map(|column| column.borrow(MonthsArray::borrow)),
            rate: rate_column(&self.rate),
            profile: self.profile.as_ref().map(Words::borrow),
            frequency: self.frequency.as_ref().map(Words::borrow),
            day_count: self.day_count.as_ref().map(Words::borrow),
            convention: self.convention.as_ref().map(Words::borrow),
            stub: self.stub.as_ref().map(Words::borrow),
            end_of_month: self.end_of_month.as_ref().map(Words::borrow),
            first_payment: self.first_payment.as_ref().map(|column| column.borrow(DateArray::borrow)),
            interest_only_months: self.interest_only_months.as_ref().map(|months| months.borrow(MonthsArray::borrow)),
            amortization_months: self.amortization_months.as_ref().map(|months| months.borrow(MonthsArray::borrow)),
            payment: self.payment.as_ref().map(|column| column.borrow(MoneyArray::borrow)),
            balance_cap: self.balance_cap.as_ref().map(|column| column.borrow(MoneyArray::borrow)),
            balance_cap_rate: self.balance_cap_rate.as_ref().map(rate_column),
            rate_steps: self.rate_steps.as_ref().map(RateSteps::borrow),
            principal_schedule: self.principal_schedule.as_ref().map(PrincipalSchedule::borrow),
            skipped: self.payment_holidays.as_ref().map(PaymentHolidays::borrow),
            rates: self.rates.as_ref().map(Rates::borrow),
            hedges: self.hedges.as_ref().map(HedgeTable::borrow),
            issue_price: self.issue_price.as_ref().map(rate_column),
            upfront_fee: self.upfront_fee.as_ref().map(|column| column.borrow(MoneyArray::borrow)),
            issue_costs: self.issue_costs.as_ref().map(|column| column.borrow(MoneyArray::borrow)),
            draw_end: self.draw_end.as_ref().map(|column| column.borrow(DateArray::borrow)),
            construction: self.construction.as_ref().map(Construction::borrow),
            facility: Some(self.facility.borrow()),
            skip: self.skip.as_ref().map(|mask| -> &dyn Load<u8> { mask }),
            nan_is_null: self.nan_is_null,
        }
    }
}

/// What holds for all loans of a call.
#[pyclass(frozen, module = "neocalc._core")]
pub struct LoanSettings {
    pub inner: batch::LoanSettings,
}

#[pymethods]
impl LoanSettings {
    #[new]
    #[pyo3(signature = (
        *, rounded=true, minor_units=2, freq="M", fiscal_year_end=12, start=None, end=None, accrual="adjusted",
        nominal=false, holidays=None, weekend=0b110_0000, allow_high_rate=false, allow_negative_amortization=false,
        draws_apart=false, round_input=false, floor_time=false, max_term_months=1200, threads=0, chunk_rows=0
    ))]
    #[allow(clippy::too_many_arguments, clippy::fn_params_excessive_bools, reason = "keywords that Python sees")]
    fn new(
        rounded: bool,
        minor_units: u8,
        freq: &str,
        fiscal_year_end: u8,
        start: Option<i64>,
        end: Option<i64>,
        accrual: &str,
        nominal: bool,
        holidays: Option<&Bound<'_, PyAny>>,
        weekend: u8,
        allow_high_rate: bool,
        allow_negative_amortization: bool,
        draws_apart: bool,
        round_input: bool,
        floor_time: bool,
        max_term_months: i32,
        threads: usize,
        chunk_rows: usize,
    ) -> PyResult<Self> {
        let refuse = |what: &str| PyValueError::new_err(format!("{what} out of range"));
        let grid = Frequency::parse(freq).and_then(|frequency| PeriodGrid::new(frequency, fiscal_year_end));
        let mut dates = Vec::new();
        if let Some(array) = holidays {
            let column: Column<i32> = take(array, array.len()?)?;
            dates.resize(column.len(), 0);
            column.load(0, &mut dates);
        }
        Ok(Self {
            inner: batch::LoanSettings {
                rounded,
                reading: Reading {
                    units: MinorUnits::new(minor_units).ok_or_else(|| refuse("minor_units"))?,
                    round_input,
                    floor_time,
                },
                grid: grid.ok_or_else(|| refuse("freq or fiscal_year_end"))?,
                start: start.map(inputs::month).transpose()?,
                end: end.map(inputs::month).transpose()?,
                accrual: Accrual::parse(accrual).ok_or_else(|| refuse("accrual"))?,
                nominal,
                allow_high_rate,
                allow_negative_amortization,
                max_term_months,
                holidays: Holidays::new(Weekend::from_bits(weekend).ok_or_else(|| refuse("weekend"))?, dates),
                observe: false,
                observe_on: None,
                as_of: None,
                draws_apart,
                threads: count_threads(threads),
                kernels: lane_kernels(),
                chunk_rows: if chunk_rows == 0 { CHUNK_LOANS } else { chunk_rows },
                memory_limit: usize::MAX,
            },
        })
    }

    /// The same, and books are looked at, at the end of each period too.
    fn observing(&self) -> Self {
        Self { inner: batch::LoanSettings { observe: true, ..self.inner.clone() } }
    }

    /// The same, and books are looked at on a day.
    fn observing_on(&self, day: i32) -> Self {
        Self { inner: batch::LoanSettings { observe_on: Some(day), ..self.inner.clone() } }
    }

    /// The same, and what is drawn after a day is left out.
    fn drawn_until(&self, day: i32) -> Self {
        Self { inner: batch::LoanSettings { as_of: Some(day), ..self.inner.clone() } }
    }
}
