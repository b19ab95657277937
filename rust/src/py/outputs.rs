//! What Python gets back: plans that fill arrays, and totals as arrays.
#![forbid(unsafe_code)]

use numpy::{Element, PyArray1, PyArray4, PyArrayMethods, PyReadwriteArray1};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::columns::Column;
use super::door::{enter, to_exception};
use super::inputs::Fleet;
use super::policies::Run;
use super::{IssueTuple, batch};
use crate::batch::{Amounts, BookValue, Dates, Load, Measure, Poll, RowPlan, RowTargets, Settings};
use crate::error::Error;
use crate::money::MinorUnits;

/// Book values as Python sees them: issues, cost, accumulated, book value, months left.
pub type BookValues<'py> =
    (Vec<IssueTuple>, Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyArray1<i32>>);

/// Reads a money column's name.
pub fn measure(name: &str) -> PyResult<Measure> {
    Measure::parse(name).ok_or_else(|| PyValueError::new_err(format!("unknown column {name:?}")))
}

/// How amounts are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum OutAmounts {
    Major,
    Minor,
    Decimal,
}

impl OutAmounts {
    pub fn parse(text: &str) -> PyResult<Self> {
        match text {
            "major" => Ok(Self::Major),
            "minor" => Ok(Self::Minor),
            "decimal" => Ok(Self::Decimal),
            _ => Err(PyValueError::new_err("amounts must be major, minor or decimal")),
        }
    }
}

/// Book values in cents as arrays.
pub fn cents<'py>(
    py: Python<'py>,
    issues: Vec<IssueTuple>,
    values: &[BookValue<i64>],
    units: MinorUnits,
    amounts: OutAmounts,
) -> BookValues<'py> {
    let column = |pick: fn(&BookValue<i64>) -> i64| {
        let minor = values.iter().map(pick);
        match amounts {
            OutAmounts::Major => PyArray1::from_iter(py, minor.map(|minor| units.to_major(minor))).into_any(),
            OutAmounts::Minor | OutAmounts::Decimal => PyArray1::from_iter(py, minor).into_any(),
        }
    };
    let months = PyArray1::from_iter(py, values.iter().map(|value| value.remaining_months));
    (issues, column(|value| value.cost), column(|value| value.accumulated), column(|value| value.book_value), months)
}

/// Unrounded book values as arrays.
pub fn unrounded<'py>(py: Python<'py>, issues: Vec<IssueTuple>, values: &[BookValue<f64>]) -> BookValues<'py> {
    let column = |pick: fn(&BookValue<f64>) -> f64| PyArray1::from_iter(py, values.iter().map(pick)).into_any();
    let months = PyArray1::from_iter(py, values.iter().map(|value| value.remaining_months));
    (issues, column(|value| value.cost), column(|value| value.accumulated), column(|value| value.book_value), months)
}

/// The counted rows of a call, to be filled into arrays.
#[pyclass(frozen, module = "neocalc._core")]
pub struct RowsPlan {
    pub fleet: Py<Fleet>,
    pub run: Py<Run>,
    pub settings: Settings,
    pub issues: Vec<IssueTuple>,
    pub plan: RowPlan,
}

