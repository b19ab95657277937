//! From the terms of a loan to its dates: the one place that lays out periods.
#![forbid(unsafe_code)]

use super::LoanAmount;
use super::chunk::{LoanChunk, Words};
use super::columns::Loans;
use super::loan_dates::Dates;
use super::refusal::Refusal;
use super::settings::LoanSettings;
use crate::batch::reader::iso;
use crate::calendar::{Accrual, Context, Cycle, Date, DayCount, Grid, LAST_DAY, YearFraction, add_months};
use crate::debt::floating::{Change, Stretch};
use crate::debt::hedge::HedgeStep;
use crate::debt::steps::{self, Movement, Period, Step};
use crate::debt::{Entry, Profile, ProfileKind, ResolvedLoan, Sink};
use crate::error::{Column, Rule};
use crate::rate::AnnualRate;

/// Places to lay out a loan in, used again for the next.
pub struct Layout<A: LoanAmount> {
    pub(super) periods: Vec<Period>,
    times: Vec<YearFraction>,
    pub(super) steps: Vec<Step<A>>,
    /// Rates over the life, where they are more than steps.
    pub(super) path: Vec<Stretch>,
    /// Changes of terms, by date.
    pub(super) changes: Vec<Change>,
    /// Where a hedge's notional changes.
    pub(super) cuts: Vec<Date>,
    /// What of the loan's hedges rides on a draw with terms of its own.
    pub(super) hedges: Vec<HedgeStep<A>>,
    shares: Vec<i64>,
    pub(super) amounts: Vec<A>,
    /// The principal of each payment that is also one of interest.
    interest_only: usize,
    /// What may be owed, by date.
    pub(super) limits: Vec<(Date, A)>,
    /// Rows of a loan's draws, before they are shown together.
    pub(super) parts: Vec<Entry<A>>,
    /// For a draw that runs together with others: the days of the loan's own payments, as scheduled and as paid.
    pub(super) days_of_loan: Vec<(Date, Date)>,
    /// Where its draws are laid out, where they run together.
    pub(super) draws: Vec<Layout<A>>,
}

impl<A: LoanAmount> Default for Layout<A> {
    fn default() -> Self {
        Self {
            periods: Vec::new(),
            times: Vec::new(),
            steps: Vec::new(),
            path: Vec::new(),
            changes: Vec::new(),
            cuts: Vec::new(),
            hedges: Vec::new(),
            shares: Vec::new(),
            amounts: Vec::new(),
            interest_only: 0,
            limits: Vec::new(),
            parts: Vec::new(),
            days_of_loan: Vec::new(),
            draws: Vec::new(),
        }
    }
}

