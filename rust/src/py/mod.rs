//! The binding: borrow, call, wrap. The only place that names Python or numpy, and the only one that may be unsafe.

mod actus;
mod calendar;
mod columns;
mod covenants;
mod deal;
mod debt;
mod door;
mod financial;
mod happenings;
mod inputs;
mod loan_facility;
mod loan_rates;
mod loans;
mod outputs;
mod policies;
mod tax;

use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::batch::{self, Grouping, Poll, Route};
use crate::depreciation::{Convention, Kind};
use crate::error::Error;
use happenings::{Events, Usage};
use inputs::{Fleet, Settings};
use outputs::{RowsPlan, Totals};
use policies::{Method, Run};

/// (column, code, rows with the problem, the first of them, the value in the lowest row)
type IssueTuple = (&'static str, &'static str, u64, Vec<usize>, String);

fn issue_tuples(log: &crate::error::IssueLog) -> Vec<IssueTuple> {
    log.iter()
        .map(|(column, rule, issue)| {
            (column.name(), rule.code(), issue.count, issue.first_rows.clone(), issue.example.clone())
        })
        .collect()
}

/// The problems, and which rows have one where any has.
type Verdict<'py> = (Vec<IssueTuple>, Option<Bound<'py, PyArray1<bool>>>);

/// Judges every row under every run.
#[pyfunction]
fn validate<'py>(
    py: Python<'py>,
    fleet: &Fleet,
    runs: Vec<PyRef<'py, Run>>,
    settings: &Settings,
) -> PyResult<Verdict<'py>> {
    let runs: Vec<&Run> = runs.iter().map(|run| &**run).collect();
    let settings = settings.inner;
    let (log, bad) = door::enter(py, |poll: Poll<'_>| {
        let runs: Vec<_> = runs.iter().map(|run| run.borrow()).collect();
        match settings.rounding {
            Some(_) => batch::validate::<i64>(&fleet.borrow(), &runs, &settings, poll),
            None => batch::validate::<f64>(&fleet.borrow(), &runs, &settings, poll),
        }
    })?;
    let mask = bad.contains(&true).then(|| PyArray1::from_vec(py, bad));
    Ok((issue_tuples(&log), mask))
}

/// Counts the rows of a result and remembers how to fill it.
#[pyfunction]
fn plan_rows(py: Python<'_>, fleet: Py<Fleet>, run: Py<Run>, settings: &Settings) -> PyResult<RowsPlan> {
    let settings = settings.inner;
    let (rows, policies) = (fleet.get(), run.get());
    let (log, plan) = door::enter(py, |poll: Poll<'_>| match settings.rounding {
        Some(_) => batch::plan_rows::<i64>(&rows.borrow(), &policies.borrow(), &settings, poll),
        None => batch::plan_rows::<f64>(&rows.borrow(), &policies.borrow(), &settings, poll),
    })?;
    Ok(RowsPlan { fleet, run, settings, issues: issue_tuples(&log), plan })
}

/// Sums by group and period.
#[pyfunction]
#[pyo3(signature = (fleet, runs, settings, group, n_groups, columns, amounts="major", memory_limit=None))]
#[allow(clippy::too_many_arguments, reason = "the signature that Python sees")]
fn totals<'py>(
    py: Python<'py>,
    fleet: &Fleet,
    runs: Vec<PyRef<'py, Run>>,
    settings: &Settings,
    group: Option<&Bound<'py, PyAny>>,
    n_groups: usize,
    columns: Vec<String>,
    amounts: &str,
    memory_limit: Option<usize>,
) -> PyResult<Totals> {
    let group = group.map(|group| inputs::codes(group, fleet.rows)).transpose()?;
    let measures = columns.iter().map(|name| outputs::measure(name)).collect::<PyResult<Vec<_>>>()?;
    let amounts = outputs::OutAmounts::parse(amounts)?;
    let runs: Vec<&Run> = runs.iter().map(|run| &**run).collect();
    let mut settings = settings.inner;
    settings.memory_limit = memory_limit.unwrap_or(usize::MAX);
    let n_runs = runs.len();
    let asked = measures.clone();
    let (log, sums) = door::enter(py, |poll: Poll<'_>| {
        let runs: Vec<_> = runs.iter().map(|run| run.borrow()).collect();
        let grouping = Grouping { codes: group.as_ref().map(inputs::Codes::borrow), groups: n_groups };
        Ok::<_, Error>(match settings.rounding {
            Some(_) => {
                let (log, sums) =
                    batch::totals::<i64>(&fleet.borrow(), &runs, &settings, grouping, &asked, Route::Auto, poll)?;
                (log, sums.map(outputs::Sums::Cents))
            }
            None => {
                let (log, sums) =
                    batch::totals::<f64>(&fleet.borrow(), &runs, &settings, grouping, &asked, Route::Auto, poll)?;
                (log, sums.map(outputs::Sums::Unrounded))
            }
        })
    })?;
    Ok(Totals { issues: issue_tuples(&log), sums, runs: n_runs, groups: n_groups.saturating_add(1), measures, amounts })
}

