//! Policies as Python states them: methods, runs and their changes.
#![forbid(unsafe_code)]

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::columns::Column;
use super::inputs::{Codes, codes, month};
use crate::batch::{self, Load, PolicySpec};
use crate::calendar::Month;
use crate::depreciation::{self, Convention, DecliningBalance, Table};
use crate::rate::Rate;

/// How assets are written off.
#[pyclass(frozen, module = "neocalc._core")]
pub struct Method {
    inner: depreciation::Method,
}

#[pymethods]
impl Method {
    /// Evenly over the life.
    #[staticmethod]
    fn straight_line() -> Self {
        Self { inner: depreciation::Method::StraightLine }
    }

    /// A rate on the balance; `factor` above 0 and at most 100.
    #[staticmethod]
    fn declining_balance(factor: f64, switch: bool, monthly: bool, keeps_remainder: bool) -> PyResult<Self> {
        DecliningBalance::new(factor, switch, monthly, keeps_remainder)
            .map(|method| Self { inner: depreciation::Method::DecliningBalance(method) })
            .ok_or_else(|| PyValueError::new_err("factor must lie above 0 and at most 100"))
    }

    /// By the years then left.
    #[staticmethod]
    fn sum_of_years_digits() -> Self {
        Self { inner: depreciation::Method::SumOfYearsDigits }
    }

    /// By a share for each period of so many months.
    #[staticmethod]
    fn table(fractions: Vec<f64>, months: i32) -> PyResult<Self> {
        Table::new(&fractions, months)
            .map(|table| Self { inner: depreciation::Method::Table(table) })
            .ok_or_else(|| PyValueError::new_err("fractions must lie between 0 and 1 and sum to 1"))
    }

    /// By the shares of a tax return: system ("gds", "ads"), years of recovery, percentages ("table", "computed"), and
    /// the convention ("half_year", "mid_quarter_1" to "mid_quarter_4").
    #[staticmethod]
    fn macrs(system: String, recovery_years: f64, percentages: String, convention: &str) -> PyResult<Self> {
        let recovery = super::tax::recovery_of((system, recovery_years, percentages), convention)?;
        Ok(Self { inner: depreciation::Method::Macrs(recovery) })
    }

    /// By use, up to a capacity in millionths of a unit.
    #[staticmethod]
    fn units_of_production(capacity: i64) -> PyResult<Self> {
        if capacity < 1 {
            return Err(PyValueError::new_err("a capacity is above 0"));
        }
        Ok(Self { inner: depreciation::Method::UnitsOfProduction(capacity) })
    }
}

/// Life in months (0 = none), whether it wins over a row's own, residual rate, convention, method.
type PolicyTuple = (i32, bool, f64, String, Py<Method>);

fn specs(policies: Vec<PolicyTuple>) -> PyResult<Vec<PolicySpec>> {
    let spec = |(life, life_wins, rate, convention, method): PolicyTuple| -> PyResult<PolicySpec> {
        let convention = self::convention(&convention)?;
        let residual_rate =
            Rate::new(rate).map_err(|_| PyValueError::new_err("residual rate must lie between 0 and 1"))?;
        let method = method.get().inner.clone();
        Ok(PolicySpec { method, life_months: (life > 0).then_some(life), life_wins, residual_rate, convention })
    };
    policies.into_iter().map(spec).collect()
}

/// Reads a convention's public name.
pub fn convention(text: &str) -> PyResult<Convention> {
    Convention::parse(text).ok_or_else(|| PyValueError::new_err(format!("unknown convention {text:?}")))
}

/// Policies, which row has which, and what takes their place later.
#[pyclass(frozen, module = "neocalc._core")]
pub struct Run {
    specs: Vec<PolicySpec>,
    codes: Option<Codes>,
    changes: Vec<Change>,
    immediate: Option<Column<i64>>,
}

/// The month from which they count, the one in whose books that was taken up, the policies, and which row has which.
type Change = (Month, Option<Month>, Vec<PolicySpec>, Option<Codes>);
/// The same with days.
type ChangeTuple<'py> = (i64, Option<i64>, Vec<PolicyTuple>, Option<Bound<'py, PyAny>>);

#[pymethods]
impl Run {
    #[new]
    #[pyo3(signature = (policies, codes=None, changes=None, immediate=None))]
    fn new(
        policies: Vec<PolicyTuple>,
        codes: Option<&Bound<'_, PyAny>>,
        changes: Option<Vec<ChangeTuple<'_>>>,
        immediate: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let read = |array: &Bound<'_, PyAny>| self::codes(array, array.len()?);
        let change = |(day, posted, policies, codes): ChangeTuple<'_>| {
            let codes = codes.as_ref().map(read).transpose()?;
            Ok((month(day)?, posted.map(month).transpose()?, specs(policies)?, codes))
        };
        let mut changes = changes.unwrap_or_default().into_iter().map(change).collect::<PyResult<Vec<_>>>()?;
        changes.sort_by_key(|(month, ..)| *month);
        let immediate = match immediate.map(|array| Column::take(array, None)).transpose()? {
            Some(None) => return Err(PyTypeError::new_err("immediate deductions must be an int64 array")),
            some => some.flatten(),
        };
        Ok(Self { specs: specs(policies)?, codes: codes.map(read).transpose()?, changes, immediate })
    }
}

fn borrow_change((month, posted, specs, codes): &Change) -> batch::Change<'_> {
    batch::Change { month: *month, posted: *posted, specs: specs.clone(), codes: codes.as_ref().map(Codes::borrow) }
}

impl Run {
    pub fn borrow(&self) -> batch::Run<'_> {
        batch::Run {
            specs: self.specs.clone(),
            codes: self.codes.as_ref().map(Codes::borrow),
            changes: self.changes.iter().map(borrow_change).collect(),
            immediate: self.immediate.as_ref().map(|column| -> &dyn Load<i64> { column }),
        }
    }
}
