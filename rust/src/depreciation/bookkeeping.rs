//! The life of one asset in the books: its cost enters, it is charged, and events change what is charged.
//!
//! Between two months with events an asset is a [`Schedule`]; an event re-bases it on the integer carrying amount, so
//! `A = A_t + half-even((A_end - A_t) x share)` holds from there on. Within a month, estimate changes and what else
//! counts from its first day come before the month's charge, impairments and disposals after it.
//!
//! Up to two further balances are kept beside the books: what would have been accumulated without impairment, which
//! caps an IFRS reversal (IAS 36.117), and for an asset held for sale what would have been charged in use (IFRS 5.27,
//! ASC 360-10-35-44), which is simply its schedule running on.
#![forbid(unsafe_code)]

use super::amount::{Exact, Shared};
use super::balance::{Balance, nearer_zero};
use super::event::{Event, Fault, Field, Framework, Kind, Terms};
use super::ledger::{Flow, Holding, Rules, Sink, Turnover};
use super::{Asset, Convention, Method, Schedule, Service, Timing};
use crate::calendar::{Date, Month, add_months};
use crate::error::Rule;

/// Keeps the books of one asset; `events` are put in order.
///
/// # Errors
/// The first event that cannot be.
pub fn keep<'a, T: Exact>(
    holding: &Holding<'a, T>,
    events: &mut [Event<T>],
    rules: &Rules,
    sink: &mut impl Sink<T>,
    scratch: &mut Vec<T>,
) -> Result<(), Fault> {
    let asset = holding.asset;
    let timing = asset.timing;
    sink.flow(timing.enter_month, Flow::CostIn, asset.cost);
    sink.flow(timing.enter_month, Flow::BroughtIn, asset.opening);
    let mut books = Books {
        holding,
        rules,
        cost: asset.cost,
        turnover: Turnover::new(asset.cost),
        residual: asset.cost.minus(asset.base),
        method: holding.method,
        convention: holding.convention,
        asset: *asset,
        from: timing.open_month,
        main: asset.opening,
        unimpaired: None,
        held: None,
        suspended: None,
        stood_still: 0,
        last: timing.enter_month,
        scratch,
    };
    books.refresh();
    books.settle();
    if !events.is_sorted_by_key(Event::order) {
        events.sort_unstable_by_key(Event::order);
    }
    if let Some(early) = events.iter().find(|event| event.date < holding.first_day && event.kind != Kind::PolicyChange)
    {
        return Err(fault(early, Field::Date, Rule::DateOrder, "before the asset is in service"));
    }
    let mut rest = &*events;
    while let Some(first) = rest.first() {
        let month = first.month;
        // Hardly ever more than one: no search.
        let count = rest.iter().take_while(|event| event.month == month).count();
        let (now, later) = rest.split_at(count);
        let (opening, closing) = now.split_at(now.iter().take_while(|event| !event.kind.is_at_close()).count());
        books.last = month;
        if !opening.is_empty() {
            books.open(month, opening, sink)?;
        }
        if !closing.is_empty() && books.close(month, closing, sink)? {
            let all_gone = closing.last().map_or(Date::MAX, |event| event.date);
            if let Some(after) = later.first().or_else(|| now.iter().find(|event| event.date > all_gone)) {
                return Err(fault(after, Field::Date, Rule::DateOrder, "after the asset was disposed of"));
            }
            sink.ended(month, true);
            return Ok(());
        }
        rest = later;
    }
    let last = books.last_charge().max(books.last);
    books.emit(last, sink);
    sink.ended(last, false);
    Ok(())
}

fn fault<T>(event: &Event<T>, field: Field, rule: Rule, example: &str) -> Fault {
    Fault { source: event.source, field, rule, example: example.to_owned() }
}

/// An asset held for sale.
#[derive(Clone, Copy)]
struct Held<T> {
    /// What is accumulated, write-downs included.
    accumulated: T,
    /// The same without write-downs.
    charged: T,
}

