//! Loans of equal periods, eight side by side in float64 that is proven to give the cents of [`super::amortize`].
//!
//! Interest of a period is balance x `p / q`, with `p` and `q` whole numbers up to 2^53. Let `x` be the double nearest
//! to `p / q` and u = 2^-53: `x` is off by u of its size and the double product of a balance and `x` by u more, so that
//! it lies within 2 u + u^2 of its size of the exact interest. Balances only fall, so 4 u x (principal x `x`) bounds
//! that for the life of the loan. Where the product lies farther than this from every tie, rounding it is rounding the
//! exact interest; elsewhere the fraction itself is rounded. Amounts are whole numbers below 2^51, whose sums and
//! differences are exact.
//!
//! The level payment of `n` equal periods is `P x (1 + 1 / E)` with `E = (1 + x)^n - 1`. From `E` of `m` periods that of
//! `2 m` is `E (2 + E)` and that of `m + 1` is `E + x (1 + E)`; nothing cancels for `x > 0`. An error of a share `d` in an
//! `E` on the way is at most one of `d` in the payment: squaring `r` times multiplies the error of `1 + E` by 2^r, and the
//! last `E` is at least 2^r times the one on the way (Bernoulli). A bit of `n` costs 5 operations, hence 5 u; that of `x`
//! counts twice and the end has 4 operations: (5 bits + 6) u to first order, for which 6 bits + 16 stand. Within that of
//! a tie [`annuity::exact`] decides.
#![forbid(unsafe_code)]

use super::annuity;
use super::{Amount, ExactInterest, ProfileKind};
use crate::calendar::YearFraction;
use crate::money::{nearest_integer, round_half_even, small_f64, small_quotient_half_even};
use crate::rate::AnnualRate;

/// Loans side by side.
pub const WIDTH: usize = 8;
/// One number of each.
pub type Lane = [f64; WIDTH];

/// Principals at or above this go to the ledger: so interest and payments stay below 2^51.
const LARGEST: f64 = 1_125_899_906_842_624.0; // 2^50
const UNIT_ROUNDOFF: f64 = f64::EPSILON / 2.0;

/// A loan whose periods are equally long: principal at the start, then payments of one profile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EqualLoan {
    principal: f64,
    rate: AnnualRate,
    period: YearFraction,
    /// Interest of a period on one unit: the bottom of the fraction, and the double nearest to it.
    bottom: i64,
    factor: f64,
    spread: u32,
    payments: u32,
    profile: ProfileKind,
}

impl EqualLoan {
    /// A loan of so many payments, the level amounts of which are spread over `spread` periods; `None` for one that is
    /// beyond the proofs here. The principal is a whole number of minor units, or unrounded.
    #[must_use]
    #[inline]
    pub fn new(
        principal: f64,
        rate: AnnualRate,
        period: YearFraction,
        (payments, spread): (u32, u32),
        profile: ProfileKind,
    ) -> Option<Self> {
        const MOST_PERIODS: u32 = 4_000;
        const EXACT: i64 = 1 << 53;
        let known = matches!(profile, ProfileKind::LevelPayment | ProfileKind::LevelPrincipal | ProfileKind::Bullet);
        let top = rate.parts().checked_mul(period.top)?;
        let bottom = AnnualRate::UNIT.checked_mul(period.bottom).filter(|bottom| (1..=EXACT).contains(bottom))?;
        let small = principal > 0.0 && principal < LARGEST && (0..=bottom).contains(&top);
        if !known || !small || payments == 0 || payments > spread || spread > MOST_PERIODS {
            return None;
        }
        let factor = top.as_f64() / bottom.as_f64();
        // Sums of a loan's interest stay small beside its principal.
        if factor * f64::from(payments) > 16.0 {
            return None;
        }
        Some(Self { principal, rate, period, bottom, factor, spread, payments, profile })
    }

    /// What is lent.
    #[must_use]
    #[inline]
    pub fn principal(&self) -> f64 {
        self.principal
    }

