//! Events and usage, matched to a fleet's rows and sorted by the caller.
#![forbid(unsafe_code)]

use numpy::PyArray1;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::columns::Column;
use super::door::enter;
use super::inputs::{MoneyArray, count_threads};
use super::outputs::{Out, written};
use crate::batch;
use crate::error::Error;
use crate::money::MinorUnits;

/// An array of exactly this type and length.
pub fn take<T: numpy::Element>(array: &Bound<'_, PyAny>, len: usize) -> PyResult<Column<T>> {
    Column::take(array, Some(len))?.ok_or_else(|| PyTypeError::new_err("an array has the wrong type"))
}

/// An array of exactly this type.
fn any_length<T: numpy::Element>(array: &Bound<'_, PyAny>) -> PyResult<Column<T>> {
    Column::take(array, None)?.ok_or_else(|| PyTypeError::new_err("an array has the wrong type"))
}

/// The same of a column that may be left out.
fn take_if<T: numpy::Element>(array: Option<&Bound<'_, PyAny>>, len: usize) -> PyResult<Option<Column<T>>> {
    array.map(|array| take(array, len)).transpose()
}

/// Offsets that never fall and end where the columns do.
pub fn take_offsets(array: &Bound<'_, PyAny>, len: usize) -> PyResult<Column<i64>> {
    let offsets: Column<i64> =
        Column::take(array, None)?.ok_or_else(|| PyTypeError::new_err("offsets must be an int64 array"))?;
    let ends = [0, offsets.len().saturating_sub(1)].map(|at| {
        let mut end = [0];
        batch::Load::load(&offsets, at, &mut end);
        end[0]
    });
    if offsets.len() == 0 || ends[0] != 0 || usize::try_from(ends[1]) != Ok(len) {
        return Err(PyValueError::new_err("offsets must lead from 0 to the length of the columns"));
    }
    Ok(offsets)
}

/// Lets `work` write one array from another of the same length.
fn convert<A: numpy::Element, B: numpy::Element, R: Send>(
    py: Python<'_>,
    source: &Bound<'_, PyAny>,
    target: &Bound<'_, PyAny>,
    work: impl FnOnce(&Column<A>, &mut [B], batch::Poll<'_>) -> Result<R, Error> + Send,
) -> PyResult<R> {
    let source = any_length::<A>(source)?;
    let mut out = Out::<B, B>::take(target, source.len())?;
    let (Out::A(out) | Out::B(out)) = &mut out;
    let out = written(out)?;
    enter(py, |poll| work(&source, out, poll))
}

/// Writes float64 major units as int64 minor units; the places and codes of those that are none. Where NaN stands for
/// none, it becomes the least integer.
#[pyfunction]
#[pyo3(signature = (major, minor, minor_units, round_input, *, threads=0, nan_is_none=false))]
pub fn to_minor(
    py: Python<'_>,
    major: &Bound<'_, PyAny>,
    minor: &Bound<'_, PyAny>,
    minor_units: u8,
    round_input: bool,
    threads: usize,
    nan_is_none: bool,
) -> PyResult<Vec<(usize, &'static str)>> {
    let units = MinorUnits::new(minor_units).ok_or_else(|| PyValueError::new_err("minor_units out of range"))?;
    let reading = batch::Reading { units, round_input, floor_time: false };
    let wrong = convert(py, major, minor, |major: &Column<f64>, minor, poll| {
        batch::minors_of(major, &reading, nan_is_none, minor, count_threads(threads), poll)
    })?;
    Ok(wrong.into_iter().map(|(at, rule)| (at, rule.code())).collect())
}

/// Writes ticks since 1970, so many to a day, as days; whether each is a midnight from 1900 to 2199.
#[pyfunction]
#[pyo3(signature = (ticks, days, per_day, *, threads=0))]
pub fn to_days(
    py: Python<'_>,
    ticks: &Bound<'_, PyAny>,
    days: &Bound<'_, PyAny>,
    per_day: i64,
    threads: usize,
) -> PyResult<bool> {
    convert(py, ticks, days, |ticks: &Column<i64>, days, poll| {
        batch::days_of(ticks, per_day.max(1), days, count_threads(threads), poll)
    })
}

/// Writes float64 numbers as whole ones, NaN as 0; whether the rest are whole, from 1 to `most`.
#[pyfunction]
#[pyo3(signature = (numbers, counts, most, *, threads=0))]
pub fn to_counts(
    py: Python<'_>,
    numbers: &Bound<'_, PyAny>,
    counts: &Bound<'_, PyAny>,
    most: i32,
    threads: usize,
) -> PyResult<bool> {
    convert(py, numbers, counts, |numbers: &Column<f64>, counts, poll| {
        batch::counts_of(numbers, most, counts, count_threads(threads), poll)
    })
}

/// Writes where the stretch of each row begins, and the end of the last; `false` where rows are not in order.
#[pyfunction]
#[pyo3(signature = (rows, offsets, *, threads=0))]
pub fn to_offsets(
    py: Python<'_>,
    rows: &Bound<'_, PyAny>,
    offsets: &Bound<'_, PyAny>,
    threads: usize,
) -> PyResult<bool> {
    let rows = any_length::<i64>(rows)?;
    let mut out = Out::<i64, i64>::take(offsets, offsets.len()?)?;
    let (Out::A(offsets) | Out::B(offsets)) = &mut out;
    let offsets = written(offsets)?;
    enter(py, |poll| batch::offsets_of(&rows, rows.len(), offsets, count_threads(threads), poll))
}

/// Where runs of equal keys begin, and the end of the last; `None` where a key is less than the one before.
#[pyfunction]
#[pyo3(signature = (keys, *, threads=0))]
pub fn run_offsets<'py>(
    py: Python<'py>,
    keys: &Bound<'py, PyAny>,
    threads: usize,
) -> PyResult<Option<Bound<'py, PyArray1<i64>>>> {
    let keys = any_length::<i64>(keys)?;
    let found = enter(py, |poll| batch::runs_of(&keys, keys.len(), count_threads(threads), poll))?;
    Ok(found.map(|offsets| PyArray1::from_vec(py, offsets)))
}

