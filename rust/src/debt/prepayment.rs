//! Prepayment: what is paid beyond what was agreed, and what that costs.
//!
//! A prepayment reduces principal and settles no interest, unless it repays the loan in full or says so. Its premium
//! is a share of what is prepaid, by a schedule of dates, and before the end of a make-whole period the interest that
//! the lender forgoes: what interest at the rate in force on the amount prepaid would be from the day of prepayment to
//! the end of that period, payment by payment, each discounted from payment to payment by 1 + discount rate x the
//! day count's fraction; rounded once, of the exact value.
#![forbid(unsafe_code)]

use std::cmp::Ordering;

use super::loan::Run;
use super::natural::Natural;
use super::steps::{Movement, Period, Step};
use super::{Amount, Entry, Fault, Rider};
use crate::calendar::{Date, YearFraction};
use crate::rate::AnnualRate;

/// A prepayment as agreed or, for riders, as paid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prepayment<A: Amount> {
    /// How much; all that is owed where there is none.
    pub amount: Option<A>,
    /// Whether later payments become smaller; otherwise the loan ends earlier.
    pub refix: bool,
    /// At most what is owed; otherwise paying more is refused.
    pub capped: bool,
    /// Whether a premium is due.
    pub called: bool,
    /// Whether it settles the interest accrued.
    pub with_interest: bool,
    /// Its place among the loan's prepayments.
    pub place: usize,
}

/// What a prepayment costs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Call<'a> {
    /// The premium from each date on, in order of date; none before the first.
    pub premiums: &'a [(Date, AnnualRate)],
    /// The end of the make-whole period, and the discount rate.
    pub make_whole: Option<(Date, AnnualRate)>,
}

impl<A: Amount, R: Rider<A>> Run<'_, A, R> {
    /// Pays beyond what was agreed; returns what was paid.
    pub fn prepay(
        &mut self,
        wanted: &Prepayment<A>,
        period: Option<&Period>,
        entry: &mut Entry<A>,
    ) -> Result<Prepayment<A>, Fault> {
        let balance = self.ledger.balance();
        let asked = wanted.amount.unwrap_or(balance);
        if asked.exceeds(balance) && !wanted.capped {
            let payoff = balance.plus(self.ledger.interest().due()?).ok_or(Fault::Overflow)?;
            return Err(Fault::Overpaid { place: wanted.place, payoff: payoff.as_f64() });
        }
        let mut amount = asked.lesser(balance);
        if !wanted.refix || amount <= A::zero() {
            self.fix_before(period)?;
        }
        if amount <= A::zero() {
            return Ok(Prepayment { amount: Some(A::zero()), ..*wanted });
        }
        let all = !balance.exceeds(asked);
        let (interest, fee) = (entry.interest, entry.fee);
        if all || wanted.with_interest {
            self.settle(entry)?;
        }
        if all {
            amount = self.ledger.balance();
        }
        if wanted.called {
            let premium = self.premium(amount)?;
            entry.premium = entry.premium.plus(premium).ok_or(Fault::Overflow)?;
            entry.fee = entry.fee.plus(premium).ok_or(Fault::Overflow)?;
        }
        let paid = self.ledger.repay(amount)?;
        entry.prepayment = entry.prepayment.plus(paid).ok_or(Fault::Overflow)?;
        if wanted.amount.is_none() {
            let cash = |now: A, before: A| now.minus(before).ok_or(Fault::Overflow);
            let beside = cash(entry.interest, interest)?.plus(cash(entry.fee, fee)?);
            entry.payoff = beside.and_then(|beside| beside.plus(paid)).ok_or(Fault::Overflow)?;
        }
        if wanted.refix {
            self.fixing = true;
            (self.basis, self.since) = (self.ledger.balance(), self.next);
        }
        self.ahead = true;
        Ok(Prepayment { amount: Some(paid), ..*wanted })
    }

    /// Pays what has accrued, on a day that is no payment date.
    pub fn settle(&mut self, entry: &mut Entry<A>) -> Result<(), Fault> {
        entry.settles = true;
        let mut interest = self.ledger.settle()?;
        self.rider.pay(&mut self.ledger, &mut interest, entry)?;
        entry.interest = entry.interest.plus(interest).ok_or(Fault::Overflow)?;
        let clock = self.ledger.clock();
        if self.settled < clock {
            entry.accrual_start = self.settled;
            self.settled = clock;
        }
        Ok(())
    }

    /// What prepaying an amount costs on the ledger's day.
    fn premium(&self, amount: A) -> Result<A, Fault> {
        let (clock, call) = (self.ledger.clock(), &self.loan.call);
        let after = call.premiums.partition_point(|(date, _)| *date <= clock);
        let share = after.checked_sub(1).and_then(|at| call.premiums.get(at)).map_or(0, |(_, rate)| rate.parts());
        let mut premium = amount.portion(share, AnnualRate::UNIT);
        if let Some((until, discount)) = call.make_whole.filter(|(until, _)| *until > clock) {
            let mut times = Vec::new();
            for period in self.loan.periods.iter().filter(|period| period.end > clock && period.start < until) {
                let (from, to) = (period.start.max(clock), period.end.min(until));
                times.push(self.loan.day_count.fraction(from, to, &period.context));
            }
            let forgone = amount.interest_forgone(self.ledger.rate(), discount, &times).ok_or(Fault::Overflow)?;
            premium = premium.plus(forgone).ok_or(Fault::Overflow)?;
        }
        Ok(premium)
    }

    /// Refuses prepayments of a loan that was repaid before.
    pub fn refuse_rest(&self, steps: &[Step<A>]) -> Result<(), Fault> {
        for step in steps {
            if let Movement::Prepayment(Prepayment { amount: Some(amount), capped: false, place, .. }) = step.movement
                && amount > A::zero()
            {
                return Err(Fault::Overpaid { place, payoff: 0.0 });
            }
        }
        Ok(())
    }
}

