//! ACTUS contracts: columns of terms in, columns of events out.
#![forbid(unsafe_code)]

use numpy::PyArray1;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::columns::Column;
use super::door::enter;
use super::inputs::count_threads;
use super::{IssueTuple, issue_tuples};
use crate::batch::actus::{self, Book, NUMBERS, Outcome, Segments, TIMES, segment};
use crate::batch::{Load, Poll};
use crate::debt::actus::{EventType, Moment, Observed, Segment, Series, WORDS, meaning};

/// A column as the core holds it: contracts are small beside their events.
fn read<T: numpy::Element + Clone + Default>(array: &Bound<'_, PyAny>, len: Option<usize>) -> PyResult<Vec<T>>
where
    Column<T>: Load<T>,
{
    let column = Column::take(array, len)?.ok_or_else(|| PyTypeError::new_err("a column has another type"))?;
    let mut values = vec![T::default(); column.len()];
    column.load(0, &mut values);
    Ok(values)
}

fn refuse(what: &str) -> PyErr {
    PyValueError::new_err(format!("{what} do not fit the contracts"))
}

/// Starts, anchors, places of cycles in the vocabulary, values and flags.
type SegmentArrays<'py> =
    (Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>);

fn read_segments(arrays: &SegmentArrays<'_>, vocabulary: &[String]) -> PyResult<(Vec<i64>, Vec<Segment>)> {
    let (starts, anchors, cycles, values, flags) = arrays;
    let anchors: Vec<i32> = read(anchors, None)?;
    let len = Some(anchors.len());
    let (cycles, values, flags) = (read::<i32>(cycles, len)?, read::<f64>(values, len)?, read::<i8>(flags, len)?);
    let rest = cycles.into_iter().zip(values).zip(flags);
    let found = anchors.into_iter().zip(rest).map(|(anchor, ((cycle, value), flag))| {
        let cycle = usize::try_from(cycle).ok().and_then(|place| vocabulary.get(place));
        segment(anchor, cycle.map(String::as_str), value, flag != 0)
    });
    let found: Option<Vec<Segment>> = found.collect();
    Ok((read(starts, None)?, found.ok_or_else(|| refuse("segments"))?))
}

/// Starts, times, types and values.
type ObservedArrays<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>);

fn read_observed(arrays: &ObservedArrays<'_>) -> PyResult<(Vec<i64>, Vec<Observed>)> {
    let (starts, times, kinds, values) = arrays;
    let times: Vec<i32> = read(times, None)?;
    let len = Some(times.len());
    let rest = read::<i8>(kinds, len)?.into_iter().zip(read::<f64>(values, len)?);
    let found = times.into_iter().zip(rest).map(|(time, (kind, value))| actus::observed(time, kind, value));
    let found: Option<Vec<Observed>> = found.collect();
    Ok((read(starts, None)?, found.ok_or_else(|| refuse("observed events"))?))
}

/// Contract, time, type, payoff, notional, rate and accrued.
type EventArrays<'py> = (
    Bound<'py, PyArray1<i32>>,
    Bound<'py, PyArray1<i32>>,
    Bound<'py, PyArray1<i8>>,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray1<f64>>,
);

/// The events of contracts; problems come first, then the contracts that have any.
#[pyfunction]
#[pyo3(signature = (rows, vocabulary, numbers, times, words, segments, observed, series, series_of, to=None, threads=0))]
#[allow(clippy::too_many_arguments, reason = "the signature that Python sees")]
pub fn actus_events<'py>(
    py: Python<'py>,
    rows: usize,
    vocabulary: Vec<String>,
    numbers: &Bound<'py, PyAny>,
    times: &Bound<'py, PyAny>,
    words: &Bound<'py, PyAny>,
    segments: [SegmentArrays<'py>; 3],
    observed: ObservedArrays<'py>,
    series: Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>)>,
    series_of: &Bound<'py, PyAny>,
    to: Option<i32>,
    threads: usize,
) -> PyResult<(Vec<IssueTuple>, Vec<usize>, EventArrays<'py>)> {
    let sized = |terms: usize| Some(rows.saturating_mul(terms));
    let numbers: Vec<f64> = read(numbers, sized(NUMBERS.len()))?;
    let times: Vec<i32> = read(times, sized(TIMES.len()))?;
    let words: Vec<i32> = read(words, sized(WORDS.len()))?;
    let series_of: Vec<i32> = read(series_of, sized(2))?;
    let [redemptions, interest, resets] = &segments;
    let redemptions = read_segments(redemptions, &vocabulary)?;
    let interest = read_segments(interest, &vocabulary)?;
    let resets = read_segments(resets, &vocabulary)?;
    let (observed_starts, observed) = read_observed(&observed)?;
    let series = series.iter().map(|(times, values)| {
        let times: Vec<i32> = read(times, None)?;
        let values: Vec<f64> = read(values, Some(times.len()))?;
        Ok((times, values))
    });
    let series = series.collect::<PyResult<Vec<_>>>()?;
    let outcome = enter(py, |poll: Poll<'_>| {
        let series: Vec<Series<'_>> = series.iter().map(|(times, values)| Series { times, values }).collect();
        let arrays = [&redemptions, &interest, &resets].map(|(starts, all)| Segments { starts, all });
        let book = Book {
            rows,
            numbers: &numbers,
            times: &times,
            words: &words,
            arrays,
            observed_starts: &observed_starts,
            observed: &observed,
            series: &series,
            series_of: &series_of,
        };
        actus::events(&book, &vocabulary, to.and_then(Moment::from_code), count_threads(threads), poll)
    })?;
    let Outcome { log, bad, events } = outcome;
    let arrays = (
        PyArray1::from_vec(py, events.contract),
        PyArray1::from_vec(py, events.time),
        PyArray1::from_vec(py, events.kind),
        PyArray1::from_vec(py, events.payoff),
        PyArray1::from_vec(py, events.notional),
        PyArray1::from_vec(py, events.rate),
        PyArray1::from_vec(py, events.accrued),
    );
    Ok((issue_tuples(&log), bad, arrays))
}

/// Whether a word is a value of a term; of terms that are no words, whether it is a cycle.
#[pyfunction]
pub fn actus_accepts(term: &str, word: &str) -> bool {
    meaning(term, word).is_some()
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add_function(wrap_pyfunction!(actus_events, module)?)?;
    module.add_function(wrap_pyfunction!(actus_accepts, module)?)?;
    module.add("ACTUS_NUMBERS", PyTuple::new(py, NUMBERS)?)?;
    module.add("ACTUS_TIMES", PyTuple::new(py, TIMES)?)?;
    module.add("ACTUS_WORDS", PyTuple::new(py, WORDS)?)?;
    module.add("ACTUS_EVENT_TYPES", PyTuple::new(py, EventType::ALL.map(|(name, _)| name))?)
}
