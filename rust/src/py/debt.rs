//! Loan books for Python: judged, counted, filled and summed.
#![forbid(unsafe_code)]

use numpy::PyArray1;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use super::door::enter;
use super::happenings::take;
use super::inputs::{Codes, codes};
use super::loans::{LoanSettings, Loans};
use super::outputs::{Out, OutAmounts, date_target, major_cells, minor_cells, money_target, written};
use super::{IssueTuple, issue_tuples};
use crate::batch::{self, Averaging, Grouping, Load, LoanMeasure, LoanRowPlan, LoanRowTargets, Poll, ResetEvery};
use crate::calendar::{BusinessDayConvention, DayCount, PaymentFrequency, Stub};
use crate::debt::ProfileKind;
use crate::error::Error;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Loans>()?;
    module.add_class::<LoanSettings>()?;
    module.add_class::<LoanRowsPlan>()?;
    module.add_class::<LoanTotals>()?;
    module.add_function(wrap_pyfunction!(validate_loans, module)?)?;
    module.add_function(wrap_pyfunction!(plan_loan_rows, module)?)?;
    module.add_function(wrap_pyfunction!(loan_totals, module)?)?;
    module.add_function(wrap_pyfunction!(payment_amounts, module)?)?;
    module.add_function(wrap_pyfunction!(is_loan_word, module)?)?;
    module.add("PROFILES", PyTuple::new(module.py(), ProfileKind::ALL.map(|(name, _)| name))?)
}

/// Whether a column of loans knows a word.
#[pyfunction]
fn is_loan_word(column: &str, word: &Bound<'_, PyString>) -> PyResult<bool> {
    // What is no text (half a surrogate pair) is no word either.
    let word = word.to_str().unwrap_or_default();
    match column {
        "profile" => Ok(ProfileKind::parse(word).is_some()),
        "frequency" => Ok(PaymentFrequency::parse(word).is_some()),
        "day_count" => Ok(DayCount::parse(word).is_some()),
        "business_day_convention" => Ok(BusinessDayConvention::parse(word).is_some()),
        "stub" => Ok(Stub::parse(word).is_some()),
        "index_averaging" => Ok(Averaging::parse(word).is_some()),
        "reset_frequency" => Ok(ResetEvery::parse(word).is_some()),
        _ => Err(PyValueError::new_err(format!("{column:?} is no column of words"))),
    }
}

/// The problems, and which rows have one where any has.
type Verdict<'py> = (Vec<IssueTuple>, Option<Bound<'py, PyArray1<bool>>>);

/// Judges every loan, or with `values_only` nothing but the values of its columns.
#[pyfunction]
#[pyo3(signature = (loans, settings, values_only=false))]
fn validate_loans<'py>(
    py: Python<'py>,
    loans: &Loans,
    settings: &LoanSettings,
    values_only: bool,
) -> PyResult<Verdict<'py>> {
    let settings = &settings.inner;
    let (log, bad) = enter(py, |poll: Poll<'_>| {
        if settings.rounded {
            batch::validate_loans::<i64>(&loans.borrow(), settings, values_only, poll)
        } else {
            batch::validate_loans::<f64>(&loans.borrow(), settings, values_only, poll)
        }
    })?;
    let mask = bad.contains(&true).then(|| PyArray1::from_vec(py, bad));
    Ok((issue_tuples(&log), mask))
}

/// Counts the rows of a result and remembers how to fill it.
#[pyfunction]
fn plan_loan_rows(py: Python<'_>, loans: Py<Loans>, settings: &LoanSettings) -> PyResult<LoanRowsPlan> {
    let settings = settings.inner.clone();
    let rows = loans.get();
    let (log, plan) = enter(py, |poll: Poll<'_>| {
        if settings.rounded {
            batch::plan_loan_rows::<i64>(&rows.borrow(), &settings, poll)
        } else {
            batch::plan_loan_rows::<f64>(&rows.borrow(), &settings, poll)
        }
    })?;
    Ok(LoanRowsPlan { loans, settings, issues: issue_tuples(&log), plan })
}

/// The counted rows of a call, to be filled into arrays.
#[pyclass(frozen, module = "neocalc._core")]
pub struct LoanRowsPlan {
    loans: Py<Loans>,
    settings: batch::LoanSettings,
    issues: Vec<IssueTuple>,
    plan: LoanRowPlan,
}

