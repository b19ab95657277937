//! What a call asks for, already parsed.
#![forbid(unsafe_code)]

use std::ops::RangeInclusive;

use super::columns::{CodeColumn, Load};
use super::reader::Reading;
use crate::calendar::{Month, PeriodGrid};
use crate::depreciation::{Convention, Framework, Method, Rounding, landing};
use crate::money::MinorUnits;
use crate::rate::Rate;

/// A policy for some rows of a fleet.
#[derive(Clone, Debug)]
pub struct PolicySpec {
    /// How they are written off.
    pub method: Method,
    /// Its life, if it states one.
    pub life_months: Option<i32>,
    /// Whether that life wins over a row's own.
    pub life_wins: bool,
    /// Residual value as a share of cost.
    pub residual_rate: Rate,
    /// Its convention.
    pub convention: Convention,
}

impl PolicySpec {
    /// The life of a row that states a life of its own, or none. A table has its own, and use needs none.
    #[must_use]
    #[inline]
    pub fn life(&self, own: Option<i32>) -> Option<i32> {
        match &self.method {
            Method::Table(table) => i32::try_from(table.life_months()).ok(),
            Method::UnitsOfProduction(_) | Method::Macrs(_) => Some(1),
            _ if self.life_wins => self.life_months.or(own),
            _ => own.or(self.life_months),
        }
    }

    /// Whether a row's own life makes no difference.
    #[must_use]
    pub fn decides(&self) -> bool {
        self.life_wins && self.life_months.is_some() || !self.method.has_life()
    }
}

/// One assignment of policies to the whole fleet: "4y", say.
#[derive(Clone)]
pub struct Run<'a> {
    /// The policies.
    pub specs: Vec<PolicySpec>,
    /// Which policy each row has; without it, the first.
    pub codes: Option<CodeColumn<'a>>,
    /// Policies that later take the place of these, in order of date.
    pub changes: Vec<Change<'a>>,
    /// What tax returns deduct of each row in its year of service: section 179 and bonus.
    pub immediate: Option<&'a dyn Load<i64>>,
}

/// A change of estimate for the whole fleet.
#[derive(Clone)]
pub struct Change<'a> {
    /// It counts from the first day of this month.
    pub month: Month,
    /// The month in whose books it was taken up, where that is stated.
    pub posted: Option<Month>,
    /// The new policies.
    pub specs: Vec<PolicySpec>,
    /// Which each row has from then on; negative for those that keep theirs.
    pub codes: Option<CodeColumn<'a>>,
}

impl Change<'_> {
    /// The first month whose books know of it.
    #[must_use]
    pub fn known(&self, settings: &Settings) -> Month {
        let lands = settings.posted_through.and_then(|through| landing(self.month, self.posted, through));
        lands.unwrap_or(self.month)
    }
}

impl Run<'_> {
    /// Whether straight line from service to the end of the life is all there is.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.changes.is_empty() && self.specs.iter().all(|spec| spec.method.is_straight_line())
    }
}

/// Months from `start` to `end`, both counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Horizon {
    /// The first month.
    pub start: Month,
    /// The last month.
    pub end: Month,
}

/// Everything that holds for all rows of a call.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Cents modes; `None` computes in unrounded float64.
    pub rounding: Option<Rounding>,
    /// Digits of the currency.
    pub units: MinorUnits,
    /// Periods of the result.
    pub grid: PeriodGrid,
    /// First month asked for.
    pub start: Option<Month>,
    /// Last month asked for.
    pub end: Option<Month>,
    /// Rows run on to the horizon's end instead of stopping at the last charge.
    pub rows_all: bool,
    /// Negative costs are credits.
    pub allow_credit: bool,
    /// Broken minor units are rounded half-to-even.
    pub round_input: bool,
    /// Times of day are dropped.
    pub floor_time: bool,
    /// The rules that books are kept under.
    pub framework: Framework,
    /// What a sale leaves of its month's charge, unless it mirrors the asset's convention.
    pub disposal_convention: Option<Convention>,
    /// The last month that is posted.
    pub posted_through: Option<Month>,
    /// The longest life accepted.
    pub max_life_months: i32,
    /// Worker threads.
    pub threads: usize,
    /// Rows per chunk.
    pub chunk_rows: usize,
    /// What totals may allocate.
    pub memory_limit: usize,
}