/// Events by asset.
#[pyclass(frozen, module = "neocalc._core")]
pub struct Events {
    offsets: Column<i64>,
    date: Column<i32>,
    kind: Column<i8>,
    amount: MoneyArray,
    proceeds: Option<MoneyArray>,
    share: Option<Column<f64>>,
    months: Option<Column<i32>>,
    posted: Option<Column<i32>>,
    group: Option<Column<i32>>,
    source: Option<Column<i32>>,
}

#[pymethods]
impl Events {
    #[new]
    #[pyo3(signature = (offsets, date, kind, amount, *, proceeds=None, share=None, months=None, posted=None, group=None, source=None))]
    #[allow(clippy::too_many_arguments, reason = "one for each column of events")]
    fn new(
        offsets: &Bound<'_, PyAny>,
        date: &Bound<'_, PyAny>,
        kind: &Bound<'_, PyAny>,
        amount: &Bound<'_, PyAny>,
        proceeds: Option<&Bound<'_, PyAny>>,
        share: Option<&Bound<'_, PyAny>>,
        months: Option<&Bound<'_, PyAny>>,
        posted: Option<&Bound<'_, PyAny>>,
        group: Option<&Bound<'_, PyAny>>,
        source: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let date = take::<i32>(date, date.len()?)?;
        let len = date.len();
        Ok(Self {
            offsets: take_offsets(offsets, len)?,
            kind: take(kind, len)?,
            amount: MoneyArray::take(amount, Some(len))?,
            proceeds: proceeds.map(|proceeds| MoneyArray::take(proceeds, Some(len))).transpose()?,
            share: take_if(share, len)?,
            months: take_if(months, len)?,
            posted: take_if(posted, len)?,
            group: take_if(group, len)?,
            source: take_if(source, len)?,
            date,
        })
    }
}

impl Events {
    pub fn rows(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    pub fn borrow(&self) -> batch::Events<'_> {
        batch::Events {
            offsets: &self.offsets,
            date: &self.date,
            kind: &self.kind,
            amount: self.amount.borrow(),
            proceeds: self.proceeds.as_ref().map(MoneyArray::borrow),
            share: self.share.as_ref().map(|column| column as &dyn batch::Load<_>),
            months: self.months.as_ref().map(|column| column as &dyn batch::Load<_>),
            posted: self.posted.as_ref().map(|column| column as &dyn batch::Load<_>),
            group: self.group.as_ref().map(|column| column as &dyn batch::Load<_>),
            source: self.source.as_ref().map(|column| column as &dyn batch::Load<_>),
        }
    }
}

/// Usage by asset.
#[pyclass(frozen, module = "neocalc._core")]
pub struct Usage {
    offsets: Column<i64>,
    months: Column<i32>,
    cumulative: Column<i64>,
}

#[pymethods]
impl Usage {
    #[new]
    fn new(offsets: &Bound<'_, PyAny>, months: &Bound<'_, PyAny>, cumulative: &Bound<'_, PyAny>) -> PyResult<Self> {
        let months = take::<i32>(months, months.len()?)?;
        let len = months.len();
        Ok(Self { offsets: take_offsets(offsets, len)?, cumulative: take(cumulative, len)?, months })
    }
}

impl Usage {
    pub fn rows(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    pub fn borrow(&self) -> batch::UsageColumns<'_> {
        batch::UsageColumns { offsets: &self.offsets, months: &self.months, cumulative: &self.cumulative }
    }
}
