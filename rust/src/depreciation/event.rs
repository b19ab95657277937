//! What happens to an asset between service and disposal, as its owner states it.
#![forbid(unsafe_code)]

use super::{Convention, Method};
use crate::calendar::{Date, FIRST_DAY, Month, day_of_month, days_in_month};
use crate::error::Rule;
use crate::rate::Rate;

/// What kind of event. Events of one day apply in this order; those up to [`Kind::Transfer`] count from the first day
/// of their month, the others fall at its close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Cost is added.
    Addition,
    /// So many months remain.
    LifeChange,
    /// Another residual value.
    ResidualChange,
    /// Another policy for the whole fleet (a change of estimate, ASC 250-10-45-17, IAS 8.36).
    PolicyChange,
    /// Charging stops for a while.
    Suspend,
    /// Charging goes on.
    Resume,
    /// No longer held for sale (ASC 360-10-35-44, IFRS 5.27).
    ReturnedToUse,
    /// To another group.
    Transfer,
    /// Written down to a recoverable amount.
    Impairment,
    /// Written up again, at most to what it would be worth without impairment (IAS 36.117).
    Reversal,
    /// Held for sale: charging stops (ASC 360-10-35-43, IFRS 5.25).
    HeldForSale,
    /// Sold or scrapped, all or a share.
    Disposal,
}

impl Kind {
    /// Every kind that a user may state, by its public name.
    pub const ALL: [(&'static str, Self); 11] = [
        ("addition", Self::Addition),
        ("life_change", Self::LifeChange),
        ("residual_change", Self::ResidualChange),
        ("suspend", Self::Suspend),
        ("resume", Self::Resume),
        ("returned_to_use", Self::ReturnedToUse),
        ("transfer", Self::Transfer),
        ("impairment", Self::Impairment),
        ("reversal", Self::Reversal),
        ("held_for_sale", Self::HeldForSale),
        ("disposal", Self::Disposal),
    ];

    /// Where one of a month and day of that comes among the events of its asset: by month, at its close or not, day and
    /// kind.
    #[must_use]
    #[inline]
    pub fn order(self, month: Month, date: Date) -> u64 {
        // Months are compared first, so the lower bits of a day tell those of one month apart; kinds are fewer than 32.
        let month = u64::from(month.wrapping_sub(Month::MIN).cast_unsigned());
        let day = u64::from(date.wrapping_sub(FIRST_DAY).cast_unsigned() & ((1 << 26) - 1));
        month << 32 | u64::from(self.is_at_close()) << 31 | day << 5 | self as u64
    }

    /// Whether it falls at the close of its month.
    #[must_use]
    pub fn is_at_close(self) -> bool {
        self >= Self::Impairment
    }
}

/// The rules that books are kept under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Framework {
    /// US GAAP: impairments of assets in use are never reversed (ASC 360-10-35-20).
    #[default]
    UsGaap,
    /// IFRS.
    Ifrs,
    /// Tax books.
    Tax,
    /// Management accounts.
    Management,
}

impl Framework {
    /// Reads a public name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "us_gaap" => Self::UsGaap,
            "ifrs" => Self::Ifrs,
            "tax" => Self::Tax,
            "management" => Self::Management,
            _ => return None,
        })
    }

    /// Idle assets go on depreciating in financial statements (IAS 16.55).
    pub(super) fn allows_suspension(self) -> bool {
        matches!(self, Self::Tax | Self::Management)
    }
}

/// A policy that takes the place of another.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// How assets are written off.
    pub method: &'a Method,
    /// The whole life, from service.
    pub life_months: i32,
    /// What the month of service counts for.
    pub convention: Convention,
    /// Residual value as a share of cost, for an asset without one of its own.
    pub residual_rate: Option<Rate>,
}

/// One event of one asset.
#[derive(Clone, Copy, Debug)]
pub struct Event<T> {
    /// Its day.
    pub date: Date,
    /// The month of that day.
    pub month: Month,
    /// Its kind.
    pub kind: Kind,
    /// Cost added, residual value, recoverable amount or fair value.
    pub amount: Option<T>,
    /// The share disposed of.
    pub share: Rate,
    /// The months that remain.
    pub remaining_months: i32,
    /// What a disposal brought.
    pub proceeds: Option<T>,
    /// The group after a transfer.
    pub group: usize,
    /// The number of the policy after a change.
    pub terms: usize,
    /// The month in whose books it stands, where that is a later one.
    pub posted: Option<Month>,
    /// Its row in the frame of events.
    pub source: usize,
}

impl<T> Event<T> {
    /// Where it comes among the events of its asset.
    #[inline]
    pub(super) fn order(&self) -> (u64, usize) {
        (self.kind.order(self.month, self.date), self.source)
    }

    /// The fraction of a whole month's charge that a sale on its day leaves: the mirror image of the convention.
    pub(super) fn charge_left(&self, convention: Convention) -> (i128, i128) {
        match convention {
            Convention::FullMonth | Convention::HalfYear => (0, 1),
            Convention::NextMonth => (1, 1),
            Convention::MidMonth => (1, 2),
            Convention::ActualDays => {
                let days = days_in_month(self.month);
                (day_of_month(self.date).saturating_sub(1).into(), days.into())
            }
        }
    }
}

/// A column of the frame of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// `date`
    Date,
    /// `kind`
    Kind,
    /// `amount`
    Amount,
    /// `share`
    Share,
    /// `remaining_months`
    RemainingMonths,
    /// `proceeds`
    Proceeds,
}

/// An event that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its row in the frame of events.
    pub source: usize,
    /// What is wrong with it.
    pub field: Field,
    /// Why.
    pub rule: Rule,
    /// In words.
    pub example: String,
}
