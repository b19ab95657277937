//! The loops over loans of equal periods, as functions that a caller may have compiled for its processor.
#![forbid(unsafe_code)]

use super::dues::{LevelColumns, LevelLoan, LevelTerms, Monthly, add_dues, begin_monthly, level_loans};
use super::lanes::{EqualLoan, LaneRow, Lanes, WIDTH, add_sums};
use super::moments::{Bands, Cell, add_moments, add_payments};
use crate::calendar::Month;

/// [`add_payments`].
pub type AddPayments = fn(&Bands, usize, &[Cell], &mut [f64], &mut [f64]) -> f64;

/// The loops.
#[derive(Clone, Copy, Debug)]
pub struct LaneKernels {
    /// [`rows`] in minor units.
    pub rows: fn(&[EqualLoan], &mut [LaneRow]),
    /// [`rows`] of unrounded amounts.
    pub unrounded_rows: fn(&[EqualLoan], &mut [LaneRow]),
    /// [`floating_rows`] in minor units.
    pub floating_rows: fn(&[EqualLoan], &[[i64; WIDTH]], &mut [LaneRow]),
    /// [`floating_rows`] of unrounded amounts.
    pub unrounded_floating_rows: fn(&[EqualLoan], &[[i64; WIDTH]], &mut [LaneRow]),
    /// [`add_sums`].
    pub add_sums: fn(&[EqualLoan], &mut [LaneRow]),
    /// [`begin_monthly`].
    pub begin_monthly: fn(Monthly<'_>, &mut [Month], &mut [f64]),
    /// [`level_loans`].
    pub level_loans: fn(&[LevelTerms], &mut Vec<LevelLoan>),
    /// [`add_dues`].
    pub add_dues: fn(&[LevelLoan], &mut [f64]),
    /// [`add_moments`].
    pub add_moments: fn(LevelColumns<'_>, &[u32], &Bands, &mut [Cell]),
    /// [`add_payments`].
    pub add_payments: AddPayments,
}

impl LaneKernels {
    /// For any processor.
    pub const PORTABLE: Self = Self {
        rows: rows::<true>,
        unrounded_rows: rows::<false>,
        floating_rows: floating_rows::<true>,
        unrounded_floating_rows: floating_rows::<false>,
        add_sums,
        begin_monthly,
        level_loans,
        add_dues,
        add_moments,
        add_payments,
    };
}

/// Writes the rows of up to eight loans.
#[inline(always)]
pub fn rows<const ROUNDED: bool>(loans: &[EqualLoan], rows: &mut [LaneRow]) {
    Lanes::<ROUNDED>::new(loans).run(rows);
}

/// Writes the rows of up to eight loans that have another rate in each period.
#[inline(always)]
pub fn floating_rows<const ROUNDED: bool>(loans: &[EqualLoan], rates: &[[i64; WIDTH]], rows: &mut [LaneRow]) {
    Lanes::<ROUNDED>::new(loans).run_floating(rates, rows);
}
