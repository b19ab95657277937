//! Many ACTUS contracts: columns of terms in, one table of events out, in the order of the contracts.
#![forbid(unsafe_code)]

use super::pool::{Poll, for_each, stretches};
use crate::calendar::{ActusCycle, DayCount, Weekend};
use crate::debt::actus::{
    Arrays, Cyclic, EventType, Meaning, Moment, Observed, Row, Run, Scratch, Segment, Series, Terms, WORDS, meaning,
    shifting,
};
use crate::error::{Column, Error, IssueLog};

/// Contracts per task.
const CHUNK: usize = 64;

/// The terms that are numbers, in the order of [`Book::numbers`]; NaN for none.
pub const NUMBERS: [&str; 21] = [
    "notionalPrincipal",
    "premiumDiscountAtIED",
    "nominalInterestRate",
    "accruedInterest",
    "nextPrincipalRedemptionPayment",
    "rateSpread",
    "rateMultiplier",
    "nextResetRate",
    "periodCap",
    "periodFloor",
    "lifeCap",
    "lifeFloor",
    "feeRate",
    "feeAccrued",
    "interestCalculationBaseAmount",
    "scalingIndexAtContractDealDate",
    "notionalScalingMultiplier",
    "interestScalingMultiplier",
    "penaltyRate",
    "priceAtPurchaseDate",
    "priceAtTerminationDate",
];

/// The terms that are times, in the order of [`Book::times`]; [`Moment::NONE`] for none.
pub const TIMES: [&str; 13] = [
    "statusDate",
    "initialExchangeDate",
    "maturityDate",
    "amortizationDate",
    "purchaseDate",
    "terminationDate",
    "capitalizationEndDate",
    "cycleAnchorDateOfInterestPayment",
    "cycleAnchorDateOfPrincipalRedemption",
    "cycleAnchorDateOfRateReset",
    "cycleAnchorDateOfFee",
    "cycleAnchorDateOfInterestCalculationBase",
    "cycleAnchorDateOfScalingIndex",
];

/// The array schedules of all contracts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Segments<'a> {
    /// Where each contract's begin, and where the last end.
    pub starts: &'a [i64],
    /// All segments.
    pub all: &'a [Segment],
}

/// Contracts by columns; matrices are by contract, then by term.
#[derive(Clone, Copy, Debug)]
pub struct Book<'a> {
    /// How many contracts.
    pub rows: usize,
    /// See [`NUMBERS`].
    pub numbers: &'a [f64],
    /// See [`TIMES`].
    pub times: &'a [i32],
    /// Places in the vocabulary; see [`WORDS`].
    pub words: &'a [i32],
    /// Redemptions, interest payments and rate resets by arrays.
    pub arrays: [Segments<'a>; 3],
    /// Where the observed events of each contract begin, and where the last end.
    pub observed_starts: &'a [i64],
    /// All observed events.
    pub observed: &'a [Observed],
    /// All indices.
    pub series: &'a [Series<'a>],
    /// Of each contract, the places of the index of rate resets and of scaling; -1 for none.
    pub series_of: &'a [i32],
}

/// Events by columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Events {
    /// The number of the contract.
    pub contract: Vec<i32>,
    /// As [`Moment::code`].
    pub time: Vec<i32>,
    /// As [`EventType::code`].
    pub kind: Vec<i8>,
    /// Received, or paid where negative.
    pub payoff: Vec<f64>,
    /// Principal after the event.
    pub notional: Vec<f64>,
    /// The rate after it.
    pub rate: Vec<f64>,
    /// Interest accrued after it.
    pub accrued: Vec<f64>,
}

impl Events {
    fn len(&self) -> usize {
        self.time.len()
    }

    fn reserve(&mut self, more: usize) -> Result<(), Error> {
        let bytes = more.saturating_mul(size_of::<Row>());
        let grown = self.contract.try_reserve(more).and(self.time.try_reserve(more)).and(self.kind.try_reserve(more));
        let grown = grown.and(self.payoff.try_reserve(more)).and(self.notional.try_reserve(more));
        let grown = grown.and(self.rate.try_reserve(more)).and(self.accrued.try_reserve(more));
        grown.map_err(|_| Error::OutOfMemory(bytes))
    }

