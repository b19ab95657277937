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

/// Float64 major units as int64 minor units.
#[pyfunction]
pub fn to_minor<'py>(
    py: Python<'py>,
    major: PyReadonlyArray1<'py, f64>,
    minor_units: u8,
    round_input: bool,
) -> PyResult<Minors<'py>> {
    let units = MinorUnits::new(minor_units).ok_or_else(|| PyValueError::new_err("minor_units out of range"))?;
    let major = major.as_slice().map_err(|_| PyValueError::new_err("arrays must be contiguous and aligned"))?;
    let mut minor = vec![0; major.len()];
    let mut wrong = Vec::new();
    if !units.from_major_into(major, &mut minor) {
        for (at, (major, slot)) in major.iter().zip(&mut minor).enumerate() {
            match units.from_major(*major, round_input) {
                Ok(found) => *slot = found,
                Err(rule) => {
                    *slot = 0;
                    wrong.push((at, rule.code()));
                }
            }
        }
    }
    Ok((PyArray1::from_vec(py, minor), wrong))
}

/// Events by asset.
#[pyclass(frozen, module = "neocalc._core")]
pub struct Events {
    offsets: Column<i64>,
    date: Column<i32>,
    kind: Column<i8>,
    amount: MoneyArray,
    proceeds: MoneyArray,
    share: Column<f64>,
    months: Column<i32>,
    posted: Column<i32>,
    group: Column<i32>,
    source: Column<i32>,
}

#[pymethods]
impl Events {
    #[new]
    #[allow(clippy::too_many_arguments, reason = "one for each column of events")]
    fn new(
        offsets: &Bound<'_, PyAny>,
        date: &Bound<'_, PyAny>,
        kind: &Bound<'_, PyAny>,
        amount: &Bound<'_, PyAny>,
        proceeds: &Bound<'_, PyAny>,
        share: &Bound<'_, PyAny>,
        months: &Bound<'_, PyAny>,
        posted: &Bound<'_, PyAny>,
        group: &Bound<'_, PyAny>,
        source: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let date = take::<i32>(date, date.len()?)?;
        let len = date.len();
        Ok(Self {
            offsets: take_offsets(offsets, len)?,
            kind: take(kind, len)?,
            amount: MoneyArray::take(amount, Some(len))?,
            proceeds: MoneyArray::take(proceeds, Some(len))?,
            share: take(share, len)?,
            months: take(months, len)?,
            posted: take(posted, len)?,
            group: take(group, len)?,
            source: take(source, len)?,
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
            proceeds: self.proceeds.borrow(),
            share: &self.share,
            months: &self.months,
            posted: &self.posted,
            group: &self.group,
            source: &self.source,
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
