//! Interest between settlements: on what, at which rate, over which time.
#![forbid(unsafe_code)]

use std::fmt::Debug;

use super::steps::Span;
use super::{Amount, Fault, annuity};
use crate::calendar::{Date, YearFraction};
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

    /// Both together.
    ///
    /// # Errors
    /// [`Fault::Overflow`].
    pub fn with(self, other: Self) -> Result<Self, Fault> {
        let unsettled = A::join(self.unsettled, other.unsettled).ok_or(Fault::Overflow)?;
        Ok(Self { unsettled })
    }

    /// The interest itself.
    #[must_use]
    pub fn unsettled(&self) -> A::Interest {
        self.unsettled
    }
}

/// What accrues beside a loan's interest. Days in a row on which its amount and its rate are the same are one calculation
/// period, however often it is asked: day counts of 30 days a month count each by its own dates (ISDA 2006 4.16(f)), so
/// that a cut on a 31st is a day.
#[derive(Clone, Copy, Debug)]
pub struct Running<A: Amount> {
    accrued: Accrual<A>,
    /// The calculation period that goes on, and what it comes to up to its last day so far.
    base: A,
    rate: AnnualRate,
    from: Date,
    to: Date,
    time: YearFraction,
}

impl<A: Amount> Default for Running<A> {
    fn default() -> Self {
        Self {
            accrued: Accrual::default(),
            base: A::zero(),
            rate: AnnualRate::ZERO,
            from: Date::MIN,
            to: Date::MIN,
            time: YearFraction::ZERO,
        }
    }
}

impl<A: Amount> Running<A> {
    /// Days pass with this amount at this rate.
    ///
    /// # Errors
    /// [`Fault::Overflow`].
    pub fn pass(&mut self, base: A, rate: AnnualRate, span: &Span<'_>) -> Result<(), Fault> {
        if (self.base, self.rate, self.to) != (base, rate, span.from) {
            self.accrued = self.through()?;
            (self.base, self.rate, self.from) = (base, rate, span.from);
        }
        self.to = span.to;
        self.time = span.time(self.from, span.to);
        Ok(())
    }

    /// The first day of the calculation period that goes on.
    #[must_use]
    pub fn from(&self) -> Date {
        self.from
    }

    /// What has accrued, not rounded; nothing is left.
    ///
    /// # Errors
    /// [`Fault::Overflow`].
    pub fn take(&mut self) -> Result<Accrual<A>, Fault> {
        std::mem::take(self).through()
    }

    /// What is due, rounded once; nothing is left.
    ///
    /// # Errors
    /// [`Fault::Overflow`].
    pub fn settle(&mut self) -> Result<A, Fault> {
        self.take()?.settle()
    }

    /// What would be due, with nothing settled.
    ///
    /// # Errors
    /// [`Fault::Overflow`].
    pub fn due(&self) -> Result<A, Fault> {
        self.through()?.due()
    }

    fn through(&self) -> Result<Accrual<A>, Fault> {
        let mut accrued = self.accrued;
        accrued.add(self.base, self.rate, self.time)?;
        Ok(accrued)
    }
}
