//! Rows in, tables out: chunks, threads, cancellation and roll-ups. The only user of threads.
#![forbid(unsafe_code)]

mod chunk;
mod cohorts;
mod columns;
mod pool;
mod rows;
mod settings;
mod totals;

pub use chunk::{Prepared, book_values, validate};
pub use columns::{CodeColumn, DateColumn, Fleet, Load, MoneyColumn, MonthsColumn, Nullable};
pub use pool::Poll;
pub use rows::{Cell, Dates, RowPlan, RowTargets, fill_rows, plan_rows};
pub use settings::{Horizon, PolicySpec, Run, Settings};
pub use totals::{Measure, Totals, totals};
