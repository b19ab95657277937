//! Sums by plane, group and month: what every roll-up ends in.
//!
//! Plane 0 holds the cost that enters, plane 1 the depreciation that assets brought in mid-life bring along, and one
//! plane for each run holds its charges. Slot 0 gathers what happened before the horizon, then comes a slot a month.
//! Cents add up in `i64` as long as a running bound proves that they fit, else they move to `i128`; integer sums are
//! the same whatever the order. Unrounded sums are float64, and their order is kept by using one thread.
#![forbid(unsafe_code)]

use super::pool::filled;
use super::reader::Money;
use super::settings::Horizon;
use crate::calendar::Month;
use crate::error::Error;

/// The plane of entering cost.
pub const COST: usize = 0;
/// The plane of depreciation brought in.
pub const BROUGHT_IN: usize = 1;
/// The plane of the first run's charges.
pub const CHARGES: usize = 2;

/// An amount that can be summed.
pub trait Addend: Money {
    /// What a sum needs.
    type Wide: Copy + Default + Send + Sync;
    /// Adds two amounts whose sum is known to fit.
    #[must_use]
    fn sum(self, other: Self) -> Self;
    /// What the amount adds to the bound of its sums.
    fn magnitude(self) -> u64;
    /// The amount as a sum.
    fn widen(self) -> Self::Wide;
    /// Adds sums.
    fn add(a: Self::Wide, b: Self::Wide) -> Self::Wide;
    /// Subtracts sums.
    fn subtract(a: Self::Wide, b: Self::Wide) -> Self::Wide;
}

impl Addend for i64 {
    type Wide = i128;

    fn sum(self, other: i64) -> i64 {
        // The bound of the flows was raised first; differences may wrap and wrap back.
        self.wrapping_add(other)
    }

    fn magnitude(self) -> u64 {
        self.unsigned_abs()
    }

    fn widen(self) -> i128 {
        self.into()
    }

    fn add(a: i128, b: i128) -> i128 {
        // 2^31 rows of 2^63 stay far below 2^127.
        a.saturating_add(b)
    }

    fn subtract(a: i128, b: i128) -> i128 {
        a.saturating_sub(b)
    }
}

impl Addend for f64 {
    type Wide = f64;

    fn sum(self, other: f64) -> f64 {
        self + other
    }

    fn magnitude(self) -> u64 {
        0
    }

    fn widen(self) -> f64 {
        self
    }

    fn add(a: f64, b: f64) -> f64 {
        a + b
    }

    fn subtract(a: f64, b: f64) -> f64 {
        a - b
    }
}

/// The sums themselves.
pub struct Flows<T: Addend> {
    horizon: Horizon,
    groups: usize,
    slots: usize,
    narrow: Vec<T>,
    wide: Option<Vec<T::Wide>>,
    bound: u64,
}

impl<T: Addend> Flows<T> {
    /// Bytes of one accumulator.
    pub fn bytes(horizon: Horizon, groups: usize, runs: usize) -> usize {
        let slots = horizon.months().saturating_add(1);
        slots.saturating_mul(groups).saturating_mul(runs.saturating_add(CHARGES)).saturating_mul(size_of::<T>())
    }

    /// All zero, for `groups` groups (the null group counts) and `runs` runs.
    pub fn new(horizon: Horizon, groups: usize, runs: usize) -> Result<Self, Error> {
        let slots = horizon.months().saturating_add(1);
        let cells = Self::bytes(horizon, groups, runs).checked_div(size_of::<T>()).unwrap_or(0);
        Ok(Self { horizon, groups, slots, narrow: filled(cells, T::default())?, wide: None, bound: 0 })
    }

    /// The slot a month falls in; `None` after the horizon.
    #[inline]
    pub fn slot(&self, month: Month) -> Option<usize> {
        if month > self.horizon.end {
            return None;
        }
        usize::try_from(month.saturating_sub(self.horizon.start).saturating_add(1).max(0)).ok()
    }

