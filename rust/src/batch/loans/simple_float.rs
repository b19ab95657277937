//! Floating rates that nothing but a fixing at the start of each period and a margin makes.
#![forbid(unsafe_code)]

use crate::calendar::Date;
use crate::debt::floating::{Collar, Curve, floating_rate};
use crate::rate::AnnualRate;

/// An index with a margin, fixed at the start of each period.
#[derive(Clone, Copy, Debug)]
pub(super) struct SimpleFloat<'a> {
    pub curve: Curve<'a>,
    pub collars: (Collar, Collar),
    pub margin: i64,
}

impl SimpleFloat<'_> {
    /// The highest rate it may have, where none is negative and every day from the first to the last has a fixing.
    pub fn highest(&self, first: Date, last: Date) -> Option<AnnualRate> {
        let known = self.curve.in_force(first).is_ok() && self.curve.in_force(last).is_ok();
        let (low, high) = self.curve.range();
        let of = |fixing| floating_rate(self.collars, fixing, self.margin);
        (known && of(low) >= 0).then(|| AnnualRate::from_parts(of(high)))
    }

    /// Hands out the rates from days that ascend, in 10^-12.
    #[inline]
    pub fn rates(&self, days: impl Iterator<Item = Date>, mut emit: impl FnMut(i64)) {
        if self.collars == (Collar::OPEN, Collar::OPEN) {
            return self.curve.in_force_on(days, |fixing| emit(fixing.saturating_add(self.margin)));
        }
        self.curve.in_force_on(days, |fixing| emit(floating_rate(self.collars, fixing, self.margin)));
    }
}