    fn push(&mut self, contract: i32, row: &Row) {
        self.contract.push(contract);
        self.time.push(row.time);
        self.kind.push(row.kind);
        self.payoff.push(row.payoff);
        self.notional.push(row.notional);
        self.rate.push(row.rate);
        self.accrued.push(row.accrued);
    }

    fn append(&mut self, mut other: Self) {
        self.contract.append(&mut other.contract);
        self.time.append(&mut other.time);
        self.kind.append(&mut other.kind);
        self.payoff.append(&mut other.payoff);
        self.notional.append(&mut other.notional);
        self.rate.append(&mut other.rate);
        self.accrued.append(&mut other.accrued);
    }
}

#[derive(Default)]
struct Worker {
    scratch: Scratch,
    rows: Vec<Row>,
    log: IssueLog,
    bad: Vec<usize>,
    chunks: Vec<(usize, Events)>,
}

/// What comes of a book.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Every problem.
    pub log: IssueLog,
    /// The contracts that have one, ascending.
    pub bad: Vec<usize>,
    /// The events of the others.
    pub events: Events,
}

/// The events of every contract up to and with `to`; a contract with a problem has none, and stands in the log.
///
/// # Errors
/// [`Error::Interrupted`], [`Error::OutOfMemory`], or [`Error::Argument`] for columns that do not fit.
pub fn events(
    book: &Book<'_>,
    vocabulary: &[String],
    to: Option<Moment>,
    threads: usize,
    poll: Poll<'_>,
) -> Result<Outcome, Error> {
    let meanings: Vec<Vec<Option<Meaning>>> =
        WORDS.iter().map(|term| vocabulary.iter().map(|word| meaning(term, word)).collect()).collect();
    let shifts: Vec<_> = vocabulary.iter().map(|word| shifting(word)).collect();
    let work = |worker: &mut Worker, range: std::ops::Range<usize>| {
        let start = range.start;
        let mut events = Events::default();
        for row in range {
            let words = book.words_of(row, &meanings);
            let shift = book.word(row, 5).and_then(|place| shifts.get(place).copied().flatten());
            let terms = words.and_then(|words| book.terms(row, &words, shift));
            let terms = terms.ok_or_else(|| Error::Argument(format!("contract {row} does not fit its columns")))?;
            worker.rows.clear();
            let Worker { scratch, rows, .. } = worker;
            if let Err(fault) = Run::events(&terms, to, scratch, &mut |found| rows.push(found)) {
                worker.log.note(row, Column::Argument(fault.term), fault.rule, fault.example);
                worker.bad.push(row);
                continue;
            }
            events.reserve(worker.rows.len())?;
            let number = i32::try_from(row).unwrap_or(i32::MAX);
            worker.rows.iter().for_each(|found| events.push(number, found));
        }
        worker.chunks.push((start, events));
        Ok(())
    };
    let workers = for_each(stretches(book.rows, CHUNK), threads, poll, &Worker::default, &work)?;
    let mut outcome = Outcome::default();
    let mut chunks = Vec::new();
    for worker in workers {
        outcome.log.merge(worker.log);
        outcome.bad.extend(worker.bad);
        chunks.extend(worker.chunks);
    }
    outcome.bad.sort_unstable();
    // Whoever computed a chunk, it goes where its contracts are.
    chunks.sort_by_key(|(start, _)| *start);
    outcome.events.reserve(chunks.iter().map(|(_, events)| events.len()).sum())?;
    chunks.into_iter().for_each(|(_, events)| outcome.events.append(events));
    Ok(outcome)
}

fn given(number: f64) -> Option<f64> {
    (!number.is_nan()).then_some(number)
}

fn or(number: f64, default: f64) -> f64 {
    given(number).unwrap_or(default)
}

/// What belongs to one contract of what belongs to all.
fn part<'a, T>(starts: &[i64], all: &'a [T], row: usize) -> Option<&'a [T]> {
    if starts.is_empty() {
        return Some(&[]);
    }
    let at = |place: usize| starts.get(place).and_then(|start| usize::try_from(*start).ok());
    all.get(at(row)?..at(row.checked_add(1)?)?)
}

/// One contract's values of a matrix with `N` terms.
fn values<T: Copy, const N: usize>(matrix: &[T], row: usize) -> Option<[T; N]> {
    let start = row.checked_mul(N)?;
    matrix.get(start..start.checked_add(N)?)?.try_into().ok()
}

