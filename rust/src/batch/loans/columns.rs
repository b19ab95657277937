//! Borrowed columns of a loan book.
#![forbid(unsafe_code)]

use super::beside::{ConstructionSteps, PrincipalSchedule, RateSteps, Skipped};
use super::facility::FacilityColumns;
use super::hedges::HedgeColumns;
use super::rates::RateColumns;
use crate::batch::columns::{CodeColumn, DateColumn, Load, MoneyColumn, MonthsColumn, Nullable};
use crate::calendar::{BusinessDayConvention, DayCount, PaymentFrequency, Stub};
use crate::debt::ProfileKind;

/// A column of words, as codes into what they mean; a negative code stands for the default.
#[derive(Clone, Copy)]
pub struct Choice<'a, T> {
    /// The code of each row.
    pub codes: CodeColumn<'a>,
    /// What the codes mean.
    pub values: &'a [T],
}

/// A loan book as columns of equal length.
#[derive(Clone, Copy)]
pub struct Loans<'a> {
    /// Number of rows.
    pub len: usize,
    /// What is lent on the first day.
    pub principal: Option<Nullable<'a, MoneyColumn<'a>>>,
    /// What may be lent in all.
    pub commitment: Option<Nullable<'a, MoneyColumn<'a>>>,
    /// The first day.
    pub start: Nullable<'a, DateColumn<'a>>,
    /// The day on which all is due.
    pub maturity: Option<Nullable<'a, DateColumn<'a>>>,
    /// Months from start to maturity.
    pub term_months: Option<Nullable<'a, MonthsColumn<'a>>>,
    /// Interest of a year.
    pub rate: Nullable<'a, &'a dyn Load<f64>>,
    /// How the loan is repaid.
    pub profile: Option<Choice<'a, ProfileKind>>,
    /// How often.
    pub frequency: Option<Choice<'a, PaymentFrequency>>,
    /// How parts of a year are counted.
    pub day_count: Option<Choice<'a, DayCount>>,
    /// Where payments go that fall on no business day.
    pub convention: Option<Choice<'a, BusinessDayConvention>>,
    /// Where an irregular period lies.
    pub stub: Option<Choice<'a, Stub>>,
    /// Whether schedules anchored on a month end stay there.
    pub end_of_month: Option<Choice<'a, bool>>,
    /// The first payment, where the start does not tell.
    pub first_payment: Option<Nullable<'a, DateColumn<'a>>>,
    /// Months from the start with payments of interest alone.
    pub interest_only_months: Option<Nullable<'a, MonthsColumn<'a>>>,
    /// Months that a level amount is spread over after those.
    pub amortization_months: Option<Nullable<'a, MonthsColumn<'a>>>,
    /// The level amount, where it is agreed.
    pub payment: Option<Nullable<'a, MoneyColumn<'a>>>,
    /// What unpaid interest may raise the balance to.
    pub balance_cap: Option<Nullable<'a, MoneyColumn<'a>>>,
    /// The same as a multiple of the principal.
    pub balance_cap_rate: Option<Nullable<'a, &'a dyn Load<f64>>>,
    /// Changes of the rate.
    pub rate_steps: Option<RateSteps<'a>>,
    /// The principal of each payment.
    pub principal_schedule: Option<PrincipalSchedule<'a>>,
    /// Payments that are not made.
    pub skipped: Option<Skipped<'a>>,
    /// What decides rates besides `rate`; without it every loan has a fixed one.
    pub rates: Option<RateColumns<'a>>,
    /// Hedges of rates.
    pub hedges: Option<HedgeColumns<'a>>,
    /// The share of a draw that is received.
    pub issue_price: Option<Nullable<'a, &'a dyn Load<f64>>>,
    /// Fees to lenders at the start.
    pub upfront_fee: Option<Nullable<'a, MoneyColumn<'a>>>,
    /// Costs paid to others for the loan.
    pub issue_costs: Option<Nullable<'a, MoneyColumn<'a>>>,
    /// The last day for draws.
    pub draw_end: Option<Nullable<'a, DateColumn<'a>>>,
    /// When the asset that the loan pays for is under construction.
    pub construction: Option<ConstructionSteps<'a>>,
    /// What makes loans facilities.
    pub facility: Option<FacilityColumns<'a>>,
    /// Rows to leave out (non-zero).
    pub skip: Option<&'a dyn Load<u8>>,
    /// Whether NaN in an optional column means missing.
    pub nan_is_null: bool,
}

impl Loans<'_> {
    /// Whether no column says more of a loan than principal, rate, start and end.
    pub(super) fn is_plain(&self) -> bool {
        let words = self.profile.is_some()
            || self.frequency.is_some()
            || self.day_count.is_some()
            || self.convention.is_some()
            || self.stub.is_some()
            || self.end_of_month.is_some();
        let terms = self.commitment.is_some()
            || self.first_payment.is_some()
            || self.interest_only_months.is_some()
            || self.amortization_months.is_some()
            || self.payment.is_some()
            || self.balance_cap.is_some()
            || self.balance_cap_rate.is_some()
            || self.rates.is_some()
            || self.issue_price.is_some()
            || self.upfront_fee.is_some()
            || self.draw_end.is_some();
        !(words || terms)
    }
}
