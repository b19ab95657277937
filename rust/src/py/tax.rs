//! Tax depreciation for Python: shares, charges and the exact divisions that section 179 and bonus need.
#![forbid(unsafe_code)]

use numpy::{Element, PyArray1, PyArray2, PyArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::columns::Column;
use super::door;
use crate::batch::{Load, Poll};
use crate::calendar::{Frequency, Month, PeriodGrid};
use crate::depreciation::macrs::{self, Percentages, Recovery, System, TaxAsset, TaxConvention};
use crate::error::Error;
use crate::rate::Rate;

/// Rows between two looks at whether to go on.
const STRETCH: usize = 4_096;

/// System ("gds", "ads"), years of recovery, percentages ("table", "computed").
pub type PeriodTuple = (String, f64, String);

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(macrs_shares, module)?)?;
    module.add_function(wrap_pyfunction!(macrs_charges, module)?)?;
    module.add_function(wrap_pyfunction!(rate_shares, module)?)?;
    module.add_function(wrap_pyfunction!(allocate, module)?)
}

fn refuse(what: &str) -> PyErr {
    PyValueError::new_err(what.to_owned())
}

fn values<T: Element + Copy + Default>(array: &Bound<'_, PyAny>, len: Option<usize>) -> PyResult<Vec<T>>
where
    Column<T>: Load<T>,
{
    let column = Column::<T>::take(array, len)?.ok_or_else(|| PyTypeError::new_err("an array has the wrong type"))?;
    let mut out = vec![T::default(); column.len()];
    column.load(0, &mut out);
    Ok(out)
}

fn recovery(period: &PeriodTuple, convention: TaxConvention) -> PyResult<Recovery> {
    let (system, years, percentages) = period;
    let system = System::parse(system).ok_or_else(|| refuse("system must be gds or ads"))?;
    let percentages = Percentages::parse(percentages).ok_or_else(|| refuse("percentages must be table or computed"))?;
    let halves = (1..=macrs::MAX_ALTERNATIVE_YEARS.saturating_mul(2)).find(|halves| f64::from(*halves) == 2.0 * years);
    halves
        .and_then(|halves| Recovery::new(system, halves, convention, percentages))
        .ok_or_else(|| refuse("no such recovery period in this system"))
}

/// The recovery of a period under a convention's name.
pub fn recovery_of(period: PeriodTuple, convention: &str) -> PyResult<Recovery> {
    let convention = TaxConvention::parse(convention).ok_or_else(|| refuse("unknown convention"))?;
    recovery(&period, convention)
}

/// Cumulative shares of the basis by tax year, as numerators and their denominator.
#[pyfunction]
fn macrs_shares(
    system: String,
    recovery_years: f64,
    convention: &str,
    percentages: String,
) -> PyResult<(Vec<i64>, i64)> {
    let found = recovery_of((system, recovery_years, percentages), convention)?;
    Ok((found.numerators().to_vec(), found.denominator()))
}

/// Deductions by asset and period; each row has the code of its period among `periods` and of its convention.
#[pyfunction]
#[allow(clippy::too_many_arguments, reason = "the signature that Python sees")]
fn macrs_charges<'py>(
    py: Python<'py>,
    periods: Vec<PeriodTuple>,
    period_codes: &Bound<'py, PyAny>,
    convention_codes: &Bound<'py, PyAny>,
    immediate: &Bound<'py, PyAny>,
    basis: &Bound<'py, PyAny>,
    service_month: &Bound<'py, PyAny>,
    disposal_month: &Bound<'py, PyAny>,
    fiscal_year_end: u8,
    first_month: Month,
    n_periods: usize,
    freq: &str,
) -> PyResult<Bound<'py, PyArray2<i64>>> {
    let grid = Frequency::parse(freq).and_then(|frequency| PeriodGrid::new(frequency, fiscal_year_end));
    let grid = grid.ok_or_else(|| refuse("freq or fiscal_year_end out of range"))?;
    let recoveries = periods
        .iter()
        .map(|period| TaxConvention::ALL.into_iter().map(|(_, convention)| recovery(period, convention)).collect())
        .collect::<PyResult<Vec<Vec<Recovery>>>>()?;
    let basis = values::<i64>(basis, None)?;
    let n = basis.len();
    let (periods, conventions) = (values::<i8>(period_codes, Some(n))?, values::<i8>(convention_codes, Some(n))?);
    let (immediate, service) = (values::<i64>(immediate, Some(n))?, values::<Month>(service_month, Some(n))?);
    let disposal = values::<Month>(disposal_month, Some(n))?;
    let cells = n.checked_mul(n_periods).ok_or_else(|| refuse("too many cells"))?;
    let charges = door::enter(py, |poll: Poll<'_>| {
        let mut charges = Vec::new();
        let bytes = cells.saturating_mul(size_of::<i64>());
        charges.try_reserve_exact(cells).map_err(|_| Error::OutOfMemory(bytes))?;
        let rows = periods.iter().zip(&conventions).zip(&immediate).zip(&basis).zip(&service).zip(&disposal);
        for (row, (((((period, convention), immediate), basis), service), disposal)) in rows.enumerate() {
            if row.checked_rem(STRETCH) == Some(0) && poll() {
                return Err(Error::Interrupted);
            }
            let found = usize::try_from(*period).ok().and_then(|code| recoveries.get(code));
            let found = usize::try_from(*convention).ok().and_then(|code| found.and_then(|all| all.get(code)));
            let recovery = found.ok_or_else(|| Error::Argument("a code names no period or convention".into()))?;
            let disposal = (*disposal != Month::MIN).then_some(*disposal);
            let asset = TaxAsset { immediate: *immediate, basis: *basis, service: *service, disposal };
            let mut last = first_month.saturating_sub(1);
            let mut before = asset.deducted(recovery, grid, last);
            for _ in 0..n_periods {
                last = last.saturating_add(grid.months());
                let now = asset.deducted(recovery, grid, last);
                charges.push(now.saturating_sub(before));
                before = now;
            }
        }
        Ok(charges)
    })?;
    PyArray1::from_vec(py, charges).reshape([n, n_periods])
}

