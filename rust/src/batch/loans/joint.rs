//! Draws with terms of their own under amounts that are stated for their loan as a whole: they run side by side.
#![forbid(unsafe_code)]

use super::LoanAmount;
use super::chunk::LoanChunk;
use super::columns::Loans;
use super::refusal::Refusal;
use super::resolve::Layout;
use super::settings::LoanSettings;
use super::vintages::Vintage;
use crate::calendar::Date;
use crate::debt::fees::UndrawnFee;
use crate::debt::floating::InKind;
use crate::debt::hedge::Hedges;
use crate::debt::together::{Shared, Stated, amortize_together};
use crate::debt::{Entry, Profile, ProfileKind, ResolvedLoan, Sink};
use crate::error::Rule;

/// Why a facility has no rows.
pub(super) enum Stop<E> {
    /// Its terms.
    Refused(Refusal),
    /// What became of it.
    Failed(E),
}

/// Collects the rows of one draw.
struct Collect<A: LoanAmount>(Vec<Entry<A>>);

impl<A: LoanAmount> Sink<A> for Collect<A> {
    fn entry(&mut self, entry: &Entry<A>) {
        self.0.push(*entry);
    }
}

impl<A: LoanAmount> LoanChunk<A> {
    /// Whether amounts are stated for the loan at `index` as a whole, and it has draws that these are divided among.
    pub(super) fn is_joint(&self, index: usize) -> bool {
        let profile = self.words.get(index).map(|words| words.profile);
        self.has_vintages(index)
            && (matches!(profile, Some(ProfileKind::Custom | ProfileKind::Sculpted))
                || self.facility.advance_rate.get(index).is_some()
                || self.payment.get(index).is_some())
    }

