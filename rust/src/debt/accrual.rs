//! Interest between settlements: on what, at which rate, over which time.
#![forbid(unsafe_code)]

use std::fmt::Debug;

use super::{Amount, Fault, annuity};
use crate::calendar::YearFraction;
use crate::rate::AnnualRate;

/// What interest is stated at. Loans say a decimal, [`AnnualRate`]; unrounded contracts may compute theirs (an index
/// times a multiplier), and twelve places would show in large amounts, so for them any `f64` is a rate.
pub trait Rate<A: Amount>: Copy + Debug + PartialEq {
    /// Adds the interest on `base` over a part of a year.
    fn accrue(self, base: A, interest: A::Interest, time: YearFraction) -> Option<A::Interest>;
    /// As [`Amount::level_payment`].
    fn level_payment(self, balance: A, interest: A::Interest, later: &[YearFraction]) -> Option<A>;
}

impl<A: Amount> Rate<A> for AnnualRate {
    #[inline]
    fn accrue(self, base: A, interest: A::Interest, time: YearFraction) -> Option<A::Interest> {
        base.accrue(interest, self, time)
    }

    fn level_payment(self, balance: A, interest: A::Interest, later: &[YearFraction]) -> Option<A> {
        balance.level_payment(interest, self, later)
    }
}

impl Rate<f64> for f64 {
    #[inline]
    fn accrue(self, base: f64, interest: f64, time: YearFraction) -> Option<f64> {
        Some(interest + base * self * time.as_f64())
    }

    fn level_payment(self, balance: f64, interest: f64, later: &[YearFraction]) -> Option<f64> {
        let found = annuity::unrounded_at(balance + interest, self, later);
        found.is_finite().then_some(found)
    }
}

/// Interest (or a fee that accrues like it) since it was last settled, not rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Accrual<A: Amount> {
    unsettled: A::Interest,
}

impl<A: Amount> Accrual<A> {
    /// Adds what `base` bears at `rate` over a part of a year.
    ///
    /// # Errors
    /// [`Fault::Overflow`].
    #[inline]
    pub fn add(&mut self, base: A, rate: impl Rate<A>, time: YearFraction) -> Result<(), Fault> {
        self.unsettled = rate.accrue(base, self.unsettled, time).ok_or(Fault::Overflow)?;
        Ok(())
    }

    /// What is due, rounded once; nothing is left.
    ///
    /// # Errors
    /// [`Fault::Overflow`].
    #[inline]
    pub fn settle(&mut self) -> Result<A, Fault> {
        A::settled(std::mem::take(&mut self.unsettled)).ok_or(Fault::Overflow)
    }

    /// What would be due, with nothing settled.
    ///
    /// # Errors
    /// [`Fault::Overflow`].
    pub fn due(&self) -> Result<A, Fault> {
        A::settled(self.unsettled).ok_or(Fault::Overflow)
    }

    /// The interest itself.
    #[must_use]
    pub fn unsettled(&self) -> A::Interest {
        self.unsettled
    }
}
