//! Charges under `balance` rounding without a division for each: assets of one life differ by a remainder only.
//!
//! With a life of `U` units write `R = 2U a + b`, `0 <= b < 2U`. The balance after `u` units is
//! `2 a u + half-even(b u / U)`, as [`super::cohorts`] explains, so the charges of `b` are worked out once and serve
//! every asset that has the same remainder. What is left of a life after an event is a life of its own: `U` is what is
//! left of it then.
#![forbid(unsafe_code)]

use std::ops::Range;

use super::flows::Flows;
use super::levels::{Level, WORD};
use crate::calendar::Month;
use crate::depreciation::straight_line::{Amount, share};
use crate::depreciation::{Asset, Rounding, Timing};
use crate::error::Error;
use crate::money::MinorUnits;

/// Places for tables. Schedules of equal months all have their own; others share, and whoever comes second divides.
const PLACES: usize = 256;
/// What no charge of a table is.
const UNKNOWN: u8 = u8::MAX;
/// Bytes of a table; more would not stay near.
const MOST_BYTES: usize = 1 << 17;
/// The longest schedule of equal months that has a table.
const MOST_EVEN: usize = 252;
/// As many charges are put off as stay near.
const MOST_WAITING: usize = 128;

/// What a schedule charges but for the amount: units in each of so many first months, in each later one, and in all.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shape {
    /// Months of the schedule.
    months: usize,
    first_months: usize,
    first: i64,
    later: i64,
    span: i64,
}

impl Shape {
    /// `None` where days count.
    #[inline]
    fn of(timing: &Timing) -> Option<Self> {
        let (start, first_months, first, later) = timing.ramp()?;
        let months = usize::try_from(timing.last_month.saturating_sub(timing.open_month).saturating_add(1)).ok()?;
        // What the rest of a life charges depends on nothing that lies before it.
        let passed = timing.open_month.saturating_sub(start);
        let first_months = usize::try_from(first_months.saturating_sub(passed)).unwrap_or(0);
        let first_months = if first == later { 0 } else { first_months };
        let first = if first_months == 0 { later } else { first };
        timing.starts_clean().then_some(Self { first_months, first, later, span: timing.span(), months })
    }

    /// Where its table would be.
    #[inline]
    fn place(&self) -> usize {
        let Self { first_months, first, later, span, .. } = self;
        let others = first.wrapping_sub(*later).wrapping_mul(31).wrapping_add(later.wrapping_sub(1).wrapping_mul(67));
        let place = usize::try_from(span.wrapping_add(others) & 255).unwrap_or(0);
        place.wrapping_add(first_months.wrapping_mul(13)) & PLACES.wrapping_sub(1)
    }
}

/// The charges of each remainder under one shape, filled in as remainders turn up.
struct Table {
    shape: Shape,
    modulus: u64,
    /// The least whole number above `2^64 / modulus`, or that itself.
    reciprocal: u128,
    /// Whether all months weigh the same, the last one too.
    even: bool,
    units: Vec<i64>,
    /// A row for each remainder: a byte for what every month is charged, [`UNKNOWN`] where none has turned up, then one
    /// a month for what it is charged beyond that, and zeros to the end of a word that may begin in any of them.
    charges: Vec<u8>,
    row_len: usize,
    /// A schedule of the shape, and a place to work a row out.
    timing: Timing,
    scratch: Vec<i64>,
}

impl Table {
    #[cold]
    fn new(shape: Shape, timing: Timing) -> Option<Self> {
        let modulus = shape.span.unsigned_abs().checked_mul(2)?;
        let rows = usize::try_from(modulus).ok()?;
        let row_len = shape.months.checked_add(WORD)?;
        let bytes = rows.checked_mul(row_len).filter(|bytes| *bytes <= MOST_BYTES)?;
        let passed = |month: Month| timing.charged_units(month);
        let months = timing.open_month..=timing.last_month;
        let units: Vec<i64> =
            months.map(|month| passed(month).saturating_sub(passed(month.saturating_sub(1)))).collect();
        let even = units.iter().all(|units| *units == shape.later);
        let reciprocal = u128::from(u64::MAX.checked_div(modulus)?).saturating_add(1);
        Some(Self {
            shape,
            modulus,
            reciprocal,
            even,
            units,
            charges: vec![UNKNOWN; bytes],
            row_len,
            timing,
            scratch: Vec::new(),
        })
    }

