//! Sums of unrounded loans of level payments by the closed form, never payment after payment.
//!
//! With a level payment the principal due grows by `1 + x` from payment to payment, and all the rest is interest. So
//! what some loans pay in a month is the sum of their level payments, and of that the principal is a sum of powers:
//! one product and one addition for each loan and payment, none of which waits for the one before.
#![forbid(unsafe_code)]

use super::ProfileKind;
use super::equal_loan::LARGEST;
use super::lanes::{EqualLoan, WIDTH, growth_less_one};
use crate::calendar::{Date, LAST_MONTH, Month, civil};
use crate::money::small_f64;
use crate::rate::AnnualRate;

/// A loan of level payments that repay it in full, unrounded.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LevelLoan {
    /// Principal of the first payment.
    pub first: f64,
    /// How many times as much is due with the next.
    pub growth: f64,
    /// Principal and interest.
    pub payment: f64,
    /// How many payments there are.
    pub payments: usize,
}

/// Loans that are worked out side by side.
pub(super) const SIDES: usize = 2 * WIDTH;
/// Payments that one step of a loop is for.
const STRIDE: usize = 4;
/// Where each stands in its step.
const PLACES: [f64; STRIDE] = [0.0, 1.0, 2.0, 3.0];

/// A loan of level payments that repay it in full, as it is agreed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LevelTerms {
    /// What is lent.
    pub principal: f64,
    /// Interest of a period on one unit.
    pub factor: f64,
    /// How many payments there are.
    pub payments: u32,
}

impl LevelTerms {
    /// The terms of a loan; `None` where it has no closed form.
    #[must_use]
    #[inline]
    pub fn of(loan: &EqualLoan) -> Option<Self> {
        // Without interest the payment less the principal would be float dust.
        let bears = loan.factor() > 0.0;
        let is_level = loan.profile() == ProfileKind::LevelPayment && loan.repays_in_full() && bears;
        is_level.then(|| Self { principal: loan.principal(), factor: loan.factor(), payments: loan.payments() })
    }
}

/// Loans of level monthly payments by 30/360 as columns of equal length: first days, months, principals and rates.
#[derive(Clone, Copy, Debug)]
pub struct Monthly<'a> {
    /// The first days.
    pub starts: &'a [Date],
    /// Months until the last payment.
    pub months: &'a [i32],
    /// What is lent.
    pub principals: &'a [f64],
    /// Interest of a year.
    pub rates: &'a [AnnualRate],
}

/// Loans of level payments that repay them in full as columns of equal length.
#[derive(Clone, Copy, Debug)]
pub struct LevelColumns<'a> {
    /// What is lent.
    pub principals: &'a [f64],
    /// Interest of a period on one unit.
    pub factors: &'a [f64],
    /// How many payments there are, whole numbers.
    pub payments: &'a [f64],
}

/// Stands for no month.
pub const NO_MONTH: Month = Month::MIN;

/// The month in which each loan begins, and interest of a month on one unit; [`NO_MONTH`] where it is not as plain as
/// most are, so that [`EqualLoan`] must decide: what is told apart here is told there too.
#[inline(always)]
pub fn begin_monthly(loans: Monthly<'_>, begins: &mut [Month], factors: &mut [f64]) {
    const MOST_MONTHS: i32 = 1_200;
    let terms = loans.starts.iter().zip(loans.months).zip(loans.principals).zip(loans.rates);
    for ((begin, slot), (((start, months), principal), rate)) in begins.iter_mut().zip(factors).zip(terms) {
        let (month, day) = civil(*start);
        let parts = rate.parts();
        // Whole numbers below 2^51, so that the quotient is rounded once.
        let factor = small_f64(parts) / (12.0 * small_f64(AnnualRate::UNIT));
        let counts = (*months >= 1) & (*months <= MOST_MONTHS) & (month.wrapping_add(*months) <= LAST_MONTH);
        let small = (*principal > 0.0) & (*principal < LARGEST) & (1..=AnnualRate::UNIT).contains(&parts);
        let slow = factor * f64::from(*months) <= 16.0;
        *begin = if (day <= 28) & counts & small & slow { month } else { NO_MONTH };
        *slot = factor;
    }
}

/// How much of what is lent the first payment repays, by the interest of a period on one unit and the payments.
#[inline(always)]
pub(super) fn first_shares(factors: &[f64; SIDES], payments: &[f64; SIDES]) -> [f64; SIDES] {
    let (mut two_factors, mut two_payments) = ([[0.0; WIDTH]; 2], [[0.0; WIDTH]; 2]);
    two_factors.as_flattened_mut().copy_from_slice(factors);
    two_payments.as_flattened_mut().copy_from_slice(payments);
    let (grown, _) = growth_less_one(&two_factors, &two_payments);
    let mut shares = *factors;
    for (share, grown) in shares.iter_mut().zip(grown.as_flattened()) {
        *share /= grown;
    }
    shares
}

