//! Unrounded loans of level payments, added up by the closed form.
//!
//! Where many of them begin in few months and run for few numbers of payments, each is added to the moments of those
//! that pay in the same months, and only what has been gathered is laid out payment by payment. Of other loans those
//! that pay in the same months stand one after the other, those of fewer payments first. Float sums depend on their
//! order and on what is added up together, so a batch is as large as it says however the loans were read.
#![forbid(unsafe_code)]

use super::LoanAmount;
use super::batch::Where;
use super::keys::{Keyed, Run, Table, arrange, group_of, monthly_key, months_of, payments_of};
use crate::batch::flows::{Flows, Layout};
use crate::calendar::Month;
use crate::debt::dues::{LevelColumns, LevelLoan, LevelTerms};
use crate::debt::lane_kernels::LaneKernels;
use crate::debt::lanes::{EqualLoan, WIDTH};
use crate::debt::moments::{Bands, Cell, Cut};

/// Loans to be added up together.
const FULL: usize = 8_192;
/// Cells of moments at most: a megabyte.
const MOST_CELLS: usize = 8_192;

/// Loans on their way into the sums.
#[derive(Default)]
pub(super) struct Ladder {
    /// The loans as they come.
    keys: Vec<u64>,
    principals: Vec<f64>,
    factors: Vec<f64>,
    payments: Vec<f64>,
    gathered: Option<Gathered>,
    /// The last there were: books are alike from block to block.
    bands: Option<Bands>,
    cells: Vec<Cell>,
    places: Vec<u32>,
    keyed: (Vec<Keyed>, Vec<Keyed>),
    runs: Vec<Run>,
    terms: Vec<LevelTerms>,
    sorted: Vec<LevelTerms>,
    level: Vec<LevelLoan>,
    /// Of loans that pay in the same months, payment by payment: principal, and all of it.
    dues: Vec<f64>,
    paid: Vec<f64>,
}

/// What the cells of moments stand for.
#[derive(Clone, Copy)]
struct Gathered {
    table: Table,
    rates: (f64, f64),
    cut: Cut,
}

impl Gathered {
    /// For loans of these keys and rates, if there are so many that it pays.
    fn of(table: Table, rates: (f64, f64), loans: usize) -> Option<Self> {
        let found = Self { table, rates, cut: Cut::of(rates, table.longest())? };
        (found.cells() <= loans.min(MOST_CELLS)).then_some(found)
    }

    fn cells(&self) -> usize {
        self.table.cells().saturating_mul(self.cut.count())
    }

    fn holds(&self, table: &Table, rates: (f64, f64)) -> bool {
        self.table.holds(table) && self.cut.holds(rates)
    }
}

/// Loans that are plain at a glance, as columns.
#[derive(Clone, Copy)]
pub(super) struct Plain<'a> {
    pub begins: &'a [Month],
    pub groups: &'a [i32],
    pub months: &'a [i32],
    pub principals: &'a [f64],
    pub factors: &'a [f64],
}

impl Ladder {
    /// Takes a loan; `false` where it has no closed form.
    #[inline]
    pub fn push(&mut self, loan: &EqualLoan, key: u64) -> bool {
        let Some(terms) = LevelTerms::of(loan) else { return false };
        self.keys.push(key);
        self.principals.push(terms.principal);
        self.factors.push(terms.factor);
        self.payments.push(f64::from(terms.payments));
        true
    }

    /// Takes loans of level payments a month apart, from one on, and returns how many there was room for.
    pub fn push_plain(&mut self, loans: Plain<'_>, from: usize) -> usize {
        let room = FULL.saturating_sub(self.keys.len());
        let range = from..from.saturating_add(room).min(loans.begins.len());
        let (Some(begins), Some(groups), Some(months), Some(principals), Some(factors)) = (
            loans.begins.get(range.clone()),
            loans.groups.get(range.clone()),
            loans.months.get(range.clone()),
            loans.principals.get(range.clone()),
            loans.factors.get(range),
        ) else {
            return 0;
        };
        let keys = begins.iter().zip(groups).zip(months);
        self.keys.extend(keys.map(|((begin, group), months)| monthly_key(*begin, *months, *group)));
        self.principals.extend_from_slice(principals);
        self.factors.extend_from_slice(factors);
        self.payments.extend(months.iter().map(|months| f64::from(*months)));
        begins.len()
    }

    /// Whether all must be added up before the next loan is taken.
    pub fn is_full(&self) -> bool {
        self.keys.len() >= FULL
    }

    /// Adds all loans up, to the sums of their groups and months or to what is gathered, and forgets them.
    pub fn add<A: LoanAmount, L: Layout>(&mut self, flows: &mut Flows<A, L>, to: Where, kernels: &LaneKernels) {
        let table = Table::of(&self.keys);
        match &table {
            Some(table) if self.gathers(table, flows, to, kernels) => self.gather(kernels),
            _ => self.add_sorted(table.as_ref(), flows, to, kernels),
        }
        self.keys.clear();
        self.principals.clear();
        self.factors.clear();
        self.payments.clear();
    }

