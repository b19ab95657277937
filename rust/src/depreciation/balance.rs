//! Accumulated depreciation in a month in which something is sold: what is sold takes its part of all of it along.
#![forbid(unsafe_code)]

use super::amount::{Exact, Shared};
use crate::rate::Rate;

/// An accumulated balance in the month of an event: what stood before, and the month's charge on what is still held.
#[derive(Clone, Copy, Default)]
pub(super) struct Balance<T> {
    /// What stood before.
    pub other: T,
    /// The month's charge.
    pub charge: T,
}

impl<T: Exact> Balance<T> {
    /// Both together.
    pub fn sum(self) -> T {
        self.other.plus(self.charge)
    }

    /// What a sale of a share leaves of what cost `cost` then: rounding never leaves more than the cost.
    pub fn kept(self, share: Rate, cost: T) -> Self {
        let charge = self.charge.minus(self.charge.shared(share));
        let other = self.other.minus(self.other.shared(share));
        Self { other: nearer_zero(other.plus(charge), cost).minus(charge), charge }
    }
}

/// The amount, or the bound where it lies beyond.
pub(super) fn nearer_zero<T: Exact>(amount: T, bound: T) -> T {
    if bound < T::default() { bound.negated().lesser(amount.negated()).negated() } else { amount.lesser(bound) }
}
