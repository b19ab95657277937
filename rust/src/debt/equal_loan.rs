//! A loan of equal periods, within the bounds that [`super::lanes`] computes loans side by side in.
#![forbid(unsafe_code)]

use super::annuity;
use super::{Amount, ExactInterest, ProfileKind};
use crate::calendar::YearFraction;
use crate::money::{nearest_integer, round_half_even};
use crate::rate::AnnualRate;

/// Principals at or above this go to the ledger: so interest and payments stay below 2^51.
pub(super) const LARGEST: f64 = 1_125_899_906_842_624.0; // 2^50

/// A loan whose periods are equally long: principal at the start, then payments of one profile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EqualLoan {
    pub(super) principal: f64,
    pub(super) rate: AnnualRate,
    pub(super) period: YearFraction,
    /// Interest of a period on one unit: the bottom of the fraction, and the double nearest to it.
    pub(super) bottom: i64,
    pub(super) factor: f64,
    pub(super) spread: u32,
    pub(super) payments: u32,
    pub(super) profile: ProfileKind,
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
    pub(super) fn interest(&self, balance: f64, rate: i64) -> f64 {
        let (_, balance) = nearest_integer(balance);
        let top = rate.saturating_mul(self.period.top);
        let product = i128::from(balance).saturating_mul(top.into());
        let interest = i64::try_from(round_half_even(product, self.bottom.into())).unwrap_or(i64::MAX);
        interest.as_f64()
    }

    /// The level payment by the rational itself.
    pub(super) fn exact_payment(&self, balance: f64, rate: i64, left: f64) -> f64 {
        let (_, balance) = nearest_integer(balance);
        let later = usize::try_from(nearest_integer(left).1).unwrap_or(1).saturating_sub(1);
        let rate = AnnualRate::from_parts(rate);
        let interest = balance.accrue(ExactInterest::default(), rate, self.period);
        let payment = interest.and_then(|interest| annuity::exact(balance, interest, rate, &vec![self.period; later]));
        payment.map_or(f64::NAN, i64::as_f64)
    }
}
