//! What a contract says, in the types of the core.
#![forbid(unsafe_code)]

use super::{EventType, Moment};
use crate::calendar::{Accrual, ActusCycle, BusinessDayConvention, Context, Date, DayCount, Weekend, YearFraction};

/// The contract types that are computed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContractType {
    /// Principal at maturity: a bullet loan or a bond.
    Pam,
    /// Linear amortizer: level principal.
    Lam,
    /// Negative amortizer: a payment that holds the interest; what it does not cover is owed.
    Nam,
    /// Annuity: level payments.
    Ann,
    /// Exotic linear amortizer: redemptions and draws by arrays.
    Lax,
    /// Call money: until it is called.
    Clm,
    /// Undefined maturity profile: deposits and credit lines.
    Ump,
    /// Cash.
    Csh,
}

impl ContractType {
    /// Every type under its acronym.
    pub const ALL: [(&'static str, Self); 8] = [
        ("PAM", Self::Pam),
        ("LAM", Self::Lam),
        ("NAM", Self::Nam),
        ("ANN", Self::Ann),
        ("LAX", Self::Lax),
        ("CLM", Self::Clm),
        ("UMP", Self::Ump),
        ("CSH", Self::Csh),
    ];

    /// Whether principal is redeemed by a cycle.
    #[must_use]
    pub fn amortizes(self) -> bool {
        matches!(self, Self::Lam | Self::Nam | Self::Ann)
    }

    /// Whether it runs until it is called.
    #[must_use]
    pub fn is_called(self) -> bool {
        matches!(self, Self::Clm | Self::Ump)
    }
}

/// What interest is computed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InterestBase {
    /// NT: the principal.
    #[default]
    Principal,
    /// NTIED: an amount fixed at the initial exchange.
    Initial,
    /// NTL: the principal as it was at the last fixing.
    Lagged,
}

impl InterestBase {
    /// By acronym.
    pub const ALL: [(&'static str, Self); 3] =
        [("NT", Self::Principal), ("NTIED", Self::Initial), ("NTL", Self::Lagged)];
}

/// What a fee is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeeBasis {
    /// An amount each time.
    Absolute,
    /// A rate on the principal.
    Principal,
}

impl FeeBasis {
    /// By acronym.
    pub const ALL: [(&'static str, Self); 2] = [("A", Self::Absolute), ("N", Self::Principal)];
}

/// What a prepayment costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Penalty {
    /// Nothing, and no event.
    #[default]
    None,
    /// An amount.
    Absolute,
    /// A rate on the principal over the time since the event before.
    Relative,
    /// The rate in force above the index, likewise; never below 0.
    Differential,
}

impl Penalty {
    /// By acronym.
    pub const ALL: [(&'static str, Self); 4] =
        [("O", Self::None), ("A", Self::Absolute), ("N", Self::Relative), ("I", Self::Differential)];
}

/// What a prepayment changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PrepaymentEffect {
    /// There is no right to prepay.
    #[default]
    None,
    /// The payments that follow are lower.
    Amount,
    /// They stay, and end earlier.
    Maturity,
}

impl PrepaymentEffect {
    /// By acronym.
    pub const ALL: [(&'static str, Self); 3] = [("N", Self::None), ("A", Self::Amount), ("M", Self::Maturity)];
}

/// The business-day conventions of ACTUS: which way, and whether interest is counted between the moved dates (SC:
/// shift, then calculate) or those of the schedule (CS: calculate, then shift).
const CONVENTIONS: [(&str, BusinessDayConvention, Accrual); 9] = [
    ("NOS", BusinessDayConvention::None, Accrual::Adjusted),
    ("SCF", BusinessDayConvention::Following, Accrual::Adjusted),
    ("SCMF", BusinessDayConvention::ModifiedFollowing, Accrual::Adjusted),
    ("SCP", BusinessDayConvention::Preceding, Accrual::Adjusted),
    ("SCMP", BusinessDayConvention::ModifiedPreceding, Accrual::Adjusted),
    ("CSF", BusinessDayConvention::Following, Accrual::Unadjusted),
    ("CSMF", BusinessDayConvention::ModifiedFollowing, Accrual::Unadjusted),
    ("CSP", BusinessDayConvention::Preceding, Accrual::Unadjusted),
    ("CSMP", BusinessDayConvention::ModifiedPreceding, Accrual::Unadjusted),
];

/// Reads a business-day convention.
#[must_use]
pub fn shifting(name: &str) -> Option<(BusinessDayConvention, Accrual)> {
    CONVENTIONS.iter().find(|(known, ..)| *known == name).map(|(_, way, accrual)| (*way, *accrual))
}

/// An anchor and a cycle; either may be missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cyclic {
    /// The first date.
    pub anchor: Option<Moment>,
    /// From one date to the next.
    pub cycle: Option<ActusCycle>,
}

/// A stretch of an array schedule, from its anchor to that of the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segment {
    /// Where it begins.
    pub anchor: Moment,
    /// From one date to the next; none for the anchor alone.
    pub cycle: Option<ActusCycle>,
    /// The amount of a payment, or the rate or spread of a reset.
    pub value: f64,
    /// Whether a payment is a draw (INC), or a rate is the new rate (FIX) rather than a spread.
    pub flag: bool,
}

/// Observations of one index, by ascending time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Series<'a> {
    /// When.
    pub times: &'a [i32],
    /// What.
    pub values: &'a [f64],
}

impl Series<'_> {
    /// The last observation at or before a time.
    #[must_use]
    pub fn at(&self, time: Moment) -> Option<f64> {
        let count = self.times.partition_point(|known| *known <= time.code());
        self.values.get(count.checked_sub(1)?).copied()
    }
}

/// An event that no schedule knows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observed {
    /// When.
    pub time: Moment,
    /// What.
    pub kind: EventType,
    /// Its amount, where it has one.
    pub value: f64,
}

