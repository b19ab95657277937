//! A company's waterfall for Python: a plan as a dict of lists, its flows as a dict of arrays.
#![forbid(unsafe_code)]

use numpy::PyArray1;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::door::enter;
use crate::batch::Poll;
use crate::calendar::YearFraction;
use crate::deal::tax::TaxTerms;
use crate::deal::{Claim, Fault, Flows, Interest, Owed, Plan, Reserve, Revolver, Step, Sweep, run};
use crate::error::Error;
use crate::rate::{AnnualRate, Rate};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(waterfall, module)?)
}

/// Rates of a year in 10^-12, and parts of a year as quotients, month by month.
type InterestTuple = (Vec<i64>, Vec<(i64, i64)>);

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct ClaimItem {
    owed: String,
    place: usize,
    due: Vec<i64>,
    tier: usize,
    late: InterestTuple,
    reserves: Vec<usize>,
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct RevolverItem {
    opening: i64,
    opening_limit: i64,
    limit: Vec<i64>,
    interest: InterestTuple,
    undrawn: InterestTuple,
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct SweepItem {
    share: f64,
    balance: Vec<i64>,
    accrued: Vec<i64>,
    settled: Vec<i64>,
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct TaxItem {
    rate: f64,
    loss_limit: f64,
    opening_losses: i64,
    opening_tax: i64,
    year_starts: Vec<bool>,
    paid: Vec<bool>,
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct PlanItem {
    months: usize,
    opening_cash: i64,
    receipts: Vec<i64>,
    minimum_cash: Vec<i64>,
    claims: Vec<ClaimItem>,
    revolvers: Vec<RevolverItem>,
    reserves: Vec<(i64, Vec<i64>)>,
    sweeps: Vec<SweepItem>,
    settled: usize,
    steps: Vec<(String, usize)>,
    distributions: Vec<i64>,
    distribution_share: Vec<f64>,
    taxable_income: Vec<i64>,
    tax: Option<TaxItem>,
}

fn refuse(what: &str) -> PyErr {
    PyValueError::new_err(what.to_owned())
}

fn share(value: f64) -> PyResult<Rate> {
    Rate::new(value).map_err(|_| refuse("a share lies between 0 and 1"))
}

fn interest((rate, time): InterestTuple) -> Interest {
    Interest {
        rate: rate.into_iter().map(AnnualRate::from_parts).collect(),
        time: time.into_iter().map(|(top, bottom)| YearFraction { top, bottom: bottom.max(1) }).collect(),
    }
}

fn claim(item: ClaimItem) -> PyResult<Claim> {
    let owed = match item.owed.as_str() {
        "given" => Owed::Given(item.due),
        "tax" => Owed::Tax,
        "revolver_cost" => Owed::RevolverCost(item.place),
        "revolver_principal" => Owed::RevolverPrincipal(item.place),
        _ => return Err(refuse("unknown kind of claim")),
    };
    Ok(Claim { owed, tier: item.tier, late: interest(item.late), reserves: item.reserves })
}

fn step((kind, place): (String, usize)) -> PyResult<Step> {
    match kind.as_str() {
        "tier" => Ok(Step::Tier(place)),
        "top_up" => Ok(Step::TopUp(place)),
        "repay" => Ok(Step::Repay(place)),
        "sweep" => Ok(Step::Sweep(place)),
        "distribute" => Ok(Step::Distribute),
        _ => Err(refuse("unknown step")),
    }
}

fn plan(item: PlanItem) -> PyResult<Plan> {
    let months = item.months;
    let revolver = |item: RevolverItem| Revolver {
        opening: item.opening,
        limit: item.limit,
        interest: interest(item.interest),
        undrawn: interest(item.undrawn),
        opening_limit: item.opening_limit,
    };
    let sweep = |item: SweepItem| {
        let share = share(item.share)?;
        Ok(Sweep { share, balance: item.balance, accrued: item.accrued, settled: item.settled })
    };
    let mut made = Plan {
        months,
        opening_cash: item.opening_cash,
        receipts: item.receipts,
        minimum_cash: item.minimum_cash,
        claims: item.claims.into_iter().map(claim).collect::<PyResult<_>>()?,
        revolvers: item.revolvers.into_iter().map(revolver).collect(),
        reserves: item.reserves.into_iter().map(|(opening, target)| Reserve { opening, target }).collect(),
        sweeps: item.sweeps.into_iter().map(sweep).collect::<PyResult<_>>()?,
        settled: item.settled,
        steps: item.steps.into_iter().map(step).collect::<PyResult<_>>()?,
        distributions: item.distributions,
        distribution_share: item.distribution_share.into_iter().map(share).collect::<PyResult<_>>()?,
        tax: None,
        taxable_income: item.taxable_income,
        opening_losses: 0,
        opening_tax: 0,
        year_starts: vec![false; months],
        tax_paid: vec![false; months],
    };
    if let Some(tax) = item.tax {
        made.tax = Some(TaxTerms { rate: share(tax.rate)?, loss_limit: share(tax.loss_limit)? });
        (made.opening_losses, made.opening_tax) = (tax.opening_losses, tax.opening_tax);
        (made.year_starts, made.tax_paid) = (tax.year_starts, tax.paid);
    }
    Ok(made)
}

/// Sets a column of `rows` under a name.
fn column<T>(out: &Bound<'_, PyDict>, name: &str, rows: &[T], value: impl Fn(&T) -> i64) -> PyResult<()> {
    out.set_item(name, PyArray1::from_iter(out.py(), rows.iter().map(value)))
}

fn arrays<'py>(py: Python<'py>, flows: &Flows) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    column(&out, "claim_due", &flows.claims, |flow| flow.due)?;
    column(&out, "claim_late", &flows.claims, |flow| flow.late)?;
    column(&out, "claim_paid", &flows.claims, |flow| flow.paid)?;
    column(&out, "claim_from_reserves", &flows.claims, |flow| flow.from_reserves)?;
    column(&out, "claim_past_due", &flows.claims, |flow| flow.past_due)?;
    column(&out, "revolver_interest", &flows.revolvers, |flow| flow.interest)?;
    column(&out, "revolver_fee", &flows.revolvers, |flow| flow.fee)?;
    column(&out, "revolver_draw", &flows.revolvers, |flow| flow.draw)?;
    column(&out, "revolver_due", &flows.revolvers, |flow| flow.due)?;
    column(&out, "revolver_repayment", &flows.revolvers, |flow| flow.repayment)?;
    column(&out, "revolver_balance", &flows.revolvers, |flow| flow.balance)?;
    column(&out, "reserve_release", &flows.reserves, |flow| flow.release)?;
    column(&out, "reserve_used", &flows.reserves, |flow| flow.used)?;
    column(&out, "reserve_top_up", &flows.reserves, |flow| flow.top_up)?;
    column(&out, "reserve_balance", &flows.reserves, |flow| flow.balance)?;
    column(&out, "sweep", &flows.sweeps, |swept| *swept)?;
    column(&out, "excess", &flows.months, |flow| flow.excess)?;
    column(&out, "distribution", &flows.months, |flow| flow.distribution)?;
    column(&out, "cash", &flows.months, |flow| flow.cash)?;
    column(&out, "taxable_income", &flows.months, |flow| flow.taxable_income)?;
    column(&out, "tax", &flows.months, |flow| flow.tax)?;
    column(&out, "tax_accrued", &flows.months, |flow| flow.tax_accrued)?;
    column(&out, "losses", &flows.months, |flow| flow.losses)?;
    Ok(out)
}

/// Runs a plan; columns of claims, revolvers, reserves and sweeps are month after month.
#[pyfunction]
#[pyo3(name = "waterfall")]
fn waterfall<'py>(py: Python<'py>, plan: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    let made = self::plan(plan.extract()?)?;
    let flows = enter(py, |_: Poll<'_>| {
        run(&made).map_err(|fault| match fault {
            Fault::Overflow => Error::TotalOverflow,
            Fault::Plan => Error::Argument("a plan's columns differ in length, or an amount is below zero".into()),
        })
    })?;
    arrays(py, &flows)
}
