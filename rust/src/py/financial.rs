//! Spreadsheet functions by name: numbers or float64 arrays in, the caller's array out.
#![forbid(unsafe_code)]

use numpy::{PyArray1, PyArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::columns::{Column, moment_kernel};
use super::door::enter;
use super::inputs::count_threads;
use super::{IssueTuple, issue_tuples};
use crate::batch::{DateColumn, Poll};
use crate::error::IssueLog;
use crate::financial::annuity::{CUMIPMT, CUMPRINC, FV, IPMT, ISPMT, NPER, PMT, PPMT, PV};
use crate::financial::annuity_rate::RATE;
use crate::financial::calendar::{Basis, DAYS360, YEARFRAC};
use crate::financial::cash_flows::{MIRR, NPV, RATE_OF_RETURN, XNPV, rates_of_return};
use crate::financial::depreciation::{DB, DDB, SLN, SYD, VDB};
use crate::financial::rates::{EFFECT, NOMINAL};
use crate::financial::streams::{Stream, Streams, evaluate_streams};
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
        "pmt" => call(&PMT, &arguments, out, threads),
        "ipmt" => call(&IPMT, &arguments, out, threads),
        "ppmt" => call(&PPMT, &arguments, out, threads),
        "ispmt" => call(&ISPMT, &arguments, out, threads),
        "cumipmt" => call(&CUMIPMT, &arguments, out, threads),
        "cumprinc" => call(&CUMPRINC, &arguments, out, threads),
        "pv" => call(&PV, &arguments, out, threads),
        "fv" => call(&FV, &arguments, out, threads),
        "nper" => call(&NPER, &arguments, out, threads),
        "rate" => call(&RATE, &arguments, out, threads),
        "effect" => call(&EFFECT, &arguments, out, threads),
        "nominal" => call(&NOMINAL, &arguments, out, threads),
        "yearfrac" => call(&YEARFRAC, &arguments, out, threads),
        "days360" => call(&DAYS360, &arguments, out, threads),
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

/// Streams of cash flows in numpy arrays.
struct HeldStreams {
    values: Column<f64>,
    dates: Option<(Column<i64>, i64, Basis)>,
    offsets: Column<i64>,
    order: Option<Column<i64>>,
}

impl HeldStreams {
    fn take(
        values: &Bound<'_, PyAny>,
        offsets: &Bound<'_, PyAny>,
        dates: Option<(Bound<'_, PyAny>, i64, f64)>,
        order: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let int64 = || PyTypeError::new_err("dates, offsets and the order must be int64 arrays");
        let values = Column::take(values, None)?.ok_or_else(|| PyTypeError::new_err("values must be float64"))?;
        let len = Some(values.len());
        let dates = dates.map(|(dates, per_day, basis)| {
            if per_day < 1 {
                return Err(PyValueError::new_err("a day has at least one tick"));
            }
            Ok((Column::take(&dates, len)?.ok_or_else(int64)?, per_day, Basis::of(basis)))
        });
        let order = order.map(|order| Column::take(order, len)?.ok_or_else(int64)).transpose()?;
        let offsets: Column<i64> = Column::take(offsets, None)?.ok_or_else(int64)?;
        if offsets.len() == 0 {
            return Err(PyValueError::new_err("offsets are one more than streams"));
        }
        Ok(Self { values, dates: dates.transpose()?, offsets, order })
    }

    fn borrow(&self) -> Streams<'_> {
        Streams {
            flows: self.values.len(),
            amounts: &self.values,
            dates: self.dates.as_ref().map(|(dates, per_day, basis)| (DateColumn::Ticks(dates, *per_day), *basis)),
            offsets: &self.offsets,
            count: self.offsets.len().saturating_sub(1),
            order: self.order.as_ref().map(|order| order as _),
        }
    }
}

/// Fills `out` with a function of each stream; what is wrong with them is returned.
#[pyfunction]
#[pyo3(signature = (function, values, offsets, arguments, out, dates=None, order=None, threads=0))]
#[allow(clippy::too_many_arguments, reason = "the signature that Python sees")]
pub fn cash_flows<'py>(
    py: Python<'py>,
    function: &str,
    values: &Bound<'py, PyAny>,
    offsets: &Bound<'py, PyAny>,
    arguments: (Bound<'py, PyAny>, Bound<'py, PyAny>),
    out: &Bound<'py, PyArray1<f64>>,
    dates: Option<(Bound<'py, PyAny>, i64, f64)>,
    order: Option<&Bound<'py, PyAny>>,
    threads: usize,
) -> PyResult<Vec<IssueTuple>> {
    let function = match function {
        "irr" | "xirr" => &RATE_OF_RETURN,
        "npv" => &NPV,
        "xnpv" => &XNPV,
        "mirr" => &MIRR,
        _ => return Err(PyValueError::new_err(format!("unknown function {function:?}"))),
    };
    let held = HeldStreams::take(values, offsets, dates, order)?;
    let mut out = out.try_readwrite().map_err(|error| PyValueError::new_err(error.to_string()))?;
    let slots = out.as_slice_mut().map_err(|_| PyValueError::new_err("output arrays must be contiguous"))?;
    let given = (Argument::take(&arguments.0, slots.len())?, Argument::take(&arguments.1, slots.len())?);
    let how = (count_threads(threads), moment_kernel());
    let log = enter(py, |poll: Poll<'_>| {
        evaluate_streams(function, &held.borrow(), [given.0.borrow(), given.1.borrow()], slots, how, poll)
    })?;
    Ok(issue_tuples(&log))
}

/// All rates of return of one stream, ascending, and what is wrong with it.
#[pyfunction]
#[pyo3(signature = (values, offsets, dates=None))]
pub fn cash_flow_roots<'py>(
    py: Python<'py>,
    values: &Bound<'py, PyAny>,
    offsets: &Bound<'py, PyAny>,
    dates: Option<(Bound<'py, PyAny>, i64, f64)>,
) -> PyResult<(Vec<f64>, Vec<IssueTuple>)> {
    let held = HeldStreams::take(values, offsets, dates, None)?;
    let (rates, log) = enter(py, |poll: Poll<'_>| {
        let (mut stream, mut log) = (Stream::default(), IssueLog::default());
        stream.read(&held.borrow(), 0, &mut log)?;
        if !log.is_empty() {
            return Ok((Vec::new(), log));
        }
        let found = rates_of_return(&mut stream, poll)?;
        Ok((found.unwrap_or_else(|failure| failure.note(0, &mut log)), log))
    })?;
    Ok((rates, issue_tuples(&log)))
}
