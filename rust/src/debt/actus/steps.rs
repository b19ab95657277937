//! From terms to the dated events of a contract, in order.
//!
//! Schedules are made, their stubs settled and annuities counted on dates as stated; only a finished date is moved to
//! a business day. Initial exchange, purchase, termination and the maturity of call money are not moved.
#![forbid(unsafe_code)]

use super::{ContractType, Cyclic, EventType, Fault, Moment, Segment, Terms};
use crate::calendar::{Accrual, ActusCycle, Date, Grid, Holidays, LAST_DAY, actus_dates};
use crate::error::Rule;

/// More redemptions than the days of the window.
const MOST_REDEMPTIONS: f64 = 109_573.0;
/// What the sums of amounts may be off by, as a share of the principal.
pub(super) const TOLERANCE: f64 = 1e-9;

/// An event to come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Step {
    /// When it is shown.
    pub shown: Moment,
    /// Up to when interest is counted; indices are read then, too.
    pub counted: Moment,
    /// What happens.
    pub kind: EventType,
    /// Amount, rate or spread, where it has one of its own.
    pub value: f64,
}

impl Step {
    pub fn key(&self) -> (Moment, Moment, EventType) {
        (self.shown, self.counted, self.kind)
    }

    pub fn unmoved(kind: EventType, at: Moment, value: f64) -> Self {
        Self { shown: at, counted: at, kind, value }
    }
}

/// The schedules of a contract.
pub(super) struct Plan<'a> {
    pub terms: &'a Terms<'a>,
    /// Given, or implied by what is redeemed.
    pub maturity: Option<Moment>,
    /// Where schedules without an end stop.
    stop: Moment,
    holidays: Holidays,
}

impl<'a> Plan<'a> {
    pub fn new(terms: &'a Terms<'a>, to: Option<Moment>, dates: &mut Vec<Moment>) -> Result<Self, Fault> {
        let last = Moment::start_of(LAST_DAY);
        let holidays = Holidays::new(terms.weekend, Vec::new());
        let mut plan = Self { terms, maturity: None, stop: last, holidays };
        plan.maturity = match (terms.maturity, terms.contract_type) {
            (Some(given), _) => Some(given),
            (None, ContractType::Ann) if terms.amortization.is_some() => terms.amortization,
            (None, ContractType::Lax) => Some(plan.repaid_by(dates)?),
            (None, kind) if kind.amortizes() => Some(plan.implied_maturity()?),
            (None, _) => None,
        };
        plan.stop = to.unwrap_or(last);
        Ok(plan)
    }

    fn grid(&self, from: Moment, cycle: ActusCycle) -> Grid {
        Grid::new(from.date(), cycle.cycle, self.terms.end_of_month)
    }

    /// Dates from an anchor while before the end, then the end itself where that is asked for.
    fn dates(
        &self,
        from: Moment,
        cycle: Option<ActusCycle>,
        end: Option<Moment>,
        with_end: bool,
        out: &mut Vec<Moment>,
    ) {
        out.clear();
        match (end, cycle) {
            (Some(end), _) => {
                // The end of a day comes after its beginning.
                let later = end.is_end_of_day() && !from.is_end_of_day();
                let until = end.date().saturating_add(i32::from(later));
                let days = actus_dates(from.date(), cycle, until, self.terms.end_of_month, false);
                out.extend(days.map(|day| from.on(day)));
                out.extend(with_end.then_some(end));
            }
            (None, Some(cycle)) => {
                let grid = self.grid(from, cycle);
                out.extend((0..).map(|number| from.on(grid.date(number))).take_while(|at| *at <= self.stop));
            }
            (None, None) => out.push(from),
        }
    }

    /// Where a cycle begins: its anchor, or one cycle after the initial exchange.
    fn first(&self, cyclic: &Cyclic) -> Option<Moment> {
        cyclic
            .anchor
            .or_else(|| cyclic.cycle.map(|cycle| self.terms.start.on(self.grid(self.terms.start, cycle).date(1))))
    }

