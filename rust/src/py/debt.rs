//! Loan books for Python: columns by name in, plans that fill arrays and totals out.
#![forbid(unsafe_code)]

use numpy::PyArray1;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::columns::{Column, Mask};
use super::door::enter;
use super::happenings::{take, take_offsets};
use super::inputs::{self, Codes, DateArray, MoneyArray, MonthsArray, WithNulls, codes, count_threads};
use super::loan_facility::Facility;
use super::loan_rates::{Construction, HedgeTable, Rates};
use super::outputs::{Out, OutAmounts, date_target, major_cells, minor_cells, money_target, written};
use super::{IssueTuple, issue_tuples};
use crate::batch::{
    self, Averaging, Choice, Grouping, Load, LoanMeasure, LoanRowPlan, LoanRowTargets, Nullable, Poll, Reading,
    ResetEvery,
};
use crate::calendar::{
    Accrual, BusinessDayConvention, DayCount, Frequency, Holidays, PaymentFrequency, PeriodGrid, Stub, Weekend,
};
use crate::debt::ProfileKind;
use crate::error::Error;
use crate::money::MinorUnits;

/// Loans per chunk at most where nothing else is asked for.
const CHUNK_LOANS: usize = 8_192;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Loans>()?;
    module.add_class::<LoanSettings>()?;
    module.add_class::<LoanRowsPlan>()?;
    module.add_class::<LoanTotals>()?;
    module.add_function(wrap_pyfunction!(validate_loans, module)?)?;
    module.add_function(wrap_pyfunction!(plan_loan_rows, module)?)?;
    module.add_function(wrap_pyfunction!(loan_totals, module)?)?;
    module.add_function(wrap_pyfunction!(payment_amounts, module)?)?;
    module.add_function(wrap_pyfunction!(is_loan_word, module)?)?;
    module.add("PROFILES", PyTuple::new(module.py(), ProfileKind::ALL.map(|(name, _)| name))?)
}

/// Whether a column of loans knows a word.
#[pyfunction]
fn is_loan_word(column: &str, word: &str) -> PyResult<bool> {
    match column {
        "profile" => Ok(ProfileKind::parse(word).is_some()),
        "frequency" => Ok(PaymentFrequency::parse(word).is_some()),
        "day_count" => Ok(DayCount::parse(word).is_some()),
        "business_day_convention" => Ok(BusinessDayConvention::parse(word).is_some()),
        "stub" => Ok(Stub::parse(word).is_some()),
        "index_averaging" => Ok(Averaging::parse(word).is_some()),
        "reset_frequency" => Ok(ResetEvery::parse(word).is_some()),
        _ => Err(PyValueError::new_err(format!("{column:?} is no column of words"))),
    }
}

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
    pub(super) rows: usize,
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
    pub(super) fn borrow(&self) -> batch::Loans<'_> {
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
    pub(super) inner: batch::LoanSettings,
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
                draws_apart,
                threads: count_threads(threads),
                chunk_rows: if chunk_rows == 0 { CHUNK_LOANS } else { chunk_rows },
                memory_limit: usize::MAX,
            },
        })
    }

    /// The same, and books are looked at, at the end of each period too.
    fn observing(&self) -> Self {
        Self { inner: batch::LoanSettings { observe: true, ..self.inner.clone() } }
    }
}

/// The problems, and which rows have one where any has.
type Verdict<'py> = (Vec<IssueTuple>, Option<Bound<'py, PyArray1<bool>>>);

/// Judges every loan, or with `values_only` nothing but the values of its columns.
#[pyfunction]
#[pyo3(signature = (loans, settings, values_only=false))]
fn validate_loans<'py>(
    py: Python<'py>,
    loans: &Loans,
    settings: &LoanSettings,
    values_only: bool,
) -> PyResult<Verdict<'py>> {
    let settings = &settings.inner;
    let (log, bad) = enter(py, |poll: Poll<'_>| {
        if settings.rounded {
            batch::validate_loans::<i64>(&loans.borrow(), settings, values_only, poll)
        } else {
            batch::validate_loans::<f64>(&loans.borrow(), settings, values_only, poll)
        }
    })?;
    let mask = bad.contains(&true).then(|| PyArray1::from_vec(py, bad));
    Ok((issue_tuples(&log), mask))
}

/// Counts the rows of a result and remembers how to fill it.
#[pyfunction]
fn plan_loan_rows(py: Python<'_>, loans: Py<Loans>, settings: &LoanSettings) -> PyResult<LoanRowsPlan> {
    let settings = settings.inner.clone();
    let rows = loans.get();
    let (log, plan) = enter(py, |poll: Poll<'_>| {
        if settings.rounded {
            batch::plan_loan_rows::<i64>(&rows.borrow(), &settings, poll)
        } else {
            batch::plan_loan_rows::<f64>(&rows.borrow(), &settings, poll)
        }
    })?;
    Ok(LoanRowsPlan { loans, settings, issues: issue_tuples(&log), plan })
}