    /// `left / modulus`. The reciprocal is too large by at most `modulus / 2^64` parts, so for amounts below 2^32 the
    /// product is off by less than any quotient that is no whole number lacks to the next one.
    #[inline]
    fn quotient(&self, left: u64) -> u64 {
        match u32::try_from(left) {
            Ok(left) => u64::try_from(self.reciprocal.wrapping_mul(left.into()).wrapping_shr(64)).unwrap_or(0),
            Err(_) => left.checked_div(self.modulus).unwrap_or(0),
        }
    }

    /// The charges of an amount whose schedule opens with a month.
    #[inline]
    fn steps(&mut self, left: u64, open_month: Month) -> Option<Steps<'_>> {
        let quotient = self.quotient(left);
        let rest = left.wrapping_sub(quotient.wrapping_mul(self.modulus));
        let from = usize::try_from(rest).unwrap_or(0).wrapping_mul(self.row_len);
        let row = from..from.wrapping_add(self.row_len);
        if self.charges.get(from) == Some(&UNKNOWN) {
            self.work_out(rest, row.clone())?;
        }
        let (each, odd) = self.charges.get(row)?.split_first()?;
        let Shape { later, months, .. } = self.shape;
        // Half of the amount at most, times two.
        let whole = quotient.wrapping_mul(2).cast_signed();
        let (even, each) = (self.even, i64::from(*each));
        Some(Steps { later, even, open_month, months, whole, each, units: &self.units, odd })
    }

    /// Fills in the row of a remainder; `None` where a charge is too much for a byte.
    #[cold]
    fn work_out(&mut self, rest: u64, row: Range<usize>) -> Option<()> {
        let rest = rest.cast_signed();
        let sample = Asset { cost: rest, base: rest, opening: 0, timing: self.timing };
        self.scratch.resize(self.shape.months, 0);
        i64::charges_into(&sample, Rounding::Balance, self.timing.open_month, &mut self.scratch);
        if self.scratch.iter().any(|charge| *charge >= UNKNOWN.into()) {
            return None;
        }
        // Months that weigh the same differ by a minor unit at most.
        let least = self.scratch.iter().min().filter(|_| self.even).copied().unwrap_or(0);
        let (each, odd) = self.charges.get_mut(row)?.split_first_mut()?;
        *each = u8::try_from(least).unwrap_or(UNKNOWN);
        odd.fill(0);
        for (slot, charge) in odd.iter_mut().zip(&self.scratch) {
            *slot = u8::try_from(charge.saturating_sub(least)).unwrap_or(UNKNOWN);
        }
        Some(())
    }
}

/// One thread's tables.
#[derive(Default)]
pub struct Remainders {
    /// By months, those of schedules whose months weigh the same.
    even: Vec<Option<Table>>,
    others: Vec<Option<Table>>,
    waiting: Vec<Waiting>,
}

/// Charges put off: what is left of an amount is spread over a schedule of equal months, of which some have passed.
struct Waiting {
    left: u64,
    /// The plane and the group.
    to: (usize, usize),
    /// The first month to add, and how many.
    from: Month,
    months: usize,
    schedule: usize,
    passed: usize,
}