    /// How many payments it has, unless it is repaid before.
    #[must_use]
    #[inline]
    pub fn payments(&self) -> u32 {
        self.payments
    }

    /// How it is repaid.
    #[must_use]
    #[inline]
    pub fn profile(&self) -> ProfileKind {
        self.profile
    }

    /// Interest of a period on one unit.
    #[must_use]
    #[inline]
    pub fn factor(&self) -> f64 {
        self.factor
    }

    /// Whether its level amounts leave nothing to be paid with the last.
    #[must_use]
    #[inline]
    pub fn repays_in_full(&self) -> bool {
        self.payments == self.spread
    }

    /// The rate of a year.
    #[must_use]
    pub fn rate(&self) -> AnnualRate {
        self.rate
    }

    /// No month's sum of what it pays, and not that of all its months, is larger.
    #[must_use]
    pub fn most(&self) -> f64 {
        self.principal * (1.0 + self.factor * f64::from(self.payments)) + 1.0
    }

    /// Whether something is surely owed until the last payment, rounded as it may be.
    ///
    /// Rounding moves a payment of principal by at most a minor unit, and before the last those grow to at most
    /// `n (1 + x)^n < 7.4 n` for `n x <= 2`; what the exact loan still owes then is at least `P / (n (1 + x))`, which
    /// is at least `P / 2 n` where there are two payments or more. Float dust is less than any of that.
    #[must_use]
    pub fn lasts(&self, rounded: bool) -> bool {
        let count = f64::from(self.spread);
        let slow = self.factor * count <= 2.0 && (!rounded || self.principal > 16.0 * count * count);
        slow || self.payments == 1 || self.profile == ProfileKind::Bullet
    }

    /// Half-even interest of a period on a whole balance.
    fn interest(&self, balance: f64, rate: i64) -> f64 {
        let (_, balance) = nearest_integer(balance);
        let top = rate.saturating_mul(self.period.top);
        let product = i128::from(balance).saturating_mul(top.into());
        let interest = i64::try_from(round_half_even(product, self.bottom.into())).unwrap_or(i64::MAX);
        interest.as_f64()
    }

