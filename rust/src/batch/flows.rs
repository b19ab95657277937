//! Sums by plane, group and month: what every roll-up ends in.
//!
//! Plane 0 holds the cost that enters, plane 1 the depreciation that assets brought in mid-life bring along, and one
//! plane for each run holds its charges. Slot 0 gathers what happened before the horizon, then comes a slot a month.
//! Cents add up in `i64` as long as a running bound proves that they fit, else they move to `i128`; integer sums are
//! the same whatever the order. Unrounded sums are float64, and their order is kept by using one thread.
#![forbid(unsafe_code)]

use super::levels::{Level, Levels};
use super::pool::filled;
use super::reader::Money;
use super::roll::{Addable, Movements};
use super::settings::Horizon;
use crate::calendar::Month;
use crate::depreciation::{Exact, Flow};
use crate::error::Error;

/// The plane of entering cost.
pub const COST: usize = 0;
/// The plane of depreciation brought in.
pub const BROUGHT_IN: usize = 1;
/// The plane of the first run's charges.
pub const CHARGES: usize = 2;

/// What planes there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planes {
    /// Groups, the null group counted.
    pub groups: usize,
    /// Runs.
    pub runs: usize,
    /// Whether each run also has planes for what events do.
    pub eventful: bool,
}

/// The planes that events add to each run, after the charges of all.
const EVENTFUL: [Flow; 6] =
    [Flow::Impairment, Flow::Reversal, Flow::CostOut, Flow::AccumulatedOut, Flow::Gain, Flow::Correction];
const MOVED: usize = EVENTFUL.len();
/// The first of all flows: those that are there without events.
const PLAIN_FLOWS: usize = 3;
const EXTRA: usize = MOVED + 2;

impl Planes {
    fn extra(self, run: usize, number: usize) -> usize {
        CHARGES.saturating_add(self.runs).saturating_add(run.saturating_mul(EXTRA)).saturating_add(number)
    }

    /// The plane of a flow; what enters is the same in every run.
    pub fn of(self, run: usize, flow: Flow) -> usize {
        match flow {
            Flow::CostIn => COST,
            Flow::BroughtIn => BROUGHT_IN,
            Flow::Charge => CHARGES.saturating_add(run),
            other => {
                let number = EVENTFUL.iter().position(|flow| *flow == other).unwrap_or(0);
                self.extra(run, number)
            }
        }
    }

    /// The planes of cost and accumulated depreciation that came from other groups.
    pub fn moved(self, run: usize) -> (usize, usize) {
        (self.extra(run, MOVED), self.extra(run, MOVED.saturating_add(1)))
    }
}

/// What the planes of some sums are.
pub trait Layout: Copy {
    /// Groups, the null group counted.
    fn groups(self) -> usize;
    /// Planes.
    fn count(self) -> usize;
}

impl Layout for Planes {
    fn groups(self) -> usize {
        self.groups
    }

    fn count(self) -> usize {
        let each = if self.eventful { 1 + EXTRA } else { 1 };
        CHARGES.saturating_add(self.runs.saturating_mul(each))
    }
}

/// An amount of a fleet that can be summed.
pub trait Addend: Money + Exact + Sum {}

impl<T: Money + Exact + Sum> Addend for T {}

/// An amount that can be summed.
pub trait Sum: Copy + Default {
    /// What a sum needs.
    type Wide: Addable + Send + Sync;
    /// Adds two amounts whose sum is known to fit.
    #[must_use]
    fn sum(self, other: Self) -> Self;
    /// Subtracts an amount from a sum, likewise.
    #[must_use]
    fn less(self, other: Self) -> Self;
    /// So many minor units.
    #[must_use]
    fn of_byte(minor: u8) -> Self;
    /// What the amount adds to the bound of its sums.
    fn magnitude(self) -> u64;
    /// The amount as a sum.
    fn widen(self) -> Self::Wide;
}

impl Sum for i64 {
    type Wide = i128;

    #[inline]
    fn sum(self, other: i64) -> i64 {
        // The bound of the flows was raised first; differences may wrap and wrap back.
        self.wrapping_add(other)
    }

