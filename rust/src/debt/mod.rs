//! Loans: how interest accrues, what a payment is, and what is left after it.
//!
//! [`Ledger`] is the one engine: the state of a contract and what can happen to it, in whole minor units or unrounded
//! float64 ([`Amount`]). Interest is exact until it is settled ([`Accrual`]); the level payment is exact
//! ([`annuity`]). [`amortize`] drives it with the dated steps of a loan; a [`Profile`] says how much principal is due.
#![forbid(unsafe_code)]

mod accrual;
pub mod actus;
mod amount;
pub mod annuity;
pub mod books;
mod borrowing_base;
mod bullet;
mod course;
mod curve;
mod custom;
mod double_double;
pub mod dues;
pub mod effective_interest;
pub mod equal_loan;
pub mod fees;
pub mod floating;
pub mod hedge;
pub mod lane_kernels;
pub mod lanes;
mod ledger;
mod level_payment;
mod level_principal;
mod loan;
pub mod moments;
mod movement;
mod natural;
mod percent_schedule;
pub mod prepayment;
mod profile;
pub mod sculpted;
pub mod sofr;
pub mod steps;
pub mod together;

pub use accrual::{Accrual, Rate, Running};
pub use amount::{Amount, ExactInterest};
pub use course::amortize;
pub use ledger::Ledger;
pub use loan::{Entry, ResolvedLoan, Rider, Sink};
pub use profile::{Due, Profile, ProfileKind};

use crate::calendar::Date;

/// Why a loan cannot be computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// An amount beyond 64-bit minor units.
    Overflow,
    /// An agreed payment that does not cover the interest, without leave to add the rest to the balance.
    NegativeAmortization {
        /// The first such payment.
        number: usize,
        /// Its date.
        date: Date,
        /// The interest due, in the unit that the loan is computed in.
        interest: f64,
        /// The payment.
        payment: f64,
    },
    /// An agreed payment that covers the interest and nothing more.
    NeverAmortises {
        /// The first payment of principal.
        number: usize,
        /// Its date.
        date: Date,
        /// The interest due.
        interest: f64,
        /// The payment.
        payment: f64,
    },
    /// A prepayment of more than what is owed.
    Overpaid {
        /// Its place among the loan's prepayments.
        place: usize,
        /// What is owed, with the interest accrued.
        payoff: f64,
    },
    /// A draw beyond what the collateral allows.
    BeyondBase {
        /// The day.
        date: Date,
        /// What may be owed on it.
        limit: f64,
    },
    /// Principal agreed beyond what is owed.
    BeyondBalance {
        /// The payment, or the last before.
        number: usize,
    },
}
