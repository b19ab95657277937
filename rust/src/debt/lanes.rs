//! Loans of equal periods, eight side by side in float64 that is proven to give the cents of [`super::amortize`].
//!
//! Interest of a period is balance x `p / q`, with `p` and `q` whole numbers up to 2^53. Let `x` be the double nearest
//! to `p / q` and u = 2^-53: `x` is off by u of its size and the double product of a balance and `x` by u more, so that
//! it lies within 2 u + u^2 of its size of the exact interest. Balances only fall, so 4 u x (principal x `x`) bounds
//! that for the life of the loan. Where the product lies farther than this from every tie, rounding it is rounding the
//! exact interest; elsewhere the fraction itself is rounded. Where rates float, `x` is `p` times the double nearest to
//! `1 / q`: off by 2 u, so that the product is within 3 u + 3 u^2, and what is said below of a level payment has 2 u more. Amounts are whole numbers below 2^51, whose sums and
//! differences are exact.
//!
//! The level payment of `n` equal periods is `P x (1 + 1 / E)` with `E = (1 + x)^n - 1`. From `E` of `m` periods that of
//! `2 m` is `E (2 + E)` and that of `m + 1` is `E + x (1 + E)`; nothing cancels for `x > 0`. An error of a share `d` in an
//! `E` on the way is at most one of `d` in the payment: squaring `r` times multiplies the error of `1 + E` by 2^r, and the
//! last `E` is at least 2^r times the one on the way (Bernoulli). A bit of `n` costs 5 operations, hence 5 u; that of `x`
//! counts twice and the end has 4 operations: (5 bits + 6) u to first order, for which 6 bits + 16 stand. Within that of
//! a tie [`super::annuity::exact`] decides.
#![forbid(unsafe_code)]

use super::{Amount, ProfileKind};
use crate::money::{nearest_integer, small_f64, small_quotient_half_even};

pub use super::equal_loan::EqualLoan;

/// Loans side by side.
pub const WIDTH: usize = 8;
/// One number of each.
pub type Lane = [f64; WIDTH];

const UNIT_ROUNDOFF: f64 = f64::EPSILON / 2.0;

/// What one payment of each loan comes to, and what is owed after it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LaneRow {
    /// Interest paid.
    pub interest: Lane,
    /// Principal paid.
    pub principal: Lane,
    /// What is owed after.
    pub closing: Lane,
}

/// Up to eight loans of one profile on their way; `ROUNDED` to minor units at each payment, or not at all.
#[derive(Clone, Debug)]
pub struct Lanes<'a, const ROUNDED: bool> {
    loans: &'a [EqualLoan],
    /// In force, in 10^-12.
    rates: [i64; WIDTH],
    balance: Lane,
    factor: Lane,
    /// Interest of a period is balance x rate x `top` x `per_unit`.
    top: Lane,
    per_unit: Lane,
    /// Periods that level amounts are spread over.
    spread: Lane,
    payment: Lane,
    /// Parts of a minor unit farther than this from a whole one may be a tie.
    tie: Lane,
    last: Lane,
}

impl<'a, const ROUNDED: bool> Lanes<'a, ROUNDED> {
    /// The first eight of some loans; all have the profile of the first.
    // This and what it calls is inlined, with all loops: the caller may be compiled for wider registers.
    #[must_use]
    #[inline(always)]
    pub fn new(loans: &'a [EqualLoan]) -> Self {
        let loans = loans.get(..WIDTH).unwrap_or(loans);
        // Where there is no loan, one of nothing.
        let mut lanes = Self {
            loans,
            rates: [0; WIDTH],
            balance: [0.0; WIDTH],
            factor: [1.0; WIDTH],
            top: [0.0; WIDTH],
            per_unit: [0.0; WIDTH],
            spread: [1.0; WIDTH],
            payment: [0.0; WIDTH],
            tie: [1.0; WIDTH],
            last: [0.0; WIDTH],
        };
        let slots = lanes.balance.iter_mut().zip(&mut lanes.factor).zip(&mut lanes.last).zip(&mut lanes.tie);
        let slots = slots.zip(&mut lanes.rates).zip(&mut lanes.spread).zip(&mut lanes.top).zip(&mut lanes.per_unit);
        for ((((((((balance, factor), last), tie), rate), spread), top), per_unit), loan) in slots.zip(loans) {
            (*balance, *factor, *last) = (loan.principal, loan.factor, f64::from(loan.payments));
            *tie = 0.5 - loan.principal * loan.factor * (4.0 * UNIT_ROUNDOFF);
            (*rate, *spread) = (loan.rate.parts(), f64::from(loan.spread));
            (*top, *per_unit) = (loan.period.top.as_f64(), 1.0 / loan.bottom.as_f64());
        }
        lanes
    }

