//! The core of neocalc: depreciation of whole fleets, exact to the minor unit of money.
//!
//! Money is an integer number of minor units ([`money`]), dates are civil days ([`calendar`]), a method turns a
//! resolved asset into charges ([`depreciation`]), and [`batch`] carries columns in and tables out over threads.
//! [`covenant`] tests what was promised to lenders; [`financial`] holds the functions of spreadsheets, in float64.
//! Nothing here knows Python; the binding lives in `py` behind the `python` feature.
#![deny(unsafe_code)]

pub mod batch;
pub mod calendar;
pub mod covenant;
pub mod depreciation;
pub mod error;
pub mod financial;
pub mod money;
pub mod rate;

#[cfg(feature = "python")]
mod py;
