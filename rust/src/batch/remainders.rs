//! Charges under `balance` rounding without a division for each: assets of one life differ by a remainder only.
//!
//! With a life of `U` units write `R = 2U a + b`, `0 <= b < 2U`. The balance after `u` units is
//! `2 a u + half-even(b u / U)`, as [`super::cohorts`] explains, so the charges of `b` are worked out once and serve
//! every asset that has the same remainder.
#![forbid(unsafe_code)]

use crate::calendar::Month;
use crate::depreciation::straight_line::Amount;
use crate::depreciation::{Asset, Rounding, Timing};
use crate::money::MinorUnits;

/// Tables to remember: a fleet has few lives, and one that has many gains nothing.
const MOST_TABLES: usize = 8;
/// Bytes of a table; more would not stay near.
const MOST_BYTES: usize = 1 << 16;

/// What a life charges but for the amount: units in each of so many first months, in each later one, and in all.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shape {
    first_months: usize,
    first: i64,
    later: i64,
    total: i64,
    months: usize,
}

impl Shape {
    /// `None` where days count, or the life had begun before the asset was brought in.
    #[inline]
    fn of(timing: &Timing) -> Option<Self> {
        let (start, first_months, first, later) = timing.ramp()?;
        let whole = timing.elapsed() == 0 && timing.open_month == start;
        let months = usize::try_from(timing.last_month.saturating_sub(start).saturating_add(1)).ok()?;
        let first_months = usize::try_from(first_months).ok()?;
        whole.then_some(Self { first_months, first, later, total: timing.total(), months })
    }
}

/// The charges of each remainder under one shape, filled in as remainders turn up.
struct Table {
    shape: Shape,
    modulus: i64,
    units: Vec<i64>,
    charges: Vec<u8>,
    known: Vec<bool>,
    /// A place to work a row out.
    scratch: Vec<i64>,
}

impl Table {
    fn new(shape: Shape, timing: &Timing) -> Option<Self> {
        let modulus = shape.total.checked_mul(2)?;
        let rows = usize::try_from(modulus).ok()?;
        let bytes = rows.checked_mul(shape.months).filter(|bytes| *bytes <= MOST_BYTES)?;
        let passed = |month: Month| timing.charged_units(month);
        let months = timing.open_month..=timing.last_month;
        let units = months.map(|month| passed(month).saturating_sub(passed(month.saturating_sub(1)))).collect();
        Some(Self { shape, modulus, units, charges: vec![0; bytes], known: vec![false; rows], scratch: Vec::new() })
    }

    /// The charges of an amount.
    #[inline]
    fn steps(&mut self, left: i64, timing: &Timing) -> Option<Steps<'_>> {
        let whole = left.checked_div(self.modulus)?.saturating_mul(2);
        let rest = left.checked_rem(self.modulus)?;
        let row = usize::try_from(rest).ok()?;
        let from = row.saturating_mul(self.shape.months);
        let extra = self.charges.get_mut(from..from.saturating_add(self.shape.months))?;
        let known = self.known.get_mut(row)?;
        if !*known {
            let sample = Asset { cost: rest, base: rest, opening: 0, timing: *timing };
            self.scratch.resize(self.shape.months, 0);
            i64::charges_into(&sample, Rounding::Balance, timing.open_month, &mut self.scratch);
            for (slot, charge) in extra.iter_mut().zip(&self.scratch) {
                *slot = u8::try_from(*charge).ok()?;
            }
            *known = true;
        }
        Some(Steps { shape: self.shape, open_month: timing.open_month, whole, rest, units: &self.units, extra })
    }
}

/// One thread's tables.
#[derive(Default)]
pub struct Remainders {
    tables: Vec<Table>,
}

impl Remainders {
    /// The charges of an asset, if its kind is worth a table.
    #[inline]
    pub fn steps(&mut self, asset: &Asset<i64>) -> Option<Steps<'_>> {
        let left = asset.base.checked_sub(asset.opening).filter(|left| *left >= 0)?;
        let shape = Shape::of(&asset.timing)?;
        let at = match self.tables.iter().position(|table| table.shape == shape) {
            Some(at) => at,
            None if self.tables.len() < MOST_TABLES => {
                self.tables.push(Table::new(shape, &asset.timing)?);
                self.tables.len().saturating_sub(1)
            }
            None => return None,
        };
        self.tables.get_mut(at)?.steps(left, &asset.timing)
    }
}

/// The charges of one asset from its first month to its last: `whole x units + extra` in each.
pub struct Steps<'a> {
    shape: Shape,
    open_month: Month,
    whole: i64,
    rest: i64,
    units: &'a [i64],
    extra: &'a [u8],
}

/// Some months' worth of an asset, cell by cell.
struct Cells<'a, C> {
    out: &'a mut [C],
    units: &'a [i64],
    extra: &'a [u8],
}