type Words = [Option<Meaning>; WORDS.len()];
type Shift = Option<(crate::calendar::BusinessDayConvention, crate::calendar::Accrual)>;

macro_rules! as_a {
    ($word:expr, $kind:path) => {
        match $word {
            Some($kind(value)) => Some(value),
            _ => None,
        }
    };
}

impl<'a> Book<'a> {
    fn word(&self, row: usize, term: usize) -> Option<usize> {
        let words: [i32; WORDS.len()] = values(self.words, row)?;
        words.get(term).and_then(|place| usize::try_from(*place).ok())
    }

    /// `None` where a word means nothing, which the caller has ruled out.
    fn words_of(&self, row: usize, meanings: &[Vec<Option<Meaning>>]) -> Option<Words> {
        let places: [i32; WORDS.len()] = values(self.words, row)?;
        let mut words = [None; WORDS.len()];
        for ((word, place), meanings) in words.iter_mut().zip(places).zip(meanings) {
            if let Ok(place) = usize::try_from(place) {
                *word = Some(meanings.get(place).copied().flatten()?);
            }
        }
        Some(words)
    }

    fn terms(&self, row: usize, words: &Words, shift: Shift) -> Option<Terms<'a>> {
        let [principal, premium, rate, accrued, payment, spread, multiplier, next_rate, rest @ ..] =
            values::<f64, { NUMBERS.len() }>(self.numbers, row)?;
        let [period_cap, period_floor, life_cap, life_floor, fee_rate, fee_accrued, base_amount, rest @ ..] = rest;
        let [scaling_base, scaled_principal, scaled_interest, penalty_rate, bought_at, sold_at] = rest;
        let times = values::<i32, { TIMES.len() }>(self.times, row)?.map(Moment::from_code);
        let [status, start, maturity, amortization, bought, sold, capitalization_end, anchors @ ..] = times;
        let [interest, redemption, reset, fees, base_fixing, scaling] = anchors;
        let [kind, role, day_count, month_end, calendar, _, base, fee_basis, words @ ..] = *words;
        let [penalty, prepayment, performance, scales, cycles @ .., notice] = words;
        let [every_interest, every_redemption, every_reset, every_fee, every_base, every_scaling] =
            cycles.map(|word| as_a!(word, Meaning::Cycle));
        let contract_type = as_a!(kind, Meaning::Type)?;
        let (convention, accrual) = shift.unwrap_or_default();
        let scales = match scales {
            Some(Meaning::Scales(principal, interest)) => (principal, interest),
            _ => (false, false),
        };
        let scaled = |scales: bool, by: f64| if scales { or(by, 1.0) } else { 1.0 };
        let [redemptions, interests, resets] = self.arrays;
        let [index, scaling_index] = values::<i32, 2>(self.series_of, row)?.map(|place| {
            usize::try_from(place).ok().and_then(|place| self.series.get(place).copied()).unwrap_or_default()
        });
        let status = status?;
        Some(Terms {
            contract_type,
            liability: as_a!(role, Meaning::Flag)?,
            status,
            start: start.unwrap_or(status),
            maturity,
            amortization,
            purchase: bought.map(|at| (at, or(bought_at, 0.0))),
            termination: sold.map(|at| (at, or(sold_at, 0.0))),
            capitalization_end,
            principal,
            premium: or(premium, 0.0),
            rate: given(rate),
            accrued: given(accrued),
            day_count: as_a!(day_count, Meaning::DayCount).unwrap_or(DayCount::Act365Fixed),
            end_of_month: as_a!(month_end, Meaning::Flag).unwrap_or(false),
            weekend: as_a!(calendar, Meaning::Weekend).unwrap_or(Weekend::NONE),
            convention,
            accrual,
            performing: as_a!(performance, Meaning::Flag).unwrap_or(true),
            interest: Cyclic { anchor: interest, cycle: every_interest },
            redemption: Cyclic { anchor: redemption, cycle: every_redemption },
            payment: given(payment),
            reset: Cyclic { anchor: reset, cycle: every_reset },
            spread: or(spread, 0.0),
            multiplier: or(multiplier, 1.0),
            next_rate: given(next_rate),
            period_cap: or(period_cap, f64::INFINITY),
            period_floor: or(period_floor, f64::INFINITY).abs(),
            life_cap: or(life_cap, f64::INFINITY),
            life_floor: or(life_floor, f64::NEG_INFINITY),
            fees: Cyclic { anchor: fees, cycle: every_fee },
            fee_basis: as_a!(fee_basis, Meaning::Fee),
            fee_rate: or(fee_rate, 0.0),
            fee_accrued: or(fee_accrued, 0.0),
            base: as_a!(base, Meaning::Base).unwrap_or_default(),
            base_amount: given(base_amount),
            base_fixing: Cyclic { anchor: base_fixing, cycle: every_base },
            scales,
            scaling: Cyclic { anchor: scaling, cycle: every_scaling },
            scaling_base: or(scaling_base, 1.0),
            scaled_by: (scaled(scales.0, scaled_principal), scaled(scales.1, scaled_interest)),
            penalty: as_a!(penalty, Meaning::Penalty).unwrap_or_default(),
            penalty_rate: or(penalty_rate, 0.0),
            prepayment: as_a!(prepayment, Meaning::Prepayment).unwrap_or_default(),
            notice: as_a!(notice, Meaning::Notice).flatten(),
            arrays: Arrays {
                redemptions: part(redemptions.starts, redemptions.all, row)?,
                interest: part(interests.starts, interests.all, row)?,
                resets: part(resets.starts, resets.all, row)?,
            },
            index,
            scaling_index,
            observed: part(self.observed_starts, self.observed, row)?,
        })
    }
}

