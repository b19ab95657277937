//! The calendar of debt for Python: arrays of days since 1970-01-01 in, new arrays out.
#![forbid(unsafe_code)]

use numpy::PyArray1;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::columns::Column;
use super::door;
use crate::batch::{Load, Poll};
use crate::calendar::{
    BusinessDayConvention, Context, Date, DayCount, FIRST_DAY, Holidays, LAST_DAY, PaymentFrequency, Reference,
    Schedule, ScheduleFault, ScheduleTerms, Stub, Weekend,
};
use crate::error::Error;

/// Rows between two looks at whether to go on.
const STRETCH: usize = 4_096;

/// Stands for no date in an optional column.
const NO_DATE: Date = Date::MIN;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add_function(wrap_pyfunction!(year_fractions, module)?)?;
    module.add_function(wrap_pyfunction!(adjust_dates, module)?)?;
    module.add_function(wrap_pyfunction!(payment_dates, module)?)?;
    module.add("DAY_COUNTS", PyTuple::new(py, DayCount::ALL.map(|(name, _)| name))?)?;
    let conventions = BusinessDayConvention::ALL.map(|(name, _)| name);
    module.add("BUSINESS_DAY_CONVENTIONS", PyTuple::new(py, conventions)?)?;
    module.add("PAYMENT_FREQUENCIES", PyTuple::new(py, PaymentFrequency::ALL.map(|(name, _)| name))?)?;
    module.add("STUBS", PyTuple::new(py, Stub::ALL.map(|(name, _)| name))?)
}

fn named<T>(what: &str, text: &str, found: Option<T>) -> PyResult<T> {
    found.ok_or_else(|| PyValueError::new_err(format!("unknown {what} {text:?}")))
}

fn days(array: &Bound<'_, PyAny>, len: Option<usize>) -> PyResult<Vec<Date>> {
    let days = days_or_none(array, len)?;
    if days.contains(&NO_DATE) {
        return Err(PyValueError::new_err("a date is missing"));
    }
    Ok(days)
}

fn days_or_none(array: &Bound<'_, PyAny>, len: Option<usize>) -> PyResult<Vec<Date>> {
    let column = Column::<i32>::take(array, len)?.ok_or_else(|| PyTypeError::new_err("dates must be int32 arrays"))?;
    let mut out = vec![0; column.len()];
    column.load(0, &mut out);
    if out.iter().any(|day| *day != NO_DATE && !(FIRST_DAY..=LAST_DAY).contains(day)) {
        return Err(PyValueError::new_err("dates lie between 1900-01-01 and 2199-12-31"));
    }
    Ok(out)
}

/// A column that need not be there, nor have a value in each row.
struct OptionalDays(Option<Vec<Date>>);

impl OptionalDays {
    fn take(array: Option<&Bound<'_, PyAny>>, len: usize) -> PyResult<Self> {
        Ok(Self(array.map(|array| days_or_none(array, Some(len))).transpose()?))
    }

    fn get(&self, row: usize) -> Option<Date> {
        self.0.as_ref()?.get(row).copied().filter(|day| *day != NO_DATE)
    }
}

fn calendar(weekend: u8, holidays: &Bound<'_, PyAny>) -> PyResult<Holidays> {
    let weekend = Weekend::from_bits(weekend).ok_or_else(|| PyValueError::new_err("a week has seven days"))?;
    Ok(Holidays::new(weekend, days(holidays, None)?))
}

/// Numerators and denominators of year fractions, and the rows whose reference period is not a regular one.
type Fractions<'py> = (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<i64>>, Vec<usize>);

#[pyfunction]
#[pyo3(signature = (day_count, start, end, *, maturity=None, reference_start=None, reference_end=None, frequency=None, end_of_month=false))]
#[allow(clippy::too_many_arguments, reason = "the signature that Python sees")]
fn year_fractions<'py>(
    py: Python<'py>,
    day_count: &str,
    start: &Bound<'py, PyAny>,
    end: &Bound<'py, PyAny>,
    maturity: Option<&Bound<'py, PyAny>>,
    reference_start: Option<&Bound<'py, PyAny>>,
    reference_end: Option<&Bound<'py, PyAny>>,
    frequency: Option<&str>,
    end_of_month: bool,
) -> PyResult<Fractions<'py>> {
    let day_count = named("day count", day_count, DayCount::parse(day_count))?;
    let starts = days(start, None)?;
    let n = starts.len();
    let ends = days(end, Some(n))?;
    let maturity = OptionalDays::take(maturity, n)?;
    let (from, to) = (OptionalDays::take(reference_start, n)?, OptionalDays::take(reference_end, n)?);
    let months = match frequency {
        Some(text) => {
            let months = PaymentFrequency::parse(text).and_then(PaymentFrequency::cycle).and_then(|c| c.in_months());
            Some(named("frequency of coupons", text, months.filter(|months| *months <= 12))?)
        }
        None if day_count == DayCount::ActActIcma => {
            return Err(PyValueError::new_err("ACT/ACT ICMA needs the frequency of its coupons"));
        }
        None => None,
    };
    let (tops, bottoms, bad) = door::enter(py, |poll: Poll<'_>| {
        let (mut tops, mut bottoms, mut bad) = (Vec::with_capacity(n), Vec::with_capacity(n), vec![]);
        for (row, (start, end)) in starts.into_iter().zip(ends).enumerate() {
            if row.is_multiple_of(STRETCH) && poll() {
                return Err(Error::Interrupted);
            }
            let reference = months.and_then(|months| {
                let reference = match (from.get(row), to.get(row)) {
                    (Some(from), Some(to)) => Reference::new(from, to, months, end_of_month),
                    (Some(from), None) => Reference::starting(from, months, end_of_month),
                    (None, Some(to)) => Reference::ending(to, months, end_of_month),
                    (None, None) => Reference::starting(start, months, end_of_month),
                };
                if reference.is_none() {
                    bad.push(row);
                }
                reference
            });
            let fraction = day_count.fraction(start, end, &Context { maturity: maturity.get(row), reference });
            tops.push(fraction.top);
            bottoms.push(fraction.bottom);
        }
        Ok((tops, bottoms, bad))
    })?;
    Ok((PyArray1::from_vec(py, tops), PyArray1::from_vec(py, bottoms), bad))
}