    #[inline]
    fn less(self, other: i64) -> i64 {
        self.wrapping_sub(other)
    }

    fn of_byte(minor: u8) -> i64 {
        minor.into()
    }

    #[inline]
    fn magnitude(self) -> u64 {
        self.unsigned_abs()
    }

    fn widen(self) -> i128 {
        self.into()
    }
}

impl Sum for f64 {
    type Wide = f64;

    #[inline]
    fn sum(self, other: f64) -> f64 {
        self + other
    }

    #[inline]
    fn less(self, other: f64) -> f64 {
        self - other
    }

    fn of_byte(minor: u8) -> f64 {
        minor.into()
    }

    #[inline]
    fn magnitude(self) -> u64 {
        0
    }

    fn widen(self) -> f64 {
        self
    }
}

/// The sums themselves.
pub struct Flows<T: Sum, L = Planes> {
    horizon: Horizon,
    /// What planes there are.
    pub planes: L,
    slots: usize,
    narrow: Vec<T>,
    /// By plane, what has yet to be moved into `narrow`; empty where there never was anything.
    levels: Vec<Levels<T>>,
    wide: Option<Vec<T::Wide>>,
    bound: u64,
}

impl<T: Sum, L: Layout> Flows<T, L> {
    /// Bytes of one accumulator.
    pub fn bytes(horizon: Horizon, planes: L) -> usize {
        let slots = horizon.months().saturating_add(1);
        slots.saturating_mul(planes.groups()).saturating_mul(planes.count()).saturating_mul(size_of::<T>())
    }

    /// All zero.
    pub fn new(horizon: Horizon, planes: L) -> Result<Self, Error> {
        let slots = horizon.months().saturating_add(1);
        let cells = Self::bytes(horizon, planes).checked_div(size_of::<T>()).unwrap_or(0);
        Ok(Self {
            horizon,
            planes,
            slots,
            narrow: filled(cells, T::default())?,
            levels: Vec::new(),
            wide: None,
            bound: 0,
        })
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
        let start = plane.saturating_mul(self.planes.groups()).saturating_add(group).saturating_mul(self.slots);
        self.narrow.get_mut(start..start.saturating_add(self.slots)).unwrap_or_default()
    }

    /// The slots of one group in two planes, the first below the second.
    pub fn two_rows(&mut self, low: usize, high: usize, group: usize) -> Option<(&mut [T], &mut [T])> {
        let start =
            |plane: usize| plane.saturating_mul(self.planes.groups()).saturating_add(group).saturating_mul(self.slots);
        let (first, second, slots) = (start(low), start(high), self.slots);
        let (before, from) = self.narrow.split_at_mut_checked(second)?;
        Some((before.get_mut(first..first.saturating_add(slots))?, from.get_mut(..slots)?))
    }