impl Remainders {
    /// The charges of an asset, if its kind is worth a table.
    #[inline]
    pub fn steps(&mut self, asset: &Asset<i64>) -> Option<Steps<'_>> {
        let left = left_of(asset)?;
        if let Some(months) = asset.timing.even_months() {
            return self.even(months)?.steps(left, asset.timing.open_month);
        }
        let shape = Shape::of(&asset.timing)?;
        if self.others.is_empty() {
            self.others.resize_with(PLACES, || None);
        }
        let place = self.others.get_mut(shape.place())?;
        let table = match place {
            Some(table) => table,
            None => place.insert(Table::new(shape, asset.timing)?),
        };
        if table.shape == shape { table.steps(left, asset.timing.open_month) } else { None }
    }

    /// The table of schedules of so many equal months.
    #[inline]
    fn even(&mut self, months: usize) -> Option<&mut Table> {
        if months > MOST_EVEN {
            return None;
        }
        if self.even.is_empty() {
            self.even.resize_with(MOST_EVEN.saturating_add(1), || None);
        }
        let place = self.even.get_mut(months)?;
        match place {
            Some(table) => Some(table),
            None => {
                let timing = Timing::fresh(0, i32::try_from(months).ok()?, false);
                Some(place.insert(Table::new(Shape::of(&timing)?, timing)?))
            }
        }
    }

    /// Puts off adding the charges of an asset in so many months from `from` on, which must lie in its schedule and in
    /// the horizon, and returns what is accumulated then; `None` where it cannot, because there are none or they do not
    /// weigh the same. What was put off must be [added](Self::add_waiting) before sums are read.
    #[inline]
    pub fn put_off(&mut self, asset: &Asset<i64>, from: Month, months: usize, to: (usize, usize)) -> Option<i64> {
        let left = left_of(asset)?;
        let schedule = asset.timing.even_months().filter(|months| *months <= MOST_EVEN)?;
        let passed = usize::try_from(from.wrapping_sub(asset.timing.open_month)).ok()?;
        let by_then = i64::try_from(passed.wrapping_add(months)).ok()?;
        if months == 0 {
            return None;
        }
        self.waiting.push(Waiting { left, to, from, schedule, passed, months });
        let charged = share(left.cast_signed(), by_then, i64::try_from(schedule).ok()?);
        Some(asset.opening.wrapping_add(charged))
    }

    /// Whether so much waits that it should be added.
    #[inline]
    pub fn are_full(&self) -> bool {
        self.waiting.len() >= MOST_WAITING
    }

    /// Adds what was put off. Here nothing waits for what comes before, so that many tables are looked up at a time.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn add_waiting(&mut self, flows: &mut Flows<i64>) -> Result<(), Error> {
        let mut waiting = std::mem::take(&mut self.waiting);
        for one in waiting.drain(..) {
            let Waiting { left, to: (plane, group), from, schedule, passed, months } = one;
            flows.reserve(left)?;
            let table = self.even(schedule).ok_or(Error::Internal)?;
            let steps = table.steps(left, 0).ok_or(Error::Internal)?;
            let level = steps.level(i32::try_from(passed).unwrap_or(0), months).ok_or(Error::Internal)?;
            flows.add_level(plane, group, from, &level)?;
        }
        self.waiting = waiting;
        Ok(())
    }
}

/// What is left to charge; `None` for a credit.
#[inline]
fn left_of(asset: &Asset<i64>) -> Option<u64> {
    let left = asset.base.checked_sub(asset.opening)?;
    u64::try_from(left).ok()
}

/// The charges of one asset from its first month to its last: `whole x units + each + odd` in each.
pub struct Steps<'a> {
    later: i64,
    even: bool,
    open_month: Month,
    months: usize,
    whole: i64,
    each: i64,
    units: &'a [i64],
    odd: &'a [u8],
}

/// Some months' worth of an asset, cell by cell.
struct Cells<'a, C> {
    out: &'a mut [C],
    units: &'a [i64],
    odd: &'a [u8],
}

