//! What a call about loans asks for, already parsed.
#![forbid(unsafe_code)]

use std::ops::RangeInclusive;

use crate::batch::reader::Reading;
use crate::batch::settings::Horizon;
use crate::calendar::{self, Date, Holidays, Month, PeriodGrid, month_of};
use crate::debt::lane_kernels::LaneKernels;

/// Everything that holds for all loans of a call.
#[derive(Clone, Debug)]
pub struct LoanSettings {
    /// Whole minor units, each payment rounded; otherwise unrounded float64.
    pub rounded: bool,
    /// How values are read.
    pub reading: Reading,
    /// Periods of totals, and what the horizon is widened to.
    pub grid: PeriodGrid,
    /// First month asked for.
    pub start: Option<Month>,
    /// Last month asked for.
    pub end: Option<Month>,
    /// Which dates interest is counted between.
    pub accrual: calendar::Accrual,
    /// Level payments by rate / periods per year instead of the real lengths of periods.
    pub nominal: bool,
    /// Rates above 100 % are meant.
    pub allow_high_rate: bool,
    /// Unpaid interest may be added to the balance of loans that have a cap.
    pub allow_negative_amortization: bool,
    /// The longest term accepted.
    pub max_term_months: i32,
    /// Weekends and holidays.
    pub holidays: Holidays,
    /// Books are looked at, at the end of each period of the grid.
    pub observe: bool,
    /// Books are looked at on this day.
    pub observe_on: Option<Date>,
    /// What is drawn after this day is left out.
    pub as_of: Option<Date>,
    /// Draws with terms of their own have rows of their own.
    pub draws_apart: bool,
    /// The loops over loans of equal periods.
    pub kernels: LaneKernels,
    /// Worker threads.
    pub threads: usize,
    /// Rows per chunk.
    pub chunk_rows: usize,
    /// What totals may allocate.
    pub memory_limit: usize,
}

impl LoanSettings {
    /// The terms accepted, in months.
    #[must_use]
    pub fn terms(&self) -> RangeInclusive<i32> {
        1..=self.max_term_months
    }

    /// Whether what happens on a day is known.
    #[must_use]
    pub fn knows(&self, date: Date) -> bool {
        self.as_of.is_none_or(|day| date <= day)
    }

    /// Whether a day lies in the horizon.
    #[must_use]
    pub fn includes(&self, date: Date) -> bool {
        let month = month_of(date);
        let after_start = self.start.is_none_or(|start| month >= self.grid.period_start(start));
        after_start && self.end.is_none_or(|end| month <= self.grid.period_end(end))
    }

    /// The horizon in whole periods, where both ends are known.
    #[must_use]
    pub fn snapped(&self, extent: Option<Horizon>) -> Option<Horizon> {
        let start = self.start.or(extent.map(|extent| extent.start))?;
        let end = self.end.or(extent.map(|extent| extent.end))?;
        Some(Horizon { start, end }.snapped(self.grid))
    }

    /// Loans of a chunk; each becomes hundreds of rows, so even a small book is worth dividing among threads.
    #[must_use]
    pub fn chunk_size(&self, loans: usize) -> usize {
        const FEWEST: usize = 16;
        const MOST: usize = 256;
        let share = loans.checked_div(self.threads.saturating_mul(4)).unwrap_or(loans);
        share.clamp(FEWEST, MOST).min(self.chunk_rows).max(1)
    }

    /// The same where loans of equal periods are added up: the more of them, the more pay in the same months.
    #[must_use]
    pub fn batch_size(&self, loans: usize) -> usize {
        const FEWEST: usize = 16;
        const MOST: usize = 8_192;
        let share = loans.checked_div(self.threads.saturating_mul(4)).unwrap_or(loans);
        share.clamp(FEWEST, MOST).min(self.chunk_rows).max(1)
    }
}

/// A money column of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoanMeasure {
    /// What was owed before.
    OpeningBalance,
    /// Lent.
    Draw,
    /// Interest paid.
    Interest,
    /// Interest added to the balance.
    Pik,
    /// Principal paid as agreed.
    Principal,
    /// Principal paid beyond that.
    Prepayment,
    /// Fees paid, premiums included.
    Fee,
    /// Interest, principal, prepayment and fees.
    Payment,
    /// What is owed after.
    ClosingBalance,
    /// The part of fees that is a premium for prepayment.
    Premium,
    /// The part of a draw that is received.
    Proceeds,
    /// The part of interest that a hedge added or took off.
    Hedge,
}

impl LoanMeasure {
    /// Every column, by its public name.
    pub const ALL: [(&'static str, Self); 12] = [
        ("opening_balance", Self::OpeningBalance),
        ("draw", Self::Draw),
        ("interest", Self::Interest),
        ("pik", Self::Pik),
        ("principal", Self::Principal),
        ("prepayment", Self::Prepayment),
        ("fee", Self::Fee),
        ("payment", Self::Payment),
        ("closing_balance", Self::ClosingBalance),
        ("premium", Self::Premium),
        ("hedge", Self::Hedge),
        ("proceeds", Self::Proceeds),
    ];

    /// Reads a column's name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, measure)| *measure)
    }
}