impl Settings {
    /// Months in a period.
    #[must_use]
    pub fn period_months(&self) -> usize {
        usize::try_from(self.grid.months()).unwrap_or(1)
    }

    /// How values are read.
    #[must_use]
    pub fn reading(&self) -> Reading {
        Reading { units: self.units, round_input: self.round_input, floor_time: self.floor_time }
    }

    /// The lives accepted.
    #[must_use]
    pub fn lives(&self) -> RangeInclusive<i32> {
        1..=self.max_life_months
    }

    /// Rows of a chunk under so many runs: few enough that a request to stop is soon heard.
    #[must_use]
    pub fn rows_at_a_time(&self, runs: usize) -> usize {
        const MOST: usize = 4_096;
        let bearable = MOST.saturating_mul(8).checked_div(runs).unwrap_or(MOST);
        self.chunk_rows.min(bearable.clamp(16, MOST))
    }

    /// The rounding whose dates apply: unrounded work follows days like balance rounding.
    #[must_use]
    pub fn by_days(&self) -> bool {
        self.rounding != Some(Rounding::Level)
    }

    /// The horizon snapped outward to whole periods, where both ends are known.
    #[must_use]
    pub fn snapped(&self, start: Option<Month>, end: Option<Month>) -> Option<Horizon> {
        Some(Horizon { start: self.start.or(start)?, end: self.end.or(end)? }.snapped(self.grid))
    }
}

impl Horizon {
    /// The shortest horizon that holds both.
    #[must_use]
    pub fn hull(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        match (a, b) {
            (Some(a), Some(b)) => Some(Self { start: a.start.min(b.start), end: a.end.max(b.end) }),
            (one, other) => one.or(other),
        }
    }

    /// The horizon widened to whole periods.
    #[must_use]
    pub fn snapped(self, grid: PeriodGrid) -> Self {
        Self { start: grid.period_start(self.start), end: grid.period_end(self.end) }
    }

    /// Months in the horizon; 0 where it ends before it starts.
    #[must_use]
    pub fn months(self) -> usize {
        usize::try_from(self.end.saturating_sub(self.start).saturating_add(1)).unwrap_or(0)
    }
}

/// A money column of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Book value at the start of the period.
    OpeningBookValue,
    /// Cost (or the book value of an asset brought in) that entered in the period.
    Additions,
    /// The period's charge.
    Depreciation,
    /// Book value at the end of the period.
    ClosingBookValue,
    /// All that was charged by the end of the period, impairments included (IAS 16.73(d)).
    AccumulatedDepreciation,
    /// Impairment losses and write-downs to fair value less cost to sell.
    Impairment,
    /// Reversals of them.
    Reversals,
    /// Book value disposed of.
    Disposals,
    /// Proceeds less book value disposed of.
    Gain,
    /// The part of the period's charge that makes up for posted periods.
    Correction,
    /// Book value that came from other groups, less what went to them.
    Transfers,
    /// Cost at the start of the period.
    OpeningCost,
    /// Cost that entered in the period.
    CostAdditions,
    /// Cost disposed of.
    CostDisposals,
    /// Cost that came from other groups, less what went to them.
    CostTransfers,
    /// Cost at the end of the period.
    ClosingCost,
}

impl Measure {
    /// Reads a column's name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "opening_book_value" => Self::OpeningBookValue,
            "additions" => Self::Additions,
            "depreciation" => Self::Depreciation,
            "closing_book_value" => Self::ClosingBookValue,
            "accumulated_depreciation" => Self::AccumulatedDepreciation,
            "impairment" => Self::Impairment,
            "reversals" => Self::Reversals,
            "disposals" => Self::Disposals,
            "gain" => Self::Gain,
            "correction" => Self::Correction,
            "transfers" => Self::Transfers,
            "opening_cost" => Self::OpeningCost,
            "cost_additions" => Self::CostAdditions,
            "cost_disposals" => Self::CostDisposals,
            "cost_transfers" => Self::CostTransfers,
            "closing_cost" => Self::ClosingCost,
            _ => return None,
        })
    }

    /// Whether it follows from accumulated depreciation rather than from charges or cost alone.
    #[must_use]
    pub fn is_a_balance(self) -> bool {
        matches!(self, Self::OpeningBookValue | Self::ClosingBookValue | Self::AccumulatedDepreciation)
    }
}