impl<'a> Steps<'a> {
    /// The part of `out` that is charged, where `out` begins with the month `from`; the rest becomes `nothing`.
    #[inline]
    fn charged<'o, C: Copy>(&'o self, from: Month, out: &'o mut [C], nothing: C) -> Cells<'o, C> {
        let early = usize::try_from(self.open_month.saturating_sub(from)).unwrap_or(0).min(out.len());
        let passed = self.passed(from);
        let (before, out) = out.split_at_mut(early);
        before.fill(nothing);
        let odd = self.odd.get(passed..self.months).unwrap_or_default();
        let (out, after) = out.split_at_mut(odd.len().min(out.len()));
        after.fill(nothing);
        Cells { out, units: self.units.get(passed..).unwrap_or_default(), odd }
    }

    /// Months charged before `from`.
    #[inline]
    fn passed(&self, from: Month) -> usize {
        usize::try_from(from.saturating_sub(self.open_month)).unwrap_or(0).min(self.months)
    }

    #[inline]
    fn charge(&self, units: i64, odd: u8) -> i64 {
        // At most the amount.
        self.whole.wrapping_mul(units).wrapping_add(self.each).wrapping_add(i64::from(odd))
    }

    /// Writes the charge of each month from `from` on.
    pub fn write(&self, from: Month, out: &mut [i64]) {
        let Cells { out, units, odd } = self.charged(from, out, 0);
        for ((slot, units), odd) in out.iter_mut().zip(units).zip(odd) {
            *slot = self.charge(*units, *odd);
        }
    }

