//! The waterfall: at each month's end, cash pays what is owed in order of seniority.
//!
//! Revolvers are drawn for what is owed and the minimum cash, as far as they go. A tier is paid when those before it
//! have been paid in full, out of cash first and then out of reserves that are pledged to it; claims of a tier share in
//! proportion. What cannot be paid is past due, by claim, and due again the next month; cash is never negative. What
//! is not owed (repaying a revolver early, sweeps, distributions) is paid out of cash above the minimum only.
#![forbid(unsafe_code)]

use super::plan::{Interest, Owed, Plan, Step};
use super::tax::TaxYear;
use super::{Fault, minus, plus};
use crate::debt::{Accrual, Amount};

/// A claim in a month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClaimFlow {
    /// What falls due, without what is past due already.
    pub due: i64,
    /// Interest on what is past due.
    pub late: i64,
    /// Paid out of cash.
    pub paid: i64,
    /// Paid out of reserves.
    pub from_reserves: i64,
    /// What is past due at the end.
    pub past_due: i64,
}

/// A revolver in a month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RevolverFlow {
    /// Interest of the month.
    pub interest: i64,
    /// The fee for what is not drawn.
    pub fee: i64,
    /// Drawn at its end.
    pub draw: i64,
    /// What its limit no longer allows, which falls due.
    pub due: i64,
    /// Repaid early.
    pub repayment: i64,
    /// What is drawn at the end.
    pub balance: i64,
}

/// A reserve in a month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReserveFlow {
    /// Above its target, back to cash.
    pub release: i64,
    /// Paid to claims.
    pub used: i64,
    /// Put in.
    pub top_up: i64,
    /// What is in it at the end.
    pub balance: i64,
}

/// Cash and tax of a month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MonthFlow {
    /// Cash above the minimum when all that is owed has been paid.
    pub excess: i64,
    /// To the owners.
    pub distribution: i64,
    /// Cash at the end.
    pub cash: i64,
    /// Taxable income.
    pub taxable_income: i64,
    /// Tax charged for the month.
    pub tax: i64,
    /// Tax accrued and not yet due at the end; negative where too much was paid.
    pub tax_accrued: i64,
    /// Losses that may still be used.
    pub losses: i64,
}

/// All of it, month after month.
#[derive(Clone, Debug, Default)]
pub struct Flows {
    /// Each month's claims.
    pub claims: Vec<ClaimFlow>,
    /// Each month's revolvers.
    pub revolvers: Vec<RevolverFlow>,
    /// Each month's reserves.
    pub reserves: Vec<ReserveFlow>,
    /// Each month's sweeps.
    pub sweeps: Vec<i64>,
    /// Cash and tax.
    pub months: Vec<MonthFlow>,
}

/// Where a month stands.
struct Month<'a> {
    plan: &'a Plan,
    at: usize,
    cash: i64,
    /// Of it, what loans that are swept in full cost beside what is swept.
    held: i64,
    claims: Vec<ClaimFlow>,
    revolvers: Vec<RevolverFlow>,
    reserves: Vec<ReserveFlow>,
    sweeps: Vec<i64>,
    flow: MonthFlow,
    year: TaxYear,
    shares: Vec<(usize, i64)>,
}

/// Runs a plan.
///
/// # Errors
/// [`Fault`].
pub fn run(plan: &Plan) -> Result<Flows, Fault> {
    plan.check()?;
    let mut flows = Flows::default();
    let mut month = Month {
        plan,
        at: 0,
        cash: plan.opening_cash,
        held: 0,
        claims: vec![ClaimFlow::default(); plan.claims.len()],
        revolvers: plan
            .revolvers
            .iter()
            .map(|own| RevolverFlow { balance: own.opening, ..Default::default() })
            .collect(),
        reserves: plan.reserves.iter().map(|own| ReserveFlow { balance: own.opening, ..Default::default() }).collect(),
        sweeps: vec![0; plan.sweeps.len()],
        flow: MonthFlow { tax_accrued: plan.opening_tax, losses: plan.opening_losses, ..Default::default() },
        year: TaxYear::starting(plan.opening_losses),
        shares: Vec::with_capacity(plan.claims.len()),
    };
    for at in 0..plan.months {
        month.at = at;
        month.pass()?;
        flows.claims.extend_from_slice(&month.claims);
        flows.revolvers.extend_from_slice(&month.revolvers);
        flows.reserves.extend_from_slice(&month.reserves);
        flows.sweeps.extend_from_slice(&month.sweeps);
        flows.months.push(month.flow);
    }
    Ok(flows)
}

