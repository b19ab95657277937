//! Rates, hedges and books of loans for Python.
#![forbid(unsafe_code)]

use numpy::PyArray1;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::columns::Column;
use super::door::enter;
use super::happenings::take;
use super::inputs::{Codes, DateArray, MoneyArray, MonthsArray, WithNulls, codes};
use super::loans::{Columns, LoanSettings, Loans, Words, item, offsets_of, rate_column};
use super::{IssueTuple, issue_tuples};
use crate::batch::{self, Averaging, Load, Poll, ResetEvery};
use crate::debt::books::BookRow;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Curves>()?;
    module.add_function(wrap_pyfunction!(loan_books, module)?)?;
    let py = module.py();
    module.add("INDEX_AVERAGINGS", PyTuple::new(py, Averaging::ALL.map(|(name, _)| name))?)?;
    module.add("RESET_FREQUENCIES", PyTuple::new(py, ResetEvery::NAMES)?)?;
    module.add("RATE_TERMS", PyTuple::new(py, batch::RATE_TERMS.map(|(name, _)| name))?)?;
    module.add("HEDGE_KINDS", PyTuple::new(py, batch::HEDGE_KINDS)?)
}

/// Curves of indices, by number.
#[pyclass(frozen, module = "neocalc._core")]
pub struct Curves {
    inner: batch::Curves,
    names: Vec<String>,
    issues: Vec<IssueTuple>,
}

#[pymethods]
impl Curves {
    #[new]
    #[pyo3(signature = (names, codes, dates, values, *, flat=false, allow_high_rate=false))]
    fn new(
        names: Vec<String>,
        codes: &Bound<'_, PyAny>,
        dates: &Bound<'_, PyAny>,
        values: &Bound<'_, PyAny>,
        flat: bool,
        allow_high_rate: bool,
    ) -> PyResult<Self> {
        let rows = codes.len()?;
        let (codes, dates, values) = (read::<i32>(codes, rows)?, read::<i32>(dates, rows)?, read::<f64>(values, rows)?);
        let (inner, log) = batch::Curves::new(names.len(), &codes, &dates, &values, flat, allow_high_rate);
        Ok(Self { inner, names, issues: issue_tuples(&log) })
    }

    #[getter]
    fn issues(&self) -> Vec<IssueTuple> {
        self.issues.clone()
    }
}