impl Steps<'_> {
    /// The part of `out` that is charged, where `out` begins with the month `from`; the rest becomes `nothing`.
    #[inline]
    fn charged<'o, C: Copy>(&'o self, from: Month, out: &'o mut [C], nothing: C) -> Cells<'o, C> {
        let early = usize::try_from(self.open_month.saturating_sub(from)).unwrap_or(0).min(out.len());
        let passed = usize::try_from(from.saturating_sub(self.open_month)).unwrap_or(0).min(self.extra.len());
        let (before, out) = out.split_at_mut(early);
        before.fill(nothing);
        let extra = self.extra.get(passed..).unwrap_or_default();
        let (out, after) = out.split_at_mut(extra.len().min(out.len()));
        after.fill(nothing);
        Cells { out, units: self.units.get(passed..).unwrap_or_default(), extra }
    }

    #[inline]
    fn charge(&self, units: i64, extra: u8) -> i64 {
        // At most the amount.
        self.whole.wrapping_mul(units).wrapping_add(i64::from(extra))
    }

    /// Writes the charge of each month from `from` on.
    pub fn write(&self, from: Month, out: &mut [i64]) {
        let Cells { out, units, extra } = self.charged(from, out, 0);
        for ((slot, units), extra) in out.iter_mut().zip(units).zip(extra) {
            *slot = self.charge(*units, *extra);
        }
    }

    /// Writes them in major units where all months weigh the same: then there are but two amounts, a minor unit apart.
    /// `false`, and nothing written, where they do not.
    pub fn write_major(&self, from: Month, minor_units: MinorUnits, out: &mut [f64]) -> bool {
        let Shape { first, later, total, months, .. } = self.shape;
        let even = i64::try_from(months).ok().and_then(|months| later.checked_mul(months)) == Some(total);
        let fewer = self.rest.checked_mul(later).and_then(|product| product.checked_div(total));
        let (true, Some(Ok(fewer))) = (even && first == later, fewer.map(u8::try_from)) else { return false };
        let low = self.charge(later, fewer);
        let (low, high) = (minor_units.to_major(low), minor_units.to_major(low.saturating_add(1)));
        let Cells { out, extra, .. } = self.charged(from, out, 0.0);
        for (slot, extra) in out.iter_mut().zip(extra) {
            *slot = if *extra == fewer { low } else { high };
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
        /// Against the kernel that divides for each month, in both kinds of cells, wherever the rows begin and end.
        #[test]
        fn tables_charge_as_divisions_do(
            amounts in prop::collection::vec(prop_oneof![0_i64..2_000, any::<i64>().prop_map(|a| a.saturating_abs() / 2)], 1..20),
            lives in prop::collection::vec(1_i32..130, 1..4), which in 0_usize..4, fiscal in 1_u8..=12,
            day in -3_000_i32..3_000, from in -4_i32..140, months in 0_usize..150, digits in 0_u8..=4,
        ) {
            let grid = PeriodGrid::new(Frequency::Month, fiscal).unwrap();
            let minor_units = MinorUnits::new(digits).unwrap();
            let mut remainders = Remainders::default();
            for (number, amount) in amounts.iter().enumerate() {
                let life_months = *lives.get(number % lives.len()).unwrap();
                let service = Service { in_service: day, life_months, opening: None };
                let timing = Timing::new(&service, Convention::ALL.get(which).unwrap().1, grid, true);
                let asset = Asset { cost: *amount, base: *amount, opening: 0, timing };
                let Some(steps) = remainders.steps(&asset) else { continue };
                let first = timing.open_month + from;
                let (mut want, mut got, mut majors) = (vec![7; months], vec![8; months], vec![9.0; months]);
                i64::charges_into(&asset, Rounding::Balance, first, &mut want);
                steps.write(first, &mut got);
                prop_assert_eq!(&got, &want);
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
        let mut serves = |convention, life_months, base, opening| {
            let service = Service { in_service: 14, life_months, opening };
            let timing = Timing::new(&service, convention, grid, true);
            remainders.steps(&Asset { cost: base, base, opening: 0, timing }).is_some()
        };
        assert!(serves(Convention::FullMonth, 72, i64::MAX, None));
        assert!(serves(Convention::MidMonth, 72, 5, None));
        assert!(serves(Convention::HalfYear, 48, 5, None));
        assert!(!serves(Convention::ActualDays, 48, 5, None)); // months are not alike
        assert!(!serves(Convention::FullMonth, 48, -5, None)); // a credit
        assert!(!serves(Convention::FullMonth, 48, 5, Some(80))); // brought in mid-life
        assert!(!serves(Convention::FullMonth, 1_200, 5, None)); // 2,400 remainders x 1,200 months
        assert!((1..20).filter(|life| serves(Convention::NextMonth, *life, 5, None)).count() < MOST_TABLES);
    }
}