    /// Works out the amounts that are level.
    #[must_use]
    #[inline(always)]
    fn levelled(mut self) -> Self {
        match self.loans.first().map(|loan| loan.profile) {
            Some(ProfileKind::LevelPayment) => self.payment = self.level(&self.spread),
            Some(ProfileKind::LevelPrincipal) => {
                self.payment = with(&self.balance, &self.spread, equal_part::<ROUNDED>);
            }
            _ => {}
        }
        self
    }

    /// The payments that repay each balance over so many periods at the rates in force.
    #[inline(always)]
    fn level(&self, left: &Lane) -> Lane {
        let ([grown], bits) = growth_less_one(&[self.factor], &[*left]);
        self.level_by(left, &with(&grown, &grown, level_share), bits)
    }

    /// The same by [`level_share`] of the growth, in the longest of which are so many bits.
    #[inline(always)]
    fn level_by(&self, left: &Lane, shares: &Lane, bits: f64) -> Lane {
        let interest = with(&self.balance, &self.factor, |balance, x| balance * x);
        let payment = with(&interest, shares, |interest, share| interest * share);
        let share = (bits * 6.0 + 16.0) * UNIT_ROUNDOFF;
        let whole = if ROUNDED { with(&payment, &payment, |payment, _| nearest_integer(payment).0) } else { payment };
        let off = with(&payment, &whole, |payment, whole| (payment - whole).abs());
        // NaN, where there is no interest, is not below any bound.
        let is_sure = |off: f64, payment: f64| off < 0.5 - payment * share;
        if off.iter().zip(&payment).fold(true, |all, (off, payment)| all & is_sure(*off, *payment)) {
            return whole;
        }
        let sure = with(&off, &payment, |off, payment| if is_sure(off, payment) { 1.0 } else { 0.0 });
        decide_level::<ROUNDED>(self.loans, (self.balance, self.rates, *left), whole, sure)
    }

    /// Writes the rows of loans that have another rate in each period: `rates` in 10^-12 by period and loan, none
    /// above that of the loan. Level amounts are worked out anew where the rate changes, as by the ledger.
    #[inline(always)]
    pub fn run_floating(mut self, rates: &[[i64; WIDTH]], rows: &mut [LaneRow]) {
        // Before the first payment nothing is in force.
        self.rates = [-1; WIDTH];
        let mut number = 1.0;
        let ((pairs, one), (row_pairs, row)) = (rates.as_chunks::<2>(), rows.as_chunks_mut::<2>());
        for (rates, rows) in pairs.iter().zip(row_pairs) {
            self.pay_floating(rates, rows, number);
            number += 2.0;
        }
        if let ([rates], [row, ..]) = (one, row) {
            self.pay_floating(&[*rates], std::array::from_mut(row), number);
        }
    }

    /// Some payments at their rates, from that of this number on: growth over the time left depends on no balance, so
    /// that of all is worked out side by side.
    #[inline(always)]
    fn pay_floating<const COUNT: usize>(
        &mut self,
        rates: &[[i64; WIDTH]; COUNT],
        rows: &mut [LaneRow; COUNT],
        number: f64,
    ) {
        let levelled = self.is_level();
        let (mut factors, mut lefts, mut at) = ([[0.0; WIDTH]; COUNT], [[0.0; WIDTH]; COUNT], number);
        for ((factor, left), rates) in factors.iter_mut().zip(&mut lefts).zip(rates) {
            for (((factor, rate), top), per_unit) in factor.iter_mut().zip(rates).zip(&self.top).zip(&self.per_unit) {
                // A whole number up to 2^53 by a reciprocal: off by twice the unit roundoff.
                *factor = small_f64(*rate) * top * per_unit;
            }
            for (left, spread) in left.iter_mut().zip(&self.spread) {
                let periods = spread - at + 1.0;
                *left = if periods > 1.0 { periods } else { 1.0 };
            }
            at += 1.0;
        }
        let is_new = rates.iter().fold(false, |is_new, rates| is_new | (*rates != self.rates));
        let (mut shares, mut bits) = ([[0.0; WIDTH]; COUNT], 0.0);
        if levelled && is_new {
            (shares, bits) = growth_less_one(&factors, &lefts);
            for share in shares.as_flattened_mut() {
                *share = level_share(*share, 0.0);
            }
        }
        at = number;
        for ((((rates, row), factor), left), share) in rates.iter().zip(rows).zip(&factors).zip(&lefts).zip(&shares) {
            if is_new {
                self.reset(rates, factor, (left, share, bits));
            }
            if levelled {
                self.write::<true, true>(at, row);
            } else {
                self.write::<false, true>(at, row);
            }
            at += 1.0;
        }
    }