    /// Resolves the loan at `index` and its draws and does something with all of them and what they share.
    pub(super) fn jointly<R, E>(
        &mut self,
        loans: &Loans<'_>,
        settings: &LoanSettings,
        index: usize,
        layout: &mut Layout<A>,
        work: impl FnOnce(&[ResolvedLoan<'_, A>], &mut Shared<'_, A>) -> Result<R, E>,
    ) -> Result<R, Stop<E>> {
        self.left.clear();
        let mut left = std::mem::take(&mut self.left);
        left.extend(self.facility.prepayments(index).iter().map(|row| row.amount.unwrap_or_default()));
        let mut layouts = std::mem::take(&mut layout.draws);
        let outcome = self.resolve_all(loans, settings, index, &mut layouts, &mut left, work);
        layout.draws = layouts;
        self.left = left;
        self.at_hand(None);
        outcome
    }

    fn resolve_all<R, E>(
        &self,
        loans: &Loans<'_>,
        settings: &LoanSettings,
        index: usize,
        layouts: &mut Vec<Layout<A>>,
        left: &mut [A],
        work: impl FnOnce(&[ResolvedLoan<'_, A>], &mut Shared<'_, A>) -> Result<R, E>,
    ) -> Result<R, Stop<E>> {
        let draws = self
            .facility
            .draws(index)
            .iter()
            .enumerate()
            .filter(|(_, draw)| draw.is_vintage() && settings.knows(draw.date));
        let vintages = draws.map(|(place, draw)| Some(Vintage { number: place.saturating_add(1), draw: *draw }));
        let parts: Vec<_> = std::iter::once(None).chain(vintages).collect();
        layouts.resize_with(parts.len().max(layouts.len()), Layout::default);
        let mut all = Vec::with_capacity(parts.len());
        let mut days_of_loan: Vec<(Date, Date)> = Vec::new();
        for (part, layout) in parts.into_iter().zip(layouts.iter_mut()) {
            self.at_hand(part);
            layout.days_of_loan.clone_from(&days_of_loan);
            let loan = self.resolve(loans, settings, index, layout).map_err(Stop::Refused)?;
            if part.is_none() {
                days_of_loan.extend(loan.periods.iter().map(|period| (period.scheduled, period.paid)));
            }
            all.push(loan);
        }
        self.at_hand(None);
        let Some(whole) = all.first().copied() else {
            return Err(Stop::Refused(Refusal::new("principal", Rule::Null, "")));
        };
        if whole.balance_cap.is_some() {
            // Which draw unpaid interest belongs to, nothing says.
            let shown = self.payment.get(index).map_or(String::new(), |amount| amount.show(settings.reading.units));
            return Err(Stop::Refused(Refusal::new("payment", Rule::Profile, shown)));
        }
        let mut amounts = Vec::new();
        let stated = match (whole.profile, whole.payment) {
            (Profile::Custom(of_payments), _) => {
                amounts.extend(whole.periods.iter().map(|period| period.end).zip(of_payments.iter().copied()));
                Stated::Principal(&amounts)
            }
            (Profile::Sculpted(_), _) => {
                self.serve(settings, index, &all, &mut amounts).map_err(Stop::Refused)?;
                Stated::Payment(&amounts)
            }
            (Profile::LevelPrincipal, Some(amount)) => Stated::EachPrincipal(amount),
            (_, Some(amount)) => Stated::EachPayment(amount),
            _ => Stated::Nothing,
        };
        // Each draw alone is under no limit, and no schedule is its own: what is owed in all is.
        for loan in &mut all {
            loan.limits = &[];
            if matches!(loan.profile, Profile::Custom(_)) {
                loan.profile = Profile::Custom(&[]);
            }
        }
        let mut shared = Shared { stated, limits: whole.limits, left };
        work(&all, &mut shared).map_err(Stop::Failed)
    }

    /// What the cash flow allows for on each day that any draw is paid.
    fn serve(
        &self,
        settings: &LoanSettings,
        index: usize,
        all: &[ResolvedLoan<'_, A>],
        amounts: &mut Vec<(Date, A)>,
    ) -> Result<(), Refusal> {
        let mut days: Vec<(Date, Date)> =
            all.iter().flat_map(|loan| loan.periods).map(|period| (period.end, period.scheduled)).collect();
        days.sort_unstable();
        days.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                earlier.1 = later.1;
            }
            same
        });
        let start = all.first().map_or(Date::MIN, |loan| loan.start);
        let mut services = Vec::with_capacity(days.len());
        self.services(settings, index, start, days.iter().map(|(_, scheduled)| *scheduled), &mut services)?;
        amounts.extend(days.iter().map(|(end, _)| *end).zip(services));
        Ok(())
    }

    /// Runs the loan at `index` and its draws; the rows of each, or `None` where it is left out or wrong, and then
    /// noted.
    pub(super) fn run_jointly(
        &mut self,
        loans: &Loans<'_>,
        settings: &LoanSettings,
        index: usize,
        layout: &mut Layout<A>,
    ) -> Option<Vec<Vec<Entry<A>>>> {
        if *self.reader.bad.get(index)? {
            return None;
        }
        let outcome = self.jointly(loans, settings, index, layout, |all, shared| {
            let mut sinks: Vec<_> = all.iter().map(|_| Collect(Vec::new())).collect();
            let riders = all.iter().map(|loan| {
                let fee = loan.undrawn.map(|terms| UndrawnFee::new(terms));
                (fee, (InKind::new(loan.path), Hedges::new(loan.hedges, loan.path)))
            });
            amortize_together(all, riders, shared, &mut sinks)?;
            Ok(sinks.into_iter().map(|sink| sink.0).collect())
        });
        match outcome {
            Ok(rows) => self.refuse_left(settings, index).then_some(rows),
            Err(Stop::Refused(refusal)) => {
                self.refuse(index, refusal);
                None
            }
            Err(Stop::Failed(fault)) => {
                self.refuse_fault(settings, index, &fault);
                None
            }
        }
    }
}
