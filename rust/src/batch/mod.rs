//! Rows in, tables out: chunks, threads, cancellation and roll-ups. The only user of threads.
#![forbid(unsafe_code)]

pub mod actus;
mod asset_cells;
mod assets;
mod books;
mod cells;
mod chunk;
mod cohort_plan;
mod cohorts;
mod columns;
mod conversions;
mod covenants;
mod cube;
mod flows;
mod happenings;
mod levels;
mod loans;
mod months;
mod patterns;
mod pool;
mod posting;
mod reader;
mod remainders;
mod roll;
mod rows;
mod settings;
mod survey;
mod timings;
mod totals;

pub use asset_cells::RowAmount;
pub use assets::{BookValue, book_values, validate};
pub use cells::{Amounts, Dates};
pub use chunk::Prepared;
pub use columns::{CodeColumn, DateColumn, DateRead, Fleet, Load, MoneyColumn, MonthsColumn, Nullable};
pub use conversions::{counts_of, days_of, minors_of, offsets_of, runs_of};
pub use covenants::{Tested, test_covenants};
pub use cube::{Cube, CubeMeasure, CubeTargets, Kernels, test_cube};
pub use happenings::{Events, UsageColumns};
pub use loans::{
    Averaging, Books, Choice, ConstructionSteps, Curves, DatedColumns, DrawColumns, FacilityColumns, HEDGE_KINDS,
    HedgeColumns, LoanAmount, LoanMeasure, LoanRowPlan, LoanRowTargets, LoanSettings, LoanTotals, Loans,
    PremiumColumns, PrepaymentColumns, PrincipalSchedule, RATE_TERMS, RateColumns, RateSteps, ResetEvery, Skipped,
    debt_capacities, fill_loan_rows, loan_books, loan_payoffs, loan_totals, payment_amounts, plan_loan_rows,
    validate_loans,
};
pub use pool::{Poll, filled, for_each, for_each_asking, stretches};
pub use reader::{Money, Reading, days_of_ticks};
pub use rows::{RowPlan, RowTargets, fill_rows, plan_rows};
pub use settings::{Change, Horizon, Measure, PolicySpec, Run, Settings};
pub use totals::{Grouping, Route, Summable, Totals, totals};