impl<A: LoanAmount> LoanChunk<A> {
    /// Resolves the loan at `index` and does something with it; `None` where it is left out or wrong, and then noted.
    pub fn with<R>(
        &mut self,
        loans: &Loans<'_>,
        settings: &LoanSettings,
        index: usize,
        layout: &mut Layout<A>,
        work: impl FnOnce(&ResolvedLoan<'_, A>) -> R,
    ) -> Option<R> {
        if *self.reader.bad.get(index)? {
            return None;
        }
        let outcome = self.resolve(loans, settings, index, layout).map(|loan| work(&loan));
        outcome.map_err(|refusal| self.refuse(index, refusal)).ok()
    }

    pub(super) fn refuse(&mut self, index: usize, refusal: Refusal) {
        let column = Column::Argument(refusal.column);
        match refusal.source {
            None => self.reader.note(index, column, refusal.rule, refusal.example),
            Some(source) => self.reader.note_elsewhere(index, source, column, refusal.rule, refusal.example),
        }
    }

    pub(super) fn resolve<'a>(
        &'a self,
        loans: &Loans<'_>,
        settings: &LoanSettings,
        index: usize,
        layout: &'a mut Layout<A>,
    ) -> Result<ResolvedLoan<'a, A>, Refusal> {
        let missing = || Refusal::new("start_date", Rule::Null, "null");
        let start = *self.start.get(index).ok_or_else(missing)?;
        let words = *self.words.get(index).ok_or_else(missing)?;
        let dates = self.dates(index, start, &words)?;
        let (principal, dates) = match &self.vintage.get() {
            None => (self.lent(settings, index)?, dates),
            Some(vintage) => (vintage.draw.amount, self.dates_of_draw(index, vintage, dates, &words)?),
        };
        let start = dates.start;
        layout.lay_periods(settings, &words, &dates)?;
        let payment = self.payment.get(index);
        let levelled = matches!(words.profile, ProfileKind::LevelPayment | ProfileKind::LevelPrincipal);
        if let (Some(payment), false) = (payment, levelled) {
            return Err(Refusal::new("payment", Rule::Profile, payment.show(settings.reading.units)));
        }
        layout.interest_only = self.interest_only(index, &words, &dates, &layout.periods)?;
        layout.times.clear();
        layout.times.extend(layout.periods.iter().map(|period| period.time));
        if let Some(months) = self.amortization_months.get(index) {
            if !levelled {
                return Err(Refusal::new("amortization_months", Rule::Profile, months.to_string()));
            }
            layout.spread(settings, &words, &dates, months)?;
        }
        if let (true, Some((_, cycle))) = (settings.nominal, dates.grid) {
            // Rate / periods per year, whatever the days.
            let (per_year, cycles) = cycle.per_year();
            layout.times.fill(YearFraction { top: cycles, bottom: per_year });
        }
        layout.steps.clear();
        let rate = self.lay_rates(loans, settings, (index, start, words.day_count), layout)?;
        self.add_observations(settings, index, &dates, layout);
        self.add_schedule(index, words.profile, &dates, layout)?;
        let facility = self.add_facility(settings, index, &words, &dates, layout)?;
        steps::sort(&mut layout.steps);
        Ok(ResolvedLoan {
            principal,
            start,
            rate,
            day_count: words.day_count,
            periods: &layout.periods,
            times: &layout.times,
            profile: match words.profile {
                ProfileKind::LevelPayment => Profile::LevelPayment,
                ProfileKind::LevelPrincipal => Profile::LevelPrincipal,
                ProfileKind::Bullet | ProfileKind::BorrowingBase => Profile::Bullet,
                ProfileKind::PercentSchedule => Profile::PercentSchedule(&layout.shares),
                ProfileKind::Custom => Profile::Custom(&layout.amounts),
                ProfileKind::Sculpted => Profile::Sculpted(&layout.amounts),
            },
            interest_only: layout.interest_only,
            payment,
            nominal: settings.nominal && dates.grid.is_some(),
            balance_cap: self.cap(settings, index, principal)?,
            holidays: self.beside.holidays(index),
            steps: &layout.steps,
            path: &layout.path,
            hedges: match self.vintage.get() {
                _ if layout.path.is_empty() => &[],
                Some(_) => &layout.hedges,
                None => self.hedges.of(index),
            },
            issue_price: self.issue_price.get(index).unwrap_or(AnnualRate::from_parts(AnnualRate::UNIT)),
            upfront: facility.upfront,
            undrawn: facility.undrawn,
            open_until: facility.open_until,
            limits: &layout.limits,
            call: facility.call,
            partial: self.facility.draws(index).iter().any(|draw| !settings.knows(draw.date)),
            draw_number: self.vintage.get().map_or(0, |vintage| vintage.number),
        })
    }

    /// What is lent on the first day: the principal, or nothing yet of a commitment.
    fn lent(&self, settings: &LoanSettings, index: usize) -> Result<A, Refusal> {
        match (self.principal.get(index), self.commitment.get(index)) {
            (None, None) => Err(Refusal::new("principal", Rule::Null, "null")),
            (Some(principal), Some(commitment)) if principal > commitment => {
                Err(Refusal::new("principal", Rule::Range, principal.show(settings.reading.units)))
            }
            (principal, _) => Ok(principal.unwrap_or_default()),
        }
    }

    /// How many payments are of interest alone.
    fn interest_only(&self, index: usize, words: &Words, dates: &Dates, periods: &[Period]) -> Result<usize, Refusal> {
        let Some(months) = self.interest_only_months.get(index).filter(|months| *months > 0) else { return Ok(0) };
        let end = match Cycle::months(1) {
            Some(month) => Grid::new(dates.origin, month, words.end_of_month).date(months),
            None => dates.maturity,
        };
        let count = periods.iter().take_while(|period| period.scheduled <= end).count();
        if self.vintage.get().is_some() {
            return Ok(count.min(periods.len().saturating_sub(1)));
        }
        if count >= periods.len() && words.profile != ProfileKind::Bullet {
            return Err(Refusal::new("interest_only_months", Rule::Range, months.to_string()));
        }
        Ok(count)
    }

    /// Spreads a principal schedule over the payments; custom amounts of other days are steps of their own.
    fn add_schedule(
        &self,
        index: usize,
        profile: ProfileKind,
        dates: &Dates,
        layout: &mut Layout<A>,
    ) -> Result<(), Refusal> {
        let rows = self.beside.instalments(index);
        let (wanted, unwanted) = match profile {
            ProfileKind::PercentSchedule => ("principal_schedule.share", "principal_schedule.principal"),
            _ => ("principal_schedule.principal", "principal_schedule.share"),
        };
        match rows.first() {
            Some(row) if !profile.is_scheduled() => {
                return Err(Refusal::beside("principal_schedule.loan_id", Rule::Profile, "", row.source));
            }
            None if profile.is_scheduled() => return Err(Refusal::new("profile", Rule::Null, "no principal schedule")),
            _ => {}
        }
        let count = layout.periods.len();
        layout.shares.clear();
        layout.shares.resize(if profile == ProfileKind::PercentSchedule { count } else { 0 }, 0);
        layout.amounts.clear();
        layout.amounts.resize(if profile == ProfileKind::Custom { count } else { 0 }, A::zero());
        for row in rows {
            let refuse = |column, rule, example: String| Refusal::beside(column, rule, example, row.source);
            if self.vintage.get().is_some() && row.number == 0 && (row.date <= dates.start || row.date > dates.maturity)
            {
                continue;
            }
            if row.amount.is_some() && row.share.is_some() {
                return Err(refuse(unwanted, Rule::Profile, String::new()));
            }
            let place = if row.number > 0 {
                if self.vintage.get().is_some() && (row.number > count || profile == ProfileKind::Custom) {
                    continue;
                }
                if row.number > count {
                    return Err(refuse("principal_schedule.payment_number", Rule::Range, row.number.to_string()));
                }
                row.number.checked_sub(1)
            } else {
                if row.date <= dates.start || row.date > dates.maturity {
                    return Err(refuse("principal_schedule.date", Rule::DateOrder, iso(row.date)));
                }
                // To a draw, an amount of a day that is none of the loan's payments falls between payments, even if it has
                // one of its own then.
                let own = self.vintage.get().is_none() || profile == ProfileKind::PercentSchedule;
                layout.place_of(row.date).filter(|_| own)
            };
            // Payments of interest alone repay nothing.
            let alone = place.is_some_and(|place| place < layout.interest_only) && self.vintage.get().is_none();
            if alone
                && (row.amount.is_some_and(|amount| amount != A::zero()) || row.share.is_some_and(|share| share != 0))
            {
                return Err(refuse(wanted, Rule::Profile, "of a payment of interest alone".to_owned()));
            }
            if profile == ProfileKind::PercentSchedule {
                let share = row.share.ok_or_else(|| refuse(wanted, Rule::Null, "null".to_owned()))?;
                let Some(slot) = place.and_then(|place| layout.shares.get_mut(place)) else {
                    return Err(refuse("principal_schedule.date", Rule::DateOrder, iso(row.date)));
                };
                *slot = slot.saturating_add(share);
                continue;
            }
            let amount = row.amount.ok_or_else(|| refuse(wanted, Rule::Null, "null".to_owned()))?;
            match place.and_then(|place| layout.amounts.get_mut(place)) {
                Some(slot) => {
                    let sum = slot.plus(amount);
                    *slot = sum.ok_or_else(|| refuse(wanted, Rule::Overflow, String::new()))?;
                }
                None if layout.days_of_loan.iter().any(|(scheduled, paid)| [*scheduled, *paid].contains(&row.date)) => {
                }
                None => layout.steps.push(Step { date: row.date, movement: Movement::Principal(amount) }),
            }
        }
        let mut through = 0_i64;
        for share in &mut layout.shares {
            through = through.saturating_add(*share);
            *share = through;
        }
        if let (true, Some(row)) = (through > AnnualRate::UNIT, rows.last()) {
            let sum = AnnualRate::from_parts(through).as_f64();
            return Err(Refusal::beside(wanted, Rule::Range, format!("{sum} in all"), row.source));
        }
        Ok(())
    }

    /// What unpaid interest may raise the balance to, where it may at all.
    fn cap(&self, settings: &LoanSettings, index: usize, principal: A) -> Result<Option<A>, Refusal> {
        let overflow = || Refusal::new("balance_cap_rate", Rule::Overflow, "");
        let (column, cap) = match (self.balance_cap.get(index), self.balance_cap_rate.get(index)) {
            (Some(cap), _) => ("balance_cap", cap),
            (None, Some(rate)) => {
                let interest = principal.accrue(A::Interest::default(), rate, YearFraction { top: 1, bottom: 1 });
                let cap = interest.and_then(A::settled).ok_or_else(overflow)?;
                ("balance_cap_rate", cap)
            }
            (None, None) => return Ok(None),
        };
        if cap < principal {
            return Err(Refusal::new(column, Rule::Range, cap.show(settings.reading.units)));
        }
        Ok(settings.allow_negative_amortization.then_some(cap))
    }
}

