//! The annuity functions of spreadsheets: PMT, IPMT, PPMT, ISPMT, CUMIPMT, CUMPRINC, PV, FV, NPER and RATE.
//!
//! All solve `fv + pv (1 + r)^n + pmt (1 + r w) ((1 + r)^n - 1) / r = 0` for one of its letters, `w` being 1 where
//! payments fall at the beginning of a period and 0 at its end (Microsoft's page "PV function"; money received is
//! positive). [`Decay`] has the powers; sums and quotients of amounts are kept in [`Twofold`] and rounded once.
#![forbid(unsafe_code)]
#![allow(clippy::arithmetic_side_effects, reason = "only doubles here, two of which make a Twofold")]

use super::twofold::{Decay, Twofold};
use super::{Failure, Function, finite};
use crate::error::Rule;

/// `PMT(rate, nper, pv, fv, when)`.
pub const PMT: Function<5> = Function {
    arguments: ["rate", "nper", "pv", "fv", "when"],
    outside: |[rate, nper, _, _, when]| [rate <= -1.0, nper <= 0.0, false, false, is_no_when(when)],
    value: |[rate, nper, pv, fv, when]| {
        let scale = scale_of([pv, fv]);
        finite(payment(rate, nper, pv * scale, fv * scale, when).round() / scale, "rate")
    },
};

/// `IPMT(rate, per, nper, pv, fv, when)`.
pub const IPMT: Function<6> = Function {
    arguments: ["rate", "per", "nper", "pv", "fv", "when"],
    outside: |[rate, per, nper, _, _, when]| {
        [rate <= -1.0, per < 1.0 || per > nper, nper <= 0.0, false, false, is_no_when(when)]
    },
    value: |[rate, per, nper, pv, fv, when]| {
        let scale = scale_of([pv, fv]);
        finite(interest(rate, per, nper, pv * scale, fv * scale, when).round() / scale, "rate")
    },
};

/// `PPMT(rate, per, nper, pv, fv, when)`.
pub const PPMT: Function<6> = Function {
    arguments: ["rate", "per", "nper", "pv", "fv", "when"],
    outside: IPMT.outside,
    value: |[rate, per, nper, pv, fv, when]| {
        let scale = scale_of([pv, fv]);
        finite(principal(rate, per, nper, pv * scale, fv * scale, when).round() / scale, "rate")
    },
};

/// `ISPMT(rate, per, nper, pv)`: interest where the principal is paid in equal parts; periods count from 0.
pub const ISPMT: Function<4> = Function {
    arguments: ["rate", "per", "nper", "pv"],
    outside: |[_, _, nper, _]| [false, false, nper == 0.0, false],
    value: |[rate, per, nper, pv]| finite(pv * rate * ((per - nper) / nper), "rate"),
};

/// `CUMIPMT(rate, nper, pv, start_period, end_period, when)`; fractions of the periods are dropped, as in Excel.
pub const CUMIPMT: Function<6> = Function {
    arguments: ["rate", "nper", "pv", "start_period", "end_period", "when"],
    outside: |[rate, nper, pv, start, end, when]| {
        let (whole, first, last) = (nper.trunc(), start.trunc(), end.trunc());
        [
            rate <= 0.0,
            whole < 1.0,
            pv <= 0.0,
            first < 1.0 || first > whole,
            last < 1.0 || last < first || last > whole,
            is_no_when(when),
        ]
    },
    value: |[rate, nper, pv, start, end, when]| {
        let scale = scale_of([pv, 0.0]);
        let (interest, _) = cumulative(rate, nper.trunc(), pv * scale, start.trunc(), end.trunc(), when);
        finite(interest.round() / scale, "rate")
    },
};

/// `CUMPRINC(rate, nper, pv, start_period, end_period, when)`; fractions of the periods are dropped, as in Excel.
pub const CUMPRINC: Function<6> = Function {
    arguments: ["rate", "nper", "pv", "start_period", "end_period", "when"],
    outside: CUMIPMT.outside,
    value: |[rate, nper, pv, start, end, when]| {
        let scale = scale_of([pv, 0.0]);
        let (_, principal) = cumulative(rate, nper.trunc(), pv * scale, start.trunc(), end.trunc(), when);
        finite(principal.round() / scale, "rate")
    },
};

/// `PV(rate, nper, pmt, fv, when)`.
pub const PV: Function<5> = Function {
    arguments: ["rate", "nper", "pmt", "fv", "when"],
    outside: |[rate, nper, _, _, when]| [rate <= -1.0, nper < 0.0, false, false, is_no_when(when)],
    value: |[rate, nper, pmt, fv, when]| {
        let scale = scale_of([pmt, fv]);
        let (pmt, fv) = (Twofold::from(pmt * scale), Twofold::from(fv * scale));
        let value = if is_no_rate(rate) {
            fv + pmt * nper.into()
        } else {
            let decay = Decay::over(rate, nper);
            let paid = pmt * advance(rate, when) * (decay.lost / rate.abs().into());
            if rate > 0.0 { fv * decay.left + paid } else { (fv + paid) / decay.left }
        };
        finite(-value.round() / scale, "rate")
    },
};

