//! Sum of the years' digits: year `i` of a life of `N` months weighs by the years then left, `(N - 12 i) / 12`; a broken
//! last year weighs by its fraction (66 months: 5.5, 4.5, ..., 0.5 x 1/2).
//!
//! Time is counted in units x life-months, `x = N x units / T`, so that every share is a whole number over one total.
//! Headroom: with `N <= 3,600` and `T < 2^18` the total stays below `2^18 x 2^23`.
#![forbid(unsafe_code)]

use super::Timing;

const YEAR: i64 = 12;

/// The cumulative share at so many units, as a whole number up to [`total`].
#[must_use]
pub fn cumulative(timing: &Timing, units: i64) -> i64 {
    let (life, span) = (timing.life_months(), timing.total());
    let passed = units.saturating_mul(life);
    let year_span = YEAR.saturating_mul(span);
    let years = passed.checked_div(year_span).unwrap_or(0);
    let into = passed.saturating_sub(years.saturating_mul(year_span));
    let digit = life.saturating_sub(years.saturating_mul(YEAR)).max(0);
    whole_years(life, years).saturating_mul(span).saturating_add(digit.saturating_mul(into))
}

/// What the shares of a whole life sum to.
#[must_use]
pub fn total(timing: &Timing) -> i64 {
    cumulative(timing, timing.total())
}

/// Digits x months of the first `years` years: the sum of `12 (N - 12 i)`.
fn whole_years(life: i64, years: i64) -> i64 {
    let pairs = years.saturating_mul(years.saturating_sub(1)).saturating_div(2);
    YEAR.saturating_mul(life.saturating_mul(years).saturating_sub(YEAR.saturating_mul(pairs)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, reason = "tests")]
    use super::*;

    #[test]
    fn sixty_six_months() {
        let timing = Timing::fresh(0, 66, false);
        // 5.5, 4.5, 3.5, 2.5, 1.5 and 0.5 x 1/2 sum to 17.75; in digits x months x units, x 144 x 66.
        let share = |months| cumulative(&timing, months);
        assert_eq!(total(&timing) * 4, 71 * 144 * 66);
        assert_eq!(share(12) * 2, 11 * 144 * 66);
        assert_eq!(share(6) * 2, share(12));
        assert_eq!(share(60) * 2, 35 * 144 * 66);
        assert_eq!(total(&timing) - share(60), 6 * 6 * 66);
    }
}
