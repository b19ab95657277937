//! Where a search begins, from sums that need no power.
//!
//! What comes early has one sign and what comes late the other. `ln` of what the late flows are worth, less that of the
//! early ones, is nearly straight in the log rate `u`: each is `ln sum |a| e^(-u t)`, the cumulant generating function
//! of times weighted by amounts (M. G. Kendall and A. Stuart, "The Advanced Theory of Statistics", vol. 1, 3.12), whose
//! series to the fourth cumulant follows from moments. Its root is no more than a guess: whoever searches brackets it.
#![forbid(unsafe_code)]

use super::lanes::PLAIN_ORDERS;

/// A log rate near the root, of the early flows and `sum a t^k` of all; NaN where there is none to see.
pub fn first_guess(early: impl Iterator<Item = (f64, f64)>, all: [f64; PLAIN_ORDERS]) -> f64 {
    let mut first = [0.0; PLAIN_ORDERS];
    for (amount, time) in early {
        let mut term = amount;
        for sum in &mut first {
            *sum += term;
            term *= time;
        }
    }
    let mut late = all;
    for (late, first) in late.iter_mut().zip(first) {
        *late -= first;
    }
    let worth = (-late[0] / first[0]).ln();
    let [mean, spread, skew, tail] = difference(cumulants(late), cumulants(first));
    // Root of the parabola, where it has one; two steps of Newton's bring in the rest.
    let root = (mean * mean - 2.0 * spread * worth).max(0.0).sqrt();
    let straight = worth / mean;
    let mut u = 2.0 * worth / (mean + root);
    for _ in 0..2 {
        let value = worth + u * (-mean + u * (spread / 2.0 + u * (-skew / 6.0 + u * (tail / 24.0))));
        let slope = -mean + u * (spread + u * (-skew / 2.0 + u * (tail / 6.0)));
        u -= value / slope;
    }
    // Far from 0 the series is of no use.
    if u * worth > 0.0 && u.abs() <= 4.0 * straight.abs() { u } else { straight }
}

fn cumulants([m0, m1, m2, m3, m4]: [f64; PLAIN_ORDERS]) -> [f64; 4] {
    let [m1, m2, m3, m4] = [m1 / m0, m2 / m0, m3 / m0, m4 / m0];
    let square = m1 * m1;
    [
        m1,
        m2 - square,
        m3 - 3.0 * m2 * m1 + 2.0 * square * m1,
        m4 - 4.0 * m3 * m1 - 3.0 * m2 * m2 + 12.0 * m2 * square - 6.0 * square * square,
    ]
}

fn difference(a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
    let mut out = a;
    for (slot, b) in out.iter_mut().zip(b) {
        *slot -= b;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guess_is_near_the_root() {
        for rate in [-0.2_f64, -0.05, 1e-6, 0.02, 0.1, 0.3, 0.6] {
            let later: Vec<(f64, f64)> = (1..=60).map(|k| (100.0 + f64::from(k % 7), f64::from(k) / 12.0)).collect();
            let worth: f64 = later.iter().map(|(amount, time)| amount * (-rate.ln_1p() * time).exp()).sum();
            // Paid in two parts, a half a month apart.
            let early = [(-worth / 2.0, 0.0), (-worth / 2.0 * (rate.ln_1p() / 24.0).exp(), 1.0 / 24.0)];
            let mut sums = [0.0; PLAIN_ORDERS];
            for (amount, time) in early.iter().chain(&later) {
                for (order, sum) in (0..).zip(&mut sums) {
                    *sum += amount * time.powi(order);
                }
            }
            let found = first_guess(early.into_iter(), sums);
            assert!((found - rate.ln_1p()).abs() * 5.0 <= 5e-3 * (1.0 + rate), "{rate}: {found}");
        }
    }
}
