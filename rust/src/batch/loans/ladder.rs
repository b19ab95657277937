//! Unrounded loans of level payments, added up by the closed form.
//!
//! Loans that pay in the same months stand one after the other, those of fewer payments first. Float sums depend on
//! their order, so a batch is as large as it says however the loans were read.
#![forbid(unsafe_code)]

use super::LoanAmount;
use super::batch::Where;
use super::keys::{Keyed, Run, arrange, group_of, months_of};
use crate::batch::flows::{Flows, Layout};
use crate::debt::dues::{LevelLoan, LevelTerms};
use crate::debt::lane_kernels::LaneKernels;
use crate::debt::lanes::EqualLoan;

/// Loans to be added up together.
const FULL: usize = 8_192;

/// Loans on their way into the sums.
#[derive(Default)]
pub(super) struct Ladder {
    keys: Vec<u64>,
    keyed: (Vec<Keyed>, Vec<Keyed>),
    runs: Vec<Run>,
    /// The loans as they come, and as they are sorted.
    terms: Vec<LevelTerms>,
    sorted: Vec<LevelTerms>,
    level: Vec<LevelLoan>,
    /// Of loans that pay in the same months, payment by payment: principal, and all of it.
    dues: Vec<f64>,
    paid: Vec<f64>,
}

impl Ladder {
    /// Takes a loan; `false` where it has no closed form.
    #[inline]
    pub fn push(&mut self, loan: &EqualLoan, key: u64) -> bool {
        let Some(terms) = LevelTerms::of(loan) else { return false };
        self.push_level(terms, key);
        true
    }

    /// Takes a loan of level payments.
    #[inline(always)]
    pub fn push_level(&mut self, terms: LevelTerms, key: u64) {
        self.keys.push(key);
        self.terms.push(terms);
    }

    /// Whether all must be added up before the next loan is taken.
    pub fn is_full(&self) -> bool {
        self.terms.len() >= FULL
    }

    /// Adds all loans to the sums of their groups and months, and forgets them.
    pub fn post<A: LoanAmount, L: Layout>(&mut self, flows: &mut Flows<A, L>, to: Where, kernels: &LaneKernels) {
        let (keyed, spare) = &mut self.keyed;
        arrange(&self.keys, &self.terms, &mut self.sorted, &mut self.runs, (keyed, spare));
        (kernels.level_loans)(&self.sorted, &mut self.level);
        let (mut terms, mut level) = (self.sorted.as_slice(), self.level.as_slice());
        for (key, count) in &self.runs {
            let count = (*count).min(level.len()).min(terms.len());
            let (here, now);
            ((here, terms), (now, level)) = (terms.split_at(count), level.split_at(count));
            let Some(longest) = now.last() else { continue };
            self.dues.clear();
            self.dues.resize(longest.payments, 0.0);
            (kernels.add_dues)(now, &mut self.dues);
            add_paid(now, &mut self.paid);
            let lent = here.iter().fold(0.0, |sum, terms| sum + terms.principal);
            post_same(flows, to, *key, lent, (&self.dues, &self.paid));
        }
        self.keys.clear();
        self.terms.clear();
    }
}

/// What all loans pay, payment by payment: whoever pays last pays all along, so it adds up from there.
fn add_paid(loans: &[LevelLoan], paid: &mut Vec<f64>) {
    paid.clear();
    paid.resize(loans.last().map_or(0, |loan| loan.payments), 0.0);
    for loan in loans {
        if let Some(slot) = loan.payments.checked_sub(1).and_then(|last| paid.get_mut(last)) {
            *slot += loan.payment;
        }
    }
    let mut sum = 0.0;
    for slot in paid.iter_mut().rev() {
        sum += *slot;
        *slot = sum;
    }
}

/// Adds loans that pay in the same months: what was lent, and of each payment the principal and all of it.
fn post_same<A: LoanAmount, L: Layout>(
    flows: &mut Flows<A, L>,
    to: Where,
    key: u64,
    lent: f64,
    (dues, paid): (&[f64], &[f64]),
) {
    let ((start, step), group) = (months_of(key), group_of(key));
    to.lend(flows, group, start, A::of_lane(lent));
    let first = start.saturating_add(step);
    let slot = flows.slot(first).filter(|slot| *slot > 0 && step == 1);
    let rows = slot.and_then(|from| {
        let (interest, principal) = flows.two_rows(to.interest, to.principal, group).and_then(A::floats)?;
        Some((interest.get_mut(from..).unwrap_or_default(), principal.get_mut(from..).unwrap_or_default()))
    });
    if let Some((interest, principal)) = rows {
        for (((interest, principal), due), paid) in interest.iter_mut().zip(principal).zip(dues).zip(paid) {
            *principal += due;
            *interest += paid - due;
        }
        return;
    }
    for (number, (due, paid)) in dues.iter().zip(paid).enumerate() {
        let months = i32::try_from(number).unwrap_or(i32::MAX).saturating_mul(step);
        if let Some(slot) = flows.slot(first.saturating_add(months)) {
            flows.add(to.interest, group, slot, A::of_lane(paid - due));
            flows.add(to.principal, group, slot, A::of_lane(*due));
        }
    }
}
