//! Contracts under the terms of ACTUS: their events, in unrounded float64, on the [`Ledger`](super::Ledger) that loans
//! run on.
//!
//! [`Terms`] is what a contract says; [`steps`] are its dated events in order; [`Run`] takes them through the ledger
//! and hands rows to a sink. Source: the technical specification of ACTUS 1.1 and its dictionary 1.4; where the
//! published test cases contradict the text, the cases win, and the comment says so.
#![forbid(unsafe_code)]

mod event;
mod moment;
mod run;
mod steps;
mod terms;
mod words;

pub use event::EventType;
pub use moment::Moment;
pub use run::{Row, Run, Scratch};
pub use terms::{
    Arrays, ContractType, Cyclic, FeeBasis, InterestBase, Observed, Penalty, PrepaymentEffect, Segment, Series, Terms,
    shifting,
};

pub use words::{Meaning, WORDS, meaning};

use crate::error::Rule;

/// What stops a contract, and the term that it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The name of the term in the dictionary, or `observed_events`.
    pub term: &'static str,
    /// The rule that is broken.
    pub rule: Rule,
    /// The value, or where it happened.
    pub example: String,
}

impl Fault {
    fn new(term: &'static str, rule: Rule, example: impl ToString) -> Self {
        Self { term, rule, example: example.to_string() }
    }
}

#[cfg(test)]
mod tests;
