//! A contract's events, one after the other, on the ledger.
//!
//! The ledger is run as the lender sees it; a liability turns every sign at the way out.
#![forbid(unsafe_code)]

use super::steps::{Plan, Step, TOLERANCE};
use super::{ContractType, EventType, Fault, FeeBasis, Moment, Penalty, PrepaymentEffect, Terms};
use crate::calendar::{Grid, YearFraction};
use crate::debt::{Accrual, Ledger};
use crate::error::Rule;

/// A whole year: what is brought in accrues at a rate of 1 over it.
const WHOLE: YearFraction = YearFraction { top: 1, bottom: 1 };

/// An event, and the state after it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// When, as [`Moment::code`].
    pub time: i32,
    /// What, as [`EventType::code`].
    pub kind: i8,
    /// Received, or paid where negative.
    pub payoff: f64,
    /// Principal; negative where it is owed.
    pub notional: f64,
    /// The rate in force.
    pub rate: f64,
    /// Interest accrued and not paid.
    pub accrued: f64,
}

/// Memory that one contract leaves to the next.
#[derive(Debug, Default)]
pub struct Scratch {
    steps: Vec<Step>,
    dates: Vec<Moment>,
    /// The dates that an annuity is paid on, and the time from each to the next.
    grid: Vec<Moment>,
    later: Vec<YearFraction>,
}

/// A contract on its way.
pub struct Run<'a> {
    terms: &'a Terms<'a>,
    plan: Plan<'a>,
    ledger: Ledger<f64, f64>,
    fee: Accrual<f64>,
    /// Interest up to the call, which is paid at settlement.
    claim: f64,
    scale: (f64, f64),
    performing: bool,
    called: bool,
    prepaid: bool,
    /// Of the redemptions of an array, after prepayments that lower them.
    share: f64,
}

impl From<crate::debt::Fault> for Fault {
    fn from(_: crate::debt::Fault) -> Self {
        // Unrounded amounts do not overflow but into infinity.
        Self::new("notionalPrincipal", Rule::Overflow, "")
    }
}

impl<'a> Run<'a> {
    /// Hands every event after the status date, up to and with `to`, to the sink.
    ///
    /// # Errors
    /// What stops the contract; rows before it may have been handed over.
    pub fn events(
        terms: &'a Terms<'a>,
        to: Option<Moment>,
        scratch: &mut Scratch,
        sink: &mut dyn FnMut(Row),
    ) -> Result<(), Fault> {
        let plan = Plan::new(terms, to, &mut scratch.dates)?;
        plan.steps(&mut scratch.dates, &mut scratch.steps)?;
        let mut run = Self::start(terms, plan)?;
        run.agree(scratch)?;
        run.walk(to, scratch, sink)
    }

    /// The state at the status date: nothing, or what the terms say that stands there. Interest between the initial
    /// exchange and the status date is what `accruedInterest` says, else nothing, as in the published cases; the
    /// specification would accrue it.
    fn start(terms: &'a Terms<'a>, plan: Plan<'a>) -> Result<Self, Fault> {
        let later = terms.starts_later();
        let clock = if later { terms.start } else { terms.status };
        let mut run = Self {
            terms,
            plan,
            ledger: Ledger::new(clock.counted(), 0.0),
            fee: Accrual::default(),
            claim: 0.0,
            scale: terms.scaled_by,
            performing: terms.performing,
            called: false,
            prepaid: false,
            share: 1.0,
        };
        run.fee.add(terms.fee_accrued, 1.0, WHOLE)?;
        if !later {
            run.lend(terms.accrued.unwrap_or(0.0))?;
        }
        Ok(run)
    }

    fn lend(&mut self, accrued: f64) -> Result<(), Fault> {
        self.ledger.advance(self.terms.principal)?;
        self.ledger.reset(self.terms.rate.unwrap_or(0.0));
        self.ledger.bring_interest(accrued, 1.0, WHOLE)?;
        if self.terms.has_own_base() {
            self.ledger.rebase(self.terms.base_amount.unwrap_or(self.terms.principal));
        }
        Ok(())
    }

