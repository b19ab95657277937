//! MACRS, the depreciation of United States tax returns (IRC sec. 168): cumulative shares of the basis by tax year.
//!
//! An asset counts as placed in service in the middle of its tax year (half-year convention) or of the quarter of that
//! year (mid-quarter), sec. 168(d)(4), so its first year is 4, 7, 5, 3 or 1 eighths long and the last takes what the
//! others leave of the recovery period. Inside, the general system declines at 200 % (3 to 10 years) or 150 % (15 and
//! 20 years) of the straight-line rate and goes over to the straight line over what is left of the period in the first
//! year in which that gives more, sec. 168(b)(1) and (2); the alternative system is straight, sec. 168(g)(2). All of it
//! is exact: shares are integers over one denominator.
//!
//! Headroom: a denominator stays below 2^54 (that of 20 years does; straight lines have 400 at most), an amount below 2^63 and
//! a part of a year below 2^4, so products stay below 2^121 in `i128`.
#![forbid(unsafe_code)]

use super::macrs_tables::published;
use crate::calendar::{Month, PeriodGrid};
use crate::money::round_half_even;

/// The longest period of the alternative system: 50 years, as in Pub. 946, table A-8.
pub const MAX_ALTERNATIVE_YEARS: i32 = 50;

/// Parts that a year is counted in: the middle of a quarter is an eighth from its end.
const YEAR: i64 = 8;

/// Which set of periods and methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum System {
    /// General depreciation system, sec. 168(a).
    General,
    /// Alternative depreciation system, sec. 168(g).
    Alternative,
}

impl System {
    /// Reads "gds" or "ads".
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "gds" => Some(Self::General),
            "ads" => Some(Self::Alternative),
            _ => None,
        }
    }
}

/// Where the percentages of the general system come from; those of the alternative system are always worked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Percentages {
    /// As printed in Pub. 946, Appendix A.
    Published,
    /// Worked out exactly.
    Computed,
}

impl Percentages {
    /// Reads "table" or "computed".
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "table" => Some(Self::Published),
            "computed" => Some(Self::Computed),
            _ => None,
        }
    }
}

/// When in its tax year an asset counts as placed in service, and as disposed of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TaxConvention {
    /// In the middle of the year.
    HalfYear,
    /// In the middle of the quarter; this one for the day of service, 1 to 4.
    MidQuarter(u8),
}

impl TaxConvention {
    /// Every convention by its public name; the place in this list is its code.
    pub const ALL: [(&'static str, Self); 5] = [
        ("half_year", Self::HalfYear),
        ("mid_quarter_1", Self::MidQuarter(1)),
        ("mid_quarter_2", Self::MidQuarter(2)),
        ("mid_quarter_3", Self::MidQuarter(3)),
        ("mid_quarter_4", Self::MidQuarter(4)),
    ];

    /// Reads a public name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == text).map(|(_, convention)| *convention)
    }

    /// The convention of a code, 0 to 4.
    #[must_use]
    pub fn from_code(code: usize) -> Option<Self> {
        Self::ALL.get(code).map(|(_, convention)| *convention)
    }

    fn code(self) -> usize {
        match self {
            Self::HalfYear => 0,
            Self::MidQuarter(quarter) => usize::from(quarter),
        }
    }

    /// Eighths of the year of service that follow the deemed day of service.
    fn first_year(self) -> i64 {
        YEAR.saturating_sub(self.eighths_held(match self {
            Self::HalfYear => 0,
            Self::MidQuarter(quarter) => quarter,
        }))
    }

    /// Eighths of a tax year that go by before the deemed day of a disposal in its `quarter` (1 to 4): 1/2, or 12.5,
    /// 37.5, 62.5 or 87.5 % (Pub. 946, "Sale or Other Disposition Before the Recovery Period Ends").
    #[must_use]
    pub fn eighths_held(self, quarter: u8) -> i64 {
        match self {
            Self::HalfYear => 4,
            Self::MidQuarter(_) => i64::from(quarter.clamp(1, 4)).saturating_mul(2).saturating_sub(1),
        }
    }
}

/// The recovery of a basis: its cumulative shares at the close of each tax year, the year of service being year 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    convention: TaxConvention,
    /// Eighths of a year in the recovery period.
    period: i64,
    numerators: Vec<i64>,
    denominator: i64,
}

impl Recovery {
    /// The shares of a recovery period given in half years: 3, 5, 7, 10, 15 or 20 years in the general system, 1 to
    /// [`MAX_ALTERNATIVE_YEARS`] by half years in the alternative one. `None` for any other.
    #[must_use]
    pub fn new(system: System, half_years: i32, convention: TaxConvention, percentages: Percentages) -> Option<Self> {
        let whole_years = if half_years.checked_rem(2)? == 0 { half_years.checked_div(2) } else { None };
        let decline = match (system, whole_years) {
            (System::General, Some(3 | 5 | 7 | 10)) => 200,
            (System::General, Some(15 | 20)) => 150,
            (System::Alternative, _) if (2..=MAX_ALTERNATIVE_YEARS.saturating_mul(2)).contains(&half_years) => 100,
            _ => return None,
        };
        let period = i64::from(half_years).checked_mul(YEAR.checked_div(2)?)?;
        let (numerators, denominator) = match (system, percentages) {
            (System::General, Percentages::Published) => {
                let (yearly, whole) = published(whole_years?, convention.code())?;
                (running_sums(yearly)?, whole)
            }
            _ => computed(period, convention.first_year(), decline)?,
        };
        Some(Self { convention, period, numerators, denominator })
    }