/// Works loans out, sixteen side by side.
// Always inline, with all loops: the caller may be compiled for wider registers.
#[inline(always)]
pub fn level_loans(terms: &[LevelTerms], out: &mut Vec<LevelLoan>) {
    out.clear();
    out.resize(terms.len(), LevelLoan::default());
    for (some, out) in terms.chunks(SIDES).zip(out.chunks_mut(SIDES)) {
        let (mut factors, mut payments) = ([1.0; SIDES], [1.0; SIDES]);
        for ((factor, payments), terms) in factors.iter_mut().zip(&mut payments).zip(some) {
            (*factor, *payments) = (terms.factor, f64::from(terms.payments));
        }
        let shares = first_shares(&factors, &payments);
        for ((slot, terms), share) in out.iter_mut().zip(some).zip(&shares) {
            let first = terms.principal * share;
            *slot = LevelLoan {
                first,
                growth: 1.0 + terms.factor,
                payment: terms.principal * terms.factor + first,
                payments: usize::try_from(terms.payments).unwrap_or(0),
            };
        }
    }
}

/// Adds the principal of each loan's payments to sums from the first payment on. Loans of fewer payments must stand before
/// those of more.
#[inline(always)]
pub fn add_dues(loans: &[LevelLoan], sums: &mut [f64]) {
    for eight in loans.chunks(WIDTH) {
        let (mut dues, mut growth) = ([[0.0; STRIDE]; WIDTH], [0.0; WIDTH]);
        for ((dues, growth), loan) in dues.iter_mut().zip(&mut growth).zip(eight) {
            let squared = loan.growth * loan.growth;
            let two = [loan.first, loan.first * loan.growth];
            *dues = [two[0], two[1], two[0] * squared, two[1] * squared];
            *growth = squared * squared;
        }
        let mut counts = [0.0; WIDTH];
        for (count, loan) in counts.iter_mut().zip(eight) {
            *count = sure_f64(loan.payments);
        }
        let (Some(first), Some(last)) = (eight.first(), eight.last()) else { continue };
        let common = if eight.len() < WIDTH { 0 } else { first.payments };
        let strides = common.checked_div(STRIDE).unwrap_or(0);
        let (together, rest) = sums.split_at_mut(strides.saturating_mul(STRIDE).min(sums.len()));
        for sums in together.chunks_exact_mut(STRIDE) {
            let mut sum = [0.0; STRIDE];
            for (dues, growth) in dues.iter_mut().zip(&growth) {
                for (sum, due) in sum.iter_mut().zip(dues.iter_mut()) {
                    *sum += *due;
                    *due *= growth;
                }
            }
            for (slot, sum) in sums.iter_mut().zip(sum) {
                *slot += sum;
            }
        }
        // Some have no more payments, or only in part of a stride.
        let rest_of = last.payments.saturating_sub(together.len()).min(rest.len());
        let mut done = sure_f64(together.len());
        for sums in rest.get_mut(..rest_of).unwrap_or_default().chunks_mut(STRIDE) {
            let mut sum = [0.0; STRIDE];
            for ((dues, growth), count) in dues.iter_mut().zip(&growth).zip(&counts) {
                let left = count - done;
                for ((sum, due), place) in sum.iter_mut().zip(dues.iter_mut()).zip(PLACES) {
                    *sum += if place < left { *due } else { 0.0 };
                    *due *= growth;
                }
            }
            for (slot, sum) in sums.iter_mut().zip(sum) {
                *slot += sum;
            }
            done += sure_f64(STRIDE);
        }
    }
}

fn sure_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{FIRST_DAY, LAST_DAY, YearFraction, day_of_month, month_of};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn loans_told_at_a_glance_are_loans_of_equal_periods(
            start in FIRST_DAY..=LAST_DAY, months in prop_oneof![-2..5_i32, 1..1_500_i32],
            principal in prop_oneof![-1.0..1e9_f64, Just(0.0), Just(LARGEST), Just(f64::INFINITY)],
            parts in prop_oneof![Just(0), -5..5_i64, 0..=AnnualRate::UNIT, 0..20 * AnnualRate::UNIT],
        ) {
            let rate = AnnualRate::from_parts(parts);
            let (mut begin, mut factor) = ([7], [0.5]);
            let loans =
                Monthly { starts: &[start], months: &[months], principals: &[principal], rates: &[rate] };
            begin_monthly(loans, &mut begin, &mut factor);
            let period = YearFraction { top: 30, bottom: 360 };
            let counts = u32::try_from(months).unwrap_or(0);
            let loan = EqualLoan::new(principal, rate, period, (counts, counts), ProfileKind::LevelPayment);
            let ends = month_of(start).saturating_add(months) <= LAST_MONTH;
            let wanted = loan.filter(|_| ends && day_of_month(start) <= 28).and_then(|loan| LevelTerms::of(&loan));
            if begin != [NO_MONTH] {
                let terms = LevelTerms { principal, factor: factor[0], payments: counts };
                prop_assert_eq!(wanted, Some(terms));
                prop_assert_eq!(begin, [month_of(start)]);
            } else {
                prop_assert!(wanted.is_none() || months > 1_200 || parts > AnnualRate::UNIT);
            }
        }
    }
}