    /// The initial exchange; interest of a cycle that began before it is bought with it.
    fn exchange(&mut self) -> Result<(), Fault> {
        let terms = self.terms;
        let rate = terms.rate.unwrap_or(0.0);
        let accrued = match (terms.accrued, terms.interest.anchor) {
            (Some(given), _) => given,
            (None, Some(anchor)) if anchor < terms.start => {
                self.time(anchor, terms.start).as_f64() * terms.principal * rate
            }
            _ => 0.0,
        };
        self.lend(accrued)
    }

    /// The payment that holds until it is fixed anew.
    fn agree(&mut self, scratch: &mut Scratch) -> Result<(), Fault> {
        let terms = self.terms;
        match (terms.contract_type, terms.payment) {
            (_, Some(given)) => self.ledger.set_payment(given),
            (ContractType::Lam, None) => {
                self.plan.redemptions(self.plan.maturity, &mut scratch.dates);
                let due = |at: &&Moment| **at > terms.status && **at >= terms.start;
                // One more at maturity; the specification divides times instead.
                let count = scratch.dates.iter().filter(due).fold(1.0, |count, _| count + 1.0);
                self.ledger.set_payment(terms.principal / count);
            }
            _ => {}
        }
        if terms.contract_type != ContractType::Ann {
            return Ok(());
        }
        self.plan.redemptions(terms.amortization.or(self.plan.maturity), &mut scratch.grid);
        scratch.grid.extend(terms.amortization.or(self.plan.maturity));
        scratch.later.clear();
        let next = scratch.grid.iter().skip(1);
        scratch.later.extend(scratch.grid.iter().zip(next).map(|(from, to)| self.time(*from, *to)));
        if terms.payment.is_none() && self.plan.first_fixing()?.is_none() {
            let before = self.ledger;
            let later = terms.starts_later();
            if later {
                self.exchange()?;
            }
            self.fix_payment(if later { terms.start } else { terms.status }, later, scratch)?;
            let payment = self.ledger.payment();
            self.ledger = before;
            self.ledger.set_payment(payment);
        }
        Ok(())
    }

    fn time(&self, from: Moment, to: Moment) -> YearFraction {
        self.terms.fraction(from.counted(), to.counted(), self.plan.maturity)
    }

    /// The annuity over what is left of its dates.
    fn fix_payment(&mut self, at: Moment, with_first: bool, scratch: &Scratch) -> Result<(), Fault> {
        let place = scratch.grid.iter().position(|date| *date > at || (with_first && *date == at));
        let Some((place, next)) = place.and_then(|place| scratch.grid.get(place).map(|next| (place, *next))) else {
            return Ok(());
        };
        self.ledger.fix_payment(self.time(at, next), scratch.later.get(place..).unwrap_or(&[]))?;
        Ok(())
    }

    fn walk(&mut self, to: Option<Moment>, scratch: &mut Scratch, sink: &mut dyn FnMut(Row)) -> Result<(), Fault> {
        let purchase = scratch.steps.iter().find(|step| step.kind == EventType::Prd).map(Step::key);
        let sign = if self.terms.liability { -1.0 } else { 1.0 };
        let mut number = 0_usize;
        while let Some(step) = scratch.steps.get(number).copied() {
            number = number.saturating_add(1);
            if to.is_some_and(|to| step.shown > to) {
                return Ok(());
            }
            if self.clears(&step) {
                self.end_at(&step, number, scratch);
                continue;
            }
            let payoff = self.apply(&step, scratch)?;
            let payoff = if self.performing { payoff } else { 0.0 };
            let state = self.state(&step)?;
            let balance = state.balance();
            if !(payoff.is_finite() && balance.is_finite() && state.rate().is_finite()) {
                return Err(Fault::new("notionalPrincipal", Rule::Overflow, step.shown));
            }
            if purchase.is_none_or(|purchase| step.key() >= purchase) {
                sink(Row {
                    time: step.shown.code(),
                    kind: step.kind.code(),
                    // Adding zero makes a zero of what is minus zero.
                    payoff: sign * payoff + 0.0,
                    notional: sign * balance + 0.0,
                    rate: state.rate(),
                    accrued: sign * state.interest().due()? + 0.0,
                });
            }
            match step.kind {
                EventType::Ce => self.performing = false,
                EventType::Xd => self.call(&step, number, scratch),
                EventType::Td | EventType::Md | EventType::Std => return self.close(to, number, scratch),
                _ => {}
            }
        }
        Ok(())
    }