    /// The months that have slots of their own.
    #[must_use]
    pub fn horizon(&self) -> Horizon {
        self.horizon
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

    /// The slot for what comes before the horizon, and those of so many months from `first` on that lie in it.
    #[inline]
    pub fn stretch(&mut self, plane: usize, group: usize, first: Month, months: usize) -> Option<(&mut T, &mut [T])> {
        let early = usize::try_from(self.horizon.start.saturating_sub(first)).unwrap_or(0).min(months);
        let start = self.slot(first.max(self.horizon.start))?.saturating_sub(1);
        let (lump, inside) = self.row(plane, group).split_first_mut()?;
        Some((lump, inside.get_mut(start..start.saturating_add(months).saturating_sub(early))?))
    }

    /// Bytes that the levels of one plane may take besides.
    pub fn level_bytes(horizon: Horizon, planes: L) -> usize {
        Levels::<T>::bytes(planes.groups(), horizon.months().saturating_add(1))
    }

    /// Adds the same to each of so many months from `first` on, which must lie in the horizon. The sums must be
    /// [settled](Self::settle) before they are read.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    #[inline]
    pub fn add_level(&mut self, plane: usize, group: usize, first: Month, level: &Level<'_, T>) -> Result<(), Error> {
        let from = self.slot(first).unwrap_or(self.slots);
        if self.levels.get(plane).is_none_or(Levels::is_empty) {
            self.raise(plane)?;
        }
        let start = plane.wrapping_mul(self.planes.groups()).wrapping_add(group).wrapping_mul(self.slots);
        let sums = self.narrow.get_mut(start..start.wrapping_add(self.slots)).unwrap_or_default();
        if let Some(levels) = self.levels.get_mut(plane) {
            levels.add(group, from, level, sums);
        }
        Ok(())
    }

    #[cold]
    fn raise(&mut self, plane: usize) -> Result<(), Error> {
        if self.levels.len() <= plane {
            self.levels.resize_with(plane.saturating_add(1), Levels::default);
        }
        if let Some(levels) = self.levels.get_mut(plane) {
            *levels = Levels::new(self.planes.groups(), self.slots)?;
        }
        Ok(())
    }

    /// Moves what was added as levels into the sums.
    pub fn settle(&mut self) {
        let plane = self.planes.groups().saturating_mul(self.slots).max(1);
        for (levels, sums) in self.levels.iter_mut().zip(self.narrow.chunks_mut(plane)) {
            levels.settle(sums);
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
        self.settle();
        let mut wide = match self.wide.take() {
            Some(wide) => wide,
            None => filled(self.narrow.len(), T::Wide::default())?,
        };
        for (sum, part) in wide.iter_mut().zip(&mut self.narrow) {
            *sum = sum.add(std::mem::take(part).widen());
        }
        self.wide = Some(wide);
        self.bound = 0;
        Ok(())
    }

    /// Adds the sums of another thread, which must be settled.
    pub fn merge(&mut self, mut other: Self) -> Result<(), Error> {
        self.reserve(other.bound)?;
        for (mine, part) in self.narrow.iter_mut().zip(&other.narrow) {
            *mine = mine.sum(*part);
        }
        if let Some(theirs) = other.wide.take() {
            self.spill()?;
            for (sum, part) in self.wide.iter_mut().flatten().zip(theirs) {
                *sum = sum.add(part);
            }
        }
        Ok(())
    }

    /// Reads the settled sums of one group in one plane.
    pub fn read(&self, plane: usize, group: usize, sums: &mut Vec<T::Wide>) {
        let start = plane.saturating_mul(self.planes.groups()).saturating_add(group).saturating_mul(self.slots);
        let range = start..start.saturating_add(self.slots);
        sums.clear();
        sums.extend(self.narrow.get(range.clone()).unwrap_or_default().iter().map(|part| part.widen()));
        for (sum, spilled) in
            sums.iter_mut().zip(self.wide.as_ref().and_then(|wide| wide.get(range)).unwrap_or_default())
        {
            *sum = sum.add(*spilled);
        }
    }
}

impl<T: Sum> Flows<T> {
    /// Reads what moved in one group under one run: before the horizon, then month by month.
    pub fn movements(&self, run: usize, group: usize, out: &mut Vec<Movements<T::Wide>>) {
        let mut sums = Vec::new();
        out.clear();
        out.resize(self.slots, Movements::default());
        let flows = Flow::ALL.into_iter().take(if self.planes.eventful { Flow::COUNT } else { PLAIN_FLOWS });
        for flow in flows {
            self.read(self.planes.of(run, flow), group, &mut sums);
            out.iter_mut().zip(&sums).for_each(|(moved, sum)| moved.add(flow, *sum));
        }
        if self.planes.eventful {
            let (cost, accumulated) = self.planes.moved(run);
            self.read(cost, group, &mut sums);
            out.iter_mut().zip(&sums).for_each(|(moved, sum)| moved.cost_moved = *sum);
            self.read(accumulated, group, &mut sums);
            out.iter_mut().zip(&sums).for_each(|(moved, sum)| moved.accumulated_moved = *sum);
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
        let mut all = Flows::<i64>::new(horizon, Planes { groups: 1, runs: 1, eventful: false }).unwrap();
        for _ in 0..5 {
            let mut part = Flows::<i64>::new(horizon, Planes { groups: 1, runs: 1, eventful: false }).unwrap();
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
