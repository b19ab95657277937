//! Civil dates without times: months counted from an anchor, accounting periods, and the calendar of debt, which is
//! day counts, business days and payment schedules.
#![forbid(unsafe_code)]

mod business_day;
mod date;
mod day_count;
mod period;
mod schedule;

pub use business_day::{Accrual, BusinessDayConvention, Holidays, Weekend};
pub use date::{
    Date, FIRST_DAY, FIRST_MONTH, LAST_DAY, LAST_MONTH, Month, add_months, civil, day_in_month, day_of_month,
    days_in_month, month_end, month_of, month_start, month_starts,
};
pub use day_count::{Context, DayCount, Reference, YearFraction};
pub use period::{Frequency, PeriodGrid};
pub use schedule::{
    ActusCycle, Cycle, Grid, PaymentFrequency, Schedule, ScheduleFault, ScheduleTerms, Stub, actus_dates,
};