struct Books<'h, 'a, 's, T> {
    holding: &'h Holding<'a, T>,
    rules: &'h Rules,
    cost: T,
    turnover: Turnover<T>,
    residual: T,
    method: &'a Method,
    convention: Convention,
    /// What is charged since the last re-base, and when.
    asset: Asset<T>,
    /// The first month whose charge has not been written.
    from: Month,
    /// Accumulated depreciation at the last re-base.
    main: T,
    /// The same without impairments, once there was one.
    unimpaired: Option<T>,
    held: Option<Held<T>>,
    /// The month in which charging stopped, and since when time stands still.
    suspended: Option<(Month, Month)>,
    /// Months for which it did.
    stood_still: i32,
    last: Month,
    scratch: &'s mut Vec<T>,
}

impl<'a, T: Exact> Books<'_, 'a, '_, T> {
    /// The depreciable amount of a balance.
    fn base(&self, opening: T) -> T {
        let base = self.cost.minus(self.residual);
        let room = base.minus(opening);
        // A residual value above the book value: nothing is left to charge (I19).
        let spent = if self.cost < T::default() { room > T::default() } else { room < T::default() };
        if spent { opening } else { base }
    }

    /// Takes amounts that changed into what is charged.
    fn refresh(&mut self) {
        (self.asset.cost, self.asset.base, self.asset.opening) = (self.cost, self.base(self.main), self.main);
    }

    /// The schedule from the last re-base on. It is read in place: what was just written in parts is slow to copy.
    fn schedule<'s>(&'s self, asset: &'s Asset<T>) -> Schedule<'s, T> {
        Schedule { method: self.method, asset, usage: self.holding.usage }
    }

    /// What is accumulated at the end of a month.
    fn at(&self, month: Month) -> T {
        match self.suspended {
            Some(_) => self.main,
            None => self.schedule(&self.asset).accumulated_at(self.rules.rounding, month),
        }
    }

    /// The same of another balance.
    fn other_at(&self, opening: T, month: Month) -> T {
        let asset = Asset { base: self.base(opening), opening, ..self.asset };
        match self.suspended {
            Some(_) => opening,
            None => self.schedule(&asset).accumulated_at(self.rules.rounding, month),
        }
    }

    /// What the books say is accumulated at the last re-base.
    fn accumulated(&self) -> T {
        self.held.map_or(self.main, |held| held.accumulated)
    }

    fn last_charge(&self) -> Month {
        if self.held.is_some() || self.suspended.is_some() {
            return self.last;
        }
        let timing = &self.asset.timing;
        let nothing = self.asset.base == self.asset.opening;
        if nothing && (timing.is_over() || !self.method.has_life()) {
            return self.last;
        }
        match self.method {
            Method::UnitsOfProduction(capacity) if !timing.is_over() => {
                self.holding.usage.last_month(*capacity).unwrap_or(self.last).max(self.last)
            }
            _ => timing.last_month,
        }
    }

    /// Writes the charges up to `until`; what is accumulated then, where that is known already.
    fn emit(&mut self, until: Month, sink: &mut impl Sink<T>) -> Option<T> {
        let from = self.from;
        if from > until {
            return None;
        }
        self.from = until.saturating_add(1);
        // Months after the last charge have none, whatever the method.
        let last = until.min(self.asset.timing.last_month).min(self.rules.until);
        if self.held.is_some() || self.suspended.is_some() || last < from {
            return None;
        }
        let months = usize::try_from(last.saturating_sub(from)).unwrap_or(0).saturating_add(1);
        let schedule = Schedule { method: self.method, asset: &self.asset, usage: self.holding.usage };
        let after = sink.spread(&schedule, self.rules.rounding, from, months, self.scratch);
        after.filter(|_| last == until)
    }

    /// Lets the rest of the life begin with `month`.
    fn rebase(&mut self, month: Month) {
        self.refresh();
        if self.suspended.is_none() {
            self.asset.timing.rebase(month);
            self.settle();
        }
    }

    /// A pattern that has nothing left to spread by charges all at once.
    fn settle(&mut self) {
        if self.method.is_straight_line() {
            return;
        }
        let open = self.asset.timing.open_month;
        if self.schedule(&self.asset).is_spent() {
            self.asset.timing = self.asset.timing.at_once(open);
        }
    }

