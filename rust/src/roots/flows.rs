//! Dated cash flows, and the rates at which they are worth nothing.
#![forbid(unsafe_code)]

use super::lanes::{Kernel, LANES, ORDERS, Survey, powers, small_exp_m1};
use super::start::first_guess;
use super::{BOTTOM, Discounted, Look, Nearest, Sides, Sureness, TOP, all_log_rates, descend};
use crate::batch::Poll;
use crate::error::Error;

/// Amounts beyond these are kept as logarithms.
const ORDINARY: std::ops::RangeInclusive<f64> = 1e-140..=1e140;

/// Why flows have no rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trouble {
    /// There are none.
    Empty,
    /// All are zero.
    AllZero,
    /// All have one sign.
    NoSignChange,
    /// No rate that a double can hold makes them worth nothing; where it came nearest.
    NoRoot(Nearest),
    /// Amounts of one day are more than a double can hold.
    TooLarge,
}

/// A rate, and among how many.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The one nearest to the guess.
    pub rate: f64,
    /// All of them, ascending, where there are several.
    pub several: Vec<f64>,
}

/// Flows in the order of time, the first at 0; none is zero. Reused from stream to stream.
#[derive(Clone, Debug, Default)]
pub struct Flows {
    amounts: Vec<f64>,
    times: Vec<f64>,
    /// Of the amounts without their sign; empty where they are ordinary.
    logs: Vec<f64>,
    len: usize,
    span: f64,
    changes: usize,
    /// A time that no flow of one sign comes after and none of the other before, where signs change once; else 0.
    pivot: f64,
    /// The sums at a rate.
    pub kernel: Kernel,
}

impl Flows {
    /// Takes over a stream: amounts, and times in any unit and order. The columns are left with what they held before.
    ///
    /// # Errors
    /// [`Trouble`] for a stream that can have no rate.
    pub fn take(&mut self, amounts: &mut Vec<f64>, times: &mut Vec<f64>) -> Result<(), Trouble> {
        if amounts.is_empty() {
            return Err(Trouble::Empty);
        }
        let survey = (self.kernel.survey)(amounts, times);
        let Survey { least, most, has_zeros, ascends, mut changes } = survey;
        if most == 0.0 {
            return Err(Trouble::AllZero);
        }
        std::mem::swap(&mut self.amounts, amounts);
        std::mem::swap(&mut self.times, times);
        if has_zeros {
            self.drop_zeros();
        }
        if !ascends {
            self.sort_and_merge();
            if self.amounts.iter().any(|amount| !amount.is_finite()) {
                return Err(Trouble::TooLarge);
            }
        }
        let (Some(first), Some(last)) = (self.times.first().copied(), self.times.last().copied()) else {
            return Err(Trouble::AllZero); // they cancel day by day
        };
        if has_zeros || !ascends {
            changes = (self.kernel.survey)(&self.amounts, &self.times).changes;
        }
        if changes == 0 {
            return Err(Trouble::NoSignChange);
        }
        self.changes = changes;
        if first != 0.0 {
            self.times.iter_mut().for_each(|time| *time -= first);
        }
        let mut is_ordinary = ORDINARY.contains(&least) && ORDINARY.contains(&most);
        if !is_ordinary && least / most > *ORDINARY.start() && most.recip().is_normal() {
            self.amounts.iter_mut().for_each(|amount| *amount /= most);
            is_ordinary = true;
        }
        self.pivot = if changes == 1 { self.times.get(self.early()).copied().unwrap_or(0.0) } else { 0.0 };
        self.finish(last - first, is_ordinary);
        Ok(())
    }

    fn sort_and_merge(&mut self) {
        let mut pairs: Vec<(f64, f64)> = self.times.iter().copied().zip(self.amounts.iter().copied()).collect();
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.times.clear();
        self.amounts.clear();
        for (time, amount) in pairs {
            match (self.times.last(), self.amounts.last_mut()) {
                (Some(last), Some(sum)) if *last == time => *sum += amount,
                _ => {
                    self.times.push(time);
                    self.amounts.push(amount);
                }
            }
        }
        self.drop_zeros();
    }

    fn drop_zeros(&mut self) {
        let mut kept = self.amounts.iter().map(|amount| *amount != 0.0);
        self.times.retain(|_| kept.next().unwrap_or(false));
        self.amounts.retain(|amount| *amount != 0.0);
    }