    /// Adds all loans to the sums, also those gathered.
    pub fn finish<A: LoanAmount, L: Layout>(&mut self, flows: &mut Flows<A, L>, to: Where, kernels: &LaneKernels) {
        self.add(flows, to, kernels);
        self.spread(flows, to, kernels);
    }

    /// Whether there are cells for the loans at hand.
    fn gathers<A: LoanAmount, L: Layout>(
        &mut self,
        table: &Table,
        flows: &mut Flows<A, L>,
        to: Where,
        kernels: &LaneKernels,
    ) -> bool {
        let rates = range_of(&self.factors);
        if self.gathered.is_some_and(|gathered| gathered.holds(table, rates)) {
            return true;
        }
        let loans = self.keys.len();
        let both = self.gathered.and_then(|gathered| {
            let (low, high) = gathered.rates;
            Gathered::of(gathered.table.with(table)?, (low.min(rates.0), high.max(rates.1)), loans)
        });
        let Some(next) = both.or_else(|| Gathered::of(*table, rates, loans)) else { return false };
        self.spread(flows, to, kernels);
        self.cells.clear();
        self.cells.resize(next.cells(), Cell::default());
        self.bands = self.bands.take().filter(|bands| bands.cut() == next.cut).or_else(|| Some(Bands::of(next.cut)));
        self.gathered = Some(next);
        true
    }

    fn gather(&mut self, kernels: &LaneKernels) {
        let (Some(Gathered { table, .. }), Some(bands)) = (&self.gathered, &self.bands) else { return };
        self.places.clear();
        self.places.extend(self.keys.iter().map(|key| table.place(*key)));
        let loans = LevelColumns { principals: &self.principals, factors: &self.factors, payments: &self.payments };
        (kernels.add_moments)(loans, &self.places, bands, &mut self.cells);
    }

    /// Lays out what is gathered.
    fn spread<A: LoanAmount, L: Layout>(&mut self, flows: &mut Flows<A, L>, to: Where, kernels: &LaneKernels) {
        let (Some(Gathered { table, .. }), Some(bands)) = (self.gathered.take(), &self.bands) else { return };
        for row in 0..table.rows() {
            clear(&mut self.dues, table.longest());
            clear(&mut self.paid, table.longest());
            let mut lent = 0.0;
            for (band, cells) in self.cells.chunks(table.cells().max(1)).enumerate() {
                let cells = cells.chunks(table.columns().max(1)).nth(row).unwrap_or_default();
                lent += (kernels.add_payments)(bands, band, cells, &mut self.dues, &mut self.paid);
            }
            if lent > 0.0 {
                post_same(flows, to, table.key(row), lent, (&self.dues, &self.paid));
            }
        }
    }

    fn add_sorted<A: LoanAmount, L: Layout>(
        &mut self,
        table: Option<&Table>,
        flows: &mut Flows<A, L>,
        to: Where,
        kernels: &LaneKernels,
    ) {
        let columns = self.principals.iter().zip(&self.factors).zip(&self.keys);
        self.terms.clear();
        self.terms.extend(columns.map(|((principal, factor), key)| LevelTerms {
            principal: *principal,
            factor: *factor,
            payments: payments_of(*key),
        }));
        let (keyed, spare) = &mut self.keyed;
        arrange(table, &self.keys, &self.terms, &mut self.sorted, &mut self.runs, (keyed, spare));
        (kernels.level_loans)(&self.sorted, &mut self.level);
        let (mut terms, mut level) = (self.sorted.as_slice(), self.level.as_slice());
        for (key, count) in &self.runs {
            let count = (*count).min(level.len()).min(terms.len());
            let (here, now);
            ((here, terms), (now, level)) = (terms.split_at(count), level.split_at(count));
            let Some(longest) = now.last() else { continue };
            clear(&mut self.dues, longest.payments);
            (kernels.add_dues)(now, &mut self.dues);
            add_paid(now, &mut self.paid);
            let lent = here.iter().fold(0.0, |sum, terms| sum + terms.principal);
            post_same(flows, to, *key, lent, (&self.dues, &self.paid));
        }
    }
}

fn clear(sums: &mut Vec<f64>, len: usize) {
    sums.clear();
    sums.resize(len, 0.0);
}

/// The least and the greatest of some rates.
fn range_of(factors: &[f64]) -> (f64, f64) {
    // Side by side, for the order in which doubles are compared is kept.
    let (mut low, mut high) = ([f64::INFINITY; WIDTH], [0.0; WIDTH]);
    for factors in factors.chunks(WIDTH) {
        for ((low, high), factor) in low.iter_mut().zip(&mut high).zip(factors) {
            *low = if *factor < *low { *factor } else { *low };
            *high = if *factor > *high { *factor } else { *high };
        }
    }
    (low.into_iter().fold(f64::INFINITY, f64::min), high.into_iter().fold(0.0, f64::max))
}

/// What all loans pay, payment by payment: whoever pays last pays all along, so it adds up from there.
fn add_paid(loans: &[LevelLoan], paid: &mut Vec<f64>) {
    clear(paid, loans.last().map_or(0, |loan| loan.payments));
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