    /// Other rates, before a payment.
    #[inline(always)]
    fn reset(&mut self, rates: &[i64; WIDTH], factor: &Lane, (left, shares, bits): (&Lane, &Lane, f64)) {
        let before = std::mem::replace(&mut self.rates, *rates);
        self.factor = *factor;
        let payment = match self.loans.first().map(|loan| loan.profile) {
            Some(ProfileKind::LevelPayment) => self.level_by(left, shares, bits),
            Some(ProfileKind::LevelPrincipal) => with(&self.balance, left, equal_part::<ROUNDED>),
            _ => return,
        };
        for (((mine, payment), before), now) in self.payment.iter_mut().zip(payment).zip(before).zip(rates) {
            *mine = if before == *now { *mine } else { payment };
        }
    }

    /// Writes the rows of all payments. Rows after a loan's last payment are of zeros.
    #[inline(always)]
    pub fn run(self, rows: &mut [LaneRow]) {
        let mut lanes = self.levelled();
        if lanes.is_level() {
            lanes.pay_all::<true>(rows);
        } else {
            lanes.pay_all::<false>(rows);
        }
    }

    fn is_level(&self) -> bool {
        self.loans.first().is_some_and(|loan| loan.profile == ProfileKind::LevelPayment)
    }

    /// How many payments none of which is anyone's last.
    #[inline(always)]
    fn sure(&self) -> usize {
        let fewest = self.loans.iter().fold(u32::MAX, |fewest, loan| fewest.min(loan.payments));
        usize::try_from(fewest).unwrap_or(0).saturating_sub(1)
    }

    #[inline(always)]
    fn pay_all<const LEVEL: bool>(&mut self, rows: &mut [LaneRow]) {
        let (before, from) = rows.split_at_mut(self.sure().min(rows.len()));
        let mut number = 1.0 + sure_f64(before.len());
        // Plain loops: a closure would not be compiled with the caller.
        for row in before {
            self.write::<LEVEL, false>(0.0, row);
        }
        for row in from {
            self.write::<LEVEL, true>(number, row);
            number += 1.0;
        }
    }

    /// One payment of each: interest and principal. With `LAST` it may be the last.
    #[inline(always)]
    fn pay<const LEVEL: bool, const LAST: bool>(&mut self, number: f64) -> (Lane, Lane) {
        let mut interest = with(&self.balance, &self.factor, |balance, factor| balance * factor);
        if ROUNDED {
            let whole = with(&interest, &interest, |interest, _| nearest_integer(interest).0);
            let off = with(&interest, &whole, |interest, whole| (interest - whole).abs());
            interest = whole;
            if off.iter().zip(&self.tie).fold(false, |any, (off, tie)| any | (off >= tie)) {
                // Copies, lest the loop keep what it works with in memory.
                interest =
                    decide(self.loans, (self.balance, self.rates), whole, with(&off, &self.tie, |off, tie| off - tie));
            }
        }
        let mut principal = if LEVEL {
            let left = with(&self.payment, &interest, |payment, interest| payment - interest);
            with(&left, &left, |left, _| if left > 0.0 { left } else { 0.0 })
        } else {
            self.payment
        };
        principal =
            with(&principal, &self.balance, |principal, balance| if principal < balance { principal } else { balance });
        if LAST {
            let slots = principal.iter_mut().zip(&self.balance).zip(&self.last);
            for ((principal, balance), last) in slots {
                *principal = if number < *last { *principal } else { *balance };
            }
        }
        self.balance = with(&self.balance, &principal, |balance, principal| balance - principal);
        (interest, principal)
    }

    /// One payment of each, written into a row.
    #[inline(always)]
    fn write<const LEVEL: bool, const LAST: bool>(&mut self, number: f64, row: &mut LaneRow) {
        let (interest, principal) = self.pay::<LEVEL, LAST>(number);
        *row = LaneRow { interest, principal, closing: self.balance };
    }
}

/// Loans side by side: eight, or twice as many in two sets, so that the one is computed while the other waits.
#[derive(Clone, Debug)]
struct Sides<'a, const COUNT: usize>([Lanes<'a, true>; COUNT]);

impl<const COUNT: usize> Sides<'_, COUNT> {
    #[inline(always)]
    fn add<const LEVEL: bool, const LAST: bool>(&mut self, number: f64, row: &mut LaneRow) {
        for lanes in &mut self.0 {
            let (interest, principal) = lanes.pay::<LEVEL, LAST>(number);
            row.interest = with(&row.interest, &interest, |sum, interest| sum + interest);
            row.principal = with(&row.principal, &principal, |sum, principal| sum + principal);
        }
    }

    #[inline(always)]
    fn add_all<const LEVEL: bool>(&mut self, rows: &mut [LaneRow]) {
        let sure = self.0.iter().fold(rows.len(), |sure, lanes| sure.min(lanes.sure()));
        let (before, from) = rows.split_at_mut(sure);
        for row in before {
            self.add::<LEVEL, false>(0.0, row);
        }
        let mut number = 1.0 + sure_f64(sure);
        for row in from {
            self.add::<LEVEL, true>(number, row);
            number += 1.0;
        }
    }
}