    fn finish(&mut self, span: f64, is_ordinary: bool) {
        self.len = self.amounts.len();
        self.span = span;
        self.logs.clear();
        if is_ordinary {
            let padded = self.len.next_multiple_of(LANES);
            self.amounts.resize(padded, 0.0);
            self.times.resize(padded, 0.0);
        } else {
            self.logs.extend(self.amounts.iter().map(|amount| amount.abs().ln()));
        }
    }

    /// How many flows have the sign of the first before another has not.
    fn early(&self) -> usize {
        let is_positive = self.starts_positive();
        self.amounts.iter().take_while(|amount| (**amount > 0.0) == is_positive).count()
    }

    fn flows(&self) -> impl Iterator<Item = (f64, f64)> {
        self.amounts.iter().copied().zip(self.times.iter().copied()).take(self.len)
    }

    /// Becomes `other` with time running backwards.
    fn reverse(&mut self, other: &Self) {
        self.amounts.clear();
        self.times.clear();
        self.amounts.extend(other.amounts.iter().take(other.len).rev());
        self.times.extend(other.times.iter().take(other.len).rev().map(|time| other.span - time));
        self.changes = other.changes;
        self.pivot = if other.changes == 1 { other.span - other.pivot } else { 0.0 };
        self.finish(other.span, other.logs.is_empty());
    }

    /// The rate nearest to `guess`, and the others if there are several. `spare` is room for the reversed stream.
    ///
    /// # Errors
    /// [`Trouble`], or [`Error::Interrupted`].
    pub fn rate(&self, guess: f64, spare: &mut Self, poll: Poll<'_>) -> Result<Result<Answer, Trouble>, Error> {
        if self.changes == 1
            && let Some(u) = self.only_log_rate(spare)
        {
            return Ok(Ok(Answer { rate: u.exp_m1(), several: Vec::new() }));
        }
        let found = self.rates(spare, poll)?;
        Ok(found.map(|rates| {
            let distance = |rate: &f64| (rate - guess).abs();
            let rate = rates.iter().copied().min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(f64::NAN);
            Answer { rate, several: if rates.len() > 1 { rates } else { Vec::new() } }
        }))
    }

    /// All rates, ascending.
    ///
    /// # Errors
    /// [`Trouble`], or [`Error::Interrupted`].
    pub fn rates(&self, spare: &mut Self, poll: Poll<'_>) -> Result<Result<Vec<f64>, Trouble>, Error> {
        spare.reverse(self);
        let mut nearest = Nearest::NONE;
        let logs = all_log_rates(self, spare, &mut nearest, poll)?;
        if logs.is_empty() {
            return Ok(Err(Trouble::NoRoot(nearest)));
        }
        Ok(Ok(logs.into_iter().map(|u| self.polished(u).exp_m1()).collect()))
    }

    /// The root where there is one change of sign; `None` where it lies beyond the rates of float64.
    ///
    /// Far above the root the first flow is all there is, so `f` has its sign there, and below the other.
    fn only_log_rate(&self, spare: &mut Self) -> Option<f64> {
        let above = self.starts_positive();
        let is_above = |flows: &Self, u: f64| (flows.look(u).value > 0.0) == flows.starts_positive();
        let (value, guess) = if self.logs.is_empty() {
            let early = self.amounts.iter().zip(&self.times).take(self.early());
            let sums = (self.kernel.plain_moments)(&self.amounts, &self.times);
            (sums[0], first_guess(early.map(|(amount, time)| (*amount, *time)), sums))
        } else {
            let look = self.look(0.0);
            (look.value, look.halley())
        };
        if value == 0.0 {
            return Some(0.0);
        }
        if (value > 0.0) != above {
            let start = if guess > 0.0 && guess < TOP { guess } else { 0.1 };
            let u = descend(self, (0.0, TOP), start, above, Sureness::OneChange);
            return (u < 0.99 * TOP || is_above(self, TOP)).then(|| self.polished(u));
        }
        // With time running forwards no power overflows down to here, and most negative rates are above.
        let low = (-100.0 / self.span).max(-BOTTOM);
        if self.logs.is_empty() {
            let u = descend(self, (low, 0.0), guess.clamp(low, -f64::MIN_POSITIVE), above, Sureness::OneChange);
            if u > 0.99 * low || !is_above(self, low) {
                return Some(self.polished(u));
            }
        }
        spare.reverse(self);
        let u = descend(spare, (0.0, BOTTOM), 0.1, spare.starts_positive(), Sureness::OneChange);
        (u < 0.99 * BOTTOM || is_above(spare, BOTTOM)).then(|| self.polished(-u))
    }

