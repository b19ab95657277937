//! Covenants: what was promised to lenders, tested date by date in whole numbers.
//!
//! A [`Metric`] is a quotient of windowed sums of measures, a [`Clause`] a threshold for it over a span of dates, and
//! a [`Covenant`] tests the clauses of one entity in order: exact comparison, springing conditions, waivers, equity
//! cures. [`cross`] carries defaults from entity to entity. Columns come in, loans are not known here.
#![forbid(unsafe_code)]

mod book;
mod clause;
pub mod cross;
mod cube;
mod cube_terms;
mod evaluate;
mod metric;
mod plan;
mod scan;
mod wide;

pub use book::{Book, CrossOutcome, Place};
pub use clause::{Clause, Cure, CureRights, Level, Limit, Outcome, Span, Springing, Status};
pub use cube::{CubeResult, CubeTest, Exact, LANES, Lanes, LoadMajor, Scratch, Threshold, test_stretch};
pub use cube_terms::{CubeTerms, LaneOutcome, Way, test_lane};
pub use evaluate::Covenant;
pub use metric::{CureTarget, Fraction, Input, Measure, Metric, Periods, Term, Window};
pub use scan::{STRETCH, WIDTH};
pub use wide::Wide;