/// Dates on business days, and the rows for which there is none (their dates are as they were).
#[pyfunction]
fn adjust_dates<'py>(
    py: Python<'py>,
    dates: &Bound<'py, PyAny>,
    convention: &str,
    weekend: u8,
    holidays: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyArray1<i32>>, Vec<usize>)> {
    let convention = named("business day convention", convention, BusinessDayConvention::parse(convention))?;
    let mut dates = days(dates, None)?;
    let calendar = calendar(weekend, holidays)?;
    let bad = door::enter(py, |poll: Poll<'_>| {
        let mut bad = vec![];
        for (row, date) in dates.iter_mut().enumerate() {
            if row.is_multiple_of(STRETCH) && poll() {
                return Err(Error::Interrupted);
            }
            match calendar.adjust(*date, convention) {
                Ok(moved) => *date = moved,
                Err(_) => bad.push(row),
            }
        }
        Ok(bad)
    })?;
    Ok((PyArray1::from_vec(py, dates), bad))
}

/// All payment dates row after row, how many each row has, and what is wrong: row, argument, code.
type Payments<'py> = (Bound<'py, PyArray1<i32>>, Bound<'py, PyArray1<i64>>, Vec<(usize, &'static str, &'static str)>);

#[pyfunction]
#[pyo3(signature = (start, end, frequency, stub, end_of_month, convention, weekend, holidays, *, first=None, last_regular=None))]
#[allow(clippy::too_many_arguments, reason = "the signature that Python sees")]
fn payment_dates<'py>(
    py: Python<'py>,
    start: &Bound<'py, PyAny>,
    end: &Bound<'py, PyAny>,
    frequency: &str,
    stub: &str,
    end_of_month: bool,
    convention: &str,
    weekend: u8,
    holidays: &Bound<'py, PyAny>,
    first: Option<&Bound<'py, PyAny>>,
    last_regular: Option<&Bound<'py, PyAny>>,
) -> PyResult<Payments<'py>> {
    let cycle = named("frequency", frequency, PaymentFrequency::parse(frequency))?.cycle();
    let stub = named("stub", stub, Stub::parse(stub))?;
    let convention = named("business day convention", convention, BusinessDayConvention::parse(convention))?;
    let starts = days(start, None)?;
    let n = starts.len();
    let ends = days(end, Some(n))?;
    let (first, last_regular) = (OptionalDays::take(first, n)?, OptionalDays::take(last_regular, n)?);
    let calendar = calendar(weekend, holidays)?;
    let (dates, counts, faults) = door::enter(py, |poll: Poll<'_>| {
        let (mut dates, mut counts, mut faults) = (vec![], Vec::with_capacity(n), vec![]);
        for (row, (start, end)) in starts.into_iter().zip(ends).enumerate() {
            if row.is_multiple_of(64) && poll() {
                return Err(Error::Interrupted);
            }
            let terms = ScheduleTerms {
                start,
                end,
                cycle,
                stub,
                end_of_month,
                first: first.get(row),
                last_regular: last_regular.get(row),
            };
            let before = dates.len();
            match Schedule::new(&terms).map(|schedule| schedule.fill_adjusted(convention, &calendar, &mut dates)) {
                Ok(Ok(())) => {}
                Ok(Err(rule)) => {
                    dates.truncate(before);
                    faults.push((row, "holidays", rule.code()));
                }
                Err(fault) => faults.push((row, argument(fault), fault.rule().code())),
            }
            counts.push(i64::try_from(dates.len().saturating_sub(before)).unwrap_or(0));
        }
        Ok((dates, counts, faults))
    })?;
    Ok((PyArray1::from_vec(py, dates), PyArray1::from_vec(py, counts), faults))
}

fn argument(fault: ScheduleFault) -> &'static str {
    match fault {
        ScheduleFault::End => "end",
        ScheduleFault::First => "first_payment_date",
        ScheduleFault::LastRegular | ScheduleFault::LastRegularOffCycle => "last_regular_date",
    }
}
