//! Posted periods: what happened in a month that is closed falls in the first open one.
//!
//! Before that month the books stand as if a late event had never been; from it on, as if it always had. The
//! difference of every flow falls in it, and the part of the charge that makes up for earlier months is shown.
#![forbid(unsafe_code)]

use super::amount::Exact;
use super::bookkeeping::keep;
use super::event::{Event, Fault, Kind};
use super::ledger::{Flow, Holding, Rules, Sink};
use crate::calendar::Month;

/// Keeps the books of one asset whose months up to `through` are posted.
///
/// # Errors
/// The first event that cannot be.
pub fn keep_posted<'a, T: Exact>(
    holding: &Holding<'a, T>,
    events: &mut [Event<T>],
    rules: &Rules,
    through: Option<Month>,
    sink: &mut impl Sink<T>,
    scratch: &mut Vec<T>,
) -> Result<(), Fault> {
    let Some(through) = through else {
        return keep(holding, events, rules, sink, scratch);
    };
    let lands = |event: &Event<T>| landing(event.month, event.posted, through);
    let mut landings: Vec<Month> = events.iter().filter_map(lands).collect();
    if landings.is_empty() {
        return keep(holding, events, rules, sink, scratch);
    }
    landings.sort_unstable();
    landings.dedup();
    let whole = Rules { until: Month::MAX, ..*rules };
    // Of what was known at a time, only the months before the next correction matter: what is dated later may well rest
    // on what is known then.
    let known_by = |month: Option<Month>, end: Month| -> Vec<Event<T>> {
        let known = |event: &&Event<T>| match lands(event) {
            _ if event.kind == Kind::Transfer || event.month >= end => false,
            None => true,
            Some(landed) => month.is_some_and(|month| landed <= month),
        };
        events.iter().filter(known).copied().collect()
    };
    let ends = landings.iter().skip(1).copied().chain([Month::MAX]);
    let mut tape = Tape::default();
    keep(holding, &mut known_by(None, landings.first().copied().unwrap_or(Month::MAX)), &whole, &mut tape, scratch)?;
    for (month, end) in landings.iter().copied().zip(ends) {
        let mut truth = Tape::default();
        keep(holding, &mut known_by(Some(month), end), &whole, &mut truth, scratch)?;
        tape = tape.corrected(truth, month);
    }
    let mut moves: Vec<(Month, usize)> = events
        .iter()
        .filter(|event| event.kind == Kind::Transfer)
        .map(|event| (lands(event).unwrap_or(event.month), event.group))
        .collect();
    moves.sort_by_key(|(month, _)| *month);
    tape.play(&moves, rules.until, sink);
    Ok(())
}

/// The month in whose books stands what is dated in `month` and was posted in another, or not yet; `None` where it was
/// in time.
#[must_use]
pub fn landing(month: Month, posted: Option<Month>, through: Month) -> Option<Month> {
    if month > through {
        return None;
    }
    match posted {
        Some(posted) if posted <= month => None,
        Some(posted) => Some(posted),
        None => Some(through.saturating_add(1)),
    }
}

/// All flows of one asset by month.
struct Tape<T> {
    start: Month,
    months: Vec<[T; Flow::COUNT]>,
    last: Month,
    gone: bool,
}

impl<T> Default for Tape<T> {
    fn default() -> Self {
        Self { start: 0, months: Vec::new(), last: Month::MIN, gone: false }
    }
}

impl<T: Exact> Tape<T> {
    fn slot(&mut self, month: Month) -> Option<&mut [T; Flow::COUNT]> {
        if self.months.is_empty() {
            self.start = month;
        }
        // The first flow is the cost that enters, before which there is nothing.
        let at = usize::try_from(month.saturating_sub(self.start)).ok()?;
        if at >= self.months.len() {
            self.months.resize(at.saturating_add(1), [T::default(); Flow::COUNT]);
        }
        self.months.get_mut(at)
    }

    fn add(&mut self, month: Month, flow: Flow, amount: T) {
        if let Some(cell) = self.slot(month).and_then(|cells| cells.get_mut(flow as usize)) {
            *cell = cell.plus(amount);
        }
    }

    /// This tape before `month`, `truth` from it on, and all that differs before in that month.
    fn corrected(self, mut truth: Self, month: Month) -> Self {
        let early = usize::try_from(month.saturating_sub(self.start)).unwrap_or(0);
        let sums = |tape: &Self| {
            tape.months.iter().take(early).fold([T::default(); Flow::COUNT], |mut sums, month| {
                sums.iter_mut().zip(month).for_each(|(sum, amount)| *sum = sum.plus(*amount));
                sums
            })
        };
        let (mine, theirs) = (sums(&self), sums(&truth));
        for flow in Flow::ALL {
            let at = flow as usize;
            let (Some(mine), Some(theirs)) = (mine.get(at), theirs.get(at)) else { continue };
            let missed = theirs.minus(*mine);
            if missed != T::default() && flow != Flow::Correction {
                truth.add(month, flow, missed);
                if flow == Flow::Charge {
                    truth.add(month, Flow::Correction, missed);
                }
            }
        }
        truth.slot(month);
        let kept = self.months.into_iter().chain(std::iter::repeat([T::default(); Flow::COUNT]));
        for (slot, kept) in truth.months.iter_mut().zip(kept).take(early) {
            *slot = kept;
        }
        truth.last = truth.last.max(month);
        truth
    }

    fn play(&self, moves: &[(Month, usize)], until: Month, sink: &mut impl Sink<T>) {
        let mut moves = moves.iter().peekable();
        let (mut cost, mut accumulated) = (T::default(), T::default());
        for (month, flows) in (self.start..).zip(&self.months) {
            while let Some((_, group)) = moves.next_if(|(moved, _)| *moved <= month) {
                sink.moved(month, *group, cost, accumulated);
            }
            for (flow, amount) in Flow::ALL.into_iter().zip(flows) {
                match flow {
                    Flow::CostIn => cost = cost.plus(*amount),
                    Flow::CostOut => cost = cost.minus(*amount),
                    Flow::BroughtIn | Flow::Charge | Flow::Impairment => accumulated = accumulated.plus(*amount),
                    Flow::Reversal | Flow::AccumulatedOut => accumulated = accumulated.minus(*amount),
                    Flow::Gain | Flow::Correction => {}
                }
                match flow {
                    Flow::Charge if month > until => {}
                    Flow::Charge => sink.charges(month, std::slice::from_ref(amount), *amount),
                    flow if *amount != T::default() => sink.flow(month, flow, *amount),
                    _ => {}
                }
            }
        }
        for (month, group) in moves {
            sink.moved(*month, *group, cost, accumulated);
        }
        sink.ended(self.last, self.gone);
    }
}

impl<T: Exact> Sink<T> for Tape<T> {
    fn charges(&mut self, from: Month, charges: &[T], _: T) {
        for (month, charge) in (from..).zip(charges) {
            self.add(month, Flow::Charge, *charge);
        }
    }

    fn flow(&mut self, month: Month, flow: Flow, amount: T) {
        self.add(month, flow, amount);
    }

    fn moved(&mut self, _: Month, _: usize, _: T, _: T) {}

    fn ended(&mut self, last: Month, gone: bool) {
        (self.last, self.gone) = (last, gone);
    }
}