/// A month's value; the plan has one for each.
fn of<T: Copy>(values: &[T], at: usize) -> Result<T, Fault> {
    values.get(at).copied().ok_or(Fault::Plan)
}

/// A month's interest, rounded once.
fn interest_on(amount: i64, terms: &Interest, at: usize) -> Result<i64, Fault> {
    if terms.rate.is_empty() || amount == 0 {
        return Ok(0);
    }
    let mut accrual = Accrual::<i64>::default();
    accrual.add(amount, of(&terms.rate, at)?, of(&terms.time, at)?).map_err(|_| Fault::Overflow)?;
    // A rate below zero costs nothing here: a lender does not pay for being owed.
    Ok(accrual.settle().map_err(|_| Fault::Overflow)?.max(0))
}

fn sum(values: impl Iterator<Item = i64>) -> Result<i64, Fault> {
    values.map(Ok).reduce(|one, other| plus(one?, other?)).unwrap_or(Ok(0))
}

impl ClaimFlow {
    /// What is still to be paid.
    fn open(&self) -> i64 {
        self.past_due
    }
}

impl Month<'_> {
    fn pass(&mut self) -> Result<(), Fault> {
        let plan = self.plan;
        self.held = 0;
        self.accrue()?;
        self.release()?;
        self.cash = plus(self.cash, of(&plan.receipts, self.at)?)?;
        self.draw()?;
        let mut split = false;
        for step in &plan.steps {
            if !split && matches!(step, Step::Repay(_) | Step::Sweep(_) | Step::Distribute) {
                split = true;
                self.flow.excess = self.free()?;
            }
            match *step {
                Step::Tier(tier) => self.pay(tier)?,
                Step::TopUp(at) => self.top_up(at)?,
                Step::Repay(at) => self.repay(at)?,
                Step::Sweep(at) => self.sweep(at)?,
                Step::Distribute => self.distribute()?,
            }
        }
        if !split {
            self.flow.excess = self.free()?;
        }
        self.flow.cash = self.cash;
        Ok(())
    }

    /// What has come to be owed over the month.
    fn accrue(&mut self) -> Result<(), Fault> {
        let (plan, at) = (self.plan, self.at);
        let before = at.checked_sub(1);
        for (flow, own) in self.revolvers.iter_mut().zip(&plan.revolvers) {
            let opening = flow.balance;
            let limit = before.map_or(Ok(own.opening_limit), |before| of(&own.limit, before))?;
            let due = minus(opening, of(&own.limit, at)?)?.max(0);
            *flow = RevolverFlow {
                interest: interest_on(opening, &own.interest, at)?,
                fee: interest_on(minus(limit, opening)?.max(0), &own.undrawn, at)?,
                due,
                balance: minus(opening, due)?,
                ..Default::default()
            };
        }
        for (flow, claim) in self.claims.iter_mut().zip(&plan.claims) {
            let due = match &claim.owed {
                Owed::Given(due) => of(due, at)?,
                Owed::Tax => 0,
                Owed::RevolverCost(place) => {
                    let revolver = self.revolvers.get(*place).ok_or(Fault::Plan)?;
                    plus(revolver.interest, revolver.fee)?
                }
                Owed::RevolverPrincipal(place) => self.revolvers.get(*place).ok_or(Fault::Plan)?.due,
            };
            let late = interest_on(flow.past_due, &claim.late, at)?;
            let open = plus(plus(flow.past_due, late)?, due)?;
            *flow = ClaimFlow { due, late, past_due: open, ..Default::default() };
        }
        self.flow.distribution = 0;
        self.tax()
    }

    /// Tax of the month, after the interest that only this run knows, and what of it falls due.
    fn tax(&mut self) -> Result<(), Fault> {
        let (plan, at) = (self.plan, self.at);
        let costs = sum(self.revolvers.iter().flat_map(|revolver| [revolver.interest, revolver.fee]))?;
        let late = sum(self.claims.iter().map(|claim| claim.late))?;
        let income = minus(of(&plan.taxable_income, at)?, plus(costs, late)?)?;
        self.flow.taxable_income = income;
        self.flow.tax = 0;
        let Some(terms) = plan.tax else { return Ok(()) };
        let month = self.year.add(terms, income, of(&plan.year_starts, at)?)?;
        let mut accrued = plus(self.flow.tax_accrued, month.charge)?;
        if of(&plan.tax_paid, at)? {
            let mut taxes =
                self.claims.iter_mut().zip(&plan.claims).filter(|(_, claim)| matches!(claim.owed, Owed::Tax));
            if let Some((flow, _)) = taxes.next() {
                flow.due = accrued.max(0);
                flow.past_due = plus(flow.past_due, flow.due)?;
                accrued = minus(accrued, flow.due)?;
            }
        }
        (self.flow.tax, self.flow.tax_accrued, self.flow.losses) = (month.charge, accrued, month.losses);
        Ok(())
    }

    /// What reserves hold above their targets.
    fn release(&mut self) -> Result<(), Fault> {
        for (flow, own) in self.reserves.iter_mut().zip(&self.plan.reserves) {
            let release = minus(flow.balance, of(&own.target, self.at)?)?.max(0);
            *flow = ReserveFlow { release, balance: minus(flow.balance, release)?, ..Default::default() };
            self.cash = plus(self.cash, release)?;
        }
        Ok(())
    }

    /// Draws revolvers for all that is owed, reserves and the minimum cash.
    fn draw(&mut self) -> Result<(), Fault> {
        let (plan, at) = (self.plan, self.at);
        let mut needed = plus(sum(self.claims.iter().map(ClaimFlow::open))?, of(&plan.minimum_cash, at)?)?;
        for step in &plan.steps {
            if let Step::TopUp(place) = step {
                let reserve = self.reserves.get(*place).ok_or(Fault::Plan)?;
                let target = of(&plan.reserves.get(*place).ok_or(Fault::Plan)?.target, at)?;
                needed = plus(needed, minus(target, reserve.balance)?.max(0))?;
            }
        }
        let mut missing = minus(needed, self.cash)?.max(0);
        for (flow, own) in self.revolvers.iter_mut().zip(&plan.revolvers) {
            let room = minus(of(&own.limit, at)?, flow.balance)?.max(0);
            flow.draw = missing.min(room);
            flow.balance = plus(flow.balance, flow.draw)?;
            missing = minus(missing, flow.draw)?;
            self.cash = plus(self.cash, flow.draw)?;
        }
        Ok(())
    }

    /// Pays the claims of a tier.
    fn pay(&mut self, tier: usize) -> Result<(), Fault> {
        let plan = self.plan;
        let paid = self.share_out(self.cash, |at| plan.claims.get(at).is_some_and(|claim| claim.tier == tier))?;
        self.cash = minus(self.cash, paid)?;
        for (at, amount) in std::mem::take(&mut self.shares) {
            let flow = self.claims.get_mut(at).ok_or(Fault::Plan)?;
            flow.paid = amount;
            flow.past_due = minus(flow.past_due, amount)?;
        }
        for place in 0..plan.reserves.len() {
            let held = self.reserves.get(place).ok_or(Fault::Plan)?.balance;
            let pledged = |at: usize| {
                plan.claims.get(at).is_some_and(|claim| claim.tier == tier && claim.reserves.contains(&place))
            };
            let used = self.share_out(held, pledged)?;
            let reserve = self.reserves.get_mut(place).ok_or(Fault::Plan)?;
            reserve.used = plus(reserve.used, used)?;
            reserve.balance = minus(reserve.balance, used)?;
            for (at, amount) in std::mem::take(&mut self.shares) {
                let flow = self.claims.get_mut(at).ok_or(Fault::Plan)?;
                flow.from_reserves = plus(flow.from_reserves, amount)?;
                flow.past_due = minus(flow.past_due, amount)?;
            }
        }
        Ok(())
    }

    /// Divides what there is among claims, in proportion to what is open: each has the difference of two shares of
    /// running sums, rounded down, so that they sum to what is paid and none is paid more than it is owed.
    fn share_out(&mut self, available: i64, among: impl Fn(usize) -> bool) -> Result<i64, Fault> {
        self.shares.clear();
        let open = || self.claims.iter().enumerate().filter(|(at, _)| among(*at)).map(|(at, flow)| (at, flow.open()));
        let whole = sum(open().map(|(_, owed)| owed))?;
        let paid = available.min(whole);
        if paid <= 0 {
            return Ok(0);
        }
        let (mut running, mut given) = (0, 0);
        for (at, owed) in open() {
            running = plus(running, owed)?;
            let through = if paid == whole { running } else { paid.at_most(running, whole).ok_or(Fault::Overflow)? };
            self.shares.push((at, minus(through, given)?));
            given = through;
        }
        Ok(paid)
    }

    fn top_up(&mut self, place: usize) -> Result<(), Fault> {
        let target = of(&self.plan.reserves.get(place).ok_or(Fault::Plan)?.target, self.at)?;
        let reserve = self.reserves.get_mut(place).ok_or(Fault::Plan)?;
        reserve.top_up = minus(target, reserve.balance)?.max(0).min(self.cash);
        reserve.balance = plus(reserve.balance, reserve.top_up)?;
        self.cash = minus(self.cash, reserve.top_up)?;
        Ok(())
    }

    /// Cash above the minimum; nothing of it is free while something is past due.
    fn free(&self) -> Result<i64, Fault> {
        if self.claims.iter().any(|claim| claim.past_due > 0) {
            return Ok(0);
        }
        let kept = plus(of(&self.plan.minimum_cash, self.at)?, self.held)?;
        Ok(minus(self.cash, kept)?.max(0))
    }

    fn repay(&mut self, place: usize) -> Result<(), Fault> {
        let free = self.free()?;
        let revolver = self.revolvers.get_mut(place).ok_or(Fault::Plan)?;
        revolver.repayment = revolver.balance.min(free);
        revolver.balance = minus(revolver.balance, revolver.repayment)?;
        self.cash = minus(self.cash, revolver.repayment)?;
        Ok(())
    }

    fn sweep(&mut self, place: usize) -> Result<(), Fault> {
        let (free, at) = (self.free()?, self.at);
        let own = self.plan.sweeps.get(place).ok_or(Fault::Plan)?;
        let swept = if at < self.plan.settled {
            of(&own.settled, at)?.min(free)
        } else {
            let (top, bottom) = own.share.as_fraction();
            let share = free.at_most(top, bottom).ok_or(Fault::Overflow)?;
            let (balance, accrued) = (of(&own.balance, at)?, of(&own.accrued, at)?);
            if share < balance {
                share
            } else if share >= plus(balance, accrued)? {
                // Interest that goes with the last of a loan is not in what is owed yet.
                self.held = plus(self.held, accrued)?;
                balance
            } else {
                minus(share, accrued)?.max(0)
            }
        };
        *self.sweeps.get_mut(place).ok_or(Fault::Plan)? = swept;
        self.cash = minus(self.cash, swept)?;
        Ok(())
    }

    fn distribute(&mut self) -> Result<(), Fault> {
        let free = self.free()?;
        let planned = of(&self.plan.distributions, self.at)?.min(free);
        let (top, bottom) = of(&self.plan.distribution_share, self.at)?.as_fraction();
        let more = minus(free, planned)?.at_most(top, bottom).ok_or(Fault::Overflow)?;
        self.flow.distribution = plus(planned, more)?;
        self.cash = minus(self.cash, self.flow.distribution)?;
        Ok(())
    }
}