    fn starts_positive(&self) -> bool {
        self.amounts.first().is_some_and(|amount| *amount > 0.0)
    }

    /// A small rate to the digits of a small number: `sum a + sum a (e^(-u t) - 1)`, the first sum without error.
    fn polished(&self, u: f64) -> f64 {
        if u == 0.0 || u.abs() * self.span > 0.1 || !self.logs.is_empty() {
            return u;
        }
        let (mut sum, mut error, mut rest, mut slope) = (0.0_f64, 0.0_f64, 0.0, 0.0);
        for (amount, time) in self.flows() {
            let next = sum + amount;
            error += if sum.abs() >= amount.abs() { (sum - next) + amount } else { (amount - next) + sum };
            sum = next;
            let change = small_exp_m1(-u * time);
            rest += amount * change;
            slope -= amount * time * (change + 1.0);
        }
        let better = u - (sum + rest + error) / slope;
        if (better - u).abs() <= 1e-3 * u.abs() { better } else { u }
    }

    /// The worth at a log rate and its parts, for amounts of any size.
    fn scaled(&self, u: f64) -> (impl Iterator<Item = (f64, f64)>, f64) {
        let most =
            self.logs.iter().zip(&self.times).map(|(log, time)| log - u * time).fold(f64::NEG_INFINITY, f64::max);
        let present = self
            .logs
            .iter()
            .zip(self.flows())
            .map(move |(log, (amount, time))| ((log - u * time - most).exp().copysign(amount), time));
        (present, most)
    }
}

/// Sums over flows as they come, and how often those so far changed sign.
struct Count {
    sides: Sides,
    changes: usize,
    sign: f64,
}

impl Count {
    fn new(log_scale: f64) -> Self {
        let (plus, minus, value, slope, bend, third) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
        let sides = Sides { plus, minus, value, slope, bend, third, above: None, log_scale };
        Self { sides, changes: 0, sign: 0.0 }
    }

    #[inline]
    fn add(&mut self, amount: f64, time: f64) {
        let sides = &mut self.sides;
        let (first, second) = (amount * time, amount * time * time);
        sides.plus += amount.max(0.0);
        sides.minus += (-amount).max(0.0);
        sides.value += amount;
        sides.slope -= first;
        sides.bend += second;
        sides.third += second.abs() * time;
        self.changes = self.changes.saturating_add(usize::from(sides.value * self.sign < 0.0));
        if sides.value != 0.0 {
            self.sign = sides.value.signum();
        }
    }

    fn sides(self) -> Sides {
        Sides { above: Some(self.changes), ..self.sides }
    }
}

impl Discounted for Flows {
    fn look(&self, u: f64) -> Look {
        if self.logs.is_empty() {
            return Look::of((self.kernel.moments)(&self.amounts, &self.times, u, self.pivot));
        }
        let mut sums = [0.0; ORDERS];
        for (amount, time) in self.scaled(u).0 {
            let mut term = amount;
            for sum in &mut sums {
                *sum += term;
                term *= self.pivot - time;
            }
        }
        Look::of(sums)
    }

    fn sides(&self, u: f64) -> Sides {
        if !self.logs.is_empty() {
            let (present, log_scale) = self.scaled(u);
            let mut count = Count::new(log_scale);
            present.for_each(|(amount, time)| count.add(amount, time));
            return count.sides();
        }
        let mut count = Count::new(0.0);
        for (amounts, times) in self.amounts.as_chunks::<LANES>().0.iter().zip(self.times.as_chunks::<LANES>().0) {
            for ((amount, time), power) in amounts.iter().zip(times).zip(powers(times, u)) {
                count.add(amount * power, *time);
            }
        }
        count.sides()
    }