    /// The cumulative numerators by tax year, ending with the denominator.
    #[must_use]
    pub fn numerators(&self) -> &[i64] {
        &self.numerators
    }

    /// What all numerators are parts of.
    #[must_use]
    pub fn denominator(&self) -> i64 {
        self.denominator
    }

    /// The cumulative share of a year, as a numerator: 0 before year 0, all after the last.
    fn through(&self, year: i32) -> i64 {
        match usize::try_from(year) {
            Err(_) => 0,
            Ok(year) => self.numerators.get(year).copied().unwrap_or(self.denominator),
        }
    }

    /// Eighths of tax year `year` (from 1) that lie inside the recovery period.
    fn eighths_of(&self, year: i32) -> i64 {
        let before =
            YEAR.saturating_mul(i64::from(year).saturating_sub(1)).saturating_add(self.convention.first_year());
        self.period.saturating_sub(before).clamp(0, YEAR)
    }

    /// What is deducted of `basis` by the close of tax year `year`, half-to-even.
    #[must_use]
    pub fn deducted(&self, basis: i64, year: i32) -> i64 {
        part_of(basis, self.through(year).into(), self.denominator.into())
    }

    /// What is deducted of `basis` in all where the asset is disposed of in `quarter` of tax year `year`.
    ///
    /// The year of disposition allows the part of its deduction that falls before the deemed day, Reg. 1.168(d)-1(c)(1).
    /// Nothing is allowed where it is also the year of service, Reg. 1.168(d)-1(b)(3)(ii). Where the period ends in that
    /// year, its deduction is already for a part of a year and shrinks only if the deemed day comes before the end: under
    /// the half-year convention both are the middle of the year, so it is allowed in full.
    #[must_use]
    pub fn deducted_at_disposal(&self, basis: i64, year: i32, quarter: u8) -> i64 {
        if year <= 0 {
            return 0;
        }
        let in_year = self.eighths_of(year);
        let held = self.convention.eighths_held(quarter).min(in_year);
        let (before, after) = (i128::from(self.through(year.saturating_sub(1))), i128::from(self.through(year)));
        let shares = before
            .saturating_mul(in_year.saturating_sub(held).into())
            .saturating_add(after.saturating_mul(held.into()));
        if in_year == 0 {
            basis
        } else {
            part_of(basis, shares, i128::from(self.denominator).saturating_mul(in_year.into()))
        }
    }
}

/// `basis x numerator / denominator` half-to-even, for a share from 0 to 1.
fn part_of(basis: i64, numerator: i128, denominator: i128) -> i64 {
    let part = round_half_even(i128::from(basis).saturating_mul(numerator), denominator);
    // Never larger than the basis.
    i64::try_from(part).unwrap_or(basis)
}

fn running_sums(yearly: &[i64]) -> Option<Vec<i64>> {
    let mut sum = 0_i64;
    yearly
        .iter()
        .map(|share| {
            sum = sum.checked_add(*share)?;
            Some(sum)
        })
        .collect()
}

/// Cumulative shares over one denominator, of a period and a first year in eighths of a year, declining at `decline` %
/// of the straight-line rate.
fn computed(period: i64, first_year: i64, decline: i64) -> Option<(Vec<i64>, i64)> {
    let (mut left, mut unit) = (1_i128, 1_i128); // of the basis, left / unit is not yet recovered
    let mut sums = Vec::new();
    let mut rest = i128::from(period);
    let mut length = i128::from(first_year);
    while rest > 0 {
        length = length.min(rest);
        // decline / (100 x period) of what is left for each eighth, against 1 / rest.
        let declining = (i128::from(decline).checked_mul(length)?, i128::from(period).checked_mul(100)?);
        let straight = (length, rest);
        let declines = declining.0.checked_mul(straight.1)? > straight.0.checked_mul(declining.1)?;
        let (top, bottom) = if declines { declining } else { straight };
        left = left.checked_mul(bottom.checked_sub(top)?)?;
        unit = unit.checked_mul(bottom)?;
        let common = greatest_common_divisor(left, unit);
        (left, unit) = (left.checked_div(common)?, unit.checked_div(common)?);
        sums.push((unit.checked_sub(left)?, unit));
        rest = rest.checked_sub(length)?;
        length = YEAR.into();
    }
    let mut denominator = 1_i128;
    for (_, unit) in &sums {
        denominator = denominator.checked_div(greatest_common_divisor(denominator, *unit))?.checked_mul(*unit)?;
    }
    let over = |(sum, unit): (i128, i128)| i64::try_from(sum.checked_mul(denominator.checked_div(unit)?)?).ok();
    Some((sums.into_iter().map(over).collect::<Option<_>>()?, i64::try_from(denominator).ok()?))
}