    /// What counts from the first day of the month.
    fn open(&mut self, month: Month, events: &[Event<T>], sink: &mut impl Sink<T>) -> Result<(), Fault> {
        let before = month.saturating_sub(1);
        let known = self.emit(before, sink);
        if events.iter().all(|event| event.kind == Kind::Transfer) {
            // Nothing changes but the group: the schedule runs on as it was.
            let accumulated = self.held.map_or_else(|| self.at(before), |held| held.accumulated);
            events.iter().for_each(|event| sink.moved(month, event.group, self.cost, accumulated));
            return Ok(());
        }
        // A new life may start before the convention would have had it.
        self.from = month;
        self.unimpaired = self.unimpaired.map(|opening| self.other_at(opening, before));
        self.main = known.unwrap_or_else(|| self.at(before));
        for event in events {
            self.judge(event)?;
            match event.kind {
                Kind::Addition => {
                    let amount = event.amount.filter(|amount| *amount > T::default() && self.cost >= T::default());
                    let amount =
                        amount.ok_or_else(|| fault(event, Field::Amount, Rule::Range, "an addition above 0"))?;
                    if !self.turnover.pay(amount) {
                        return Err(fault(
                            event,
                            Field::Amount,
                            Rule::Overflow,
                            "beyond 64 bits with what was paid before",
                        ));
                    }
                    self.cost = self.cost.plus(amount);
                    sink.flow(month, Flow::CostIn, amount);
                }
                Kind::LifeChange => self.relife(event, month)?,
                Kind::ResidualChange => {
                    let inside = |amount: &T| *amount >= T::default() && *amount <= self.cost;
                    let amount = event.amount.filter(inside);
                    self.residual = amount
                        .ok_or_else(|| fault(event, Field::Amount, Rule::Range, "a residual value from 0 to cost"))?;
                }
                Kind::PolicyChange => {
                    if let Some(terms) = self.holding.terms.get(event.terms) {
                        self.change(*terms, month);
                    }
                }
                Kind::Suspend => self.suspended = Some((month, month)),
                Kind::Resume => {
                    if let Some((stopped, since)) = self.suspended.take() {
                        self.asset.timing = self.asset.timing.resumed(since, month);
                        self.stood_still = self.stood_still.saturating_add(month.saturating_sub(stopped));
                    }
                }
                Kind::ReturnedToUse => self.return_to_use(event, month, sink),
                Kind::Transfer => sink.moved(month, event.group, self.cost, self.accumulated()),
                Kind::Impairment | Kind::Reversal | Kind::HeldForSale | Kind::Disposal => {}
            }
        }
        self.rebase(month);
        Ok(())
    }

    /// Whether an event may happen as things stand.
    fn judge(&self, event: &Event<T>) -> Result<(), Fault> {
        let framework = self.rules.framework;
        let refused = |rule, why| Err(fault(event, Field::Kind, rule, why));
        let in_sale = matches!(event.kind, Kind::Disposal | Kind::Impairment | Kind::ReturnedToUse | Kind::Transfer);
        match event.kind {
            Kind::PolicyChange => Ok(()),
            Kind::ReturnedToUse if self.held.is_none() => refused(Rule::EventState, "the asset is not held for sale"),
            _ if self.held.is_some() && !in_sale => refused(Rule::EventState, "the asset is held for sale"),
            Kind::Suspend | Kind::Resume if !framework.allows_suspension() => {
                refused(Rule::Framework, "idle assets go on depreciating (IAS 16.55)")
            }
            Kind::Suspend if self.suspended.is_some() => refused(Rule::EventState, "the asset is suspended already"),
            Kind::Resume if self.suspended.is_none() => refused(Rule::EventState, "the asset is not suspended"),
            Kind::HeldForSale if self.suspended.is_some() => refused(Rule::EventState, "the asset is suspended"),
            Kind::Reversal if framework != Framework::Ifrs => {
                refused(Rule::Framework, "only IFRS reverses impairments (IAS 36.114)")
            }
            Kind::Impairment | Kind::Reversal | Kind::HeldForSale if self.cost < T::default() => {
                refused(Rule::Range, "a credit has no recoverable amount")
            }
            _ => Ok(()),
        }
    }