    fn cyclic(&self, cyclic: &Cyclic, end: Option<Moment>, with_end: bool, out: &mut Vec<Moment>) {
        match self.first(cyclic) {
            Some(from) => self.dates(from, cyclic.cycle, end, with_end, out),
            None => out.clear(),
        }
    }

    pub fn first_redemption(&self) -> Result<Moment, Fault> {
        self.first(&self.terms.redemption).ok_or_else(|| Fault::new("cycleOfPrincipalRedemption", Rule::Null, ""))
    }

    /// Redemptions up to `end`, which is none.
    pub fn redemptions(&self, end: Option<Moment>, out: &mut Vec<Moment>) {
        self.cyclic(&self.terms.redemption, end, false, out);
    }

    /// The number of payments counts from the first that has not passed; later resets and capitalisation do not move
    /// the maturity. The specification prints one cycle more than the published cases have.
    fn implied_maturity(&self) -> Result<Moment, Fault> {
        let terms = self.terms;
        let amount = "nextPrincipalRedemptionPayment";
        let payment = terms.payment.ok_or_else(|| Fault::new("maturityDate", Rule::Null, ""))?;
        let cycle = terms.redemption.cycle.ok_or_else(|| Fault::new("cycleOfPrincipalRedemption", Rule::Null, ""))?;
        let first = self.first_redemption()?;
        let grid = self.grid(first, cycle);
        let date = |number: i32| first.on(grid.date(number));
        let number = (0..).find(|number| date(*number) > terms.status || date(*number).date() > LAST_DAY).unwrap_or(0);
        let mut principal = payment;
        if terms.contract_type != ContractType::Lam {
            let time = terms.fraction(first.counted(), date(number.saturating_add(1)).counted(), None);
            principal -= terms.principal * terms.rate.unwrap_or(0.0) * time.as_f64();
        }
        if principal <= 0.0 {
            return Err(Fault::new(amount, Rule::NeverAmortises, payment));
        }
        let count = (terms.principal / principal - TOLERANCE).ceil();
        if count.is_nan() || count > MOST_REDEMPTIONS {
            return Err(Fault::new(amount, Rule::DateRange, payment));
        }
        #[expect(clippy::cast_possible_truncation, reason = "below 2^17")]
        let count = count.max(1.0) as i32;
        Self::inside(date(number.saturating_add(count).saturating_sub(1)), amount)
    }

    fn inside(at: Moment, term: &'static str) -> Result<Moment, Fault> {
        if at.date() <= LAST_DAY { Ok(at) } else { Err(Fault::new(term, Rule::DateRange, "after 2199-12-31")) }
    }

    /// The redemption that leaves nothing.
    fn repaid_by(&self, dates: &mut Vec<Moment>) -> Result<Moment, Fault> {
        let terms = self.terms;
        let mut owed = terms.principal;
        for (segment, end) in stretches(terms.arrays.redemptions, None) {
            self.dates(segment.anchor, segment.cycle, end, false, dates);
            for at in dates.iter().filter(|at| **at > terms.status && at.date() <= LAST_DAY) {
                owed += if segment.flag { segment.value } else { -segment.value };
                if owed <= TOLERANCE * terms.principal {
                    return Ok(*at);
                }
            }
        }
        Err(Fault::new("maturityDate", Rule::NeverAmortises, format!("{owed} left")))
    }

    /// The day before the first redemption, where an annuity is fixed that is not given; `None` where that is not
    /// after the status date, or before the initial exchange: it is fixed up front then, without an event.
    pub fn first_fixing(&self) -> Result<Option<Moment>, Fault> {
        if self.terms.contract_type != ContractType::Ann || self.terms.payment.is_some() {
            return Ok(None);
        }
        let first = self.first_redemption()?;
        let day = first.date().min(self.moved(first)?.date()).saturating_sub(1);
        let at = first.on(day);
        Ok((at >= self.terms.start && at > self.terms.status).then_some(at))
    }

