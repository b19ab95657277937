//! When a loan begins, ends and is paid.
#![forbid(unsafe_code)]

use super::LoanAmount;
use super::chunk::{LoanChunk, Words};
use super::refusal::Refusal;
use crate::batch::reader::iso;
use crate::calendar::{Cycle, Date, Grid, LAST_DAY, Schedule, ScheduleFault, ScheduleTerms, Stub, add_months};
use crate::error::Rule;

/// Where payment dates come from.
pub(super) struct Dates {
    pub schedule: Schedule,
    pub grid: Option<(Grid, Cycle)>,
    /// The first day of the loan that a draw belongs to, or its own.
    pub origin: Date,
    pub start: Date,
    pub maturity: Date,
}

impl<A: LoanAmount> LoanChunk<A> {
    /// The maturity, as a date or as a term from the start; where both are given they must agree.
    fn maturity(&self, index: usize, start: Date, words: &Words) -> Result<Date, Refusal> {
        let month = Cycle::months(1);
        let after = |months: i32| match month {
            Some(month) => Grid::new(start, month, words.end_of_month).date(months),
            None => add_months(start, months),
        };
        match (self.maturity.get(index), self.term_months.get(index)) {
            (None, None) => Err(Refusal::new("maturity_date", Rule::Null, "null")),
            (Some(maturity), _) if maturity <= start => {
                Err(Refusal::new("maturity_date", Rule::DateOrder, iso(maturity)))
            }
            (Some(maturity), Some(months)) if after(months) != maturity => {
                Err(Refusal::new("term_months", Rule::DateOrder, format!("{months}, not up to {}", iso(maturity))))
            }
            (Some(maturity), _) => Ok(maturity),
            (None, Some(months)) if after(months) > LAST_DAY => {
                Err(Refusal::new("term_months", Rule::DateRange, months.to_string()))
            }
            (None, Some(months)) => Ok(after(months)),
        }
    }

    pub(super) fn dates(&self, index: usize, start: Date, words: &Words) -> Result<Dates, Refusal> {
        let maturity = self.maturity(index, start, words)?;
        let first = self.first_payment.get(index);
        if let Some(first) = first.filter(|first| *first <= start || *first > maturity) {
            return Err(Refusal::new("first_payment_date", Rule::DateOrder, iso(first)));
        }
        let cycle = words.frequency.cycle();
        let terms = ScheduleTerms {
            start,
            end: maturity,
            cycle,
            stub: words.stub,
            end_of_month: words.end_of_month,
            first: first.filter(|_| cycle.is_some()),
            last_regular: None,
        };
        let schedule = Schedule::new(&terms).map_err(|fault| {
            let column = match fault {
                ScheduleFault::End => "maturity_date",
                ScheduleFault::First | ScheduleFault::LastRegular | ScheduleFault::LastRegularOffCycle => {
                    "first_payment_date"
                }
            };
            Refusal::new(column, fault.rule(), iso(maturity))
        })?;
        let from_end = matches!(words.stub, Stub::ShortFront | Stub::LongFront);
        let anchor = terms.first.unwrap_or(if from_end { maturity } else { start });
        let grid = cycle.map(|cycle| (Grid::new(anchor, cycle, words.end_of_month), cycle));
        Ok(Dates { schedule, grid, origin: start, start, maturity })
    }
}
