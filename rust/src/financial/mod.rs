//! Spreadsheet functions over columns, in float64: each element is judged, then computed.
//!
//! A function says which of its arguments are outside their range (where a spreadsheet shows #NUM!) and what the
//! value is when none is. [`evaluate`] does the rest: it reads a chunk once, notes all that is wrong, and writes.
#![forbid(unsafe_code)]

pub mod annuity;
pub mod annuity_rate;
pub mod calendar;
pub mod cash_flows;
pub mod depreciation;
pub mod rates;
pub mod streams;
mod twofold;

use crate::batch::{Load, Poll, for_each, stretches};
use crate::error::{Column, Error, IssueLog, Rule};

/// Elements per chunk: the rows of the widest function stay in the first-level cache.
const CHUNK: usize = 512;

/// A function of `N` numbers.
#[derive(Clone, Copy)]
pub struct Function<const N: usize> {
    /// What its arguments are called.
    pub arguments: [&'static str; N],
    /// Which of them are outside their range; one that is NaN has been reported, and is compared with nothing.
    pub outside: fn([f64; N]) -> [bool; N],
    /// The value for arguments within their ranges, or why there is none.
    pub value: fn([f64; N]) -> Result<f64, Failure>,
}

/// Why arguments that are each within their range have no value together.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The argument to look at first.
    pub argument: &'static str,
    /// What it breaks.
    pub rule: Rule,
    /// What was found, where that says more than the argument's value.
    pub told: Option<String>,
    /// NaN, or the value to go on with where there is a choice.
    pub value: f64,
}

impl Failure {
    /// Notes it of a row, and gives nothing.
    pub fn note<T: Default>(self, row: usize, log: &mut IssueLog) -> T {
        log.note(row, Column::Argument(self.argument), self.rule, self.told.unwrap_or_default());
        T::default()
    }
}

/// A value that float64 can hold, or the argument that makes it too large.
fn finite(value: f64, argument: &'static str) -> Result<f64, Failure> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(Failure { argument, rule: Rule::Range, told: None, value: f64::NAN })
    }
}

/// One argument of a call.
#[derive(Clone, Copy)]
pub enum Values<'a> {
    /// The same for every element.
    One(f64),
    /// One for each.
    Each(&'a dyn Load<f64>),
}

impl Values<'_> {
    fn load(self, start: usize, out: &mut [f64]) {
        match self {
            Self::One(value) => out.fill(value),
            Self::Each(column) => column.load(start, out),
        }
    }
}

/// Writes the function of each element into `out`, NaN for those in the log.
///
/// # Errors
/// [`Error::Interrupted`].
pub fn evaluate<const N: usize>(
    function: &Function<N>,
    arguments: [Values<'_>; N],
    out: &mut [f64],
    threads: usize,
    poll: Poll<'_>,
) -> Result<IssueLog, Error> {
    let tasks = stretches(out.len(), CHUNK).into_iter().zip(out.chunks_mut(CHUNK)).collect();
    let work = |log: &mut IssueLog, (range, out): (std::ops::Range<usize>, &mut [f64])| {
        let mut rows = [[0.0; N]; CHUNK];
        for (index, argument) in arguments.into_iter().enumerate() {
            // The place of the result is free until it is known.
            argument.load(range.start, out);
            for (row, value) in rows.iter_mut().zip(out.iter()) {
                row.iter_mut().skip(index).take(1).for_each(|slot| *slot = *value);
            }
        }
        for ((at, slot), row) in range.zip(out).zip(rows) {
            // A zero has no sign.
            *slot = if is_sound(function, row, at, log) { value_of(function, row, at, log) + 0.0 } else { f64::NAN };
        }
        Ok(())
    };
    let mut log = IssueLog::default();
    for_each(tasks, threads, poll, &IssueLog::default, &work)?.into_iter().for_each(|part| log.merge(part));
    Ok(log)
}

fn value_of<const N: usize>(function: &Function<N>, row: [f64; N], at: usize, log: &mut IssueLog) -> f64 {
    (function.value)(row).unwrap_or_else(|failure| {
        let mut named = function.arguments.into_iter().zip(row);
        let given = named.find(|(name, _)| *name == failure.argument).map_or(f64::NAN, |(_, value)| value);
        let told = failure.told.unwrap_or_else(|| given.to_string());
        log.note(at, Column::Argument(failure.argument), failure.rule, told);
        failure.value
    })
}

fn is_sound<const N: usize>(function: &Function<N>, row: [f64; N], at: usize, log: &mut IssueLog) -> bool {
    let outside = (function.outside)(row.map(|value| if value.is_finite() { value } else { f64::NAN }));
    let mut sound = true;
    for ((name, value), outside) in function.arguments.into_iter().zip(row).zip(outside) {
        let rule = match (value.is_finite(), outside) {
            (true, false) => continue,
            (true, true) => Rule::Range,
            (false, _) => Rule::NonFinite,
        };
        log.note(at, Column::Argument(name), rule, value);
        sound = false;
    }
    sound
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::float_cmp, reason = "tests")]
    use super::*;

    const HALF_OF_POSITIVE: Function<2> = Function {
        arguments: ["of", "by"],
        outside: |[of, by]| [of < 0.0, by < of],
        value: |[of, by]| finite((of + by) / 2.0, "of"),
    };

    #[test]
    fn every_element_is_judged_and_computed() {
        let mut of: Vec<f64> = (0..2_000_i32).map(f64::from).collect();
        of[700] = -1.0;
        of[1_900] = f64::NAN;
        let mut out = vec![0.0; of.len()];
        let log =
            evaluate(&HALF_OF_POSITIVE, [Values::Each(&of), Values::One(1e4)], &mut out, 2, &mut || false).unwrap();
        let found: Vec<_> =
            log.iter().map(|(column, rule, issue)| (column.name(), rule, issue.first_rows.clone())).collect();
        assert_eq!(found, [("of", Rule::NonFinite, vec![1_900]), ("of", Rule::Range, vec![700])]);
        assert!(out[700].is_nan() && out[1_900].is_nan());
        assert_eq!((out[0], out[1_999]), (5_000.0, 5_999.5));
    }

    #[test]
    fn an_infinity_is_compared_with_nothing() {
        let mut out = [0.0];
        let given = [Values::One(3.0), Values::One(f64::NEG_INFINITY)];
        let log = evaluate(&HALF_OF_POSITIVE, given, &mut out, 1, &mut || false).unwrap();
        let found: Vec<_> = log.iter().map(|(column, rule, _)| (column.name(), rule)).collect();
        assert_eq!(found, [("by", Rule::NonFinite)]);
    }
}