    fn moved(&self, at: Moment) -> Result<Moment, Fault> {
        let day: Result<Date, Rule> = self.holidays.adjust(at.date(), self.terms.convention);
        day.map(|day| at.on(day)).map_err(|_| Fault::new("businessDayConvention", Rule::DateRange, at))
    }

    fn step(&self, kind: EventType, at: Moment, value: f64) -> Result<Step, Fault> {
        let moved = self.moved(at)?;
        let counted = if self.terms.accrual == Accrual::Unadjusted { at } else { moved };
        Ok(Step { shown: moved, counted, kind, value })
    }

    fn add(&self, kind: EventType, dates: &[Moment], value: f64, out: &mut Vec<Step>) -> Result<(), Fault> {
        for at in dates {
            out.push(self.step(kind, *at, value)?);
        }
        Ok(())
    }

    /// Every event after the status date, in order.
    pub fn steps(&self, dates: &mut Vec<Moment>, out: &mut Vec<Step>) -> Result<(), Fault> {
        out.clear();
        let terms = self.terms;
        if terms.contract_type != ContractType::Csh {
            out.push(Step::unmoved(EventType::Ied, terms.start, 0.0));
            self.principal_steps(dates, out)?;
            self.interest_steps(dates, out)?;
            self.other_steps(dates, out)?;
            out.retain(|step| step.shown >= terms.start);
        }
        for event in terms.observed {
            if event.kind == EventType::Pp && terms.penalty != super::Penalty::None {
                out.push(Step::unmoved(EventType::Py, event.time, 0.0));
            }
            out.push(Step::unmoved(event.kind, event.time, event.value));
        }
        out.retain(|step| step.shown > terms.status);
        out.sort_by_key(Step::key);
        Ok(())
    }

    fn principal_steps(&self, dates: &mut Vec<Moment>, out: &mut Vec<Step>) -> Result<(), Fault> {
        let terms = self.terms;
        if terms.contract_type.amortizes() {
            self.redemptions(self.maturity, dates);
            self.add(EventType::Pr, dates, 0.0, out)?;
        }
        for (segment, end) in stretches(terms.arrays.redemptions, self.maturity) {
            let kind = if segment.flag { EventType::Pi } else { EventType::Pr };
            self.segment(kind, segment, end, dates, out)?;
        }
        if let Some(end) = self.maturity {
            let unmoved = Step::unmoved(EventType::Md, end, 0.0);
            out.push(if terms.contract_type.is_called() { unmoved } else { self.step(EventType::Md, end, 0.0)? });
        }
        if let Some(at) = self.first_fixing()? {
            out.push(Step::unmoved(EventType::Prf, at, 0.0));
        }
        Ok(())
    }

    fn segment(
        &self,
        kind: EventType,
        segment: &Segment,
        end: Option<Moment>,
        dates: &mut Vec<Moment>,
        out: &mut Vec<Step>,
    ) -> Result<(), Fault> {
        self.dates(segment.anchor, segment.cycle, end, false, dates);
        dates.retain(|at| self.maturity.is_none_or(|end| *at < end));
        self.add(kind, dates, segment.value, out)
    }