/// The counted rows of a call, to be filled into arrays.
#[pyclass(frozen, module = "neocalc._core")]
pub struct LoanRowsPlan {
    loans: Py<Loans>,
    settings: batch::LoanSettings,
    issues: Vec<IssueTuple>,
    plan: LoanRowPlan,
}

#[pymethods]
impl LoanRowsPlan {
    #[getter]
    fn issues(&self) -> Vec<IssueTuple> {
        self.issues.clone()
    }

    #[getter]
    fn n_rows(&self) -> usize {
        self.plan.n_rows
    }

    #[getter]
    fn counts<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i32>> {
        let counts = self.plan.counts().iter().map(|count| i32::try_from(*count).unwrap_or(i32::MAX));
        PyArray1::from_iter(py, counts)
    }

    /// Writes the rows into arrays of length `n_rows`.
    #[pyo3(signature = (
        *, position=None, ids=None, ids_out=None, payment_number=None, payment_date=None, accrual_start=None,
        annual_rate=None, draw_number=None, money=None
    ))]
    #[allow(clippy::too_many_arguments, reason = "keywords that Python sees")]
    fn fill(
        &self,
        py: Python<'_>,
        position: Option<&Bound<'_, PyAny>>,
        ids: Option<&Bound<'_, PyAny>>,
        ids_out: Option<&Bound<'_, PyAny>>,
        payment_number: Option<&Bound<'_, PyAny>>,
        payment_date: Option<&Bound<'_, PyAny>>,
        accrual_start: Option<&Bound<'_, PyAny>>,
        annual_rate: Option<&Bound<'_, PyAny>>,
        draw_number: Option<&Bound<'_, PyAny>>,
        money: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let n = self.plan.n_rows;
        let loans = self.loans.get();
        let ids = ids.map(|array| take::<i64>(array, loans.rows)).transpose()?;
        let mut position = position.map(|array| Out::<i32, i32>::take(array, n)).transpose()?;
        let mut ids_out = ids_out.map(|array| Out::<i64, i64>::take(array, n)).transpose()?;
        let mut number = payment_number.map(|array| Out::<i64, i64>::take(array, n)).transpose()?;
        let mut date = payment_date.map(|array| Out::<i32, i64>::take(array, n)).transpose()?;
        let mut start = accrual_start.map(|array| Out::<i32, i64>::take(array, n)).transpose()?;
        let mut rate = annual_rate.map(|array| Out::<f64, f64>::take(array, n)).transpose()?;
        let mut draw = draw_number.map(|array| Out::<i64, i64>::take(array, n)).transpose()?;
        let mut columns = Vec::new();
        for (name, array) in money.into_iter().flat_map(|money| money.iter()) {
            columns.push((measure(name.extract()?)?, Out::<f64, i64>::take(&array, n)?));
        }
        let mut targets = LoanRowTargets::default();
        if let Some(Out::A(array) | Out::B(array)) = &mut position {
            targets.position = Some(written(array)?);
        }
        if let (Some(ids), Some(Out::A(array) | Out::B(array))) = (&ids, &mut ids_out) {
            targets.ids = Some((ids as &dyn Load<i64>, written(array)?));
        }
        if let Some(Out::A(array) | Out::B(array)) = &mut number {
            targets.number = Some(written(array)?);
        }
        if let Some(Out::A(array) | Out::B(array)) = &mut rate {
            targets.rate = Some(written(array)?);
        }
        if let Some(Out::A(array) | Out::B(array)) = &mut draw {
            targets.draw_number = Some(written(array)?);
        }
        targets.date = date_target(&mut date)?;
        targets.accrual_start = date_target(&mut start)?;
        for (measure, array) in &mut columns {
            targets.money.push((*measure, money_target(array, self.settings.rounded)?));
        }
        let (settings, plan) = (&self.settings, &self.plan);
        enter(py, |poll: Poll<'_>| {
            if settings.rounded {
                batch::fill_loan_rows::<i64>(&loans.borrow(), settings, plan, targets, poll)
            } else {
                batch::fill_loan_rows::<f64>(&loans.borrow(), settings, plan, targets, poll)
            }
        })
    }
}

fn measure(name: &str) -> PyResult<LoanMeasure> {
    LoanMeasure::parse(name).ok_or_else(|| PyValueError::new_err(format!("unknown column {name:?}")))
}

enum Sums {
    Cents(batch::LoanTotals<i64>),
    Unrounded(batch::LoanTotals<f64>),
}