    /// The charges of at most so many months from `from` on, where that is a month of the schedule and all of them weigh
    /// the same.
    #[inline]
    pub fn level(&self, from: Month, months: usize) -> Option<Level<'a, i64>> {
        let passed = self.passed(from);
        let months = months.min(self.months.saturating_sub(passed));
        let odd = self.odd.get(passed..).filter(|_| self.even && months > 0 && from >= self.open_month)?;
        Some(Level { amount: self.charge(self.later, 0), odd, months })
    }

    /// Adds the charge of each month from `from` on; sums are known to fit.
    #[inline]
    pub fn add(&self, from: Month, sums: &mut [i64]) {
        let early = usize::try_from(self.open_month.saturating_sub(from)).unwrap_or(0);
        let sums = sums.get_mut(early..).unwrap_or_default();
        let passed = self.passed(from);
        let odd = self.odd.get(passed..self.months).unwrap_or_default();
        let units = self.units.get(passed..).unwrap_or_default();
        for ((sum, units), odd) in sums.iter_mut().zip(units).zip(odd) {
            *sum = sum.wrapping_add(self.charge(*units, *odd));
        }
    }

    /// Writes them in major units where all months weigh the same: then there are but two amounts, a minor unit apart.
    /// `false`, and nothing written, where they do not.
    pub fn write_major(&self, from: Month, minor_units: MinorUnits, out: &mut [f64]) -> bool {
        if !self.even {
            return false;
        }
        let low = self.charge(self.later, 0);
        let (low, high) = (minor_units.to_major(low), minor_units.to_major(low.saturating_add(1)));
        let Cells { out, odd, .. } = self.charged(from, out, 0.0);
        for (slot, odd) in out.iter_mut().zip(odd) {
            *slot = if *odd == 0 { low } else { high };
        }
        true
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests")]
    use super::*;
    use crate::calendar::{Frequency, PeriodGrid};
    use crate::depreciation::{Convention, Service};
    use proptest::prelude::*;

    proptest! {
        /// Against the kernel that divides for each month, in both kinds of cells, wherever the rows begin and end, and
        /// wherever in its life an asset is re-based.
        #[test]
        fn tables_charge_as_divisions_do(
            amounts in prop::collection::vec(prop_oneof![0_i64..2_000, any::<i64>().prop_map(|a| a.saturating_abs() / 2)], 1..20),
            lives in prop::collection::vec(1_i32..130, 1..4), which in 0_usize..4, fiscal in 1_u8..=12,
            day in -3_000_i32..3_000, from in -4_i32..140, months in 0_usize..150, digits in 0_u8..=4,
            rebased in proptest::option::of(-2_i32..130),
        ) {
            let grid = PeriodGrid::new(Frequency::Month, fiscal).unwrap();
            let minor_units = MinorUnits::new(digits).unwrap();
            let mut remainders = Remainders::default();
            for (number, amount) in amounts.iter().enumerate() {
                let life_months = *lives.get(number % lives.len()).unwrap();
                let service = Service { in_service: day, life_months, opening: None };
                let mut timing = Timing::new(&service, Convention::ALL.get(which).unwrap().1, grid, true);
                if let Some(after) = rebased {
                    timing = timing.rebased(timing.open_month + after);
                }
                let asset = Asset { cost: *amount, base: *amount, opening: 0, timing };
                let Some(steps) = remainders.steps(&asset) else { continue };
                let first = timing.open_month + from;
                let (mut want, mut got, mut majors) = (vec![7; months], vec![8; months], vec![9.0; months]);
                i64::charges_into(&asset, Rounding::Balance, first, &mut want);
                steps.write(first, &mut got);
                prop_assert_eq!(&got, &want);
                let mut sums = vec![5; months];
                steps.add(first, &mut sums);
                prop_assert_eq!(sums, want.iter().map(|charge| 5_i64.wrapping_add(*charge)).collect::<Vec<_>>());
                if let Some(level) = steps.level(first, months) {
                    let by_level: Vec<i64> = level.odd.iter().take(level.months).map(|odd| level.amount + i64::from(*odd)).collect();
                    let (charged, after) = want.split_at(level.months);
                    prop_assert_eq!(by_level.as_slice(), charged);
                    prop_assert!(after.iter().all(|charge| *charge == 0));
                    let months = level.months;
                    let last = first + i32::try_from(months).unwrap() - 1;
                    let after = Remainders::default().put_off(&asset, first, months, (0, 0));
                    let balance = i64::accumulated_at(&asset, Rounding::Balance, last);
                    prop_assert_eq!(after, timing.even_months().map(|_| balance));
                } else {
                    prop_assert!(from < 0 || months == 0 || which > 1 || want.iter().all(|charge| *charge == 0));
                }
                let even = steps.write_major(first, minor_units, &mut majors);
                prop_assert!(even || which > 1);
                let want: Vec<f64> = want.iter().map(|minor| minor_units.to_major(*minor)).collect();
                prop_assert_eq!(majors, if even { want } else { vec![9.0; months] });
            }
        }
    }

    #[test]
    fn what_a_table_is_for() {
        let grid = PeriodGrid::new(Frequency::Month, 12).unwrap();
        let mut remainders = Remainders::default();
        let serve = |remainders: &mut Remainders, convention, life_months, base, opening| {
            let service = Service { in_service: 14, life_months, opening };
            let timing = Timing::new(&service, convention, grid, true);
            remainders.steps(&Asset { cost: base, base, opening: 0, timing }).is_some()
        };
        let mut serves = |convention, life, base, opening| serve(&mut remainders, convention, life, base, opening);
        // Every life of whole months that a table has room for, from its beginning or brought in mid-life.
        assert!((1..=252).all(|life| serves(Convention::FullMonth, life, i64::MAX, None)));
        assert!((2..=252).all(|life| serves(Convention::NextMonth, life, 5, None)));
        assert!(serves(Convention::FullMonth, 48, 5, Some(80)));
        assert!(!serves(Convention::ActualDays, 48, 5, None)); // months are not alike
        assert!(!serves(Convention::FullMonth, 48, -5, None)); // a credit
        assert!(!serves(Convention::FullMonth, 253, 5, None)); // 506 remainders x 261 bytes
        assert!(!serves(Convention::FullMonth, 1_200, 5, None));
        // Other lives share places.
        let mut few = Remainders::default();
        assert!(serve(&mut few, Convention::MidMonth, 72, 5, None));
        assert!(serve(&mut few, Convention::MidMonth, 72, 5, Some(80)));
        assert!(serve(&mut few, Convention::HalfYear, 48, 5, None));
        assert!((1..1_000).any(|life| !serve(&mut few, Convention::HalfYear, life, 5, None)));
    }
}
