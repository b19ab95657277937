//! Spreadsheet functions by name: numbers or float64 arrays in, the caller's array out.
#![forbid(unsafe_code)]

use numpy::{PyArray1, PyArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::columns::Column;
use super::door::enter;
use super::inputs::count_threads;
use super::{IssueTuple, issue_tuples};
use crate::batch::Poll;
use crate::financial::depreciation::{DB, DDB, SLN, SYD, VDB};
use crate::financial::{Function, Values, evaluate};

enum Argument {
    One(f64),
    Each(Column<f64>),
}

impl Argument {
    fn take(value: &Bound<'_, PyAny>, len: usize) -> PyResult<Self> {
        match Column::take(value, Some(len))? {
            Some(column) => Ok(Self::Each(column)),
            None => value
                .extract()
                .map(Self::One)
                .map_err(|_| PyTypeError::new_err("arguments must be floats or float64 arrays")),
        }
    }

    fn borrow(&self) -> Values<'_> {
        match self {
            Self::One(value) => Values::One(*value),
            Self::Each(column) => Values::Each(column),
        }
    }
}

/// Fills `out` with a function of the arguments; what is wrong with them is returned.
#[pyfunction]
#[pyo3(signature = (function, arguments, out, threads=0))]
pub fn financial<'py>(
    function: &str,
    arguments: Vec<Bound<'py, PyAny>>,
    out: &Bound<'py, PyArray1<f64>>,
    threads: usize,
) -> PyResult<Vec<IssueTuple>> {
    match function {
        "sln" => call(&SLN, &arguments, out, threads),
        "syd" => call(&SYD, &arguments, out, threads),
        "db" => call(&DB, &arguments, out, threads),
        "ddb" => call(&DDB, &arguments, out, threads),
        "vdb" => call(&VDB, &arguments, out, threads),
        _ => Err(PyValueError::new_err(format!("unknown function {function:?}"))),
    }
}

fn call<const N: usize>(
    function: &Function<N>,
    arguments: &[Bound<'_, PyAny>],
    out: &Bound<'_, PyArray1<f64>>,
    threads: usize,
) -> PyResult<Vec<IssueTuple>> {
    let mut out = out.try_readwrite().map_err(|error| PyValueError::new_err(error.to_string()))?;
    let slots = out.as_slice_mut().map_err(|_| PyValueError::new_err("output arrays must be contiguous"))?;
    let held = arguments.iter().map(|value| Argument::take(value, slots.len())).collect::<PyResult<Vec<_>>>()?;
    let values: Vec<Values<'_>> = held.iter().map(Argument::borrow).collect();
    let values = values.try_into().map_err(|_| PyValueError::new_err(format!("the function has {N} arguments")))?;
    let threads = count_threads(threads);
    let py = arguments.first().map(|value| value.py());
    let py = py.ok_or_else(|| PyValueError::new_err("arguments are missing"))?;
    let log = enter(py, |poll: Poll<'_>| evaluate(function, values, slots, threads, poll))?;
    Ok(issue_tuples(&log))
}