/// Sums by group and period.
#[pyfunction]
#[pyo3(signature = (loans, settings, group, n_groups, columns, amounts="major", memory_limit=None))]
#[allow(clippy::too_many_arguments, reason = "the signature that Python sees")]
fn loan_totals<'py>(
    py: Python<'py>,
    loans: &Loans,
    settings: &LoanSettings,
    group: Option<&Bound<'py, PyAny>>,
    n_groups: usize,
    columns: Vec<String>,
    amounts: &str,
    memory_limit: Option<usize>,
) -> PyResult<LoanTotals> {
    let group = group.map(|group| codes(group, loans.rows)).transpose()?;
    let measures = columns.iter().map(|name| measure(name)).collect::<PyResult<Vec<_>>>()?;
    let amounts = OutAmounts::parse(amounts)?;
    let mut settings = settings.inner.clone();
    settings.memory_limit = memory_limit.unwrap_or(usize::MAX);
    let asked = measures.clone();
    let (log, sums) = enter(py, |poll: Poll<'_>| {
        let grouping = Grouping { codes: group.as_ref().map(Codes::borrow), groups: n_groups };
        Ok::<_, Error>(if settings.rounded {
            let (log, sums) = batch::loan_totals::<i64>(&loans.borrow(), &settings, grouping, &asked, poll)?;
            (log, sums.map(Sums::Cents))
        } else {
            let (log, sums) = batch::loan_totals::<f64>(&loans.borrow(), &settings, grouping, &asked, poll)?;
            (log, sums.map(Sums::Unrounded))
        })
    })?;
    Ok(LoanTotals { issues: issue_tuples(&log), sums, groups: n_groups.saturating_add(1), measures, amounts })
}

/// Totals by group and period.
#[pyclass(frozen, module = "neocalc._core")]
pub struct LoanTotals {
    issues: Vec<IssueTuple>,
    sums: Option<Sums>,
    groups: usize,
    measures: Vec<LoanMeasure>,
    amounts: OutAmounts,
}

impl LoanTotals {
    fn asked_for(&self, column: &str) -> PyResult<LoanMeasure> {
        let measure = measure(column)?;
        let known = self.measures.contains(&measure);
        known.then_some(measure).ok_or_else(|| PyValueError::new_err(format!("{column:?} was not asked for")))
    }

    fn ends(&self) -> Vec<i32> {
        match &self.sums {
            None => Vec::new(),
            Some(Sums::Cents(totals)) => totals.period_ends(),
            Some(Sums::Unrounded(totals)) => totals.period_ends(),
        }
    }
}

#[pymethods]
impl LoanTotals {
    #[getter]
    fn issues(&self) -> Vec<IssueTuple> {
        self.issues.clone()
    }

    #[getter]
    fn group_rows<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i64>> {
        match &self.sums {
            None => PyArray1::zeros(py, self.groups, false),
            Some(Sums::Cents(totals)) => PyArray1::from_slice(py, &totals.group_rows),
            Some(Sums::Unrounded(totals)) => PyArray1::from_slice(py, &totals.group_rows),
        }
    }

    #[getter]
    fn period_ends<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i32>> {
        PyArray1::from_vec(py, self.ends())
    }

    /// One x groups (null last) x periods.
    fn cells<'py>(&self, py: Python<'py>, column: &str) -> PyResult<Bound<'py, PyAny>> {
        let measure = self.asked_for(column)?;
        let shape = [1, self.groups, self.ends().len()];
        if self.amounts == OutAmounts::Minor {
            return minor_cells(py, shape, |emit| {
                if let Some(Sums::Cents(totals)) = &self.sums {
                    totals.each(measure, emit);
                }
            });
        }
        major_cells(py, shape, |emit| match &self.sums {
            None => {}
            Some(Sums::Cents(totals)) => totals.each(measure, |sum| emit(totals.units().wide_to_major(sum))),
            Some(Sums::Unrounded(totals)) => totals.each(measure, emit),
        })
    }

    /// The same cells as Python integers of minor units, in one list.
    fn cells_exact(&self, column: &str) -> PyResult<Vec<i128>> {
        let measure = self.asked_for(column)?;
        let mut cells = Vec::new();
        match &self.sums {
            None => {}
            Some(Sums::Unrounded(_)) => return Err(PyValueError::new_err("unrounded totals have no minor units")),
            Some(Sums::Cents(totals)) => totals.each(measure, |sum| cells.push(sum)),
        }
        Ok(cells)
    }
}

/// The first payment of each loan that is not of interest alone: float64 major or int64 minor units.
#[pyfunction]
#[pyo3(signature = (loans, settings, amounts="major"))]
fn payment_amounts<'py>(
    py: Python<'py>,
    loans: &Loans,
    settings: &LoanSettings,
    amounts: &str,
) -> PyResult<(Vec<IssueTuple>, Bound<'py, PyAny>)> {
    let settings = &settings.inner;
    let units = settings.reading.units;
    let amounts = OutAmounts::parse(amounts)?;
    if !settings.rounded {
        let found = enter(py, |poll: Poll<'_>| batch::payment_amounts::<f64>(&loans.borrow(), settings, poll));
        let (log, values) = found?;
        return Ok((issue_tuples(&log), PyArray1::from_vec(py, values).into_any()));
    }
    let found = enter(py, |poll: Poll<'_>| batch::payment_amounts::<i64>(&loans.borrow(), settings, poll));
    let (log, values) = found?;
    let array = if amounts == OutAmounts::Major {
        PyArray1::from_iter(py, values.into_iter().map(|minor| units.to_major(minor))).into_any()
    } else {
        PyArray1::from_vec(py, values).into_any()
    };
    Ok((issue_tuples(&log), array))
}