/// Cost, accumulated depreciation, book value and months still to be charged, one of each per asset.
#[pyfunction]
#[pyo3(signature = (fleet, run, settings, as_of, amounts="major"))]
fn book_values<'py>(
    py: Python<'py>,
    fleet: &Fleet,
    run: &Run,
    settings: &Settings,
    as_of: i64,
    amounts: &str,
) -> PyResult<outputs::BookValues<'py>> {
    let settings = settings.inner;
    let as_of = inputs::month(as_of)?;
    let amounts = outputs::OutAmounts::parse(amounts)?;
    let (rows, policies) = (fleet.borrow(), run.borrow());
    Ok(match settings.rounding {
        Some(_) => {
            let found = door::enter(py, |poll: Poll<'_>| batch::book_values(&rows, &policies, &settings, as_of, poll));
            let (log, values) = found?;
            outputs::cents(py, issue_tuples(&log), &values, settings.units, amounts)
        }
        None => {
            let found = door::enter(py, |poll: Poll<'_>| batch::book_values(&rows, &policies, &settings, as_of, poll));
            let (log, values) = found?;
            outputs::unrounded(py, issue_tuples(&log), &values)
        }
    })
}

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Fleet>()?;
    module.add_class::<Events>()?;
    module.add_class::<Usage>()?;
    module.add_class::<Method>()?;
    module.add_class::<Run>()?;
    module.add_class::<Settings>()?;
    module.add_class::<RowsPlan>()?;
    module.add_class::<Totals>()?;
    module.add_function(wrap_pyfunction!(validate, module)?)?;
    module.add_function(wrap_pyfunction!(plan_rows, module)?)?;
    module.add_function(wrap_pyfunction!(totals, module)?)?;
    module.add_function(wrap_pyfunction!(book_values, module)?)?;
    module.add_function(wrap_pyfunction!(happenings::to_minor, module)?)?;
    module.add_function(wrap_pyfunction!(happenings::to_days, module)?)?;
    module.add_function(wrap_pyfunction!(happenings::to_counts, module)?)?;
    module.add_function(wrap_pyfunction!(happenings::to_offsets, module)?)?;
    module.add_function(wrap_pyfunction!(happenings::run_offsets, module)?)?;
    module.add("CONVENTIONS", PyTuple::new(module.py(), Convention::ALL.map(|(name, _)| name))?)?;
    module.add("EVENT_KINDS", PyTuple::new(module.py(), Kind::ALL.map(|(name, _)| name))?)?;
    tax::register(module)?;
    actus::register(module)?;
    debt::register(module)?;
    loan_facility::register(module)?;
    loan_rates::register(module)?;
    calendar::register(module)?;
    covenants::register(module)?;
    deal::register(module)?;
    module.add_function(wrap_pyfunction!(financial::financial, module)?)?;
    module.add_function(wrap_pyfunction!(financial::cash_flows, module)?)?;
    module.add_function(wrap_pyfunction!(financial::cash_flow_roots, module)?)?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))
}
