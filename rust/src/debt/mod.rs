//! Loans: what they pay, and what a borrower books for them.
#![forbid(unsafe_code)]

pub mod effective_interest;
pub mod floating;
pub mod hedge;
pub mod natural;
pub mod sofr;
