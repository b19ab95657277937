//! The core of neocalc: depreciation of whole fleets and schedules of whole loan books, exact to the minor unit of money.
//!
//! Money is an integer number of minor units ([`money`]), dates are civil days ([`calendar`]), a method turns a
//! resolved asset into charges ([`depreciation`]), [`debt`] one with loans into payments, [`covenant`] tests what was
//! promised to lenders, [`deal`] runs a company's cash through its waterfall, and [`batch`] carries columns in and tables out over threads. [`financial`] holds the functions of
//! spreadsheets, which compute in float64, and [`roots`] finds their rates.
//! Nothing here knows Python; the binding lives in `py` behind the `python` feature.
#![deny(unsafe_code)]

pub mod batch;
pub mod calendar;
pub mod covenant;
pub mod deal;
pub mod debt;
pub mod depreciation;
pub mod error;
pub mod financial;
pub mod money;
pub mod rate;
pub mod roots;

#[cfg(feature = "python")]
mod py;
