//! What happens to a loan besides its scheduled payments, and the level amount that follows from it.
#![forbid(unsafe_code)]

use super::loan::Run;
use super::steps::{Movement, Period, Step};
use super::{Amount, Entry, Fault, Profile, Rider};
use crate::calendar::{Date, YearFraction};
use crate::rate::AnnualRate;

impl<A: Amount, R: Rider<A>> Run<'_, A, R> {
    pub fn draw(&mut self, amount: A, entry: &mut Entry<A>) -> Result<(), Fault> {
        self.ledger.advance(amount)?;
        let received = |drawn: A| drawn.portion(self.loan.issue_price.parts(), AnnualRate::UNIT);
        let before = received(self.drawn);
        self.drawn = self.drawn.plus(amount).ok_or(Fault::Overflow)?;
        self.basis = self.basis.plus(amount).ok_or(Fault::Overflow)?;
        let now = received(self.drawn).minus(before);
        entry.proceeds = now.and_then(|now| entry.proceeds.plus(now)).ok_or(Fault::Overflow)?;
        if let Some(limit) = self.loan.limit_on(entry.date)
            && amount > A::zero()
            && self.ledger.balance().exceeds(limit)
        {
            return Err(Fault::BeyondBase { date: entry.date, limit: limit.as_f64() });
        }
        entry.draw = entry.draw.plus(amount).ok_or(Fault::Overflow)?;
        Ok(())
    }

    /// Applies the movements of one day, to which interest has accrued; `period` is the one that goes on.
    pub fn happen(&mut self, steps: &[Step<A>], period: Option<&Period>, entry: &mut Entry<A>) -> Result<(), Fault> {
        for step in steps {
            let mut done = step.movement;
            match step.movement {
                Movement::Reset(rate) => {
                    self.fixing |= rate != self.ledger.rate();
                    self.ledger.reset(rate);
                }
                Movement::Principal(amount) => self.repay_agreed(amount, entry)?,
                Movement::Prepayment(wanted) => {
                    done = Movement::Prepayment(self.prepay(&wanted, period, entry)?);
                }
                Movement::DrawnElsewhere(amount) => {
                    self.fix_before(period)?;
                    self.elsewhere = self.elsewhere.plus(amount).ok_or(Fault::Overflow)?;
                }
                Movement::Observe => entry.observed = true,
                Movement::Draw(amount) => {
                    let lent = amount != A::zero();
                    self.later = self.later.saturating_sub(usize::from(lent));
                    self.draw(amount, entry)?;
                    self.fixing |= lent;
                }
            }
            self.rider.moved(&done, &mut self.ledger, entry)?;
        }
        Ok(())
    }

    /// Repays principal that was agreed for the day. What clears the balance pays what has accrued too, as a prepayment
    /// in full does.
    fn repay_agreed(&mut self, agreed: A, entry: &mut Entry<A>) -> Result<(), Fault> {
        let owed = self.ledger.balance();
        let mut amount = if self.loan.partial { agreed.lesser(owed) } else { agreed };
        if amount.exceeds(owed) {
            return Err(Fault::BeyondBalance { number: self.next });
        }
        if owed > A::zero() && !owed.exceeds(amount) {
            self.settle(entry)?;
            amount = self.ledger.balance();
        }
        let paid = self.ledger.repay(amount)?;
        entry.principal = entry.principal.plus(paid).ok_or(Fault::Overflow)?;
        Ok(())
    }

    /// Whether movements leave what the loan's own interest is computed on as it is. Its period is not cut for them: day
    /// counts of 30 days a month count each part of it by its own dates (ISDA 2006 4.16(f)), so that a cut on a 31st is
    /// a day.
    pub fn is_still(&self, steps: &[Step<A>]) -> bool {
        let owes = self.ledger.balance() != A::zero();
        steps.iter().all(|step| match step.movement {
            Movement::Observe | Movement::DrawnElsewhere(_) => true,
            Movement::Reset(rate) => rate == self.ledger.rate(),
            Movement::Principal(amount) | Movement::Draw(amount) => amount == A::zero(),
            Movement::Prepayment(paid) => match paid.amount {
                Some(amount) => amount == A::zero() || paid.capped && !owes,
                None => !owes,
            },
        })
    }

    /// Applies movements that leave the loan's own interest as it is: to riders, and to what is known of draws.
    pub fn happen_beside(&mut self, steps: &[Step<A>], date: Date, period: &Period) -> Result<(), Fault> {
        // A fee on what is not drawn, and what accrues along a path.
        let elsewhere = |step: &Step<A>| match step.movement {
            Movement::DrawnElsewhere(amount) => amount,
            _ => A::zero(),
        };
        let turns = |step: &Step<A>| matches!(step.movement, Movement::Reset(_)) && !self.loan.path.is_empty();
        if steps.iter().any(|step| turns(step) || elsewhere(step) != A::zero()) {
            self.pass_beside(date, period)?;
        }
        for step in steps {
            self.elsewhere = self.elsewhere.plus(elsewhere(step)).ok_or(Fault::Overflow)?;
        }
        Ok(())
    }

    /// Works out the level amount where something earlier changed it, before a movement that does not: on the balance of
    /// then.
    pub fn fix_before(&mut self, period: Option<&Period>) -> Result<(), Fault> {
        if self.next < self.loan.interest_only {
            return Ok(());
        }
        let rest = period.map_or(YearFraction::ZERO, |period| self.time_to(period.end, period));
        self.fix(rest)
    }

    /// Whether the maturity cuts the coming period short of what the level amount is spread over: the last period of a
    /// loan with a balloon.
    fn is_cut(&self, whole: YearFraction) -> bool {
        let last = self.next.saturating_add(1) == self.loan.periods.len();
        last && self.loan.periods.last().is_some_and(|period| period.time != whole)
    }

    /// Works out the level amount from the next payment on, where something changed it. `rest` is the time from the
    /// clock to that payment: what has accrued by then is part of what is to be repaid, so a payment that is worked out
    /// late is the same.
    pub fn fix(&mut self, rest: YearFraction) -> Result<(), Fault> {
        if !std::mem::take(&mut self.fixing) {
            return Ok(());
        }
        if let Some(agreed) = self.loan.payment {
            self.ledger.set_payment(agreed);
            return Ok(());
        }
        let left = self.loan.times.get(self.next..).unwrap_or_default();
        let Some((whole, later)) = left.split_first() else { return Ok(()) };
        match self.loan.profile {
            Profile::LevelPayment if self.loan.nominal || self.is_cut(*whole) => {
                self.ledger.fix_nominal_payment(*whole, later)
            }
            Profile::LevelPayment => self.ledger.fix_payment(rest, later),
            Profile::LevelPrincipal => {
                let count = i64::try_from(left.len()).map_err(|_| Fault::Overflow)?;
                self.ledger.set_payment(self.ledger.balance().portion(1, count));
                Ok(())
            }
            Profile::Bullet | Profile::PercentSchedule(_) | Profile::Custom(_) | Profile::Sculpted(_) => Ok(()),
        }
    }
}
