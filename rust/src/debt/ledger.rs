//! The state of one contract and what can happen to it: the one engine of schedules, whoever drives it.
//!
//! A driver puts dated steps in order and tells the ledger what each is; no rule about dates, rounding or profiles
//! lives here but that interest accrues up to every step first.
#![forbid(unsafe_code)]

use super::{Accrual, Amount, Fault, Rate};
use crate::calendar::{Date, YearFraction};
use crate::rate::AnnualRate;

/// The state of a contract, in amounts `A` and at rates `R`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ledger<A: Amount, R: Rate<A> = AnnualRate> {
    balance: A,
    base: A,
    interest: Accrual<A>,
    rate: R,
    payment: A,
    clock: Date,
}

impl<A: Amount, R: Rate<A>> Ledger<A, R> {
    /// Nothing lent yet.
    #[must_use]
    pub fn new(start: Date, rate: R) -> Self {
        Self {
            balance: A::zero(),
            base: A::zero(),
            interest: Accrual::default(),
            rate,
            payment: A::zero(),
            clock: start,
        }
    }

    /// Outstanding principal.
    #[must_use]
    pub fn balance(&self) -> A {
        self.balance
    }

    /// What interest is computed on; the balance, unless contracts lag behind it.
    #[must_use]
    pub fn base(&self) -> A {
        self.base
    }

    /// The rate in force.
    #[must_use]
    pub fn rate(&self) -> R {
        self.rate
    }

    /// The level payment in force.
    #[must_use]
    pub fn payment(&self) -> A {
        self.payment
    }

    /// The date up to which interest has accrued.
    #[must_use]
    pub fn clock(&self) -> Date {
        self.clock
    }

    /// Interest since it was last settled.
    #[must_use]
    pub fn interest(&self) -> &Accrual<A> {
        &self.interest
    }

    /// Interest accrues up to `date`, which is `time` after the clock.
    ///
    /// # Errors
    /// [`Fault::Overflow`].
    #[inline]
    pub fn accrue_to(&mut self, date: Date, time: YearFraction) -> Result<(), Fault> {
        self.clock = date;
        self.interest.add(self.base, self.rate, time)
    }

    /// Time passes, and interest will accrue for it later: nothing that it is computed on has changed.
    pub fn pass_to(&mut self, date: Date) {
        self.clock = date;
    }

    /// Interest is as it was on an earlier day, and that since then is still to accrue.
    pub fn resume(&mut self, interest: Accrual<A>) {
        self.interest = interest;
    }

    /// Interest that accrued elsewhere (brought in, or at a rate of its own) joins what is not settled.
    ///
    /// # Errors
    /// [`Fault::Overflow`].
    pub fn bring_interest(&mut self, amount: A, rate: R, time: YearFraction) -> Result<(), Fault> {
        self.interest.add(amount, rate, time)
    }

    /// More is lent.
    ///
    /// # Errors
    /// [`Fault::Overflow`].
    pub fn advance(&mut self, amount: A) -> Result<(), Fault> {
        self.raise(amount)
    }

    /// The interest due, rounded once; none stays unsettled.
    ///
    /// # Errors
    /// [`Fault::Overflow`].
    #[inline]
    pub fn settle(&mut self) -> Result<A, Fault> {
        self.interest.settle()
    }

    /// Interest that was settled and not paid is owed from now on.
    ///
    /// # Errors
    /// [`Fault::Overflow`].
    pub fn capitalise(&mut self, interest: A) -> Result<(), Fault> {
        self.raise(interest)
    }

    /// Principal is repaid, at most what is owed; returns how much was.
    ///
    /// # Errors
    /// [`Fault::Overflow`].
    #[inline]
    pub fn repay(&mut self, amount: A) -> Result<A, Fault> {
        let paid = amount.lesser(self.balance);
        self.balance = self.balance.minus(paid).ok_or(Fault::Overflow)?;
        self.base = self.base.minus(paid).ok_or(Fault::Overflow)?;
        Ok(paid)
    }

    /// From the clock on, interest accrues at another rate.
    pub fn reset(&mut self, rate: R) {
        self.rate = rate;
    }

    /// A payment is agreed.
    pub fn set_payment(&mut self, payment: A) {
        self.payment = payment;
    }

    /// The level payment that repays what is owed at the rate in force, `next` from the clock to the first payment and
    /// `later` the periods after it.
    ///
    /// # Errors
    /// [`Fault::Overflow`].
    pub fn fix_payment(&mut self, next: YearFraction, later: &[YearFraction]) -> Result<(), Fault> {
        self.payment = self.fixed_payment(next, later)?;
        Ok(())
    }

    fn fixed_payment(&self, next: YearFraction, later: &[YearFraction]) -> Result<A, Fault> {
        let mut interest = self.interest;
        interest.add(self.base, self.rate, next)?;
        self.rate.level_payment(self.balance, interest.unsettled(), later).ok_or(Fault::Overflow)
    }

    /// The level payment by whole periods: what has accrued is not looked at.
    ///
    /// # Errors
    /// [`Fault::Overflow`].
    pub fn fix_nominal_payment(&mut self, next: YearFraction, later: &[YearFraction]) -> Result<(), Fault> {
        let settled = Self { interest: Accrual::default(), ..*self };
        self.payment = settled.fixed_payment(next, later)?;
        Ok(())
    }

    /// Interest is computed on `base` from now on.
    pub fn rebase(&mut self, base: A) {
        self.base = base;
    }

    fn raise(&mut self, amount: A) -> Result<(), Fault> {
        self.balance = self.balance.plus(amount).ok_or(Fault::Overflow)?;
        self.base = self.base.plus(amount).ok_or(Fault::Overflow)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const HALF: YearFraction = YearFraction { top: 180, bottom: 360 };

    #[test]
    fn a_loan_of_two_payments() {
        // 1,000.00 at 10 %: interest 50.00 a half-year, level payment 1000 x 1.1025 / 2.05 = 537.8048...
        let mut ledger = Ledger::<i64>::new(0, AnnualRate::new(0.1, false).unwrap());
        ledger.advance(100_000).unwrap();
        ledger.fix_payment(HALF, &[HALF]).unwrap();
        assert_eq!(ledger.payment(), 53_780);
        ledger.accrue_to(180, HALF).unwrap();
        let interest = ledger.settle().unwrap();
        assert_eq!((interest, ledger.repay(53_780 - interest).unwrap()), (5_000, 48_780));
        ledger.accrue_to(360, HALF).unwrap();
        // 512.20 x 5 % = 25.61
        assert_eq!(ledger.settle().unwrap(), 2_561);
        assert_eq!((ledger.repay(i64::MAX).unwrap(), ledger.balance(), ledger.base()), (51_220, 0, 0));
    }

    #[test]
    fn a_payment_fixed_in_mid_period_counts_what_has_accrued() {
        // Half a year at 10 %, then at 0: 1,050 due in one payment, or two of 525.
        let mut ledger = Ledger::<f64>::new(0, AnnualRate::new(0.1, false).unwrap());
        ledger.advance(1_000.0).unwrap();
        ledger.accrue_to(180, HALF).unwrap();
        ledger.reset(AnnualRate::ZERO);
        ledger.fix_payment(HALF, &[HALF]).unwrap();
        assert_eq!((ledger.payment(), ledger.clock()), (525.0, 180));
        ledger.capitalise(50.0).unwrap();
        ledger.rebase(1_000.0);
        assert_eq!((ledger.balance(), ledger.base()), (1_050.0, 1_000.0));
    }
}
