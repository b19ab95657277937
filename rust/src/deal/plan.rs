//! What a waterfall is told: claims in their order, and where money may come from.
#![forbid(unsafe_code)]

use super::Fault;
use super::tax::TaxTerms;
use crate::calendar::YearFraction;
use crate::rate::{AnnualRate, Rate};

/// Interest of each month: a rate in parts of 10^-12, and the part of a year that the month is.
#[derive(Clone, Debug, Default)]
pub struct Interest {
    /// Of a year, one for each month; none at all means no interest.
    pub rate: Vec<AnnualRate>,
    /// One for each month.
    pub time: Vec<YearFraction>,
}

/// What is owed under a claim, at the end of each month.
#[derive(Clone, Debug)]
pub enum Owed {
    /// So much.
    Given(Vec<i64>),
    /// The tax that has been accrued, in months in which it is paid.
    Tax,
    /// Interest and the fee for what is not drawn of a revolver.
    RevolverCost(usize),
    /// What of a revolver's balance its limit no longer allows: all of it at maturity.
    RevolverPrincipal(usize),
}

/// Someone to be paid. What is not paid stays due.
#[derive(Clone, Debug)]
pub struct Claim {
    /// How much, when.
    pub owed: Owed,
    /// Its place in the order; claims of one tier share in proportion to what they are owed.
    pub tier: usize,
    /// What is past due bears.
    pub late: Interest,
    /// Reserves that may pay it when cash does not.
    pub reserves: Vec<usize>,
}

/// A facility that may be drawn, repaid and drawn again. It is drawn at month ends, so interest of a month is that on
/// its opening balance.
#[derive(Clone, Debug)]
pub struct Revolver {
    /// Drawn before the first month.
    pub opening: i64,
    /// What may be drawn at the end of each month, without what letters of credit take; 0 from maturity on.
    pub limit: Vec<i64>,
    /// On what is drawn.
    pub interest: Interest,
    /// On what of the limit at the end of the month before is not drawn.
    pub undrawn: Interest,
    /// The limit before the first month.
    pub opening_limit: i64,
}

/// An account that is pledged to lenders.
#[derive(Clone, Debug)]
pub struct Reserve {
    /// What is in it before the first month.
    pub opening: i64,
    /// What is to be in it at the end of each month; what is above flows back to cash.
    pub target: Vec<i64>,
}

/// A share of the cash above the minimum that prepays a loan.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// The share, rounded down.
    pub share: Rate,
    /// What the loan owes, at the end of each month; 0 where nothing is swept.
    pub balance: Vec<i64>,
    /// Interest that is due beside it where the loan is repaid in full.
    pub accrued: Vec<i64>,
    /// What is known to be swept, for months that are settled.
    pub settled: Vec<i64>,
}

/// A step of the order in which cash is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The claims of a tier.
    Tier(usize),
    /// A reserve up to its target.
    TopUp(usize),
    /// A revolver, out of cash above the minimum.
    Repay(usize),
    /// A loan, out of the same.
    Sweep(usize),
    /// The owners, out of the same.
    Distribute,
}

/// A company's cash over some months.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many.
    pub months: usize,
    /// Cash before the first.
    pub opening_cash: i64,
    /// What comes in: from customers, lenders and owners.
    pub receipts: Vec<i64>,
    /// What revolvers are drawn for, and what nothing that is not owed may touch.
    pub minimum_cash: Vec<i64>,
    /// Who is to be paid.
    pub claims: Vec<Claim>,
    /// In the order in which they are drawn.
    pub revolvers: Vec<Revolver>,
    /// In the order in which they pay.
    pub reserves: Vec<Reserve>,
    /// Loans that excess cash prepays.
    pub sweeps: Vec<Sweep>,
    /// How many months are settled: what they sweep is known.
    pub settled: usize,
    /// The order.
    pub steps: Vec<Step>,
    /// What owners are to have, as far as there is cash above the minimum.
    pub distributions: Vec<i64>,
    /// Their share of what is then left, in parts of one; 0 in months without.
    pub distribution_share: Vec<Rate>,
    /// Income tax.
    pub tax: Option<TaxTerms>,
    /// Taxable income before what is worked out here.
    pub taxable_income: Vec<i64>,
    /// Losses of earlier years.
    pub opening_losses: i64,
    /// Accrued before the first month, and not paid; negative where too much was.
    pub opening_tax: i64,
    /// Which months begin a tax year.
    pub year_starts: Vec<bool>,
    /// In which months tax is paid.
    pub tax_paid: Vec<bool>,
}

impl Plan {
    /// # Errors
    /// [`Fault::Plan`] where something is missing, below zero, or out of order.
    pub(super) fn check(&self) -> Result<(), Fault> {
        let n = self.months;
        let amounts = |values: &[i64]| values.len() == n && values.iter().all(|value| *value >= 0);
        let interest = |given: &Interest| {
            (given.rate.is_empty() && given.time.is_empty()) || (given.rate.len() == n && given.time.len() == n)
        };
        let claim = |claim: &Claim| {
            let owed = match &claim.owed {
                Owed::Given(due) => amounts(due),
                Owed::Tax => true,
                Owed::RevolverCost(at) | Owed::RevolverPrincipal(at) => *at < self.revolvers.len(),
            };
            owed && interest(&claim.late) && claim.reserves.iter().all(|at| *at < self.reserves.len())
        };
        let revolver = |revolver: &Revolver| {
            revolver.opening >= 0
                && revolver.opening_limit >= 0
                && amounts(&revolver.limit)
                && interest(&revolver.interest)
                && interest(&revolver.undrawn)
        };
        let sweep = |sweep: &Sweep| amounts(&sweep.balance) && amounts(&sweep.accrued) && amounts(&sweep.settled);
        let whole = amounts(&self.receipts)
            && amounts(&self.minimum_cash)
            && amounts(&self.distributions)
            && self.distribution_share.len() == n
            && self.taxable_income.len() == n
            && self.year_starts.len() == n
            && self.tax_paid.len() == n
            && self.opening_cash >= 0
            && self.opening_losses >= 0;
        let parts = self.claims.iter().all(claim)
            && self.revolvers.iter().all(revolver)
            && self.reserves.iter().all(|reserve| reserve.opening >= 0 && amounts(&reserve.target))
            && self.sweeps.iter().all(sweep);
        if whole && parts && self.steps_are_sound() { Ok(()) } else { Err(Fault::Plan) }
    }

    /// What is owed comes before what is not, and each thing once.
    fn steps_are_sound(&self) -> bool {
        let free = |step: &Step| matches!(step, Step::Repay(_) | Step::Sweep(_) | Step::Distribute);
        let first = self.steps.iter().position(free).unwrap_or(self.steps.len());
        let ordered = self.steps.iter().skip(first).all(free);
        let known = self.steps.iter().all(|step| match step {
            Step::Tier(_) | Step::Distribute => true,
            Step::TopUp(at) => *at < self.reserves.len(),
            Step::Repay(at) => *at < self.revolvers.len(),
            Step::Sweep(at) => *at < self.sweeps.len(),
        });
        let once = self
            .steps
            .iter()
            .enumerate()
            .all(|(at, step)| self.steps.iter().skip(at).skip(1).all(|other| other != step));
        let named = self.claims.iter().all(|claim| self.steps.contains(&Step::Tier(claim.tier)));
        ordered && known && once && named
    }
}