/// An output array of either of two types, held for writing.
pub enum Out<'py, A: numpy::Element, B: numpy::Element> {
    A(PyReadwriteArray1<'py, A>),
    B(PyReadwriteArray1<'py, B>),
}

impl<'py, A: numpy::Element, B: numpy::Element> Out<'py, A, B> {
    pub fn take(array: &Bound<'py, PyAny>, len: usize) -> PyResult<Self> {
        let out = if let Ok(array) = array.cast::<PyArray1<A>>() {
            Self::A(array.try_readwrite().map_err(|error| PyValueError::new_err(error.to_string()))?)
        } else if let Ok(array) = array.cast::<PyArray1<B>>() {
            Self::B(array.try_readwrite().map_err(|error| PyValueError::new_err(error.to_string()))?)
        } else {
            return Err(PyTypeError::new_err("an output array has the wrong type"));
        };
        if array.len()? == len { Ok(out) } else { Err(PyValueError::new_err("an output array has the wrong length")) }
    }
}

pub fn written<'a, T: numpy::Element>(array: &'a mut PyReadwriteArray1<'_, T>) -> PyResult<&'a mut [T]> {
    array.as_slice_mut().map_err(|_| PyValueError::new_err("output arrays must be contiguous"))
}

/// Where dates go: int32 days or int64 microseconds.
pub fn date_target<'a>(out: &'a mut Option<Out<'_, i32, i64>>) -> PyResult<Option<Dates<'a>>> {
    Ok(match out {
        None => None,
        Some(Out::A(days)) => Some(Dates::Days(written(days)?)),
        Some(Out::B(microseconds)) => Some(Dates::Microseconds(written(microseconds)?)),
    })
}

/// Where amounts go: float64 major units, or, if they are rounded, int64 minor units.
pub fn money_target<'a>(out: &'a mut Out<'_, f64, i64>, rounded: bool) -> PyResult<Amounts<'a>> {
    match out {
        Out::A(major) => Ok(Amounts::Major(written(major)?)),
        Out::B(_) if !rounded => Err(PyTypeError::new_err("unrounded amounts need float64 arrays")),
        Out::B(minor) => Ok(Amounts::Minor(written(minor)?)),
    }
}

#[pymethods]
impl RowsPlan {
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
        let counts: Vec<i32> =
            self.plan.counts(&self.settings).map(|count| i32::try_from(count).unwrap_or(i32::MAX)).collect();
        PyArray1::from_vec(py, counts)
    }

    /// Writes the rows into arrays of length `n_rows`.
    #[pyo3(signature = (*, position=None, ids=None, ids_out=None, period_end=None, money=None))]
    fn fill(
        &self,
        py: Python<'_>,
        position: Option<&Bound<'_, PyAny>>,
        ids: Option<&Bound<'_, PyAny>>,
        ids_out: Option<&Bound<'_, PyAny>>,
        period_end: Option<&Bound<'_, PyAny>>,
        money: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let n = self.plan.n_rows;
        let fleet = self.fleet.get();
        let mut position = position.map(|array| Out::<i32, i32>::take(array, n)).transpose()?;
        let ids = match ids.map(|array| Column::<i64>::take(array, Some(fleet.rows))).transpose()? {
            Some(None) => return Err(PyTypeError::new_err("ids must be an int64 array")),
            some => some.flatten(),
        };
        let mut ids_out = ids_out.map(|array| Out::<i64, i64>::take(array, n)).transpose()?;
        let mut period_end = period_end.map(|array| Out::<i32, i64>::take(array, n)).transpose()?;
        let mut columns = Vec::new();
        for (name, array) in money.into_iter().flat_map(|money| money.iter()) {
            columns.push((measure(name.extract()?)?, Out::<f64, i64>::take(&array, n)?));
        }
        let mut targets = RowTargets::default();
        if let Some(Out::A(array) | Out::B(array)) = &mut position {
            targets.position = Some(written(array)?);
        }
        if let (Some(ids), Some(Out::A(array) | Out::B(array))) = (&ids, &mut ids_out) {
            targets.ids = Some((ids as &dyn Load<i64>, written(array)?));
        }
        targets.period_end = date_target(&mut period_end)?;
        for (measure, array) in &mut columns {
            targets.money.push((*measure, money_target(array, self.settings.rounding.is_some())?));
        }
        let (run, settings, plan) = (self.run.get(), &self.settings, &self.plan);
        enter(py, |poll: Poll<'_>| match settings.rounding {
            Some(_) => batch::fill_rows::<i64>(&fleet.borrow(), &run.borrow(), settings, plan, targets, poll),
            None => batch::fill_rows::<f64>(&fleet.borrow(), &run.borrow(), settings, plan, targets, poll),
        })
    }
}

fn contiguous<E>(_: E) -> PyErr {
    PyValueError::new_err("cells must be contiguous")
}

