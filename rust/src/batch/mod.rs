//! Rows in, tables out: chunks, threads, cancellation and roll-ups. The only user of threads.
#![forbid(unsafe_code)]

mod assets;
mod books;
mod chunk;
mod cohort_plan;
mod cohorts;
mod columns;
mod covenants;
mod cube;
mod flows;
mod happenings;
mod months;
mod patterns;
mod pool;
mod reader;
mod roll;
mod rows;
mod settings;
mod survey;
mod totals;

pub use assets::{BookValue, book_values, validate};
pub use chunk::Prepared;
pub use columns::{CodeColumn, DateColumn, Fleet, Load, MoneyColumn, MonthsColumn, Nullable};
pub use covenants::{Tested, test_covenants};
pub use cube::{Cube, CubeMeasure, CubeTargets, CubeTerms, Kernels, test_cube};
pub use happenings::{Events, UsageColumns};
pub use pool::{Poll, filled, for_each, stretches};
pub use reader::Money;
pub use rows::{Amounts, Dates, RowAmount, RowPlan, RowTargets, fill_rows, plan_rows};
pub use settings::{Change, Horizon, Measure, PolicySpec, Run, Settings};
pub use totals::{Grouping, Route, Summable, Totals, totals};
