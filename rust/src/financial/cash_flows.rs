//! NPV, IRR, MIRR, XNPV and XIRR of one stream of cash flows.
//!
//! A stream is what [`super::streams`] has read: amounts, and times in periods or years from the earliest. Here a
//! rate of -1.5 or -2 means what it means in Excel's MIRR: powers of a negative number; elsewhere rates are above -1.
#![forbid(unsafe_code)]

use super::streams::{Stream, StreamFunction};
use super::{Failure, finite};
use crate::error::{Error, Rule};
use crate::roots::{Nearest, Trouble};

/// `IRR(values, guess)`, and `XIRR(values, dates, guess)` where flows are dated.
pub const RATE_OF_RETURN: StreamFunction = StreamFunction {
    arguments: ["guess", "unused"],
    outside: |[guess, _]| [guess <= -1.0, false],
    value: |stream, [guess, _], poll| {
        if let Err(trouble) = stream.take_flows() {
            return Ok(Err(failure(trouble)));
        }
        let found = stream.flows.rate(guess, &mut stream.spare, poll)?;
        Ok(match found {
            Err(trouble) => Err(failure(trouble)),
            Ok(answer) if answer.several.is_empty() => Ok(answer.rate),
            Ok(answer) => Err(Failure {
                argument: "values",
                rule: Rule::SeveralRoots,
                told: Some(answer.several.iter().map(f64::to_string).collect::<Vec<_>>().join(", ")),
                value: answer.rate,
            }),
        })
    },
};

/// `NPV(rate, values)`, the first flow being discounted over `first_period` periods.
pub const NPV: StreamFunction = StreamFunction {
    arguments: ["rate", "first_period"],
    outside: |[rate, _]| [rate <= -1.0, false],
    value: |stream, [rate, first_period], _| {
        if stream.amounts.is_empty() {
            return Ok(Err(failure(Trouble::Empty)));
        }
        let growth = 1.0 + rate;
        let worth = stream.amounts.iter().rev().fold(0.0, |worth, amount| worth / growth + amount);
        let worth = if first_period == 0.0 { worth } else { worth * (-first_period * rate.ln_1p()).exp() };
        Ok(finite(worth, "rate"))
    },
};

/// `XNPV(rate, values, dates)`, discounted to the earliest date.
pub const XNPV: StreamFunction = StreamFunction {
    arguments: ["rate", "unused"],
    outside: |[rate, _]| [rate <= -1.0, false],
    value: |stream, [rate, _], _| {
        if stream.amounts.is_empty() {
            return Ok(Err(failure(Trouble::Empty)));
        }
        let log = rate.ln_1p();
        let flows = stream.amounts.iter().zip(&stream.times);
        Ok(finite(flows.map(|(amount, years)| amount * (-log * years).exp()).sum(), "rate"))
    },
};

/// `MIRR(values, finance_rate, reinvest_rate)`.
pub const MIRR: StreamFunction = StreamFunction {
    arguments: ["finance_rate", "reinvest_rate"],
    outside: |[finance, _]| [finance == -1.0, false],
    value: |stream, [finance, reinvest], _| Ok(modified(&stream.amounts, finance, reinvest)),
};

/// What comes in is worth `(1 + reinvest)^(n - 1 - k)` at the end, what goes out `(1 + finance)^-k` at the start.
fn modified(amounts: &[f64], finance: f64, reinvest: f64) -> Result<f64, Failure> {
    if amounts.is_empty() {
        return Err(failure(Trouble::Empty));
    }
    if amounts.iter().all(|amount| *amount == 0.0) {
        return Err(failure(Trouble::AllZero));
    }
    if !amounts.iter().any(|amount| *amount > 0.0) || !amounts.iter().any(|amount| *amount < 0.0) {
        return Err(failure(Trouble::NoSignChange));
    }
    let discounted = |keep: fn(f64) -> f64, growth: f64| {
        amounts.iter().rev().fold(0.0, |worth, amount| worth / growth + keep(*amount))
    };
    let out = finite(discounted(|amount| (-amount).max(0.0), 1.0 + finance), "finance_rate")?;
    // At rates above 0 the end is far away: from there each is discounted, and the growth taken out of the root.
    let (back, log_growth) = if reinvest > 0.0 {
        (discounted(|amount| amount.max(0.0), 1.0 + reinvest), reinvest.ln_1p())
    } else {
        (amounts.iter().fold(0.0, |worth, amount| worth * (1.0 + reinvest) + amount.max(0.0)), 0.0)
    };
    let back = finite(back, "reinvest_rate")?;
    let (change, after) = ((back - out) / out, back / out);
    let log = if change.abs() < 0.5 { change.ln_1p() } else { after.ln() };
    let periods = amounts.iter().skip(1).fold(0.0, |count, _| count + 1.0);
    let rate = (log / periods + log_growth).exp_m1();
    if rate.is_finite() { Ok(rate) } else { Err(failure(Trouble::NoRoot(Nearest::NONE))) }
}

fn failure(trouble: Trouble) -> Failure {
    let (rule, told) = match trouble {
        Trouble::Empty => (Rule::Empty, None),
        Trouble::AllZero => (Rule::AllZero, None),
        Trouble::NoSignChange => (Rule::NoSignChange, None),
        Trouble::NoRoot(nearest) => (Rule::NoRoot, nearest_as_text(nearest)),
        Trouble::TooLarge => (Rule::Range, None),
    };
    Failure { argument: "values", rule, told: Some(told.unwrap_or_default()), value: f64::NAN }
}

fn nearest_as_text(nearest: Nearest) -> Option<String> {
    let rate = nearest.at.exp_m1();
    rate.is_finite().then(|| format!("nearest at {rate:.6}, off by {:.1e} of what flows", nearest.share))
}

/// All rates of return of one stream, ascending.
///
/// # Errors
/// [`Error::Interrupted`].
pub fn rates_of_return(stream: &mut Stream, poll: crate::batch::Poll<'_>) -> Result<Result<Vec<f64>, Failure>, Error> {
    if let Err(trouble) = stream.take_flows() {
        return Ok(Err(failure(trouble)));
    }
    Ok(stream.flows.rates(&mut stream.spare, poll)?.map_err(failure))
}