    /// Nothing happens to a contract that has ended.
    fn close(&self, to: Option<Moment>, number: usize, scratch: &Scratch) -> Result<(), Fault> {
        let left = scratch.steps.iter().skip(number).find(|step| step.kind != EventType::Ad && self.is_observed(step));
        match left.filter(|step| to.is_none_or(|to| step.shown <= to)) {
            Some(step) => {
                let example = format!("{} at {}, when the contract has ended", step.kind.name(), step.shown);
                Err(Fault::new("observed_events", Rule::EventState, example))
            }
            None => Ok(()),
        }
    }

    /// What a row shows; a look at the contract leaves it as it is.
    fn state(&self, step: &Step) -> Result<Ledger<f64, f64>, Fault> {
        let mut state = self.ledger;
        if step.kind == EventType::Ad && step.counted.counted() > state.clock() && !self.called {
            let time = self.terms.fraction(state.clock(), step.counted.counted(), self.plan.maturity);
            state.accrue_to(step.counted.counted(), time)?;
        }
        Ok(state)
    }

    /// Whether a redemption is the last of a loan whose term is shortened by what was prepaid.
    fn clears(&self, step: &Step) -> bool {
        let terms = self.terms;
        step.kind == EventType::Pr
            && self.prepaid
            && terms.prepayment == PrepaymentEffect::Maturity
            && self.redemption(step) >= self.ledger.balance() - TOLERANCE * terms.principal
    }

    /// The contract ends here: fees and interest are paid, and the rest of the principal.
    fn end_at(&self, last: &Step, number: usize, scratch: &mut Scratch) {
        let paid = |step: &Step| step.kind == EventType::Fp && step.shown == last.shown;
        let fees = self.terms.fee_basis == Some(FeeBasis::Principal)
            && self.terms.fee_rate != 0.0
            && !scratch.steps.iter().take(number).any(paid);
        let observed = self.terms.observed.iter().filter(|event| event.time > last.shown);
        scratch.steps.truncate(number);
        let kinds = [(EventType::Fp, fees), (EventType::Ip, true), (EventType::Md, true)];
        let due = kinds.into_iter().filter(|(_, due)| *due);
        scratch.steps.extend(due.map(|(kind, _)| Step { kind, value: 0.0, ..*last }));
        scratch.steps.extend(observed.map(|event| Step::unmoved(event.kind, event.time, event.value)));
    }

    /// When what is called is paid; `None` where the contract matures before.
    fn settlement(&self, called: Moment) -> Option<Moment> {
        let notice = self.terms.notice.map(|cycle| Grid::new(called.date(), cycle, false).date(1));
        let settled = notice.map_or(called, |day| called.on(day));
        self.plan.maturity.is_none_or(|end| settled < end).then_some(settled)
    }

    fn is_observed(&self, step: &Step) -> bool {
        self.terms.observed.iter().any(|event| (event.time, event.kind) == (step.shown, step.kind))
    }

