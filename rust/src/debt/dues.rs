//! Sums of unrounded loans of level payments by the closed form, never payment after payment.
//!
//! With a level payment the principal due grows by `1 + x` from payment to payment, and all the rest is interest. So
//! what some loans pay in a month is the sum of their level payments, and of that the principal is a sum of powers:
//! one product and one addition for each loan and payment, none of which waits for the one before.
#![forbid(unsafe_code)]

use super::ProfileKind;
use super::lanes::{EqualLoan, WIDTH, growth_less_one};

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

/// Payments that one step of a loop is for.
const STRIDE: usize = 4;
type Stride = [f64; STRIDE];

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
        let is_level = loan.profile() == ProfileKind::LevelPayment && loan.repays_in_full();
        is_level.then(|| Self { principal: loan.principal(), factor: loan.factor(), payments: loan.payments() })
    }
}

/// Works loans out, eight side by side.
// Always inline, with all loops: the caller may be compiled for wider registers.
#[inline(always)]
pub fn level_loans(terms: &[LevelTerms], out: &mut Vec<LevelLoan>) {
    out.clear();
    out.resize(terms.len(), LevelLoan::default());
    for (eight, out) in terms.chunks(WIDTH).zip(out.chunks_mut(WIDTH)) {
        let (mut principal, mut factor, mut payments) = ([0.0; WIDTH], [1.0; WIDTH], [1.0; WIDTH]);
        for (((principal, factor), payments), terms) in
            principal.iter_mut().zip(&mut factor).zip(&mut payments).zip(eight)
        {
            (*principal, *factor, *payments) = (terms.principal, terms.factor, f64::from(terms.payments));
        }
        let (grown, _) = growth_less_one(&factor, &payments);
        let mut first = [0.0; WIDTH];
        for ((((first, grown), factor), principal), payments) in
            first.iter_mut().zip(&grown).zip(&factor).zip(&principal).zip(&payments)
        {
            let (bearing, free) = (principal * factor / grown, principal / payments);
            *first = if *factor > 0.0 { bearing } else { free };
        }
        for ((slot, terms), first) in out.iter_mut().zip(eight).zip(first) {
            *slot = LevelLoan {
                first,
                growth: 1.0 + terms.factor,
                payment: terms.principal * terms.factor + first,
                payments: usize::try_from(terms.payments).unwrap_or(0),
            };
        }
    }
}

/// Adds the principal of each loan's payments to sums from the first payment on. Loans of like numbers of payments
/// one after the other are fastest.
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
        let common = if eight.len() < WIDTH { 0 } else { eight.iter().map(|loan| loan.payments).min().unwrap_or(0) };
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
        for ((dues, growth), loan) in dues.iter().zip(&growth).zip(eight) {
            let left = loan.payments.saturating_sub(strides.saturating_mul(STRIDE)).min(rest.len());
            add_one(*dues, *growth, rest.get_mut(..left).unwrap_or_default());
        }
    }
}

/// Adds one loan's principal from the payments in `dues` on.
#[inline(always)]
fn add_one(mut dues: Stride, growth: f64, sums: &mut [f64]) {
    let mut strides = sums.chunks_exact_mut(STRIDE);
    for sums in &mut strides {
        for (sum, due) in sums.iter_mut().zip(&mut dues) {
            *sum += *due;
            *due *= growth;
        }
    }
    for (sum, due) in strides.into_remainder().iter_mut().zip(dues) {
        *sum += due;
    }
}