    fn relife(&mut self, event: &Event<T>, month: Month) -> Result<(), Fault> {
        if !self.method.has_life() {
            return Err(fault(event, Field::Kind, Rule::Method, "the method has no life to change"));
        }
        if event.remaining_months < 1 {
            return Err(fault(event, Field::RemainingMonths, Rule::Range, "at least one month"));
        }
        let by_days = self.rules.by_days && self.convention == Convention::ActualDays;
        self.asset.timing = Timing::fresh(month, event.remaining_months, by_days);
        if let Some((_, since)) = &mut self.suspended {
            *since = month;
        }
        Ok(())
    }

    /// The remaining life is the new one less what has passed of it since service.
    fn change(&mut self, terms: Terms<'a>, month: Month) {
        let Terms { method, life_months, convention, residual_rate } = terms;
        (self.method, self.convention) = (method, convention);
        let in_service = add_months(self.holding.in_service, self.stood_still);
        let service = Service { in_service, life_months, opening: None };
        self.asset.timing = Timing::new(&service, convention, self.rules.grid, self.rules.by_days);
        if let Method::UnitsOfProduction(capacity) = method {
            self.asset.timing = self.asset.timing.by_use(None, self.holding.usage.last_month(*capacity));
        }
        if let (Some(rate), false) = (residual_rate, self.holding.own_residual) {
            self.residual = self.cost.shared(rate);
        }
        if let Some((_, since)) = &mut self.suspended {
            *since = month;
        }
    }

    /// The lower of what the asset would be worth in use and its recoverable amount.
    fn return_to_use(&mut self, event: &Event<T>, month: Month, sink: &mut impl Sink<T>) {
        let Some(held) = self.held.take() else { return };
        let in_use = self.cost.minus(self.main);
        let target = event.amount.map_or(in_use, |amount| in_use.lesser(amount));
        let caught_up = self.main.minus(held.charged);
        if caught_up != T::default() && month <= self.rules.until {
            sink.charges(month, &[caught_up], caught_up);
        }
        let now = self.cost.minus(held.accumulated.plus(caught_up));
        if target > now {
            sink.flow(month, Flow::Reversal, target.minus(now));
        } else if target < now {
            sink.flow(month, Flow::Impairment, now.minus(target));
        }
        self.main = self.cost.minus(target);
    }

    /// The fraction of its month's charge that a sale leaves: unless given, the mirror image of the convention. What was
    /// used was used before the sale.
    fn charge_left(&self, event: &Event<T>) -> (i128, i128) {
        match (self.rules.disposal_convention, self.method) {
            (None, Method::UnitsOfProduction(_)) => (1, 1),
            (given, _) => match (given.unwrap_or(self.convention), self.convention) {
                (Convention::ActualDays, Convention::ActualDays) => self.asset.timing.part_before(event.date),
                (convention, _) => event.charge_left(convention),
            },
        }
    }