    fn span(&self) -> f64 {
        self.span
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::float_cmp, reason = "tests")]
    #![allow(clippy::arithmetic_side_effects, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    fn rates(amounts: &[f64]) -> Result<Vec<f64>, Trouble> {
        let mut times: Vec<f64> = (0..u32::try_from(amounts.len()).unwrap()).map(f64::from).collect();
        let (mut flows, mut spare) = (Flows::default(), Flows::default());
        flows.take(&mut amounts.to_vec(), &mut times)?;
        flows.rates(&mut spare, &mut || false).unwrap()
    }

    fn rate(amounts: &[f64], guess: f64) -> Result<Answer, Trouble> {
        let mut times: Vec<f64> = (0..u32::try_from(amounts.len()).unwrap()).map(f64::from).collect();
        let (mut flows, mut spare) = (Flows::default(), Flows::default());
        flows.take(&mut amounts.to_vec(), &mut times)?;
        flows.rate(guess, &mut spare, &mut || false).unwrap()
    }

    fn near(found: &[f64], expected: &[f64]) -> bool {
        found.len() == expected.len()
            && found.iter().zip(expected).all(|(a, b)| (a - b).abs() <= 1e-11 * b.abs().max(1.0))
    }

    /// `-(x - x1)(x - x2)...` with `x = 1 / (1 + rate)`, as flows.
    fn with_rates(rates: &[f64]) -> Vec<f64> {
        let mut flows = vec![-1.0];
        for rate in rates {
            let mut next = vec![0.0; flows.len() + 1];
            for (at, flow) in flows.iter().enumerate() {
                next[at] += flow;
                next[at + 1] -= flow * (1.0 + rate);
            }
            flows = next;
        }
        flows
    }

    #[test]
    fn all_roots_are_found() {
        for wanted in [vec![0.1], vec![0.1, 0.2], vec![-0.5, 0.0, 0.3], vec![-0.9, -0.2, 0.1, 0.5, 4.0]] {
            let found = rates(&with_rates(&wanted)).unwrap();
            assert!(near(&found, &wanted), "{found:?} {wanted:?}");
        }
        // 1 - 2x + 2x^2 has no real root, (1 - 1.1x)^2 one in one place.
        assert!(matches!(rates(&[1.0, -2.0, 2.0]), Err(Trouble::NoRoot(_))));
        let double = rates(&with_rates(&[0.1, 0.1])).unwrap();
        assert!(double.len() == 1 && (double[0] - 0.1).abs() < 1e-6, "{double:?}");
    }

    #[test]
    fn the_root_nearest_to_the_guess_is_the_answer() {
        let flows = with_rates(&[0.1, 0.2]);
        for (guess, wanted) in [(0.0, 0.1), (0.149, 0.1), (0.151, 0.2), (5.0, 0.2)] {
            let answer = rate(&flows, guess).unwrap();
            assert!((answer.rate - wanted).abs() < 1e-11 && answer.several.len() == 2);
        }
    }

    #[test]
    fn amounts_of_any_size() {
        for scale in [1e-300, 1e-9, 1.0, 1e300 / 1e3] {
            let answer = rate(&[-100.0 * scale, 11.0 * scale, 0.0, 121.0 * scale * 1.1 * 0.9], 0.3).unwrap();
            assert!((answer.rate - 0.1).abs() < 1e-13, "{answer:?}"); // 11/1.1 + 119.79/1.331 = 100
        }
        assert!((rate(&[-1e-300, 0.0, 0.0, 1e300], 0.1).unwrap().rate / 1e200 - 1.0).abs() < 1e-11);
        assert!(matches!(rate(&[-1.0, 1e-300], 0.1), Err(Trouble::NoRoot(_))));
        assert!(matches!(rate(&[-1e-300, 1e300], 0.1), Err(Trouble::NoRoot(_)))); // 1e600
    }

    #[test]
    fn what_has_no_rate() {
        assert_eq!(rate(&[], 0.1), Err(Trouble::Empty));
        assert_eq!(rate(&[0.0, 0.0], 0.1), Err(Trouble::AllZero));
        assert_eq!(rate(&[1.0, 0.0, 2.0], 0.1), Err(Trouble::NoSignChange));
        assert_eq!(rate(&[-100.0, 50.0, 50.0], 0.1).unwrap().rate, 0.0);
    }

    proptest! {
        #[test]
        fn roots_given_are_roots_found(mut wanted in prop::collection::vec(-0.9..3.0_f64, 1..6)) {
            wanted.sort_by(f64::total_cmp);
            prop_assume!(wanted.windows(2).all(|pair| pair[1] - pair[0] > 0.05));
            let found = rates(&with_rates(&wanted)).unwrap();
            prop_assert!(found.len() == wanted.len(), "{found:?} {wanted:?}");
            prop_assert!(found.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?} {wanted:?}");
        }

        #[test]
        fn one_change_of_sign_is_one_root(
            out in prop::collection::vec(-1e3..-1e-3_f64, 1..20), back in prop::collection::vec(1e-3..1e3_f64, 1..40),
        ) {
            let flows: Vec<f64> = out.into_iter().chain(back).collect();
            let all = rates(&flows).unwrap();
            let one = rate(&flows, 0.1).unwrap().rate;
            prop_assert!(all.len() == 1 && (all[0] - one).abs() <= 1e-11 * (1.0 + one.abs()), "{all:?} {one}");
        }
    }
}