/// `FV(rate, nper, pmt, pv, when)`.
pub const FV: Function<5> = Function {
    arguments: ["rate", "nper", "pmt", "pv", "when"],
    outside: |[rate, nper, _, _, when]| [rate <= -1.0, nper < 0.0, false, false, is_no_when(when)],
    value: |[rate, nper, pmt, pv, when]| {
        let scale = scale_of([pmt, pv]);
        let (pmt, pv) = (Twofold::from(pmt * scale), Twofold::from(pv * scale));
        let value = if is_no_rate(rate) {
            pv + pmt * nper.into()
        } else {
            let decay = Decay::over(rate, nper);
            let paid = pmt * advance(rate, when) * (decay.lost / rate.abs().into());
            if rate > 0.0 { (pv + paid) / decay.left } else { pv * decay.left + paid }
        };
        finite(-value.round() / scale, "rate")
    },
};

/// `NPER(rate, pmt, pv, fv, when)`; below 0 where the balance was at `fv` before, as in Excel.
pub const NPER: Function<5> = Function {
    arguments: ["rate", "pmt", "pv", "fv", "when"],
    outside: |[rate, _, _, _, when]| [rate <= -1.0, false, false, false, is_no_when(when)],
    value: |[rate, pmt, pv, fv, when]| {
        let never = Failure { argument: "pmt", rule: Rule::NoRoot, told: None, value: f64::NAN };
        let scale = scale_of([pmt, pv, fv]);
        let (pmt, pv, fv) = (Twofold::from(pmt * scale), Twofold::from(pv * scale), Twofold::from(fv * scale));
        let change = pv + fv;
        let periods = if change.round() == 0.0 {
            if (pmt.round(), pv.round()) == (0.0, 0.0) { f64::NAN } else { 0.0 }
        } else if is_no_rate(rate) {
            (-change / pmt).round()
        } else {
            // (1 + r)^n = (z - fv) / (z + pv), where z = pmt (1 + r w) / r: 1 less a quotient that may be small.
            let paid_over_interest = pmt * advance(rate, when) + pv * rate.into();
            let fall = -(change * rate.into() / paid_over_interest).round();
            if fall > -1.0 { fall.ln_1p() / rate.ln_1p() } else { f64::NAN }
        };
        if periods.is_finite() { Ok(periods) } else { Err(never) }
    },
};

fn is_no_when(when: f64) -> bool {
    when != 0.0 && when != 1.0 && !when.is_nan()
}

/// Rates whose effect is below any digit, and whose powers would be subnormal.
fn is_no_rate(rate: f64) -> bool {
    rate.abs() < 1e-280
}

/// A power of two that keeps products of these amounts within the range of doubles.
fn scale_of<const N: usize>(amounts: [f64; N]) -> f64 {
    const LARGE: f64 = 1.606_938_044_258_990_3e60; // 2^200
    let largest = amounts.into_iter().fold(0.0_f64, |most, amount| most.max(amount.abs()));
    if largest > 1e200 {
        1.0 / (LARGE * LARGE)
    } else if largest < 1e-200 {
        LARGE * LARGE
    } else {
        1.0
    }
}

/// `1 + rate`, where payments fall at the beginning.
fn advance(rate: f64, when: f64) -> Twofold {
    if when == 0.0 { 1.0.into() } else { Twofold::from(1.0) + rate.into() }
}

/// `|r| / ((1 - q^n) (1 + r w))`, first of all: it is about `1 / n` for the smallest of rates.
fn share(rate: f64, whole: Decay, when: f64) -> Twofold {
    Twofold::from(rate.abs()) / (whole.lost * advance(rate, when))
}

fn payment(rate: f64, nper: f64, pv: f64, fv: f64, when: f64) -> Twofold {
    let (pv, fv) = (Twofold::from(pv), Twofold::from(fv));
    if is_no_rate(rate) {
        return -((pv + fv) / nper.into());
    }
    let decay = Decay::over(rate, nper);
    let due = if rate > 0.0 { pv + fv * decay.left } else { pv * decay.left + fv };
    -(due * share(rate, decay, when))
}

/// `-r (pv + fv) (1 + r)^(per - 1) / ((1 + r)^n - 1)`: each principal part is the one before it and interest on that.
fn principal(rate: f64, per: f64, nper: f64, pv: f64, fv: f64, when: f64) -> Twofold {
    let is_first_in_advance = when == 1.0 && per == 1.0;
    if is_first_in_advance || is_no_rate(rate) {
        return payment(rate, nper, pv, fv, when);
    }
    let decay = Decay::over(rate, nper);
    let base = (Twofold::from(pv) + fv.into()) * share(rate, decay, when);
    let power = if rate > 0.0 { nper - (per - 1.0) } else { per - 1.0 };
    -(base * Decay::over(rate, power).left)
}

