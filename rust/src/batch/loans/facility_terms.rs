//! From the facility side of a loan's terms to steps, limits and fees.
#![forbid(unsafe_code)]

use super::LoanAmount;
use super::chunk::{LoanChunk, Words};
use super::loan_dates::Dates;
use super::refusal::Refusal;
use super::resolve::Layout;
use super::settings::LoanSettings;
use crate::batch::reader::iso;
use crate::calendar::Date;
use crate::debt::fees::Undrawn;
use crate::debt::prepayment::{Call, Prepayment};
use crate::debt::steps::{Movement, Step};
use crate::debt::{ProfileKind, sculpted};
use crate::error::Rule;
use crate::rate::AnnualRate;

/// What the facility side adds to a resolved loan besides steps, limits and the payments of a profile.
pub(super) struct Facility<'a, A: LoanAmount> {
    pub upfront: A,
    pub undrawn: Option<Undrawn<A>>,
    pub open_until: Date,
    pub call: Call<'a>,
}

impl<A: LoanAmount> LoanChunk<A> {
    /// Adds draws and prepayments to the steps, and lays out what may be owed and paid.
    pub(super) fn add_facility(
        &self,
        settings: &LoanSettings,
        index: usize,
        words: &Words,
        dates: &Dates,
        layout: &mut Layout<A>,
    ) -> Result<Facility<'_, A>, Refusal> {
        self.add_services(settings, index, words, dates, layout)?;
        self.add_limits(index, words, layout)?;
        self.add_prepayments(settings, index, words, dates, layout)?;
        let call = Call { premiums: self.facility.premiums(index), make_whole: self.make_whole(index)? };
        let mut found = Facility { upfront: A::zero(), undrawn: None, open_until: Date::MIN, call };
        if self.vintage.get().is_some() {
            return Ok(found);
        }
        let window = self.window(index, dates)?;
        self.add_draws(settings, index, window, layout)?;
        found.upfront = self.upfront(index)?;
        if let Some(rate) = self.facility.undrawn_fee.get(index).filter(|rate| rate.parts() != 0) {
            if rate.parts() < 0 {
                return Err(Refusal::new("undrawn_fee_rate", Rule::Range, rate.as_f64().to_string()));
            }
            let commitment = self.commitment.get(index);
            let commitment = commitment.ok_or_else(|| Refusal::new("commitment", Rule::Null, "null"))?;
            let (from, to) = window;
            found.undrawn = Some(Undrawn { commitment, rate, from, to });
            found.open_until = to;
        }
        if self.has_vintages(index) && !layout.path.is_empty() && !self.hedges.of(index).is_empty() {
            // Hedges of the whole facility are settled on its own dates, though all is owed under its draws.
            found.open_until = dates.maturity;
        }
        if self.watched.get() {
            found.open_until = found.open_until.max(window.1);
        }
        // What accrues up to that day is paid with the next payment.
        let last = layout.periods.iter().find(|period| period.end >= found.open_until).or(layout.periods.last());
        if found.open_until > Date::MIN {
            found.open_until = last.map_or(dates.maturity, |period| period.end);
        }
        Ok(found)
    }

    /// The first and the last day for draws.
    fn window(&self, index: usize, dates: &Dates) -> Result<(Date, Date), Refusal> {
        let from = self.facility.draw_start.get(index).unwrap_or(dates.start);
        if from < dates.start || from >= dates.maturity {
            return Err(Refusal::new("draw_start_date", Rule::DateOrder, iso(from)));
        }
        let to = self.draw_end.get(index).unwrap_or(dates.maturity);
        if to < from || to > dates.maturity {
            return Err(Refusal::new("draw_end_date", Rule::DateOrder, iso(to)));
        }
        Ok((from, to))
    }

    fn add_draws(
        &self,
        settings: &LoanSettings,
        index: usize,
        (from, to): (Date, Date),
        layout: &mut Layout<A>,
    ) -> Result<(), Refusal> {
        // The last payment may be made before the day it is scheduled for.
        let maturity = layout.periods.last().map_or(to, |period| period.scheduled.min(period.end));
        let mut drawn = self.principal.get(index).unwrap_or_default();
        for (place, draw) in self.facility.draws(index).iter().enumerate() {
            let refuse = |which, rule, example| Err(Refusal::beside(draw.column(which), rule, example, draw.source));
            if draw.date < from || draw.date > to || draw.date >= maturity {
                return refuse(
                    0,
                    Rule::DrawWindow,
                    format!("{}, open from {} to {}", iso(draw.date), iso(from), iso(to)),
                );
            }
            let sum = drawn.plus(draw.amount);
            let Some(sum) = sum else { return refuse(1, Rule::Overflow, String::new()) };
            drawn = sum;
            if let Some(commitment) = self.commitment.get(index).filter(|commitment| drawn.exceeds(*commitment)) {
                let show = |amount: A| amount.show(settings.reading.units);
                // What a prepayment frees is free for revolvers alone, which live in the waterfall of a deal.
                let beyond = self.owed_at_most(index, place).exceeds(commitment);
                let rule = if beyond { Rule::Commitment } else { Rule::Redraw };
                return refuse(1, rule, format!("{} in all, of {}", show(drawn), show(commitment)));
            }
            if draw.is_vintage() {
                if draw.margin.is_some() && (draw.rate.is_some() || !self.rates.floats(index)) {
                    return refuse(3, Rule::RateConflict, String::new());
                }
                if settings.knows(draw.date) {
                    layout.steps.push(Step { date: draw.date, movement: Movement::DrawnElsewhere(draw.amount) });
                }
                if self.watched.get() {
                    layout.steps.push(Step { date: draw.date, movement: Movement::Observe });
                }
            } else if settings.knows(draw.date) {
                layout.steps.push(Step { date: draw.date, movement: Movement::Draw(draw.amount) });
            }
        }
        Ok(())
    }

    /// What is owed after a draw, less all that was prepaid before it; what was agreed to be repaid is not counted.
    fn owed_at_most(&self, index: usize, place: usize) -> A {
        let mut paid = self.facility.prepayments(index).iter().peekable();
        let mut owed = self.principal.get(index).unwrap_or_default();
        for draw in self.facility.draws(index).iter().take(place.saturating_add(1)) {
            while let Some(row) = paid.next_if(|row| row.date <= draw.date) {
                owed = owed.minus(row.amount.unwrap_or(owed)).unwrap_or_default().at_least_zero();
            }
            owed = owed.plus(draw.amount).unwrap_or(owed);
        }
        owed
    }

    fn add_prepayments(
        &self,
        settings: &LoanSettings,
        index: usize,
        words: &Words,
        dates: &Dates,
        layout: &mut Layout<A>,
    ) -> Result<(), Refusal> {
        let draws = self.facility.draws(index);
        let shared = draws.iter().any(|draw| draw.is_vintage());
        let mine = self.vintage.get().map_or(0, |vintage| vintage.number);
        for (place, row) in self.facility.prepayments(index).iter().enumerate() {
            let refuse = |which, rule, example| Err(Refusal::beside(row.column(which), rule, example, row.source));
            if row.date < dates.origin || !shared && row.date >= dates.maturity {
                return refuse(0, Rule::DateOrder, iso(row.date));
            }
            if row.refix && matches!(words.profile, ProfileKind::Custom | ProfileKind::Sculpted) {
                return refuse(2, Rule::Profile, "payment".to_owned());
            }
            if let Some(number) = row.draw {
                let draw = number.checked_sub(1).and_then(|at| draws.get(at));
                if number > 0 && !draw.is_some_and(|draw| draw.is_vintage()) {
                    return refuse(3, Rule::Range, number.to_string());
                }
                if number != mine {
                    continue;
                }
            }
            if row.date >= dates.maturity || self.vintage.get().is_some() && row.date <= dates.start {
                continue;
            }
            let left = self.left.get(place).copied();
            layout.steps.push(Step {
                date: row.date,
                movement: Movement::Prepayment(Prepayment {
                    amount: row.amount.map(|amount| left.unwrap_or(amount)),
                    refix: row.refix,
                    capped: row.capped || shared || !settings.knows(row.date),
                    called: row.called,
                    with_interest: row.with_interest,
                    place,
                }),
            });
        }
        Ok(())
    }

    /// The payments of a sculpted loan: what each may take of the cash flow since the one before.
    fn add_services(
        &self,
        settings: &LoanSettings,
        index: usize,
        words: &Words,
        dates: &Dates,
        layout: &mut Layout<A>,
    ) -> Result<(), Refusal> {
        let ratio = self.facility.target_dscr.get(index);
        if words.profile != ProfileKind::Sculpted {
            return match ratio {
                Some(ratio) => Err(Refusal::new("target_dscr", Rule::Profile, ratio.as_f64().to_string())),
                None => Ok(()),
            };
        }
        let ratio = ratio.ok_or_else(|| Refusal::new("target_dscr", Rule::Null, "null"))?;
        if ratio.parts() <= 0 {
            return Err(Refusal::new("target_dscr", Rule::Range, ratio.as_f64().to_string()));
        }
        if self.facility.cash_flow(index).is_empty() {
            return Err(Refusal::new("profile", Rule::Null, "no cash flow"));
        }
        layout.amounts.clear();
        if self.is_joint(index) {
            return Ok(()); // one cash flow serves all draws
        }
        let days = layout.periods.iter().map(|period| period.scheduled);
        self.services(settings, index, dates.start, days, &mut layout.amounts)
    }

    /// What each payment may take of the cash flow since the one before.
    pub(super) fn services(
        &self,
        settings: &LoanSettings,
        index: usize,
        start: Date,
        days: impl Iterator<Item = Date>,
        services: &mut Vec<A>,
    ) -> Result<(), Refusal> {
        let column = "cash_flow.cfads";
        let ratio = self.facility.target_dscr.get(index).unwrap_or(AnnualRate::from_parts(AnnualRate::UNIT));
        let mut rows = self.facility.cash_flow(index).iter().filter(|row| row.date > start).peekable();
        for day in days {
            let (mut service, mut last) = (A::zero(), 0);
            while let Some(row) = rows.next_if(|row| row.date <= day) {
                let sum = service.plus(row.amount);
                service = sum.ok_or_else(|| Refusal::beside(column, Rule::Overflow, "", row.source))?;
                last = row.source;
            }
            if service < A::zero() {
                let example = format!("{} up to {}", service.show(settings.reading.units), iso(day));
                return Err(Refusal::beside(column, Rule::NegativeCashFlow, example, last));
            }
            services.push(
                sculpted::service(service, ratio)
                    .map_err(|_| Refusal::beside(column, Rule::Overflow, String::new(), last))?,
            );
        }
        Ok(())
    }

    /// What may be owed: a share of the collateral, rounded down.
    fn add_limits(&self, index: usize, words: &Words, layout: &mut Layout<A>) -> Result<(), Refusal> {
        layout.limits.clear();
        let Some(share) = self.facility.advance_rate.get(index) else {
            let needed = words.profile == ProfileKind::BorrowingBase;
            return if needed { Err(Refusal::new("advance_rate", Rule::Null, "null")) } else { Ok(()) };
        };
        if share.parts() < 0 {
            return Err(Refusal::new("advance_rate", Rule::Range, share.as_f64().to_string()));
        }
        let rows = self.facility.collateral(index);
        let Some(first) = rows.first() else {
            return Err(Refusal::new("advance_rate", Rule::Null, "no collateral"));
        };
        if layout.periods.first().is_some_and(|period| first.date > period.paid) {
            return Err(Refusal::beside("collateral.period_end", Rule::DateOrder, iso(first.date), first.source));
        }
        for row in rows {
            let limit = row.amount.at_most(share.parts(), AnnualRate::UNIT);
            let overflow = || Refusal::beside("collateral.closing_book_value", Rule::Overflow, "", row.source);
            layout.limits.push((row.date, limit.ok_or_else(overflow)?));
        }
        Ok(())
    }

    fn make_whole(&self, index: usize) -> Result<Option<(Date, AnnualRate)>, Refusal> {
        let Some(until) = self.facility.make_whole_until.get(index) else { return Ok(None) };
        let rate = self.facility.make_whole_rate.get(index);
        match rate.ok_or_else(|| Refusal::new("make_whole_rate", Rule::Null, "null"))? {
            rate if rate.parts() < 0 => Err(Refusal::new("make_whole_rate", Rule::Range, rate.as_f64().to_string())),
            rate => Ok(Some((until, rate))),
        }
    }

    /// Fees to lenders at the start: an amount, or a share of the commitment (else the principal), half to even.
    pub(super) fn upfront(&self, index: usize) -> Result<A, Refusal> {
        let Some(rate) = self.facility.upfront_fee_rate.get(index) else {
            return Ok(self.upfront_fee.get(index).unwrap_or_default());
        };
        let shown = rate.as_f64().to_string();
        if self.upfront_fee.get(index).is_some() {
            return Err(Refusal::new("upfront_fee_rate", Rule::RateConflict, shown));
        }
        if !(0..=AnnualRate::UNIT).contains(&rate.parts()) {
            return Err(Refusal::new("upfront_fee_rate", Rule::Range, shown));
        }
        let whole = self.commitment.get(index).or_else(|| self.principal.get(index)).unwrap_or_default();
        Ok(whole.portion(rate.parts(), AnnualRate::UNIT))
    }
}
