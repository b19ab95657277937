//! One chunk of a fleet: copied out, judged row by row, resolved into assets.
#![forbid(unsafe_code)]

use std::ops::Range;

use super::columns::Fleet;
use super::happenings::Happenings;
use super::reader::{Money, Reader, iso, read_days, read_months};
use super::settings::{Change, PolicySpec, Run, Settings};
use super::timings::Timings;
use crate::calendar::{Date, month_start};
use crate::depreciation::{Asset, Event, Method, Service};
use crate::error::{Column, Rule};

/// A chunk read and judged, ready to be resolved under any policy.
#[derive(Default)]
pub struct Prepared<T> {
    /// The rows of the fleet it holds.
    pub rows: Range<usize>,
    /// Which rows are unusable, and why.
    pub reader: Reader,
    /// What was paid.
    pub cost: Vec<T>,
    /// Own residual value.
    residual: Vec<T>,
    residual_null: Vec<bool>,
    life: Vec<i32>,
    opening: Vec<T>,
    opening_day: Vec<Option<Date>>,
    /// The day of service.
    pub day: Vec<Date>,
    /// Policy codes of the run being resolved.
    pub codes: Vec<i32>,
    /// The codes of its changes of policy.
    changed_codes: Vec<Vec<i32>>,
    /// What its tax returns deduct at once.
    immediate: Vec<i64>,
    timings: Timings,
    /// The row last resolved. It stays in its place: what was just written in parts is slow to copy as a whole.
    pub asset: Option<Asset<T>>,
    /// Events and usage.
    pub happenings: Happenings<T>,
    /// Places to work out charges and to gather an asset's events in.
    pub scratch: Vec<T>,
    /// See `scratch`.
    pub events: Vec<Event<T>>,
}

impl<T: Money> Prepared<T> {
    /// Reads and judges the rows of `range`.
    pub fn read(&mut self, fleet: &Fleet<'_>, settings: &Settings, range: Range<usize>) {
        let reader = &mut self.reader;
        reader.begin(fleet.skip, fleet.nan_is_null, &range);
        T::read(&fleet.cost, Column::Cost, &range, &settings.reading(), reader, &mut self.cost);
        let credits = self.cost.iter().fold(false, |any, cost| any | (cost.sign() < 0));
        if credits && !settings.allow_credit {
            for (index, cost) in self.cost.iter().enumerate() {
                if cost.sign() < 0 {
                    reader.note(index, Column::Cost, Rule::Range, cost.show(settings.units));
                }
            }
        }
        read_days(&fleet.in_service, Column::InServiceDate, &range, &settings.reading(), reader, &mut self.day);
        reader.optional_from_here();
        self.residual.clear();
        if let Some(column) = &fleet.residual {
            T::read(column, Column::ResidualValue, &range, &settings.reading(), reader, &mut self.residual);
            self.residual_null.clone_from(&reader.null);
        }
        self.life.clear();
        if let Some(column) = &fleet.life_months {
            read_months(column, Column::UsefulLifeMonths, &range, &settings.lives(), reader, &mut self.life);
        }
        self.opening_day.clear();
        if fleet.opening.is_some() {
            self.read_opening(fleet, settings, &range);
        }
        self.happenings.read(fleet.events.as_ref(), fleet.usage.as_ref(), &range);
        self.rows = range;
    }

    /// Reads what assets brought in mid-life bring along: an amount, and the day at whose close it stood.
    fn read_opening(&mut self, fleet: &Fleet<'_>, settings: &Settings, range: &Range<usize>) {
        let Some((amount, date)) = &fleet.opening else { return };
        let reader = &mut self.reader;
        T::read(amount, Column::OpeningAccumulated, range, &settings.reading(), reader, &mut self.opening);
        let without_amount = reader.null.clone();
        let mut days = Vec::new();
        read_days(date, Column::OpeningDate, range, &settings.reading(), reader, &mut days);
        for (index, ((day, in_service), without_amount)) in days.iter().zip(&self.day).zip(without_amount).enumerate() {
            let dated = !reader.is_null(index);
            if !dated && !without_amount {
                reader.note(index, Column::OpeningDate, Rule::Null, "null");
            }
            let opening = (dated && !without_amount).then_some(*day);
            let sound = !reader.bad.get(index).is_some_and(|bad| *bad);
            if sound && opening.is_some_and(|opening| opening < *in_service) {
                reader.note(index, Column::OpeningDate, Rule::DateOrder, iso(*day));
            }
            self.opening_day.push(opening);
        }
    }

    /// Reads days of service and own lives, and nothing else.
    pub fn read_dates(&mut self, fleet: &Fleet<'_>, settings: &Settings, range: Range<usize>) {
        self.reader.begin(fleet.skip, fleet.nan_is_null, &range);
        read_days(
            &fleet.in_service,
            Column::InServiceDate,
            &range,
            &settings.reading(),
            &mut self.reader,
            &mut self.day,
        );
        self.reader.optional_from_here();
        self.life.clear();
        if let Some(column) = &fleet.life_months {
            read_months(column, Column::UsefulLifeMonths, &range, &settings.lives(), &mut self.reader, &mut self.life);
        }
        self.rows = range;
    }

    /// Loads the policy codes of `run`.
    pub fn assign(&mut self, run: &Run<'_>) {
        self.codes.clear();
        if let Some(codes) = &run.codes {
            self.codes.resize(self.rows.len(), 0);
            codes.load(self.rows.start, &mut self.codes);
        }
        self.immediate.clear();
        if let Some(immediate) = run.immediate {
            self.immediate.resize(self.rows.len(), 0);
            immediate.load(self.rows.start, &mut self.immediate);
        }
        self.changed_codes.clear();
        for change in &run.changes {
            let mut codes = Vec::new();
            if let Some(column) = &change.codes {
                codes.resize(self.rows.len(), 0);
                column.load(self.rows.start, &mut codes);
            }
            self.changed_codes.push(codes);
        }
    }