/// Each amount times the rate its code names, half-to-even.
#[pyfunction]
fn rate_shares<'py>(
    py: Python<'py>,
    amounts: &Bound<'py, PyAny>,
    codes: &Bound<'py, PyAny>,
    rates: Vec<f64>,
) -> PyResult<Bound<'py, PyArray1<i64>>> {
    let amounts = values::<i64>(amounts, None)?;
    let codes = values::<i16>(codes, Some(amounts.len()))?;
    let rates = rates.into_iter().map(Rate::new).collect::<Result<Vec<_>, _>>();
    let rates = rates.map_err(|_| refuse("rates lie between 0 and 1"))?;
    let share = |(amount, code): (&i64, &i16)| {
        let rate = usize::try_from(*code).ok().and_then(|code| rates.get(code));
        rate.map(|rate| rate.of(*amount)).ok_or_else(|| refuse("a code names no rate"))
    };
    let shares = amounts.iter().zip(&codes).map(share).collect::<PyResult<Vec<_>>>()?;
    Ok(PyArray1::from_vec(py, shares))
}

/// Divides a total in proportion to weights.
#[pyfunction]
fn allocate<'py>(py: Python<'py>, total: i64, weights: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyArray1<i64>>> {
    let weights = values::<i64>(weights, None)?;
    if weights.iter().any(|weight| *weight < 0) {
        return Err(refuse("weights must not be negative"));
    }
    let parts = macrs::allocate(total, &weights).ok_or_else(|| door::to_exception(Error::TotalOverflow))?;
    Ok(PyArray1::from_vec(py, parts))
}
