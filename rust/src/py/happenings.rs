//! Events and usage, matched to a fleet's rows and sorted by the caller.
#![forbid(unsafe_code)]

use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::columns::Column;
use super::inputs::MoneyArray;
use crate::batch;
use crate::money::MinorUnits;

/// An array of exactly this type and length.
pub fn take<T: numpy::Element>(array: &Bound<'_, PyAny>, len: usize) -> PyResult<Column<T>> {
    Column::take(array, Some(len))?.ok_or_else(|| PyTypeError::new_err("an array has the wrong type"))
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

/// Amounts, and the places and codes of those that are none.
type Minors<'py> = (Bound<'py, PyArray1<i64>>, Vec<(usize, &'static str)>);

/// Float64 major units as int64 minor units. Where NaN stands for none, it becomes the least integer.
#[pyfunction]
#[pyo3(signature = (major, minor_units, round_input, *, nan_is_none=false))]
pub fn to_minor<'py>(
    py: Python<'py>,
    major: PyReadonlyArray1<'py, f64>,
    minor_units: u8,
    round_input: bool,
    nan_is_none: bool,
) -> PyResult<Minors<'py>> {
    const STRETCH: usize = 512;
    let units = MinorUnits::new(minor_units).ok_or_else(|| PyValueError::new_err("minor_units out of range"))?;
    let major = slice_of(&major)?;
    let mut minor = vec![0; major.len()];
    let mut wrong = Vec::new();
    let mut plain = [0.0; STRETCH];
    for (number, (major, minor)) in major.chunks(STRETCH).zip(minor.chunks_mut(STRETCH)).enumerate() {
        let is_none = |major: f64| nan_is_none && major.is_nan();
        let plain = plain.get_mut(..major.len()).unwrap_or_default();
        for (slot, major) in plain.iter_mut().zip(major) {
            *slot = if is_none(*major) { 0.0 } else { *major };
        }
        if !units.from_major_into(plain, minor) {
            for (at, (major, slot)) in plain.iter().zip(minor.iter_mut()).enumerate() {
                *slot = units.from_major(*major, round_input).unwrap_or_else(|rule| {
                    wrong.push((number.saturating_mul(STRETCH).saturating_add(at), rule.code()));
                    0
                });
            }
        }
        for (slot, major) in minor.iter_mut().zip(major) {
            *slot = if is_none(*major) { i64::MIN } else { *slot };
        }
    }
    Ok((PyArray1::from_vec(py, minor), wrong))
}

/// Ticks since 1970, so many to a day, as days; and whether each is a midnight from 1900 to 2199.
#[pyfunction]
pub fn to_days<'py>(
    py: Python<'py>,
    ticks: PyReadonlyArray1<'py, i64>,
    per_day: i64,
) -> PyResult<(Bound<'py, PyArray1<i32>>, bool)> {
    let mut clean = true;
    let days = slice_of(&ticks)?.iter().map(|ticks| match batch::DateRead::of(*ticks, per_day.max(1)) {
        batch::DateRead::Day(day) => day,
        _ => {
            clean = false;
            0
        }
    });
    let days = days.collect();
    Ok((PyArray1::from_vec(py, days), clean))
}

/// Float64 numbers as whole ones, NaN as 0; and whether the rest are whole, from 1 to `most`.
#[pyfunction]
pub fn to_counts<'py>(
    py: Python<'py>,
    numbers: PyReadonlyArray1<'py, f64>,
    most: u32,
) -> PyResult<(Bound<'py, PyArray1<i32>>, bool)> {
    let most = f64::from(most.min(i32::MAX.unsigned_abs()));
    let mut clean = true;
    let counts = slice_of(&numbers)?.iter().map(|number| {
        let inside = (*number >= 1.0) & (*number <= most);
        #[expect(clippy::cast_possible_truncation, reason = "NaN becomes 0, and others are not used unless inside")]
        let count = *number as i32;
        clean &= number.is_nan() | (inside & (f64::from(count) == *number));
        count
    });
    let counts = counts.collect();
    Ok((PyArray1::from_vec(py, counts), clean))
}

fn slice_of<'a, T: numpy::Element>(array: &'a PyReadonlyArray1<'_, T>) -> PyResult<&'a [T]> {
    array.as_slice().map_err(|_| PyValueError::new_err("arrays must be contiguous and aligned"))
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