/// Sums of some columns, each in row-major order, as an array of int64 minor units: columns x runs x groups x periods.
pub fn minor_cells(
    py: Python<'_>,
    shape: [usize; 4],
    each: impl FnOnce(&mut dyn FnMut(usize, i128)),
) -> PyResult<Bound<'_, PyAny>> {
    let mut fits = true;
    let array = cells::<i64>(py, shape, |put| {
        each(&mut |column, sum| {
            let value = i64::try_from(sum);
            fits &= value.is_ok();
            put(column, value.unwrap_or_default());
        });
    })?;
    if fits { Ok(array) } else { Err(to_exception(Error::TotalOverflow)) }
}

fn cells<'py, V: Element + Copy>(
    py: Python<'py>,
    shape: [usize; 4],
    each: impl FnOnce(&mut dyn FnMut(usize, V)),
) -> PyResult<Bound<'py, PyAny>> {
    let array = PyArray4::<V>::zeros(py, shape, false);
    {
        let mut view = array.readwrite();
        let cells = view.as_slice_mut().map_err(contiguous)?;
        let length = cells.len().checked_div(shape[0]).unwrap_or(0).max(1);
        let mut columns: Vec<_> = cells.chunks_mut(length).map(<[V]>::iter_mut).collect();
        each(&mut |column, value| {
            if let Some(slot) = columns.get_mut(column).and_then(Iterator::next) {
                *slot = value;
            }
        });
    }
    Ok(array.into_any())
}

/// The same as float64.
pub fn major_cells(
    py: Python<'_>,
    shape: [usize; 4],
    each: impl FnOnce(&mut dyn FnMut(usize, f64)),
) -> PyResult<Bound<'_, PyAny>> {
    cells(py, shape, each)
}

/// Sums of either kind.
pub enum Sums {
    Cents(batch::Totals<i64>),
    Unrounded(batch::Totals<f64>),
}

/// Totals by run, group and period.
#[pyclass(frozen, module = "neocalc._core")]
pub struct Totals {
    pub issues: Vec<IssueTuple>,
    pub sums: Option<Sums>,
    pub runs: usize,
    pub groups: usize,
    pub measures: Vec<Measure>,
    pub amounts: OutAmounts,
}

impl Totals {
    fn asked_for(&self, column: &str) -> PyResult<Measure> {
        let measure = measure(column)?;
        if self.measures.contains(&measure) {
            Ok(measure)
        } else {
            Err(PyValueError::new_err(format!("{column:?} was not asked for")))
        }
    }
}

#[pymethods]
impl Totals {
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
        PyArray1::from_vec(
            py,
            match &self.sums {
                None => Vec::new(),
                Some(Sums::Cents(totals)) => totals.period_ends(),
                Some(Sums::Unrounded(totals)) => totals.period_ends(),
            },
        )
    }

    /// Columns x runs x groups (null last) x periods.
    fn cells<'py>(&self, py: Python<'py>, columns: Vec<String>) -> PyResult<Bound<'py, PyAny>> {
        let measures = columns.iter().map(|column| self.asked_for(column)).collect::<PyResult<Vec<_>>>()?;
        let periods = match &self.sums {
            None => 0,
            Some(Sums::Cents(totals)) => totals.period_ends().len(),
            Some(Sums::Unrounded(totals)) => totals.period_ends().len(),
        };
        let shape = [measures.len(), self.runs, self.groups, periods];
        if self.amounts == OutAmounts::Minor {
            return minor_cells(py, shape, |emit| {
                if let Some(Sums::Cents(totals)) = &self.sums {
                    totals.each(&measures, emit);
                }
            });
        }
        major_cells(py, shape, |emit| match &self.sums {
            None => {}
            Some(Sums::Cents(totals)) => {
                totals.each(&measures, |at, sum| emit(at, totals.units().wide_to_major(sum)));
            }
            Some(Sums::Unrounded(totals)) => totals.each(&measures, emit),
        })
    }

    /// The same cells as Python integers of minor units, in one list.
    fn cells_exact(&self, column: &str) -> PyResult<Vec<i128>> {
        let measure = self.asked_for(column)?;
        let mut cells = Vec::new();
        match &self.sums {
            None => {}
            Some(Sums::Unrounded(_)) => return Err(PyValueError::new_err("unrounded totals have no minor units")),
            Some(Sums::Cents(totals)) => {
                totals.each(&[measure], |_, sum| cells.push(sum));
            }
        }
        Ok(cells)
    }
}