/// `-r (pv (1 + r)^(per - 1) ((1 + r)^(n - per + 1) - 1) - fv ((1 + r)^(per - 1) - 1)) / ((1 + r)^n - 1)`.
fn interest(rate: f64, per: f64, nper: f64, pv: f64, fv: f64, when: f64) -> Twofold {
    if when == 1.0 && per == 1.0 {
        return 0.0.into();
    }
    let (pv, fv, passed) = (Twofold::from(pv), Twofold::from(fv), per - 1.0);
    if is_no_rate(rate) {
        return -((pv * (nper - passed).into() - fv * passed.into()) / nper.into() * rate.into());
    }
    let (before, after, whole) = (Decay::over(rate, passed), Decay::over(rate, nper - passed), Decay::over(rate, nper));
    let balance = if rate > 0.0 {
        pv * after.lost - fv * before.lost * after.left
    } else {
        pv * before.left * after.lost - fv * before.lost
    };
    let interest = balance * share(rate, whole, when);
    if rate > 0.0 { -interest } else { interest }
}

/// Interest and principal from one period to another of a loan at a rate above 0 that ends at 0.
fn cumulative(rate: f64, nper: f64, pv: f64, start: f64, end: f64, when: f64) -> (Twofold, Twofold) {
    let in_arrears = |start: f64| {
        if is_no_rate(rate) {
            return (Twofold::from(0.0), Twofold::from(-pv) * (end - start + 1.0).into() / nper.into());
        }
        let whole = Decay::over(rate, nper);
        let share = Decay::over(rate, end - start + 1.0).lost * Decay::over(rate, nper - end).left / whole.lost;
        let principal = -(Twofold::from(pv) * share);
        (payment(rate, nper, pv, 0.0, 0.0) * (end - start + 1.0).into() - principal, principal)
    };
    if when == 0.0 {
        return in_arrears(start);
    }
    let (interest, principal) = in_arrears(start.max(2.0));
    let (interest, principal) = (interest / advance(rate, when), principal / advance(rate, when));
    if start > 1.0 {
        return (interest, principal);
    }
    // The first payment in advance has borne no interest.
    let first = payment(rate, nper, pv, 0.0, when);
    if end == 1.0 { (0.0.into(), first) } else { (interest, principal + first) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]
    use super::*;
    use proptest::prelude::*;

    fn near(found: f64, expected: f64, ulps: f64) -> bool {
        (found - expected).abs() <= ulps * f64::EPSILON * expected.abs()
    }

    #[test]
    fn tiny_rates_are_nearly_none() {
        // 10^6 over 360 at r: P / n + P r (n + 1) / (2 n) + ...
        for rate in [1e-300, 1e-16, 1e-12, -1e-12] {
            let found = (PMT.value)([rate, 360.0, 1e6, 0.0, 0.0]).unwrap();
            assert!(near(found, -(1e6 / 360.0 + 1e6 * rate * 361.0 / 720.0), 4.0), "{rate} {found}");
        }
    }

    #[test]
    fn a_payment_that_does_not_cover_the_interest_never_ends() {
        let failure = (NPER.value)([0.01, -9.0, 1000.0, 0.0, 0.0]).unwrap_err();
        assert_eq!((failure.argument, failure.rule), ("pmt", Rule::NoRoot));
        assert!((NPER.value)([0.01, -10.0, 1000.0, 0.0, 0.0]).is_err());
    }

    proptest! {
        #[test]
        fn each_letter_solves_the_equation(
            rate in -0.3..0.3_f64, nper in 1.0..90.0_f64, pv in -1e6..1e6_f64, fv in -1e6..1e6_f64, begin: bool,
        ) {
            let when = f64::from(u8::from(begin));
            let pmt = (PMT.value)([rate, nper, pv, fv, when]).unwrap();
            let growth = nper * rate.ln_1p();
            prop_assume!(rate.abs() > 1e-6);
            let scale = 1e-9 * (pv.abs() * growth.exp().max(1.0) + fv.abs() * (-growth).exp().max(1.0));
            prop_assert!(((PV.value)([rate, nper, pmt, fv, when]).unwrap() - pv).abs() <= scale);
            prop_assert!(((FV.value)([rate, nper, pmt, pv, when]).unwrap() - fv).abs() <= scale);
        }

        #[test]
        fn interest_and_principal_make_the_payment(
            rate in -0.9..10.0_f64, nper in 1..400_u32, at in 0.0..1.0_f64, pv in -1e6..1e6_f64, fv in -1e6..1e6_f64,
            begin: bool,
        ) {
            let (nper, when) = (f64::from(nper), f64::from(u8::from(begin)));
            let per = (at * nper).floor().max(1.0);
            let interest = (IPMT.value)([rate, per, nper, pv, fv, when]).unwrap();
            let principal = (PPMT.value)([rate, per, nper, pv, fv, when]).unwrap();
            let payment = (PMT.value)([rate, nper, pv, fv, when]).unwrap();
            prop_assert!((interest + principal - payment).abs() <= 4.0 * f64::EPSILON * (interest.abs() + principal.abs()));
        }
    }
}
