//! Loan books: columns in, rows of payments or totals out.
//!
//! A chunk of loans is copied out, judged row by row ([`chunk`]) and resolved one loan at a time ([`resolve`]); each
//! is run on the ledger, first to count its rows, then to write them ([`rows`]) or to add them up ([`totals`]).
#![forbid(unsafe_code)]

mod batch;
mod beside;
mod books;
mod capacity;
mod chunk;
mod columns;
mod curves;
mod facility;
mod facility_terms;
mod hedges;
mod joint;
mod keys;
mod ladder;
mod lane_rows;
mod lanes;
mod level;
mod loan_dates;
mod rates;
mod refusal;
mod resolve;
mod rows;
mod settings;
mod simple_float;
mod totals;
mod vintages;

pub use beside::{ConstructionSteps, PrincipalSchedule, RateSteps, Skipped, TERMS as RATE_TERMS};
pub use books::{Books, loan_books};
pub use capacity::{debt_capacities, loan_payoffs};
pub use columns::{Choice, Loans};
pub use curves::Curves;
pub use facility::{DatedColumns, DrawColumns, FacilityColumns, PremiumColumns, PrepaymentColumns};
pub use hedges::{HedgeColumns, KINDS as HEDGE_KINDS};
pub use lanes::Laned;
pub use level::payment_amounts;
pub use rates::{Averaging, RateColumns, ResetEvery};
pub use rows::{LoanRowPlan, LoanRowTargets, fill_loan_rows, plan_loan_rows, validate_loans};
pub use settings::{LoanMeasure, LoanSettings};
pub use totals::{LoanTotals, loan_totals};

use super::cells::Cell;
use super::flows::Sum;
use super::reader::ReadMoney;
use super::roll::Addable;
use crate::debt::Amount;

/// An amount that loan books are computed in.
pub trait LoanAmount: Amount + ReadMoney + Sum<Wide: Send> + Cell + Addable + Laned {}

impl<T: Amount + ReadMoney + Sum<Wide: Send> + Cell + Addable + Laned> LoanAmount for T {}
