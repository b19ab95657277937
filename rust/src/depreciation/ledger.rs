//! What a ledger is about: an asset as it enters the books, the amounts that move, and who takes them down.
#![forbid(unsafe_code)]

use super::amount::Exact;
use super::event::{Framework, Terms};
use super::units_of_production::Usage;
use super::{Asset, Convention, Method, Rounding, Schedule};
use crate::calendar::{Date, Month, PeriodGrid};

/// An amount that moves in a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Cost that enters.
    CostIn,
    /// Accumulated depreciation that an asset brought in mid-life brings along.
    BroughtIn,
    /// The month's charge.
    Charge,
    /// Impairment losses and write-downs to fair value less cost to sell.
    Impairment,
    /// Reversals of them.
    Reversal,
    /// Cost disposed of.
    CostOut,
    /// Accumulated depreciation disposed of.
    AccumulatedOut,
    /// Proceeds less book value disposed of.
    Gain,
    /// The part of the charge that makes up for posted periods.
    Correction,
}

impl Flow {
    /// How many there are.
    pub const COUNT: usize = 9;
    /// All, each at its own number.
    pub const ALL: [Self; Self::COUNT] = [
        Self::CostIn,
        Self::BroughtIn,
        Self::Charge,
        Self::Impairment,
        Self::Reversal,
        Self::CostOut,
        Self::AccumulatedOut,
        Self::Gain,
        Self::Correction,
    ];
}

/// Where a ledger writes.
pub trait Sink<T> {
    /// The charges of consecutive months; sums of them are no larger than `most`.
    fn charges(&mut self, from: Month, charges: &[T], most: T);
    /// The charges that a schedule has in so many months from `from` on. A sink that knows a shorter way to them may
    /// learn on it what is accumulated at their end.
    fn spread(
        &mut self,
        schedule: &Schedule<'_, T>,
        rounding: Rounding,
        from: Month,
        months: usize,
        scratch: &mut Vec<T>,
    ) -> Option<T>
    where
        T: Exact,
    {
        scratch.resize(months, T::default());
        schedule.charges_into(rounding, from, scratch);
        self.charges(from, scratch, schedule.asset.base.minus(schedule.asset.opening));
        None
    }
    /// An amount of one month.
    fn flow(&mut self, month: Month, flow: Flow, amount: T);
    /// The asset, with its cost and accumulated depreciation, goes to another group on the first of `month`.
    fn moved(&mut self, month: Month, group: usize, cost: T, accumulated: T);
    /// The last month in which anything happens, and whether nothing is left of the asset.
    fn ended(&mut self, last: Month, gone: bool);
}

/// What was paid for an asset, and received for it, in all. As long as both are amounts, so is every sum of what moves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turnover<T> {
    paid: T,
    received: T,
}

impl<T: Exact> Turnover<T> {
    pub fn new(cost: T) -> Self {
        Self { paid: cost.at_least_zero(), received: cost.negated().at_least_zero() }
    }

    /// Whether so much can be paid, too.
    pub fn pay(&mut self, amount: T) -> bool {
        let fits = self.paid.has_room_for(amount);
        self.paid = self.paid.plus(amount);
        fits
    }

    /// Whether a disposal can bring so much; below zero it costs it.
    pub fn receive(&mut self, proceeds: T) -> bool {
        if proceeds < T::default() {
            return self.pay(proceeds.negated());
        }
        let fits = self.received.has_room_for(proceeds);
        self.received = self.received.plus(proceeds);
        fits
    }
}

/// What all assets of a call have in common.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// How charges become minor units.
    pub rounding: Rounding,
    /// Periods, whose fiscal years count for `half_year`.
    pub grid: PeriodGrid,
    /// Whether `actual_days` follows the calendar.
    pub by_days: bool,
    /// The rules that books are kept under.
    pub framework: Framework,
    /// What a sale leaves of its month's charge, unless it mirrors the asset's convention.
    pub disposal_convention: Option<Convention>,
    /// Charges after this month are of no interest.
    pub until: Month,
}

/// An asset as it enters the books.
#[derive(Clone, Copy, Debug)]
pub struct Holding<'a, T> {
    /// Cost, depreciable amount, depreciation brought in, and timing.
    pub asset: &'a Asset<T>,
    /// The day of service.
    pub in_service: Date,
    /// What the month of service counts for.
    pub convention: Convention,
    /// How it is written off.
    pub method: &'a Method,
    /// What it produced.
    pub usage: Usage<'a>,
    /// The first day that an event may have: that of service, or the one after it was brought in.
    pub first_day: Date,
    /// The policies that changes lead to.
    pub terms: &'a [Terms<'a>],
    /// Whether its residual value is its own.
    pub own_residual: bool,
}