impl<A: LoanAmount> Layout<A> {
    /// Lays out the periods. Payments that are moved to one business day are one.
    fn lay_periods(&mut self, settings: &LoanSettings, words: &Words, dates: &Dates) -> Result<(), Refusal> {
        self.periods.clear();
        let count = dates.schedule.count();
        let mut start = dates.start;
        for number in 1..=count {
            let scheduled = dates.schedule.date(number);
            let paid = match settings.holidays.adjust(scheduled, words.convention) {
                Ok(day) => day.max(dates.start),
                Err(rule) => return Err(Refusal::new("business_day_convention", rule, iso(scheduled))),
            };
            let mut end = if settings.accrual == Accrual::Adjusted { paid } else { scheduled };
            if end <= start {
                if number < count {
                    continue;
                }
                if let Some(last) = self.periods.pop() {
                    start = last.start;
                }
                end = end.max(start);
            }
            let reference =
                (words.day_count == DayCount::ActActIcma).then(|| dates.schedule.reference(number)).flatten();
            let context = Context { maturity: Some(dates.maturity), reference };
            let time = words.day_count.fraction(start, end, &context);
            self.periods.push(Period { start, end, scheduled, paid, time, context });
            start = end;
        }
        Ok(())
    }

    /// Spreads level amounts over so many months after the payments of interest alone: times end earlier, or go on
    /// beyond the maturity by the dates that the loan would then have.
    fn spread(&mut self, settings: &LoanSettings, words: &Words, dates: &Dates, months: i32) -> Result<(), Refusal> {
        let refuse = |rule| Refusal::new("amortization_months", rule, months.to_string());
        let Some((grid, cycle)) = dates.grid else { return Err(refuse(Rule::Profile)) };
        let from = self.interest_only.checked_sub(1).and_then(|last| self.periods.get(last));
        let from = from.map_or(dates.start, |period| period.scheduled);
        let number = match (cycle.in_months(), cycle.in_days()) {
            (Some(step), _) => months.saturating_add(step).saturating_sub(1).checked_div(step),
            (_, Some(step)) => {
                let days = add_months(from, months).saturating_sub(from);
                days.saturating_add(step).saturating_sub(1).checked_div(step)
            }
            (None, None) => None,
        };
        let number = number.and_then(|number| usize::try_from(number).ok()).unwrap_or(1).max(1);
        let wanted = self.interest_only.saturating_add(number);
        if wanted <= self.times.len() {
            self.times.truncate(wanted);
            return Ok(());
        }
        // A last period cut short by the maturity is a whole one of the longer loan.
        self.times.pop();
        let last = self.periods.len().checked_sub(2).and_then(|before| self.periods.get(before));
        // One payment is the first of the longer loan too: a long stub at the front stays as long.
        let (mut start, mut next) = last
            .map_or((dates.start, dates.schedule.first_on_grid()), |last| (last.end, grid.first_after(last.scheduled)));
        while self.times.len() < wanted {
            let scheduled = grid.date(next);
            next = next.saturating_add(1);
            if scheduled > LAST_DAY {
                return Err(refuse(Rule::DateRange));
            }
            let end = if settings.accrual == Accrual::Adjusted {
                settings.holidays.adjust(scheduled, words.convention).map_err(refuse)?
            } else {
                scheduled
            };
            if end <= start {
                continue;
            }
            let reference = (words.day_count == DayCount::ActActIcma)
                .then(|| dates.schedule.reference(i32::try_from(self.times.len()).unwrap_or(0).saturating_add(1)))
                .flatten();
            let context = Context { maturity: None, reference };
            self.times.push(words.day_count.fraction(start, end, &context));
            start = end;
        }
        Ok(())
    }

    /// The payment that is scheduled for a day or made on it.
    fn place_of(&self, date: Date) -> Option<usize> {
        let at = self.periods.partition_point(|period| period.scheduled < date && period.paid < date);
        // Payments that were moved over others: of a daily loan, say, on a weekend.
        let near = self.periods.iter().skip(at).take_while(|period| period.scheduled <= date || period.paid <= date);
        let found = near.map(|period| period.scheduled == date || period.paid == date).position(|found| found);
        found.and_then(|ahead| at.checked_add(ahead))
    }

    /// Where something falls that is stated for a scheduled day: on the day up to which its interest is computed.
    pub(super) fn moved(&self, date: Date) -> Date {
        let at = self.periods.partition_point(|period| period.scheduled < date);
        self.periods.get(at).filter(|period| period.scheduled == date).map_or(date, |period| period.end)
    }
}

/// Forgets what it is told.
pub struct Silent;

impl<A: LoanAmount> Sink<A> for Silent {
    fn entry(&mut self, _: &Entry<A>) {}
}