    /// After a call, nothing accrues; interest and principal are due when the notice has passed. With a notice, what
    /// has accrued is a claim and no accrual any more, so that the published cases show none.
    fn call(&mut self, step: &Step, number: usize, scratch: &mut Scratch) {
        let Some(settled) = self.settlement(step.shown) else { return };
        self.called = true;
        let mut place = 0_usize;
        scratch.steps.retain(|later| {
            place = place.saturating_add(1);
            let stays = later.kind == EventType::Td || self.is_observed(later);
            place <= number || stays
        });
        for kind in [EventType::Ip, EventType::Std] {
            scratch.steps.push(Step { shown: settled, counted: step.counted, kind, value: 0.0 });
        }
        if let Some(rest) = scratch.steps.get_mut(number..) {
            rest.sort_by_key(Step::key);
        }
    }

    /// What a redemption repays: at most what is owed, and less than nothing where a payment does not cover interest.
    fn redemption(&self, step: &Step) -> f64 {
        let due = match self.terms.contract_type {
            ContractType::Lam => self.ledger.payment(),
            ContractType::Lax | ContractType::Ump => step.value * self.share,
            _ => {
                let interest = self.state(&Step { kind: EventType::Ad, ..*step });
                self.ledger.payment() - interest.and_then(|state| Ok(state.interest().due()?)).unwrap_or(0.0)
            }
        };
        due.min(self.ledger.balance())
    }

    fn accrue(&mut self, to: Moment) -> Result<f64, Fault> {
        let date = to.counted();
        let clock = self.ledger.clock();
        if date <= clock || self.called {
            return Ok(0.0);
        }
        let time = self.terms.fraction(clock, date, self.plan.maturity);
        if self.terms.fee_basis == Some(FeeBasis::Principal) {
            self.fee.add(self.ledger.balance(), self.terms.fee_rate, time)?;
        }
        self.ledger.accrue_to(date, time)?;
        Ok(time.as_f64())
    }

    /// Changes the balance; a base that is an amount of its own stays.
    fn change(
        &mut self,
        change: impl FnOnce(&mut Ledger<f64, f64>) -> Result<f64, crate::debt::Fault>,
    ) -> Result<f64, Fault> {
        let base = self.ledger.base();
        let changed = change(&mut self.ledger)?;
        if self.terms.has_own_base() {
            self.ledger.rebase(base);
        }
        Ok(changed)
    }

    /// Takes a step; what it pays, as the lender sees it.
    fn apply(&mut self, step: &Step, scratch: &Scratch) -> Result<f64, Fault> {
        let terms = self.terms;
        let at = step.counted;
        match step.kind {
            EventType::Ied => {
                self.exchange()?;
                return Ok(-(terms.principal + terms.premium));
            }
            EventType::Ad => return Ok(0.0),
            _ => {}
        }
        let years = self.accrue(at)?;
        let (on_principal, on_interest) = self.scale;
        Ok(match step.kind {
            EventType::Pr => {
                let part = self.redemption(step);
                if terms.contract_type == ContractType::Ump && part < step.value - TOLERANCE * terms.principal {
                    return Err(Fault::new("observed_events", Rule::Range, format!("PR of {} at {}", step.value, at)));
                }
                on_principal * self.change(|ledger| ledger.repay(part))?
            }
            EventType::Pi => {
                self.change(|ledger| ledger.advance(step.value).map(|()| step.value))?;
                -on_principal * step.value
            }
            EventType::Pp => self.prepay(step, scratch)?,
            EventType::Py => self.penalty(at, years)?,
            EventType::Fp => match terms.fee_basis {
                Some(FeeBasis::Absolute) => terms.fee_rate,
                _ => self.fee.settle()?,
            },
            EventType::Ip => on_interest * (self.ledger.settle()? + std::mem::take(&mut self.claim)),
            EventType::Ipci => {
                let interest = self.ledger.settle()?;
                self.change(|ledger| ledger.capitalise(interest).map(|()| interest))?;
                0.0
            }
            EventType::Rrf => {
                self.ledger.reset(step.value);
                0.0
            }
            EventType::Rr => {
                self.ledger.reset(self.rate_at(at, step.value)?);
                0.0
            }
            EventType::Prf => {
                self.fix_payment(at, false, scratch)?;
                0.0
            }
            EventType::Ipcb => {
                self.ledger.rebase(self.ledger.balance());
                0.0
            }
            EventType::Sc => {
                self.rescale(at)?;
                0.0
            }
            EventType::Xd => {
                if self.settlement(step.shown).is_some_and(|settled| settled > step.shown) {
                    self.claim = self.ledger.settle()?;
                }
                0.0
            }
            // The price is clean: what has accrued comes on top, on both sides of the trade.
            EventType::Prd => -(step.value + self.ledger.interest().due()?),
            EventType::Td => step.value + self.wind_up()?.1,
            EventType::Md | EventType::Std => {
                let (principal, interest) = self.wind_up()?;
                on_principal * principal + on_interest * interest
            }
            EventType::Ied | EventType::Ce | EventType::Ad => 0.0,
        })
    }