    fn interest_steps(&self, dates: &mut Vec<Moment>, out: &mut Vec<Step>) -> Result<(), Fault> {
        let terms = self.terms;
        let end = self.maturity;
        if terms.contract_type.is_called() {
            let from = terms.interest.anchor.or_else(|| terms.interest.cycle.map(|_| terms.start));
            if let Some(from) = from {
                self.dates(from, terms.interest.cycle, end, false, dates);
                self.add(EventType::Ipci, dates, 0.0, out)?;
            }
            out.extend(end.map(|end| Step::unmoved(EventType::Ip, end, 0.0)));
            return Ok(());
        }
        let first = out.len();
        match terms.contract_type {
            ContractType::Lax => {
                for (segment, until) in stretches(terms.arrays.interest, end) {
                    self.segment(EventType::Ip, segment, until, dates, out)?;
                }
                dates.clear();
                dates.extend(end);
            }
            ContractType::Nam | ContractType::Ann => {
                let redemption = self.first_redemption()?;
                self.cyclic(&terms.interest, Some(redemption), false, dates);
                dates.retain(|at| *at < redemption);
                self.add(EventType::Ip, dates, 0.0, out)?;
                self.redemptions(end, dates);
                dates.extend(end);
            }
            _ => {
                self.cyclic(&terms.interest, end, true, dates);
                // Without a cycle, interest is paid once: at maturity.
                if dates.is_empty() {
                    dates.extend(end);
                }
            }
        }
        self.add(EventType::Ip, dates, 0.0, out)?;
        if let Some(until) = terms.capitalization_end {
            self.capitalize(until, first, out)?;
        }
        Ok(())
    }

    /// Interest dates before the end of capitalisation are capitalised, and so is what has accrued by then; later
    /// ones stay on their own grid, where the specification starts it anew. Dates are compared as they are counted.
    fn capitalize(&self, until: Moment, first: usize, out: &mut Vec<Step>) -> Result<(), Fault> {
        let end = self.step(EventType::Ipci, until, 0.0)?;
        let mut number = 0_usize;
        out.retain_mut(|step| {
            let old = number < first;
            number = number.saturating_add(1);
            if old || step.counted > end.counted {
                return true;
            }
            step.kind = EventType::Ipci;
            step.counted < end.counted
        });
        out.push(end);
        Ok(())
    }

    fn other_steps(&self, dates: &mut Vec<Moment>, out: &mut Vec<Step>) -> Result<(), Fault> {
        let terms = self.terms;
        let end = self.maturity;
        let first = out.len();
        if terms.contract_type == ContractType::Lax {
            for (segment, until) in stretches(terms.arrays.resets, end) {
                let kind = if segment.flag { EventType::Rrf } else { EventType::Rr };
                self.segment(kind, segment, until, dates, out)?;
            }
        } else {
            self.cyclic(&terms.reset, end, false, dates);
            let due = |at: &Moment| terms.next_rate.is_some() && *at > terms.status && *at >= terms.start;
            if let Some((place, at)) = dates.iter().copied().enumerate().find(|(_, at)| due(at)) {
                dates.remove(place);
                out.push(self.step(EventType::Rrf, at, terms.next_rate.unwrap_or(0.0))?);
            }
            self.add(EventType::Rr, dates, terms.spread, out)?;
        }
        if terms.contract_type == ContractType::Ann {
            let fixings = out.iter().skip(first).map(|step| Step { kind: EventType::Prf, value: 0.0, ..*step });
            let fixings: Vec<Step> = fixings.collect();
            out.extend(fixings);
        }
        if terms.fee_rate != 0.0 {
            self.cyclic(&terms.fees, end, true, dates);
            self.add(EventType::Fp, dates, 0.0, out)?;
        }
        if terms.has_own_base() && terms.base == super::InterestBase::Lagged {
            self.cyclic(&terms.base_fixing, end, false, dates);
            self.add(EventType::Ipcb, dates, 0.0, out)?;
        }
        if terms.scales != (false, false) {
            self.cyclic(&terms.scaling, end, false, dates);
            self.add(EventType::Sc, dates, 0.0, out)?;
        }
        let deals = [(EventType::Prd, terms.purchase), (EventType::Td, terms.termination)];
        out.extend(deals.into_iter().filter_map(|(kind, deal)| deal.map(|(at, price)| Step::unmoved(kind, at, price))));
        Ok(())
    }
}

/// Each segment with where it ends: at the anchor of the next, the last at `end`.
fn stretches(segments: &[Segment], end: Option<Moment>) -> impl Iterator<Item = (&Segment, Option<Moment>)> {
    let next = segments.iter().skip(1).map(|segment| Some(segment.anchor)).chain(std::iter::once(end));
    segments.iter().zip(next)
}