#[pymethods]
impl LoanRowsPlan {
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
        let counts = self.plan.counts().iter().map(|count| i32::try_from(*count).unwrap_or(i32::MAX));
        PyArray1::from_iter(py, counts)
    }

    /// Writes the rows into arrays of length `n_rows`.
    #[pyo3(signature = (
        *, position=None, ids=None, ids_out=None, payment_number=None, payment_date=None, accrual_start=None,
        annual_rate=None, draw_number=None, money=None
    ))]
    #[allow(clippy::too_many_arguments, reason = "keywords that Python sees")]
    fn fill(
        &self,
        py: Python<'_>,
        position: Option<&Bound<'_, PyAny>>,
        ids: Option<&Bound<'_, PyAny>>,
        ids_out: Option<&Bound<'_, PyAny>>,
        payment_number: Option<&Bound<'_, PyAny>>,
        payment_date: Option<&Bound<'_, PyAny>>,
        accrual_start: Option<&Bound<'_, PyAny>>,
        annual_rate: Option<&Bound<'_, PyAny>>,
        draw_number: Option<&Bound<'_, PyAny>>,
        money: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let n = self.plan.n_rows;
        let loans = self.loans.get();
        let ids = ids.map(|array| take::<i64>(array, loans.rows)).transpose()?;
        let mut position = position.map(|array| Out::<i32, i32>::take(array, n)).transpose()?;
        let mut ids_out = ids_out.map(|array| Out::<i64, i64>::take(array, n)).transpose()?;
        let mut number = payment_number.map(|array| Out::<i64, i64>::take(array, n)).transpose()?;
        let mut date = payment_date.map(|array| Out::<i32, i64>::take(array, n)).transpose()?;
        let mut start = accrual_start.map(|array| Out::<i32, i64>::take(array, n)).transpose()?;
        let mut rate = annual_rate.map(|array| Out::<f64, f64>::take(array, n)).transpose()?;
        let mut draw = draw_number.map(|array| Out::<i64, i64>::take(array, n)).transpose()?;
        let mut columns = Vec::new();
        for (name, array) in money.into_iter().flat_map(|money| money.iter()) {
            columns.push((measure(name.extract()?)?, Out::<f64, i64>::take(&array, n)?));
        }
        let mut targets = LoanRowTargets::default();
        if let Some(Out::A(array) | Out::B(array)) = &mut position {
            targets.position = Some(written(array)?);
        }
        if let (Some(ids), Some(Out::A(array) | Out::B(array))) = (&ids, &mut ids_out) {
            targets.ids = Some((ids as &dyn Load<i64>, written(array)?));
        }
        if let Some(Out::A(array) | Out::B(array)) = &mut number {
            targets.number = Some(written(array)?);
        }
        if let Some(Out::A(array) | Out::B(array)) = &mut rate {
            targets.rate = Some(written(array)?);
        }
        if let Some(Out::A(array) | Out::B(array)) = &mut draw {
            targets.draw_number = Some(written(array)?);
        }
        targets.date = date_target(&mut date)?;
        targets.accrual_start = date_target(&mut start)?;
        for (measure, array) in &mut columns {
            targets.money.push((*measure, money_target(array, self.settings.rounded)?));
        }
        let (settings, plan) = (&self.settings, &self.plan);
        enter(py, |poll: Poll<'_>| {
            if settings.rounded {
                batch::fill_loan_rows::<i64>(&loans.borrow(), settings, plan, targets, poll)
            } else {
                batch::fill_loan_rows::<f64>(&loans.borrow(), settings, plan, targets, poll)
            }
        })
    }
}

fn measure(name: &str) -> PyResult<LoanMeasure> {
    LoanMeasure::parse(name).ok_or_else(|| PyValueError::new_err(format!("unknown column {name:?}")))
}

enum Sums {
    Cents(batch::LoanTotals<i64>),
    Unrounded(batch::LoanTotals<f64>),
}

/// Sums by group and period.
#[pyfunction]
#[pyo3(signature = (loans, settings, group, n_groups, columns, amounts="major", memory_limit=None))]
#[allow(clippy::too_many_arguments, reason = "the signature that Python sees")]
fn loan_totals<'py>(
    py: Python<'py>,
    loans: &Loans,
    settings: &LoanSettings,
    group: Option<&Bound<'py, PyAny>>,
    n_groups: usize,
    columns: Vec<String>,
    amounts: &str,
    memory_limit: Option<usize>,
) -> PyResult<LoanTotals> {
    let group = group.map(|group| codes(group, loans.rows)).transpose()?;
    let measures = columns.iter().map(|name| measure(name)).collect::<PyResult<Vec<_>>>()?;
    let amounts = OutAmounts::parse(amounts)?;
    let mut settings = settings.inner.clone();
    settings.memory_limit = memory_limit.unwrap_or(usize::MAX);
    let asked = measures.clone();
    let (log, sums) = enter(py, |poll: Poll<'_>| {
        let grouping = Grouping { codes: group.as_ref().map(Codes::borrow), groups: n_groups };
        Ok::<_, Error>(if settings.rounded {
            let (log, sums) = batch::loan_totals::<i64>(&loans.borrow(), &settings, grouping, &asked, poll)?;
            (log, sums.map(Sums::Cents))
        } else {
            let (log, sums) = batch::loan_totals::<f64>(&loans.borrow(), &settings, grouping, &asked, poll)?;
            (log, sums.map(Sums::Unrounded))
        })
    })?;
    Ok(LoanTotals { issues: issue_tuples(&log), sums, groups: n_groups.saturating_add(1), measures, amounts })
}