    /// The level payment by the rational itself.
    fn exact_payment(&self, balance: f64, rate: i64, left: f64) -> f64 {
        let (_, balance) = nearest_integer(balance);
        let later = usize::try_from(nearest_integer(left).1).unwrap_or(1).saturating_sub(1);
        let rate = AnnualRate::from_parts(rate);
        let interest = balance.accrue(ExactInterest::default(), rate, self.period);
        let payment = interest.and_then(|interest| annuity::exact(balance, interest, rate, &vec![self.period; later]));
        payment.map_or(f64::NAN, i64::as_f64)
    }
}

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
    /// Interest of a period is balance x rate x `top / bottom`.
    top: Lane,
    bottom: Lane,
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
            bottom: [1.0; WIDTH],
            spread: [1.0; WIDTH],
            payment: [0.0; WIDTH],
            tie: [1.0; WIDTH],
            last: [0.0; WIDTH],
        };
        let slots = lanes.balance.iter_mut().zip(&mut lanes.factor).zip(&mut lanes.last).zip(&mut lanes.tie);
        let slots = slots.zip(&mut lanes.rates).zip(&mut lanes.spread).zip(&mut lanes.top).zip(&mut lanes.bottom);
        for ((((((((balance, factor), last), tie), rate), spread), top), bottom), loan) in slots.zip(loans) {
            (*balance, *factor, *last) = (loan.principal, loan.factor, f64::from(loan.payments));
            *tie = 0.5 - loan.principal * loan.factor * (4.0 * UNIT_ROUNDOFF);
            (*rate, *spread) = (loan.rate.parts(), f64::from(loan.spread));
            (*top, *bottom) = (loan.period.top.as_f64(), loan.bottom.as_f64());
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
        let (grown, bits) = growth_less_one(&self.factor, left);
        let interest = with(&self.balance, &self.factor, |balance, x| balance * x);
        let payment = with(&interest, &grown, |interest, grown| interest * (1.0 + 1.0 / grown));
        let share = (bits * 6.0 + 16.0) * UNIT_ROUNDOFF;
        let whole = if ROUNDED { with(&payment, &payment, |payment, _| nearest_integer(payment).0) } else { payment };
        let off = with(&payment, &whole, |payment, whole| (payment - whole).abs());
        // NaN, where there is no interest, is not below any bound.
        let sure = with(&off, &payment, |off, payment| if off < 0.5 - payment * share { 1.0 } else { 0.0 });
        if sure.iter().fold(0.0, |sum, sure| sum + sure) < sure_f64(WIDTH) {
            decide_level::<ROUNDED>(self.loans, (self.balance, self.rates, *left), whole, sure)
        } else {
            whole
        }
    }

    /// Writes the rows of loans that have another rate in each period: `rates` in 10^-12 by period and loan, none
    /// above that of the loan. Level amounts are worked out anew where the rate changes, as by the ledger.
    #[inline(always)]
    pub fn run_floating(mut self, rates: &[[i64; WIDTH]], rows: &mut [LaneRow]) {
        let levelled = self.is_level();
        // Before the first payment nothing is in force.
        self.rates = [-1; WIDTH];
        let mut number = 1.0;
        for (rates, row) in rates.iter().zip(rows) {
            if *rates != self.rates {
                self.reset(rates, number);
            }
            if levelled {
                self.write::<true, true>(number, row);
            } else {
                self.write::<false, true>(number, row);
            }
            number += 1.0;
        }
    }

    /// Other rates, before the payment of this number.
    #[inline(always)]
    fn reset(&mut self, rates: &[i64; WIDTH], number: f64) {
        let before = std::mem::replace(&mut self.rates, *rates);
        for (((factor, rate), top), bottom) in self.factor.iter_mut().zip(rates).zip(&self.top).zip(&self.bottom) {
            // Whole numbers up to 2^53, so that the quotient alone is rounded.
            *factor = small_f64(*rate) * top / bottom;
        }
        let left = with(&self.spread, &self.spread, |spread, _| {
            let periods = spread - number + 1.0;
            if periods > 1.0 { periods } else { 1.0 }
        });
        let payment = match self.loans.first().map(|loan| loan.profile) {
            Some(ProfileKind::LevelPayment) => self.level(&left),
            Some(ProfileKind::LevelPrincipal) => with(&self.balance, &left, equal_part::<ROUNDED>),
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
            let near = with(&off, &self.tie, |off, tie| off - tie);
            interest = whole;
            if near.iter().fold(false, |any, near| any | (*near >= 0.0)) {
                // Copies, lest the loop keep what it works with in memory.
                interest = decide(self.loans, (self.balance, self.rates), whole, near);
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

/// `(1 + x)^n - 1` of each for so many periods, and how many bits the longest has.
#[inline(always)]
pub(super) fn growth_less_one(factor: &Lane, left: &Lane) -> (Lane, f64) {
    let longest = left.iter().fold(1.0, |longest: f64, left| if *left > longest { *left } else { longest });
    let (mut worth, mut bits) = (1.0, 0.0);
    while worth <= longest {
        (worth, bits) = (worth * 2.0, bits + 1.0);
    }
    let (mut rest, mut grown) = (*left, [0.0; WIDTH]);
    while worth > 1.0 {
        worth *= 0.5;
        for ((grown, rest), x) in grown.iter_mut().zip(&mut rest).zip(factor) {
            let twice: f64 = *grown * (2.0 + *grown);
            let set = if *rest >= worth { 1.0 } else { 0.0 };
            *rest -= set * worth;
            *grown = twice + set * x * (1.0 + twice);
        }
    }
    (grown, bits)
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
