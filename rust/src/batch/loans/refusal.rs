//! Why a loan cannot be computed, in the words of its columns.
#![forbid(unsafe_code)]

use super::settings::LoanSettings;
use crate::batch::reader::iso;
use crate::calendar::Date;
use crate::debt::Fault;
use crate::error::Rule;

/// Why a loan cannot be resolved: the column, the rule, the value, and the row of a table beside where it stands.
pub(super) struct Refusal {
    pub column: &'static str,
    pub rule: Rule,
    pub example: String,
    pub source: Option<usize>,
}

impl Refusal {
    pub fn new(column: &'static str, rule: Rule, example: impl Into<String>) -> Self {
        Self { column, rule, example: example.into(), source: None }
    }

    /// The same, of a row of a table beside.
    pub fn standing(self, column: &'static str, source: usize) -> Self {
        Self { column, source: Some(source), ..self }
    }

    pub fn beside(column: &'static str, rule: Rule, example: impl Into<String>, source: usize) -> Self {
        Self { column, rule, example: example.into(), source: Some(source) }
    }
}

/// What users read about a fault.
pub(super) fn explain(fault: &Fault, settings: &LoanSettings) -> Refusal {
    let shown = |amount: f64| if settings.rounded { amount / settings.reading.units.scale() } else { amount };
    let story = |number: usize, date: Date, interest: f64, payment: f64| {
        let (interest, payment) = (shown(interest), shown(payment));
        format!("{payment}, interest {interest} at payment {number} on {}", iso(date))
    };
    match *fault {
        Fault::Overflow => Refusal::new("principal", Rule::Overflow, ""),
        Fault::NegativeAmortization { number, date, interest, payment } => {
            Refusal::new("payment", Rule::NegativeAmortization, story(number, date, interest, payment))
        }
        Fault::NeverAmortises { number, date, interest, payment } => {
            Refusal::new("payment", Rule::NeverAmortises, story(number, date, interest, payment))
        }
        // The two are told with the row of the table that they stand in, where it is known.
        Fault::Overpaid { payoff, .. } => {
            Refusal::new("principal", Rule::Overpayment, format!("payoff {}", shown(payoff)))
        }
        Fault::BeyondBase { date, limit } => {
            Refusal::new("principal", Rule::BorrowingBase, format!("above {} on {}", shown(limit), iso(date)))
        }
        Fault::BeyondBalance { number } => {
            Refusal::new("principal", Rule::Range, format!("less than the principal due with payment {number}"))
        }
    }
}