    fn wind_up(&mut self) -> Result<(f64, f64), Fault> {
        let interest = self.ledger.settle()? + std::mem::take(&mut self.claim);
        let principal = self.ledger.repay(self.ledger.balance())?;
        Ok((principal, interest))
    }

    fn observe(series: super::Series<'_>, term: &'static str, at: Moment) -> Result<f64, Fault> {
        series.at(at).ok_or_else(|| Fault::new(term, Rule::ObservationMissing, at))
    }

    /// The index, within the limits to the change and then to the rate.
    fn rate_at(&self, at: Moment, spread: f64) -> Result<f64, Fault> {
        let terms = self.terms;
        let index = Self::observe(terms.index, "marketObjectCodeOfRateReset", at)?;
        let before = self.ledger.rate();
        let change = (index * terms.multiplier + spread - before).max(-terms.period_floor).min(terms.period_cap);
        let rate = (before + change).max(terms.life_floor).min(terms.life_cap);
        if rate <= -1.0 || rate > 1.0 {
            let rule = if rate > 1.0 && rate <= 100.0 { Rule::RateUnit } else { Rule::Range };
            return Err(Fault::new("marketObjectCodeOfRateReset", rule, format!("{rate} at {at}")));
        }
        Ok(rate)
    }

    /// The specification prints (index - base) / base; the published cases scale by index / base.
    fn rescale(&mut self, at: Moment) -> Result<(), Fault> {
        let terms = self.terms;
        let index = Self::observe(terms.scaling_index, "marketObjectCodeOfScalingIndex", at)?;
        let factor = index / terms.scaling_base;
        let (principal, interest) = terms.scales;
        self.scale = (if principal { factor } else { self.scale.0 }, if interest { factor } else { self.scale.1 });
        Ok(())
    }

    fn prepay(&mut self, step: &Step, scratch: &Scratch) -> Result<f64, Fault> {
        let before = self.ledger.balance();
        if step.value > before + TOLERANCE * self.terms.principal {
            let example = format!("PP of {} at {}, when {before} is owed", step.value, step.shown);
            return Err(Fault::new("observed_events", Rule::Range, example));
        }
        self.change(|ledger| ledger.repay(step.value))?;
        self.prepaid = true;
        if self.terms.prepayment == PrepaymentEffect::Amount && before > 0.0 {
            let left = self.ledger.balance() / before;
            self.share *= left;
            if self.terms.contract_type == ContractType::Ann {
                self.fix_payment(step.counted, false, scratch)?;
            } else {
                self.ledger.set_payment(self.ledger.payment() * left);
            }
        }
        Ok(step.value)
    }

    /// A rate counts over the time since the event before, as the specification prints it.
    fn penalty(&self, at: Moment, years: f64) -> Result<f64, Fault> {
        let terms = self.terms;
        let rate = match terms.penalty {
            Penalty::None => return Ok(0.0),
            Penalty::Absolute => return Ok(terms.penalty_rate),
            Penalty::Relative => terms.penalty_rate,
            Penalty::Differential => {
                let index = Self::observe(terms.index, "marketObjectCodeOfRateReset", at)?;
                (self.ledger.rate() - index).max(0.0)
            }
        };
        Ok(rate * years * self.ledger.balance())
    }
}