fn read<T: numpy::Element + Copy + Default>(array: &Bound<'_, PyAny>, rows: usize) -> PyResult<Vec<T>>
where
    Column<T>: Load<T>,
{
    let mut values = vec![T::default(); rows];
    take::<T>(array, rows)?.load(0, &mut values);
    Ok(values)
}

type RateArray = Option<WithNulls<Column<f64>>>;
type CountArray = Option<WithNulls<MonthsArray>>;

/// The columns that decide rates.
pub struct Rates {
    index: Option<Codes>,
    curves: Option<Py<Curves>>,
    none: batch::Curves,
    margin: RateArray,
    index_floor: RateArray,
    index_cap: RateArray,
    rate_floor: RateArray,
    rate_cap: RateArray,
    averaging: Option<Words<Averaging>>,
    reset: Option<Words<ResetEvery>>,
    reset_lag_days: CountArray,
    lookback_days: CountArray,
    lockout_days: CountArray,
    observation_shift: Option<Words<bool>>,
    floor_daily: Option<Words<bool>>,
    default_margin: RateArray,
    default_from: Option<WithNulls<DateArray>>,
    default_to: Option<WithNulls<DateArray>>,
    pik: RateArray,
    pik_share: RateArray,
}

impl Rates {
    /// Takes them out of the columns of a call, where `rates` says that there are any.
    pub fn read(given: &Columns<'_>) -> PyResult<Option<Self>> {
        let Some(curves) = given.take("rates")? else { return Ok(None) };
        let curves: Option<Py<Curves>> = curves.extract()?;
        Ok(Some(Self {
            index: given.take("index")?.map(|array| codes(&array, given.rows)).transpose()?,
            curves,
            none: batch::Curves::default(),
            margin: given.rates("margin_rate")?,
            index_floor: given.rates("index_floor_rate")?,
            index_cap: given.rates("index_cap_rate")?,
            rate_floor: given.rates("rate_floor")?,
            rate_cap: given.rates("rate_cap")?,
            averaging: given.words("index_averaging", Averaging::parse)?,
            reset: given.words("reset_frequency", ResetEvery::parse)?,
            reset_lag_days: given.months("reset_lag_days")?,
            lookback_days: given.months("lookback_days")?,
            lockout_days: given.months("lockout_days")?,
            observation_shift: given.flags("observation_shift")?,
            floor_daily: given.flags("floor_daily")?,
            default_margin: given.rates("default_margin_rate")?,
            default_from: given.dates("default_from_date")?,
            default_to: given.dates("default_to_date")?,
            pik: given.rates("pik_rate")?,
            pik_share: given.rates("pik_share")?,
        }))
    }

    pub fn borrow(&self) -> batch::RateColumns<'_> {
        let curves = self.curves.as_ref().map(|curves| curves.get());
        batch::RateColumns {
            index: self.index.as_ref().map(Codes::borrow),
            curves: curves.map_or(&self.none, |curves| &curves.inner),
            names: curves.map_or(&[], |curves| &curves.names),
            margin: self.margin.as_ref().map(rate_column),
            index_floor: self.index_floor.as_ref().map(rate_column),
            index_cap: self.index_cap.as_ref().map(rate_column),
            rate_floor: self.rate_floor.as_ref().map(rate_column),
            rate_cap: self.rate_cap.as_ref().map(rate_column),
            averaging: self.averaging.as_ref().map(Words::borrow),
            reset: self.reset.as_ref().map(Words::borrow),
            reset_lag_days: self.reset_lag_days.as_ref().map(|column| column.borrow(MonthsArray::borrow)),
            lookback_days: self.lookback_days.as_ref().map(|column| column.borrow(MonthsArray::borrow)),
            lockout_days: self.lockout_days.as_ref().map(|column| column.borrow(MonthsArray::borrow)),
            observation_shift: self.observation_shift.as_ref().map(Words::borrow),
            floor_daily: self.floor_daily.as_ref().map(Words::borrow),
            default_margin: self.default_margin.as_ref().map(rate_column),
            default_from: self.default_from.as_ref().map(|column| column.borrow(DateArray::borrow)),
            default_to: self.default_to.as_ref().map(|column| column.borrow(DateArray::borrow)),
            pik: self.pik.as_ref().map(rate_column),
            pik_share: self.pik_share.as_ref().map(rate_column),
        }
    }
}

/// Hedges, sorted by loan, hedge and date.
pub struct HedgeTable {
    offsets: Column<i64>,
    number: Column<i32>,
    kind: Column<i8>,
    parts: Column<i64>,
    date: Column<i32>,
    notional: MoneyArray,
    share: Column<i64>,
}

impl HedgeTable {
    pub fn read(table: &Bound<'_, PyDict>, rows: usize) -> PyResult<Self> {
        let (offsets, len) = offsets_of(table, "date", rows)?;
        Ok(Self {
            offsets,
            number: take(&item(table, "number")?, len)?,
            kind: take(&item(table, "kind")?, len)?,
            parts: take(&item(table, "parts")?, len)?,
            date: take(&item(table, "date")?, len)?,
            notional: MoneyArray::take(&item(table, "notional")?, Some(len))?,
            share: take(&item(table, "share")?, len)?,
        })
    }

    pub fn borrow(&self) -> batch::HedgeColumns<'_> {
        batch::HedgeColumns {
            offsets: &self.offsets,
            number: &self.number,
            kind: &self.kind,
            parts: &self.parts,
            date: &self.date,
            notional: self.notional.borrow(),
            share: &self.share,
        }
    }
}