    /// The slots of one group in one plane.
    #[inline]
    pub fn row(&mut self, plane: usize, group: usize) -> &mut [T] {
        let start = plane.saturating_mul(self.groups).saturating_add(group).saturating_mul(self.slots);
        self.narrow.get_mut(start..start.saturating_add(self.slots)).unwrap_or_default()
    }

    /// Adds to one slot.
    #[inline]
    pub fn add(&mut self, plane: usize, group: usize, slot: usize, amount: T) {
        if let Some(cell) = self.row(plane, group).get_mut(slot) {
            *cell = cell.sum(amount);
        }
    }

    /// Adds one amount a month from `first` on.
    pub fn add_months(&mut self, plane: usize, group: usize, first: Month, amounts: &[T]) {
        let early = usize::try_from(self.horizon.start.saturating_sub(first)).unwrap_or(0).min(amounts.len());
        let (before, inside) = amounts.split_at(early);
        let Some(start) = self.slot(first.max(self.horizon.start)) else { return };
        let row = self.row(plane, group);
        if let Some(lump) = row.first_mut() {
            *lump = before.iter().fold(*lump, |sum, amount| sum.sum(*amount));
        }
        for (cell, amount) in row.iter_mut().skip(start).zip(inside) {
            *cell = cell.sum(*amount);
        }
    }

    /// Makes room for sums that may grow by `magnitude`.
    #[inline]
    pub fn reserve(&mut self, magnitude: u64) -> Result<(), Error> {
        let grown = self.bound.saturating_add(magnitude);
        if grown > i64::MAX.unsigned_abs() {
            self.spill()?;
            self.bound = magnitude;
        } else {
            self.bound = grown;
        }
        Ok(())
    }

    #[cold]
    fn spill(&mut self) -> Result<(), Error> {
        let mut wide = match self.wide.take() {
            Some(wide) => wide,
            None => filled(self.narrow.len(), T::Wide::default())?,
        };
        for (sum, part) in wide.iter_mut().zip(&mut self.narrow) {
            *sum = T::add(*sum, std::mem::take(part).widen());
        }
        self.wide = Some(wide);
        self.bound = 0;
        Ok(())
    }

    /// Adds the sums of another thread.
    pub fn merge(&mut self, mut other: Self) -> Result<(), Error> {
        self.reserve(other.bound)?;
        for (mine, part) in self.narrow.iter_mut().zip(&other.narrow) {
            *mine = mine.sum(*part);
        }
        if let Some(theirs) = other.wide.take() {
            self.spill()?;
            for (sum, part) in self.wide.iter_mut().flatten().zip(theirs) {
                *sum = T::add(*sum, part);
            }
        }
        Ok(())
    }

    /// Reads the sums of one group in one plane.
    pub fn read(&self, plane: usize, group: usize, sums: &mut Vec<T::Wide>) {
        let start = plane.saturating_mul(self.groups).saturating_add(group).saturating_mul(self.slots);
        let range = start..start.saturating_add(self.slots);
        sums.clear();
        sums.extend(self.narrow.get(range.clone()).unwrap_or_default().iter().map(|part| part.widen()));
        for (sum, spilled) in
            sums.iter_mut().zip(self.wide.as_ref().and_then(|wide| wide.get(range)).unwrap_or_default())
        {
            *sum = T::add(*sum, *spilled);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn sums_beyond_64_bits_spill() {
        let horizon = Horizon { start: 0, end: 1 };
        let mut all = Flows::<i64>::new(horizon, 1, 1).unwrap();
        for _ in 0..5 {
            let mut part = Flows::<i64>::new(horizon, 1, 1).unwrap();
            for _ in 0..3 {
                part.reserve(i64::MAX.magnitude()).unwrap();
                part.add(COST, 0, 1, i64::MAX);
            }
            all.merge(part).unwrap();
        }
        let mut sums = Vec::new();
        all.read(COST, 0, &mut sums);
        assert_eq!(sums, [0, 15 * i128::from(i64::MAX), 0]);
        assert_eq!((all.slot(-5), all.slot(0), all.slot(1), all.slot(2)), (Some(0), Some(1), Some(2), None));
    }
}