/// Totals by group and period.
#[pyclass(frozen, module = "neocalc._core")]
pub struct LoanTotals {
    issues: Vec<IssueTuple>,
    sums: Option<Sums>,
    groups: usize,
    measures: Vec<LoanMeasure>,
    amounts: OutAmounts,
}

impl LoanTotals {
    fn asked_for(&self, column: &str) -> PyResult<LoanMeasure> {
        let measure = measure(column)?;
        let known = self.measures.contains(&measure);
        known.then_some(measure).ok_or_else(|| PyValueError::new_err(format!("{column:?} was not asked for")))
    }

    fn ends(&self) -> Vec<i32> {
        match &self.sums {
            None => Vec::new(),
            Some(Sums::Cents(totals)) => totals.period_ends(),
            Some(Sums::Unrounded(totals)) => totals.period_ends(),
        }
    }
}

#[pymethods]
impl LoanTotals {
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
        PyArray1::from_vec(py, self.ends())
    }

    /// Columns x one x groups (null last) x periods.
    fn cells<'py>(&self, py: Python<'py>, columns: Vec<String>) -> PyResult<Bound<'py, PyAny>> {
        let measures = columns.iter().map(|column| self.asked_for(column)).collect::<PyResult<Vec<_>>>()?;
        let shape = [measures.len(), 1, self.groups, self.ends().len()];
        let measures = measures.into_iter().enumerate();
        if self.amounts == OutAmounts::Minor {
            return minor_cells(py, shape, |emit| {
                if let Some(Sums::Cents(totals)) = &self.sums {
                    measures.for_each(|(at, measure)| totals.each(measure, |sum| emit(at, sum)));
                }
            });
        }
        major_cells(py, shape, |emit| match &self.sums {
            None => {}
            Some(Sums::Cents(totals)) => measures.for_each(|(at, measure)| {
                totals.each(measure, |sum| emit(at, totals.units().wide_to_major(sum)));
            }),
            Some(Sums::Unrounded(totals)) => {
                measures.for_each(|(at, measure)| totals.each(measure, |sum| emit(at, sum)));
            }
        })
    }

    /// The same cells as Python integers of minor units, in one list.
    fn cells_exact(&self, column: &str) -> PyResult<Vec<i128>> {
        let measure = self.asked_for(column)?;
        let mut cells = Vec::new();
        match &self.sums {
            None => {}
            Some(Sums::Unrounded(_)) => return Err(PyValueError::new_err("unrounded totals have no minor units")),
            Some(Sums::Cents(totals)) => totals.each(measure, |sum| cells.push(sum)),
        }
        Ok(cells)
    }
}

/// The first payment of each loan that is not of interest alone: float64 major or int64 minor units.
#[pyfunction]
#[pyo3(signature = (loans, settings, amounts="major"))]
fn payment_amounts<'py>(
    py: Python<'py>,
    loans: &Loans,
    settings: &LoanSettings,
    amounts: &str,
) -> PyResult<(Vec<IssueTuple>, Bound<'py, PyAny>)> {
    let settings = &settings.inner;
    let units = settings.reading.units;
    let amounts = OutAmounts::parse(amounts)?;
    if !settings.rounded {
        let found = enter(py, |poll: Poll<'_>| batch::payment_amounts::<f64>(&loans.borrow(), settings, poll));
        let (log, values) = found?;
        return Ok((issue_tuples(&log), PyArray1::from_vec(py, values).into_any()));
    }
    let found = enter(py, |poll: Poll<'_>| batch::payment_amounts::<i64>(&loans.borrow(), settings, poll));
    let (log, values) = found?;
    let array = if amounts == OutAmounts::Major {
        PyArray1::from_iter(py, values.into_iter().map(|minor| units.to_major(minor))).into_any()
    } else {
        PyArray1::from_vec(py, values).into_any()
    };
    Ok((issue_tuples(&log), array))
}