/// When assets are under construction, sorted by loan and date.
pub struct Construction {
    offsets: Column<i64>,
    date: Column<i32>,
    parts: Column<i64>,
}

impl Construction {
    pub fn read(table: &Bound<'_, PyDict>, rows: usize) -> PyResult<Self> {
        let (offsets, len) = offsets_of(table, "date", rows)?;
        Ok(Self { offsets, date: take(&item(table, "date")?, len)?, parts: take(&item(table, "parts")?, len)? })
    }

    pub fn borrow(&self) -> batch::ConstructionSteps<'_> {
        batch::ConstructionSteps { offsets: &self.offsets, date: &self.date, parts: &self.parts }
    }
}

/// An amount of a row.
type Pick = fn(&BookRow) -> i64;

/// Amounts of a row of the books, by name.
const AMOUNTS: [(&str, Pick); 18] = [
    ("opening_balance", |row| row.entry.opening),
    ("draw", |row| row.entry.draw),
    ("interest", |row| row.entry.interest),
    ("hedge", |row| row.entry.hedge),
    ("pik", |row| row.entry.pik),
    ("principal", |row| row.entry.principal),
    ("prepayment", |row| row.entry.prepayment),
    ("premium", |row| row.entry.premium),
    ("proceeds", |row| row.entry.proceeds),
    ("closing_balance", |row| row.entry.closing),
    ("contractual_interest", |row| row.contractual),
    ("accrued_interest", |row| row.accrued),
    ("discount", |row| row.discount),
    ("amortization", |row| row.amortized),
    ("unamortized", |row| row.unamortized),
    ("commitment_cost", |row| row.commitment_cost),
    ("commitment_cost_expensed", |row| row.expensed),
    ("capitalized_interest", |row| row.capitalized),
];

/// What is wrong, the rows and the rate of each loan, and columns in whole minor units.
type BookColumns<'py> = (Vec<IssueTuple>, Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<f64>>, Bound<'py, PyDict>);

/// The books of every loan, kept in minor units.
#[pyfunction]
fn loan_books<'py>(
    py: Python<'py>,
    loans: &Loans,
    settings: &LoanSettings,
    measured: bool,
) -> PyResult<BookColumns<'py>> {
    let settings = &settings.inner;
    if !settings.rounded {
        return Err(PyValueError::new_err("books are kept in minor units"));
    }
    let (log, books) = enter(py, |poll: Poll<'_>| batch::loan_books(&loans.borrow(), settings, measured, poll))?;
    let columns = PyDict::new(py);
    let rows = &books.rows;
    let whole = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    columns.set_item("payment_number", PyArray1::from_iter(py, rows.iter().map(|row| whole(row.entry.number))))?;
    columns.set_item("payment_date", PyArray1::from_iter(py, rows.iter().map(|row| row.entry.date)))?;
    columns.set_item("accrued_to", PyArray1::from_iter(py, rows.iter().map(|row| row.entry.clock)))?;
    columns.set_item("draw_number", PyArray1::from_iter(py, rows.iter().map(|row| whole(row.entry.draw_number))))?;
    columns.set_item("effective_rate", PyArray1::from_iter(py, rows.iter().map(|row| row.effective)))?;
    columns.set_item("annual_rate", PyArray1::from_iter(py, rows.iter().map(|row| row.entry.rate.as_f64())))?;
    columns.set_item("settles", PyArray1::from_iter(py, rows.iter().map(|row| row.entry.settles)))?;
    columns.set_item("observed", PyArray1::from_iter(py, rows.iter().map(|row| row.entry.observed)))?;
    for (name, amount) in AMOUNTS {
        columns.set_item(name, PyArray1::from_iter(py, rows.iter().map(amount)))?;
    }
    let counts = PyArray1::from_iter(py, books.counts.iter().map(|count| i64::from(*count)));
    Ok((issue_tuples(&log), counts, PyArray1::from_vec(py, books.rates), columns))
}