/// The terms of one contract. What is optional and has no value is `None` here, or the default of the dictionary.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// Its type.
    pub contract_type: ContractType,
    /// Whether what is lent is owed (RPL) rather than owned (RPA).
    pub liability: bool,
    /// Only what happens after it is of interest; principal and accrued interest are those of this time.
    pub status: Moment,
    /// Initial exchange.
    pub start: Moment,
    /// Maturity.
    pub maturity: Option<Moment>,
    /// Where the annuity would end, if later than the maturity.
    pub amortization: Option<Moment>,
    /// Purchase and its price.
    pub purchase: Option<(Moment, f64)>,
    /// Termination and its price.
    pub termination: Option<(Moment, f64)>,
    /// Until when interest is capitalised.
    pub capitalization_end: Option<Moment>,
    /// Principal at the status date.
    pub principal: f64,
    /// Paid at the initial exchange on top of it.
    pub premium: f64,
    /// The rate.
    pub rate: Option<f64>,
    /// Interest accrued at the status date or the initial exchange.
    pub accrued: Option<f64>,
    /// The day count.
    pub day_count: DayCount,
    /// Whether schedules that begin on a month's end stay there.
    pub end_of_month: bool,
    /// Which days are none for business.
    pub weekend: Weekend,
    /// Which way a date is moved that falls on one.
    pub convention: BusinessDayConvention,
    /// Between which dates interest is counted then.
    pub accrual: Accrual,
    /// Whether the counterparty pays.
    pub performing: bool,
    /// Interest payments.
    pub interest: Cyclic,
    /// Redemptions.
    pub redemption: Cyclic,
    /// What is redeemed, with interest where the type has it so.
    pub payment: Option<f64>,
    /// Rate resets.
    pub reset: Cyclic,
    /// Added to the index.
    pub spread: f64,
    /// The index is multiplied by it.
    pub multiplier: f64,
    /// The rate of the first reset, where it is known.
    pub next_rate: Option<f64>,
    /// The most by which a reset raises the rate.
    pub period_cap: f64,
    /// The most by which it lowers it.
    pub period_floor: f64,
    /// The highest rate.
    pub life_cap: f64,
    /// The lowest rate.
    pub life_floor: f64,
    /// Fees.
    pub fees: Cyclic,
    /// What they are.
    pub fee_basis: Option<FeeBasis>,
    /// The amount or rate.
    pub fee_rate: f64,
    /// Fees accrued at the status date.
    pub fee_accrued: f64,
    /// What interest is computed on.
    pub base: InterestBase,
    /// That amount, where it is not the principal.
    pub base_amount: Option<f64>,
    /// When it is fixed anew.
    pub base_fixing: Cyclic,
    /// Whether principal and interest are scaled by an index.
    pub scales: (bool, bool),
    /// When.
    pub scaling: Cyclic,
    /// The index at the deal.
    pub scaling_base: f64,
    /// By what they are scaled until the first revision.
    pub scaled_by: (f64, f64),
    /// What a prepayment costs.
    pub penalty: Penalty,
    /// How much.
    pub penalty_rate: f64,
    /// What it changes.
    pub prepayment: PrepaymentEffect,
    /// From the call to the settlement.
    pub notice: Option<crate::calendar::Cycle>,
    /// Redemptions and draws, interest payments and rate resets by arrays.
    pub arrays: Arrays<'a>,
    /// The index of rate resets.
    pub index: Series<'a>,
    /// The index of scaling.
    pub scaling_index: Series<'a>,
    /// Events that no schedule knows, in the order given.
    pub observed: &'a [Observed],
}

/// The array schedules of a contract.
#[derive(Clone, Copy, Debug, Default)]
pub struct Arrays<'a> {
    /// Redemptions and draws.
    pub redemptions: &'a [Segment],
    /// Interest payments.
    pub interest: &'a [Segment],
    /// Rate resets.
    pub resets: &'a [Segment],
}

impl Terms<'_> {
    /// The part of a year between two dates.
    #[must_use]
    pub fn fraction(&self, from: Date, to: Date, maturity: Option<Moment>) -> YearFraction {
        let context = Context { maturity: maturity.map(Moment::counted), reference: None };
        self.day_count.fraction(from, to, &context)
    }

    /// Whether the interest base is an amount of its own.
    #[must_use]
    pub fn has_own_base(&self) -> bool {
        self.base != InterestBase::Principal
            && (self.contract_type.amortizes() || self.contract_type == ContractType::Lax)
    }

    /// Whether the exchange is still to come.
    #[must_use]
    pub fn starts_later(&self) -> bool {
        self.start > self.status && self.contract_type != ContractType::Csh
    }
}
