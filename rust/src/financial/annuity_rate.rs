//! RATE: the rate of an annuity, found by [`crate::roots`] in closed form, so that no work grows with its length.
#![forbid(unsafe_code)]

use super::{Failure, Function};
use crate::error::Rule;
use crate::roots::{Discounted, Look, Nearest, Sides, all_log_rates};

/// `RATE(nper, pmt, pv, fv, when, guess)`: of several rates the one nearest to the guess.
pub const RATE: Function<6> = Function {
    arguments: ["nper", "pmt", "pv", "fv", "when", "guess"],
    outside: |[nper, _, _, _, when, guess]| {
        [nper <= 0.0, false, false, false, when != 0.0 && when != 1.0 && !when.is_nan(), guess <= -1.0]
    },
    value: |[nper, pmt, pv, fv, when, guess]| {
        let fails = |rule: Rule, told: Option<String>, value: f64| Failure { argument: "pmt", rule, told, value };
        let amounts = [pmt, pv, fv];
        let largest = amounts.into_iter().fold(0.0_f64, |most, amount| most.max(amount.abs()));
        if largest == 0.0 {
            return Err(fails(Rule::AllZero, None, f64::NAN));
        }
        if amounts.into_iter().all(|amount| amount >= 0.0) || amounts.into_iter().all(|amount| amount <= 0.0) {
            return Err(fails(Rule::NoSignChange, None, f64::NAN));
        }
        let [pmt, pv, fv] = amounts.map(|amount| amount / largest);
        let forward = Annuity { nper, pmt, first: pv, last: fv, in_advance: when == 1.0 };
        let backward = Annuity { nper, pmt, first: fv, last: pv, in_advance: when == 0.0 };
        let mut nearest = Nearest::NONE;
        let roots = all_log_rates(&forward, &backward, &mut nearest, &mut || false).unwrap_or_default();
        let rates: Vec<f64> = roots.into_iter().map(f64::exp_m1).collect();
        let distance = |rate: &f64| (rate - guess).abs();
        match rates.iter().copied().min_by(|a, b| distance(a).total_cmp(&distance(b))) {
            None => {
                let rate = nearest.at.exp_m1();
                let told = format!("nearest at {rate:.6}, off by {:.1e} of what flows", nearest.share);
                Err(fails(Rule::NoRoot, Some(told), f64::NAN))
            }
            Some(rate) if rates.len() == 1 => Ok(rate),
            Some(rate) => {
                let told = rates.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
                Err(fails(Rule::SeveralRoots, Some(told), rate))
            }
        }
    },
};

/// An amount now, equal payments, and an amount at the end.
struct Annuity {
    nper: f64,
    pmt: f64,
    first: f64,
    last: f64,
    in_advance: bool,
}

impl Annuity {
    /// The worth of payments of 1, and how it changes with `u`.
    fn factor(&self, u: f64) -> (f64, f64) {
        let n = self.nper;
        if u * n.max(1.0) < 1e-5 {
            // From the series of `sum e^(-u k)`.
            let shift = if self.in_advance { -1.0 } else { 1.0 };
            let mean = (n + shift) / 2.0;
            let squares = (n + shift) * (2.0 * n + shift) / 6.0;
            return (n * (1.0 - u * mean + u * u * squares / 2.0), n * (u * squares - mean));
        }
        let (left, lost, growth) = ((-n * u).exp(), -(-n * u).exp_m1(), u.exp_m1());
        let worth = lost / growth;
        let slope = if growth.is_finite() { (n * left - worth * (growth + 1.0)) / growth } else { 0.0 };
        if self.in_advance { (worth * (growth + 1.0), (slope + worth) * (growth + 1.0)) } else { (worth, slope) }
    }
}

impl Discounted for Annuity {
    fn look(&self, u: f64) -> Look {
        let (worth, slope) = self.factor(u);
        let left = (-self.nper * u).exp();
        Look {
            value: self.first + self.pmt * worth + self.last * left,
            slope: self.pmt * slope - self.nper * self.last * left,
            bend: 0.0,
            further: [0.0; 3],
        }
    }

    fn sides(&self, u: f64) -> Sides {
        let left = (-self.nper * u).exp();
        let mut sides = Sides {
            plus: 0.0,
            minus: 0.0,
            value: 0.0,
            slope: 0.0,
            bend: 0.0,
            third: f64::INFINITY,
            above: None,
            log_scale: 0.0,
        };
        let (mut changes, mut sign) = (0_usize, 0.0);
        for part in [self.first, self.pmt * self.factor(u).0, self.last * left] {
            sides.plus += part.max(0.0);
            sides.minus += (-part).max(0.0);
            sides.value += part;
            changes = changes.saturating_add(usize::from(sides.value * sign < 0.0));
            if sides.value != 0.0 {
                sign = sides.value.signum();
            }
        }
        // Between the first amount and the last, partial sums go one way. A broken number of periods is no sum of flows.
        sides.above = (self.nper == self.nper.floor()).then_some(changes);
        sides
    }

    fn span(&self) -> f64 {
        self.nper
    }
}
