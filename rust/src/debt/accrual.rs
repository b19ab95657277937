//! Interest between settlements: on what, at which rate, over which time.
#![forbid(unsafe_code)]

use super::{Amount, Fault};
use crate::calendar::YearFraction;
use crate::rate::AnnualRate;

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
    pub fn add(&mut self, base: A, rate: AnnualRate, time: YearFraction) -> Result<(), Fault> {
        self.unsettled = base.accrue(self.unsettled, rate, time).ok_or(Fault::Overflow)?;
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