/// A segment as columns say it; `None` for a cycle that is none.
#[must_use]
pub fn segment(anchor: i32, cycle: Option<&str>, value: f64, flag: bool) -> Option<Segment> {
    let cycle = cycle.map(|text| ActusCycle::parse(text).ok_or(())).transpose().ok()?;
    Some(Segment { anchor: Moment::from_code(anchor)?, cycle, value, flag })
}

/// An observed event as columns say it.
#[must_use]
pub fn observed(time: i32, kind: i8, value: f64) -> Option<Observed> {
    Some(Observed { time: Moment::from_code(time)?, kind: EventType::from_code(kind)?, value })
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::arithmetic_side_effects,
        clippy::cast_precision_loss,
        clippy::indexing_slicing,
        reason = "tests"
    )]
    use super::*;
    use crate::error::Rule;

    /// The same bytes for any number of threads, and a contract with a problem has no rows.
    #[test]
    fn contracts_keep_their_order() {
        let vocabulary: Vec<String> = ["PAM", "RPA", "A365", "P1ML1"].map(String::from).into();
        let rows = 1_000;
        let mut numbers = vec![f64::NAN; rows * NUMBERS.len()];
        let mut times = vec![Moment::NONE; rows * TIMES.len()];
        let mut words = vec![-1; rows * WORDS.len()];
        for row in 0..rows {
            numbers[row * NUMBERS.len()] = 100.0 + row as f64;
            numbers[row * NUMBERS.len() + 2] = 0.05;
            times[row * TIMES.len()..row * TIMES.len() + 3].copy_from_slice(&[39_444, 39_446, 41_000]);
            words[row * WORDS.len()..row * WORDS.len() + 3].copy_from_slice(&[0, 1, 2]);
            words[row * WORDS.len() + 12] = 3;
        }
        // A reset without an index.
        times[500 * TIMES.len() + 9] = 39_500;
        let book = Book {
            rows,
            numbers: &numbers,
            times: &times,
            words: &words,
            arrays: [Segments::default(); 3],
            observed_starts: &[],
            observed: &[],
            series: &[],
            series_of: &vec![-1; rows * 2],
        };
        let run = |threads| events(&book, &vocabulary, None, threads, &mut || false).unwrap();
        let Outcome { log, bad, events: found } = run(1);
        let (column, rule, issue) = log.iter().next().unwrap();
        assert_eq!((column.name(), rule), ("marketObjectCodeOfRateReset", Rule::ObservationMissing));
        assert_eq!((log.iter().count(), issue.first_rows.as_slice()), (1, [500].as_slice()));
        assert_eq!(bad, [500]);
        assert!(found.contract.is_sorted() && !found.contract.contains(&500));
        assert_eq!(found.contract.iter().collect::<std::collections::HashSet<_>>().len(), rows - 1);
        for threads in [2, 5] {
            assert_eq!(run(threads).events, found);
        }
    }
}