fn greatest_common_divisor(a: i128, b: i128) -> i128 {
    match a.checked_rem(b) {
        None => a.max(1),
        Some(rest) => greatest_common_divisor(b, rest),
    }
}

/// Divides `total` in proportion to `weights`, none negative: the running sums of the parts are those of the weights,
/// scaled and rounded half-to-even, so they come to `total` exactly. No part exceeds its weight where `total` does not
/// exceed their sum. `None` where a product leaves `i128`: a total below 2^48 can meet weights that sum to 2^79.
#[must_use]
pub fn allocate(total: i64, weights: &[i64]) -> Option<Vec<i64>> {
    let sum = weights.iter().try_fold(0_i128, |sum, weight| sum.checked_add((*weight).into()))?;
    let (mut weight_before, mut part_before) = (0_i128, 0_i128);
    let mut part = |weight: &i64| {
        weight_before = weight_before.checked_add((*weight).into())?;
        let now = round_half_even(i128::from(total).checked_mul(weight_before)?, sum);
        let part = i64::try_from(now.checked_sub(part_before)?).ok();
        part_before = now;
        part
    };
    weights.iter().map(&mut part).collect()
}

/// An asset as its tax return sees it.
#[derive(Clone, Copy, Debug)]
pub struct TaxAsset {
    /// Deducted at once in the tax year of service: section 179 and bonus. Zero where it is disposed of in that year.
    pub immediate: i64,
    /// What is left to recover by the table.
    pub basis: i64,
    /// The month it was placed in service.
    pub service: Month,
    /// The month it was disposed of.
    pub disposal: Option<Month>,
}

/// One tax year of an asset: what is deducted before it and by its end, and the months that share the difference.
#[derive(Clone, Copy)]
struct TaxYear {
    before: i64,
    after: i64,
    first: Month,
    last: Month,
}

impl TaxYear {
    fn through(&self, month: Month) -> i64 {
        let months = |last: Month| i128::from(last.saturating_sub(self.first).saturating_add(1).max(0));
        let deduction = i128::from(self.after).saturating_sub(self.before.into());
        let part = round_half_even(deduction.saturating_mul(months(month.min(self.last))), months(self.last));
        self.before.saturating_add(i64::try_from(part).unwrap_or(0))
    }
}

impl TaxAsset {
    /// What is deducted by the end of `month`: a tax year's deduction falls evenly on its months in service, those of
    /// service and disposal included.
    #[must_use]
    pub fn deducted(&self, recovery: &Recovery, grid: PeriodGrid, month: Month) -> i64 {
        if month < self.service { 0 } else { self.tax_year(recovery, grid, month).through(month) }
    }

    /// Writes the charge of each month from `from` on and returns what is deducted before it.
    pub fn charges_into(&self, recovery: &Recovery, grid: PeriodGrid, from: Month, charges: &mut [i64]) -> i64 {
        let start = self.deducted(recovery, grid, from.saturating_sub(1));
        let (mut before, mut month) = (start, from);
        let mut year: Option<TaxYear> = None;
        for charge in charges {
            let now = if month < self.service {
                0
            } else {
                let current = match year {
                    Some(year) if month <= year.last => year,
                    _ => self.tax_year(recovery, grid, month),
                };
                year = Some(current);
                current.through(month)
            };
            *charge = now.saturating_sub(before);
            before = now;
            month = month.saturating_add(1);
        }
        start
    }

    /// The tax year that holds `month`, which is not before the month of service.
    fn tax_year(&self, recovery: &Recovery, grid: PeriodGrid, month: Month) -> TaxYear {
        let month = self.disposal.map_or(month, |disposal| month.min(disposal));
        let year_end = |month: Month| month.saturating_add(grid.months_to_year_end(month)).saturating_sub(1);
        let first_end = year_end(self.service);
        let years_on = |end: Month| end.saturating_sub(first_end).checked_div(12).unwrap_or(0);
        let end = year_end(month);
        let year = years_on(end);
        let first = end.saturating_sub(11).max(self.service);
        let by = |year: i32| match year {
            ..0 => 0,
            _ => self.immediate.saturating_add(recovery.deducted(self.basis, year)),
        };
        let before = by(year.saturating_sub(1));
        match self.disposal {
            Some(disposal) if year_end(disposal) == end => {
                let quarter = 12_i32.saturating_sub(grid.months_to_year_end(disposal)).checked_div(3).unwrap_or(0);
                let quarter = u8::try_from(quarter.saturating_add(1)).unwrap_or(1);
                let regular = recovery.deducted_at_disposal(self.basis, year, quarter);
                let after = if year <= 0 { 0 } else { self.immediate.saturating_add(regular) };
                TaxYear { before, after, first, last: disposal.max(first) }
            }
            _ => TaxYear { before, after: by(year), first, last: end },
        }
    }
}

#[cfg(test)]
#[path = "macrs_tests.rs"]
mod tests;