    /// The row's policy after a change of the run last assigned; `None` where it keeps its own.
    pub fn changed<'r>(&self, run: &'r Run<'_>, change: usize, index: usize) -> Option<&'r PolicySpec> {
        let codes = self.changed_codes.get(change)?;
        let code = if codes.is_empty() { 0 } else { *codes.get(index)? };
        run.changes.get(change)?.specs.get(usize::try_from(code).ok()?)
    }

    /// What the row's tax return deducts in its year of service.
    #[must_use]
    pub fn immediate(&self, index: usize) -> i64 {
        self.immediate.get(index).copied().unwrap_or(0)
    }

    /// The day at whose close the row was brought in, if it was.
    #[must_use]
    pub fn opened(&self, index: usize) -> Option<Date> {
        self.opening_day.get(index).copied().flatten()
    }

    /// The row's policy under the run last assigned.
    #[inline]
    pub fn spec<'r>(&self, run: &'r Run<'_>, settings: &Settings, index: usize) -> Option<&'r PolicySpec> {
        let code = if self.codes.is_empty() { 0 } else { *self.codes.get(index)? };
        let first = run.specs.get(usize::try_from(code).ok()?);
        if run.changes.is_empty() {
            return first;
        }
        self.change_at_entry(run, settings, index).map(|(_, spec)| spec).or(first)
    }

    /// The last change that was made, and known, when the row entered the books, and the row's policy after it.
    pub fn change_at_entry<'r>(
        &self,
        run: &'r Run<'_>,
        settings: &Settings,
        index: usize,
    ) -> Option<(usize, &'r PolicySpec)> {
        let entered = self.entered(index)?;
        let known = |(_, change): &(usize, &Change<'_>)| month_start(change.known(settings)) <= entered;
        let mut changes = run.changes.iter().enumerate().rev().filter(known);
        changes.find_map(|(number, _)| Some((number, self.changed(run, number, index)?)))
    }

    /// The first day of the row in these books: of service, or the one after it was brought in.
    #[must_use]
    pub fn entered(&self, index: usize) -> Option<Date> {
        let in_service = *self.day.get(index)?;
        Some(self.opened(index).map_or(in_service, |day| day.saturating_add(1)))
    }

    /// The life that the row states.
    #[inline]
    pub fn own_life(&self, index: usize) -> Option<i32> {
        self.life.get(index).copied().filter(|life| *life > 0)
    }

    /// The residual value that the row states.
    #[inline]
    pub fn own_residual(&self, index: usize) -> Option<T> {
        self.residual.get(index).copied().filter(|_| !self.residual_null.get(index).is_some_and(|null| *null))
    }

    /// The residual values that rows state, and which rows state none.
    #[must_use]
    pub fn residuals(&self) -> Option<(&[T], &[bool])> {
        (!self.residual.is_empty()).then_some((&self.residual, &self.residual_null))
    }

    /// Makes [`Prepared::asset`] of the row under the run last assigned and returns its policy; `None` where it is left out or wrong, and then
    /// noted.
    #[inline]
    pub fn resolve<'r>(&mut self, run: &'r Run<'_>, settings: &Settings, index: usize) -> Option<&'r PolicySpec> {
        if *self.reader.bad.get(index)? {
            return None;
        }
        let (cost, day) = (*self.cost.get(index)?, *self.day.get(index)?);
        let Some(spec) = self.spec(run, settings, index) else {
            return self.reject(index, Column::Policy, Rule::PolicyMissing, "no policy for this class".to_owned());
        };
        let life = spec.life(self.own_life(index));
        let Some(life_months) = life else {
            return self.reject(index, Column::UsefulLifeMonths, Rule::LifeMissing, "null".to_owned());
        };
        let taxed = matches!(spec.method, Method::Macrs(_));
        let own = if taxed { Some(T::default()) } else { self.own_residual(index) };
        let residual = own.unwrap_or_else(|| cost.share(spec.residual_rate));
        let Some(base) = T::base(cost, residual) else {
            return self.reject(index, Column::ResidualValue, Rule::Range, residual.show(settings.units));
        };
        let brought_in = self.opening_day.get(index).copied().flatten();
        if taxed && brought_in.is_some() {
            let why = "tax deductions follow from the day of service".to_owned();
            return self.reject(index, Column::OpeningDate, Rule::Method, why);
        }
        let mut opening = T::default();
        if brought_in.is_some() {
            let stated = *self.opening.get(index)?;
            match stated.brought_in(base, cost, settings) {
                Some(sound) => opening = sound,
                None => {
                    return self.reject(index, Column::OpeningAccumulated, Rule::Range, stated.show(settings.units));
                }
            }
        }
        let service = Service { in_service: day, life_months, opening: brought_in };
        let timing = self.timings.of(&service, spec.convention, settings.grid, settings.by_days());
        let timing = match &spec.method {
            Method::UnitsOfProduction(capacity) => {
                timing.by_use(brought_in, self.happenings.usage(index).last_month(*capacity))
            }
            _ => *timing,
        };
        self.asset = Some(Asset { cost, base, opening, timing });
        Some(spec)
    }

    fn reject<R>(&mut self, index: usize, column: Column, rule: Rule, example: String) -> Option<R> {
        self.reader.note(index, column, rule, example);
        None
    }
}