/// [`Amount::interest_forgone`] in float64.
pub(super) fn unrounded(amount: f64, rate: AnnualRate, discount: AnnualRate, periods: &[YearFraction]) -> f64 {
    let (rate, discount) = (rate.as_f64().max(0.0), discount.as_f64());
    periods
        .iter()
        .rev()
        .fold(0.0, |worth, time| (worth + amount * rate * time.as_f64()) / (1.0 + discount * time.as_f64()))
}

/// [`Amount::interest_forgone`] in whole minor units: float64 guesses, big integers decide.
///
/// With U = 10^12, rate r / U, discount d / U and periods t / b, worth = N / M is found from the last period back:
/// N <- a r t M + U b N and M <- (U b + d t) M. The least k with |N / M - k| <= 1/2 is sought, to even in a tie.
pub(super) fn exact(amount: i64, rate: AnnualRate, discount: AnnualRate, periods: &[YearFraction]) -> Option<i64> {
    const GUESSES: usize = 1_000;
    if rate.parts() <= 0 || amount <= 0 {
        return Some(0);
    }
    let yearly = u128::try_from(i128::from(amount).checked_mul(rate.parts().into())?).ok()?;
    let unit = u128::try_from(AnnualRate::UNIT).ok()?;
    let (mut top, mut bottom) = (Natural::of(0), Natural::of(1));
    for time in periods.iter().rev() {
        let (days, year) = (u128::try_from(time.top).ok()?, u128::try_from(time.bottom).ok()?);
        let whole = unit.checked_mul(year)?;
        let grown = whole.checked_add(u128::try_from(discount.parts()).ok()?.checked_mul(days)?)?;
        let mut interest = bottom.clone();
        interest.multiply(yearly);
        interest.multiply(days);
        top.multiply(whole);
        top.add(&interest);
        bottom.multiply(grown);
    }
    top.multiply(2);
    let guess = unrounded(amount.as_f64(), rate, discount, periods).round();
    #[expect(clippy::cast_possible_truncation, reason = "judged below")]
    let mut found = guess as i64;
    for _ in 0..GUESSES {
        let against = |double: i64| {
            let mut edge = bottom.clone();
            edge.multiply(u128::try_from(double.max(0)).unwrap_or(0));
            top.compare(&edge)
        };
        let double = found.checked_mul(2)?;
        let (above, below) = (against(double.checked_add(1)?), against(double.saturating_sub(1)));
        let odd = found.rem_euclid(2) == 1;
        if above == Ordering::Greater || above == Ordering::Equal && odd {
            found = found.checked_add(1)?;
        } else if found > 0 && (below == Ordering::Less || below == Ordering::Equal && odd) {
            found = found.checked_sub(1)?;
        } else {
            return Some(found);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn rate(rate: f64) -> AnnualRate {
        AnnualRate::new(rate, false).unwrap()
    }

    #[test]
    fn a_year_of_interest_in_two_halves() {
        // 50 / 1.04 + 50 / 1.04^2 = 94.3047...
        let halves = [YearFraction { top: 1, bottom: 2 }; 2];
        assert_eq!(exact(100_000, rate(0.1), rate(0.08), &halves), Some(9_430));
        assert!((unrounded(100_000.0, rate(0.1), rate(0.08), &halves) - 9_430.473_37).abs() < 1e-4);
        // Undiscounted it is the interest itself; ties go to even.
        assert_eq!(exact(50, rate(0.1), AnnualRate::ZERO, &halves), Some(5));
        assert_eq!(exact(50, rate(0.1), AnnualRate::ZERO, &halves[..1]), Some(2));
        assert_eq!(exact(70, rate(0.1), AnnualRate::ZERO, &halves[..1]), Some(4));
        assert_eq!((exact(0, rate(0.1), rate(0.1), &halves), exact(10, rate(0.1), rate(0.1), &[])), (Some(0), Some(0)));
    }
}
