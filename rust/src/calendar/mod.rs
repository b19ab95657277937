//! Civil dates without times, months counted from an anchor, and accounting periods.
#![forbid(unsafe_code)]

mod date;
mod period;

pub use date::{
    Date, FIRST_DAY, FIRST_MONTH, LAST_DAY, LAST_MONTH, Month, add_months, day_of_month, days_in_month, month_end,
    month_of, month_start, month_starts,
};
pub use period::{Frequency, PeriodGrid};