    /// What falls at the close of the month; whether nothing is left.
    fn close(&mut self, month: Month, events: &[Event<T>], sink: &mut impl Sink<T>) -> Result<bool, Fault> {
        let known = self.emit(month.saturating_sub(1), sink);
        let before = month.saturating_sub(1);
        let around = |other: T, sum: T| Balance { other, charge: sum.minus(other) };
        let running = around(known.unwrap_or_else(|| self.at(before)), self.at(month));
        let mut unimpaired =
            self.unimpaired.map(|opening| around(self.other_at(opening, before), self.other_at(opening, month)));
        // What the schedule says, and what the books say: the same unless the asset is held for sale.
        let mut in_use = running;
        let mut books = match self.held {
            Some(held) => Balance { other: held.accumulated, charge: T::default() },
            None => running,
        };
        let mut charged = self.held.map(|held| held.charged);
        let mut charge = books.charge;
        let (mut classified, mut changed) = (false, false);
        let mut gone = false;
        let tracks_unimpaired = self.rules.framework == Framework::Ifrs;
        for event in events {
            if gone {
                return Err(fault(event, Field::Date, Rule::DateOrder, "after the asset was disposed of"));
            }
            self.judge(event)?;
            let book_value = self.cost.minus(books.sum());
            let amount = event.amount.filter(|amount| *amount >= T::default());
            match event.kind {
                Kind::Impairment => {
                    let amount =
                        amount.ok_or_else(|| fault(event, Field::Amount, Rule::Range, "a recoverable amount"))?;
                    let loss = book_value.minus(amount).at_least_zero();
                    changed |= loss != T::default();
                    if changed && tracks_unimpaired && self.held.is_none() {
                        unimpaired = unimpaired.or(Some(books));
                    }
                    books.other = books.other.plus(loss);
                    if self.held.is_none() {
                        in_use.other = in_use.other.plus(loss);
                    }
                    sink.flow(month, Flow::Impairment, loss);
                }
                Kind::Reversal => {
                    let amount =
                        amount.ok_or_else(|| fault(event, Field::Amount, Rule::Range, "a recoverable amount"))?;
                    if amount < book_value && !amount.matches(book_value, self.cost) {
                        return Err(fault(event, Field::Amount, Rule::Range, "below the carrying amount"));
                    }
                    let cap = unimpaired.map_or(book_value, |balance| self.cost.minus(balance.sum()));
                    let gain = amount.lesser(cap).minus(book_value).at_least_zero();
                    changed |= gain != T::default();
                    books.other = books.other.minus(gain);
                    in_use.other = in_use.other.minus(gain);
                    sink.flow(month, Flow::Reversal, gain);
                }
                Kind::HeldForSale => {
                    if event.amount.is_some() && amount.is_none() {
                        return Err(fault(event, Field::Amount, Rule::Range, "a fair value"));
                    }
                    if tracks_unimpaired {
                        unimpaired = unimpaired.or(Some(books));
                    }
                    in_use = books;
                    let (top, bottom) = self.charge_left(event);
                    books.charge = books.charge.portion(top, bottom);
                    charge = charge.plus(books.charge).minus(in_use.charge);
                    charged = Some(books.sum());
                    let book_value = self.cost.minus(books.sum());
                    let loss = amount.map_or(T::default(), |amount| book_value.minus(amount).at_least_zero());
                    books.other = books.other.plus(loss);
                    sink.flow(month, Flow::Impairment, loss);
                    self.held = Some(Held { accumulated: books.sum(), charged: books.sum() });
                    (classified, changed) = (true, true);
                }
                Kind::Disposal => {
                    let share = event.share;
                    if share.is_zero() {
                        return Err(fault(event, Field::Share, Rule::Range, "a share above 0"));
                    }
                    let fraction = if classified { (1, 1) } else { self.charge_left(event) };
                    let cost_out = self.cost.shared(share);
                    self.cost = self.cost.minus(cost_out);
                    let sold_charge = books.charge.shared_of(share, fraction);
                    let (kept, change) = (books.kept(share, self.cost), sold_charge.minus(books.charge.shared(share)));
                    charge = charge.plus(change);
                    // What is sold has no more accumulated than it cost either; together they have what there was.
                    let whole = books.sum().plus(change);
                    let accumulated_out = nearer_zero(whole.minus(kept.sum()), cost_out);
                    books = Balance { other: whole.minus(accumulated_out).minus(kept.charge), ..kept };
                    sink.flow(month, Flow::CostOut, cost_out);
                    sink.flow(month, Flow::AccumulatedOut, accumulated_out);
                    let proceeds = event.proceeds.unwrap_or_default();
                    if !self.turnover.receive(proceeds) {
                        return Err(fault(
                            event,
                            Field::Proceeds,
                            Rule::Overflow,
                            "beyond 64 bits with what moved before",
                        ));
                    }
                    sink.flow(month, Flow::Gain, proceeds.minus(cost_out.minus(accumulated_out)));
                    self.residual = self.residual.minus(self.residual.shared(share));
                    in_use = if self.held.is_some() { in_use.kept(share, self.cost) } else { books };
                    unimpaired = unimpaired.map(|balance| balance.kept(share, self.cost));
                    charged = charged.map(|charged| charged.minus(charged.shared(share)));
                    (gone, changed) = (share.is_whole(), true);
                }
                _ => {}
            }
        }
        if charge != T::default() && month <= self.rules.until {
            sink.charges(month, &[charge], charge);
        }
        self.from = self.from.max(month.saturating_add(1));
        if !changed {
            return Ok(false);
        }
        self.main = in_use.sum();
        self.unimpaired = unimpaired.map(Balance::sum);
        if let (Some(held), Some(charged)) = (&mut self.held, charged) {
            *held = Held { accumulated: books.sum(), charged };
        }
        self.rebase(month.saturating_add(1));
        Ok(gone)
    }
}
