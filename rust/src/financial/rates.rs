//! EFFECT and NOMINAL: an annual rate with and without compounding within the year.
#![forbid(unsafe_code)]
#![allow(clippy::arithmetic_side_effects, reason = "only doubles here, two of which make a Twofold")]

use super::twofold::Decay;
use super::{Function, finite};

/// `EFFECT(nominal_rate, npery)`; the fraction of `npery` is dropped, as in Excel.
pub const EFFECT: Function<2> = Function {
    arguments: ["nominal_rate", "npery"],
    outside: |[rate, npery]| [rate <= 0.0, npery < 1.0],
    value: |[rate, npery]| {
        let npery = npery.trunc();
        let year = Decay::over(rate / npery, npery);
        finite((year.lost / year.left).round(), "nominal_rate")
    },
};

/// `NOMINAL(effect_rate, npery)`; the fraction of `npery` is dropped, as in Excel.
pub const NOMINAL: Function<2> = Function {
    arguments: ["effect_rate", "npery"],
    outside: |[rate, npery]| [rate <= 0.0, npery < 1.0],
    value: |[rate, npery]| {
        let npery = npery.trunc();
        finite((rate.ln_1p() / npery).exp_m1() * npery, "effect_rate")
    },
};
