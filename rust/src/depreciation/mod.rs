//! Depreciation: when an asset is charged ([`Timing`]), how much (one file per [`Method`]), and what happens to it on
//! the way ([`keep`]). Tax returns have shares and books of their own ([`macrs`]).
#![forbid(unsafe_code)]

mod amount;
mod balance;
mod bookkeeping;
mod convention;
mod declining_balance;
mod event;
mod ledger;
pub mod macrs;
mod macrs_tables;
mod method;
mod posting;
pub mod straight_line;
mod sum_of_years_digits;
mod table;
mod tax_books;
mod units_of_production;

pub use amount::Exact;
pub use bookkeeping::keep;
pub use convention::{Convention, Service, Timing};
pub use declining_balance::DecliningBalance;
pub use event::{Event, Fault, Field, Framework, Kind, Terms};
pub use ledger::{Flow, Holding, Rules, Sink};
pub use method::{Method, Schedule};
pub use posting::{keep_posted, landing};
pub use table::Table;
pub use tax_books::keep_tax;
pub use units_of_production::Usage;

/// How charges become minor units (DESIGN section 3 calls this the exactness contract).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Round the accumulated balance of each month half-to-even, difference the months.
    Balance,
    /// Round the monthly charge, let the last month take the remainder.
    Level,
}

/// An asset ready to be charged: dates resolved, amounts as numbers of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Asset<T> {
    /// What was paid.
    pub cost: T,
    /// Depreciable amount: cost less residual value.
    pub base: T,
    /// Depreciation charged before the asset was brought in; zero for one that is followed from its first day.
    pub opening: T,
    /// When it is charged.
    pub timing: Timing,
}