/// Adds interest and principal of up to sixteen loans of one profile, in minor units, to what the rows hold.
#[inline(always)]
pub fn add_sums(loans: &[EqualLoan], rows: &mut [LaneRow]) {
    let (first, second) = loans.split_at(loans.len().min(WIDTH));
    let levelled = first.first().is_some_and(|loan| loan.profile == ProfileKind::LevelPayment);
    let first = Lanes::new(first).levelled();
    match (second.is_empty(), levelled) {
        (true, true) => Sides([first]).add_all::<true>(rows),
        (true, false) => Sides([first]).add_all::<false>(rows),
        (false, true) => Sides([first, Lanes::new(second).levelled()]).add_all::<true>(rows),
        (false, false) => Sides([first, Lanes::new(second).levelled()]).add_all::<false>(rows),
    }
}

/// Interest by the fraction itself, where the double may be a tie.
#[cold]
#[inline(never)]
fn decide(loans: &[EqualLoan], (balance, rates): (Lane, [i64; WIDTH]), whole: Lane, near: Lane) -> Lane {
    let mut interest = whole;
    let state = balance.iter().zip(&rates).zip(&near);
    for ((interest, ((balance, rate), near)), loan) in interest.iter_mut().zip(state).zip(loans) {
        if *near >= 0.0 {
            *interest = loan.interest(*balance, *rate);
        }
    }
    interest
}

/// Level payments by the fraction itself, where the double may be a tie or there is no interest.
#[cold]
#[inline(never)]
fn decide_level<const ROUNDED: bool>(
    loans: &[EqualLoan],
    (balance, rates, left): (Lane, [i64; WIDTH], Lane),
    whole: Lane,
    sure: Lane,
) -> Lane {
    let mut payment = whole;
    let state = balance.iter().zip(&rates).zip(&left).zip(&sure);
    for ((payment, (((balance, rate), left), sure)), loan) in payment.iter_mut().zip(state).zip(loans) {
        if *rate == 0 {
            *payment = equal_part::<ROUNDED>(*balance, *left);
        } else if *sure == 0.0 && ROUNDED {
            *payment = loan.exact_payment(*balance, *rate, *left);
        }
    }
    payment
}

/// `(1 + x)^n - 1` of each for so many periods, and how many bits the longest has. One step waits for the one before, so
/// two sets cost little more than one.
#[inline(always)]
pub(super) fn growth_less_one<const COUNT: usize>(
    factors: &[Lane; COUNT],
    left: &[Lane; COUNT],
) -> ([Lane; COUNT], f64) {
    let left_most = left.as_flattened().iter();
    let longest = left_most.fold(1.0, |longest: f64, left| if *left > longest { *left } else { longest });
    let (mut worth, mut bits) = (1.0, 0.0);
    while worth <= longest {
        (worth, bits) = (worth * 2.0, bits + 1.0);
    }
    let (mut rest, mut grown) = (*left, [[0.0; WIDTH]; COUNT]);
    while worth > 1.0 {
        worth *= 0.5;
        let places = grown.as_flattened_mut().iter_mut().zip(rest.as_flattened_mut());
        for ((grown, rest), x) in places.zip(factors.as_flattened()) {
            let twice: f64 = *grown * (2.0 + *grown);
            let set = if *rest >= worth { 1.0 } else { 0.0 };
            *rest -= set * worth;
            *grown = twice + set * x * (1.0 + twice);
        }
    }
    (grown, bits)
}

/// The level payment to the interest of its first period, by the growth less one.
#[inline(always)]
fn level_share(grown: f64, _: f64) -> f64 {
    1.0 + 1.0 / grown
}

#[inline(always)]
fn with(one: &Lane, other: &Lane, what: impl Fn(f64, f64) -> f64) -> Lane {
    let mut out = *one;
    for (out, other) in out.iter_mut().zip(other) {
        *out = what(*out, *other);
    }
    out
}

/// An amount over the number of payments it is spread over.
fn equal_part<const ROUNDED: bool>(amount: f64, payments: f64) -> f64 {
    if ROUNDED { small_quotient_half_even(amount, payments) } else { amount / payments }
}

fn sure_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(0.0, f64::from)
}

#[cfg(test)]
#[path = "lanes_tests.rs"]
mod tests;
