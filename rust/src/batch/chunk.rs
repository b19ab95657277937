//! One chunk of a fleet: copied out, judged row by row, resolved into assets.
#![forbid(unsafe_code)]

use std::ops::Range;

use super::columns::{DateColumn, DateRead, Fleet, MoneyColumn, MonthsColumn, Nullable, in_window, read_ticks};
use super::pool::{Poll, filled, for_each, stretches};
use super::settings::{PolicySpec, Run, Settings};
use crate::calendar::{Date, Month};
use crate::depreciation::straight_line::{Amount, depreciable_amount};
use crate::depreciation::{Asset, Rounding, Service, Timing};
use crate::error::{Column, Error, IssueLog, Rule};
use crate::rate::Rate;

/// Amounts as a call computes them: minor units in the cents modes, major units unrounded.
pub trait Money: Amount {
    /// Reads a column's stretch; `bad` marks rows whose value is unusable and is noted.
    fn read(column: &Nullable<'_, MoneyColumn<'_>>, what: Column, range: &Range<usize>, reader: &mut Reader<'_>, out: &mut Vec<Self>);
    /// Cost less residual; `None` where the residual is outside its range.
    fn base(cost: Self, residual: Self) -> Option<Self>;
    /// This share of an amount.
    fn share(self, rate: Rate) -> Self;
    /// For messages and range checks.
    fn sign(self) -> i8;
    /// Whether the amount lies between 0 and `limit`, mirrored below zero.
    fn within(self, limit: Self) -> bool;
    /// For messages.
    fn show(self, settings: &Settings) -> String;
}

/// What reading a chunk needs: the rules, the log, and the marks on rows.
pub struct Reader<'a> {
    settings: &'a Settings,
    log: &'a mut IssueLog,
    bad: &'a mut [bool],
    null: &'a mut Vec<bool>,
    optional: bool,
    nan_is_null: bool,
    first_row: usize,
    floats: &'a mut Vec<f64>,
    mask: &'a mut Vec<u8>,
}

impl Reader<'_> {
    /// Notes a problem of the row at `index`, unless the row is left out anyway.
    fn note(&mut self, index: usize, column: Column, rule: Rule, example: impl std::fmt::Display) {
        let skipped = self.mask.get(index).is_some_and(|skip| *skip == 2);
        if !skipped {
            self.log.note(self.first_row.saturating_add(index), column, rule, example);
        }
        if let Some(bad) = self.bad.get_mut(index) {
            *bad = true;
        }
    }

    /// Sets `null` from the mask; a null in a required column is a problem.
    fn nulls(&mut self, nulls: Option<&dyn super::columns::Load<u8>>, what: Column, range: &Range<usize>) {
        self.null.clear();
        self.null.resize(range.len(), false);
        let Some(nulls) = nulls else { return };
        let mut mask = vec![0; range.len()];
        nulls.load(range.start, &mut mask);
        for (index, flag) in mask.iter().enumerate() {
            if *flag != 0 {
                self.missing(index, what);
            }
        }
    }

    fn missing(&mut self, index: usize, what: Column) {
        if let Some(null) = self.null.get_mut(index) {
            *null = true;
        }
        if !self.optional {
            self.note(index, what, Rule::Null, "null");
        }
    }

    fn is_null(&self, index: usize) -> bool {
        self.null.get(index).copied().unwrap_or(false)
    }

    fn skipped(&self, index: usize) -> bool {
        self.mask.get(index).is_some_and(|skip| *skip == 2)
    }
}

impl Money for i64 {
    fn read(column: &Nullable<'_, MoneyColumn<'_>>, what: Column, range: &Range<usize>, reader: &mut Reader<'_>, out: &mut Vec<i64>) {
        reader.nulls(column.nulls, what, range);
        out.clear();
        out.resize(range.len(), 0);
        let majors = match column.values {
            MoneyColumn::Minor(values) => return values.load(range.start, out),
            MoneyColumn::Major(values) => values,
        };
        let mut floats = std::mem::take(reader.floats);
        floats.clear();
        floats.resize(range.len(), 0.0);
        majors.load(range.start, &mut floats);
        if !reader.settings.units.from_major_into(&floats, out) {
            for (index, (value, slot)) in floats.iter().zip(out).enumerate() {
                if reader.is_null(index) || reader.skipped(index) {
                    *slot = 0;
                } else if value.is_nan() && reader.optional && reader.nan_is_null {
                    *slot = 0;
                    reader.missing(index, what);
                } else {
                    match reader.settings.units.from_major(*value, reader.settings.round_input) {
                        Ok(minor) => *slot = minor,
                        Err(rule) => {
                            *slot = 0;
                            reader.note(index, what, rule, value);
                        }
                    }
                }
            }
        }
        *reader.floats = floats;
    }

    fn base(cost: i64, residual: i64) -> Option<i64> {
        depreciable_amount(cost, residual)
    }

    fn share(self, rate: Rate) -> i64 {
        rate.of(self)
    }

    fn sign(self) -> i8 {
        match self {
            0 => 0,
            amount if amount < 0 => -1,
            _ => 1,
        }
    }

    fn within(self, limit: i64) -> bool {
        if limit < 0 { (limit..=0).contains(&self) } else { (0..=limit).contains(&self) }
    }

    fn show(self, settings: &Settings) -> String {
        settings.units.to_major(self).to_string()
    }
}

impl Money for f64 {
    fn read(column: &Nullable<'_, MoneyColumn<'_>>, what: Column, range: &Range<usize>, reader: &mut Reader<'_>, out: &mut Vec<f64>) {
        reader.nulls(column.nulls, what, range);
        out.clear();
        out.resize(range.len(), 0.0);
        match column.values {
            MoneyColumn::Major(values) => values.load(range.start, out),
            MoneyColumn::Minor(values) => {
                let mut minors = vec![0; range.len()];
                values.load(range.start, &mut minors);
                for (slot, minor) in out.iter_mut().zip(minors) {
                    *slot = reader.settings.units.to_major(minor);
                }
            }
        }
        for (index, slot) in out.iter_mut().enumerate() {
            if slot.is_finite() {
                continue;
            }
            let value = std::mem::take(slot);
            if reader.is_null(index) || reader.skipped(index) {
                continue;
            }
            if value.is_nan() && reader.optional && reader.nan_is_null {
                reader.missing(index, what);
            } else {
                reader.note(index, what, Rule::NonFinite, value);
            }
        }
    }

    fn base(cost: f64, residual: f64) -> Option<f64> {
        residual.within(cost).then_some(cost - residual)
    }

    fn share(self, rate: Rate) -> f64 {
        self * rate.as_f64()
    }

    fn sign(self) -> i8 {
        if self < 0.0 {
            -1
        } else {
            i8::from(self > 0.0)
        }
    }

    fn within(self, limit: f64) -> bool {
        if limit < 0.0 { (limit..=0.0).contains(&self) } else { (0.0..=limit).contains(&self) }
    }

    fn show(self, _: &Settings) -> String {
        self.to_string()
    }
}

/// A chunk read and judged, ready to be resolved under any policy.
#[derive(Default)]
pub struct Prepared<T> {
    /// The rows of the fleet it holds.
    pub rows: Range<usize>,
    /// Rows that are unusable.
    pub bad: Vec<bool>,
    /// Rows left out on request: no result, no complaint.
    pub skip: Vec<bool>,
    /// What was paid.
    pub cost: Vec<T>,
    /// Own residual value.
    pub residual: Vec<T>,
    residual_null: Vec<bool>,
    life: Vec<i32>,
    opening: Vec<T>,
    opening_day: Vec<Option<Date>>,
    /// The day of service.
    pub day: Vec<Date>,
    /// Policy codes of the run being resolved.
    pub codes: Vec<i32>,
    /// What was wrong with any row seen so far.
    pub log: IssueLog,
    floats: Vec<f64>,
    ticks: Vec<i64>,
    null: Vec<bool>,
    mask: Vec<u8>,
}

impl<T: Money> Prepared<T> {
    /// Reads and judges the rows of `range`.
    pub fn read(&mut self, fleet: &Fleet<'_>, settings: &Settings, range: Range<usize>) {
        self.begin(fleet, &range);
        let mut reader = Reader {
            settings,
            log: &mut self.log,
            bad: &mut self.bad,
            null: &mut self.null,
            optional: false,
            nan_is_null: fleet.nan_is_null,
            first_row: range.start,
            floats: &mut self.floats,
            mask: &mut self.mask,
        };
        T::read(&fleet.cost, Column::Cost, &range, &mut reader, &mut self.cost);
        if !settings.allow_credit {
            for (index, cost) in self.cost.iter().enumerate() {
                if cost.sign() < 0 {
                    reader.note(index, Column::Cost, Rule::Range, cost.show(settings));
                }
            }
        }
        read_days(&fleet.in_service, Column::InServiceDate, &range, &mut reader, &mut self.ticks, &mut self.day);
        reader.optional = true;
        if let Some(column) = &fleet.residual {
            T::read(column, Column::ResidualValue, &range, &mut reader, &mut self.residual);
            self.residual_null.clone_from(reader.null);
        } else {
            self.residual.clear();
        }
        self.life.clear();
        if let Some(column) = &fleet.life_months {
            read_months(column, &range, &mut reader, &mut self.life);
        }
        self.opening_day.clear();
        if let Some((amount, date)) = &fleet.opening {
            T::read(amount, Column::OpeningAccumulated, &range, &mut reader, &mut self.opening);
            let without = reader.null.clone();
            let mut days = Vec::new();
            read_days(date, Column::OpeningDate, &range, &mut reader, &mut self.ticks, &mut days);
            for (index, day) in days.into_iter().enumerate() {
                let undated = reader.is_null(index);
                let amountless = without.get(index).copied().unwrap_or(true);
                if undated && !amountless && !reader.skipped(index) {
                    reader.note(index, Column::OpeningDate, Rule::Null, "null");
                }
                let in_service = self.day.get(index).copied().unwrap_or(day);
                let opening = (!undated && !amountless).then_some(day);
                if opening.is_some_and(|opening| opening < in_service) && !reader.bad.get(index).is_some_and(|bad| *bad) {
                    reader.note(index, Column::OpeningDate, Rule::DateOrder, iso(day));
                }
                self.opening_day.push(opening);
            }
        }
        for (bad, skip) in self.bad.iter_mut().zip(&self.skip) {
            *bad |= *skip;
        }
    }

    /// Reads the days of service alone.
    pub fn read_dates(&mut self, fleet: &Fleet<'_>, settings: &Settings, range: &Range<usize>) {
        self.begin(fleet, range);
        let mut reader = Reader {
            settings,
            log: &mut self.log,
            bad: &mut self.bad,
            null: &mut self.null,
            optional: false,
            nan_is_null: fleet.nan_is_null,
            first_row: range.start,
            floats: &mut self.floats,
            mask: &mut self.mask,
        };
        read_days(&fleet.in_service, Column::InServiceDate, range, &mut reader, &mut self.ticks, &mut self.day);
        for (bad, skip) in self.bad.iter_mut().zip(&self.skip) {
            *bad |= *skip;
        }
    }

    fn begin(&mut self, fleet: &Fleet<'_>, range: &Range<usize>) {
        let count = range.len();
        self.rows = range.clone();
        self.bad.clear();
        self.bad.resize(count, false);
        self.skip.clear();
        self.skip.resize(count, false);
        self.mask.clear();
        if let Some(skip) = fleet.skip {
            self.mask.resize(count, 0);
            skip.load(range.start, &mut self.mask);
            for (mask, skip) in self.mask.iter_mut().zip(&mut self.skip) {
                *skip = *mask != 0;
                *mask = if *skip { 2 } else { 0 };
            }
        }
    }

    /// Loads the policy codes of `run`.
    pub fn assign(&mut self, run: &Run<'_>) {
        self.codes.clear();
        if let Some(codes) = &run.codes {
            self.codes.resize(self.rows.len(), 0);
            codes.load(self.rows.start, &mut self.codes);
        }
    }

    /// The row's policy under the run last assigned.
    #[inline]
    pub fn spec<'r>(&self, run: &'r Run<'_>, index: usize) -> Option<&'r PolicySpec> {
        let code = if self.codes.is_empty() { 0 } else { *self.codes.get(index)? };
        run.specs.get(usize::try_from(code).ok()?)
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

    /// The row as an asset under the run last assigned; `None` where it is left out or wrong, and then noted.
    #[inline]
    pub fn resolve(&mut self, run: &Run<'_>, settings: &Settings, index: usize) -> Option<Asset<T>> {
        if *self.bad.get(index)? {
            return None;
        }
        let (cost, day) = (*self.cost.get(index)?, *self.day.get(index)?);
        let Some(spec) = self.spec(run, index) else {
            return self.reject(index, Column::Policy, Rule::PolicyMissing, "no policy for this class".to_owned());
        };
        let own = self.own_life(index);
        let life = if spec.life_wins { spec.life_months.or(own) } else { own.or(spec.life_months) };
        let Some(life_months) = life else {
            return self.reject(index, Column::UsefulLifeMonths, Rule::LifeMissing, "null".to_owned());
        };
        let residual = self.own_residual(index).unwrap_or_else(|| cost.share(spec.residual_rate));
        let Some(base) = T::base(cost, residual) else {
            return self.reject(index, Column::ResidualValue, Rule::Range, residual.show(settings));
        };
        let brought_in = self.opening_day.get(index).copied().flatten();
        let opening = if brought_in.is_some() { *self.opening.get(index)? } else { T::default() };
        if brought_in.is_some() && !opening.within(base) {
            return self.reject(index, Column::OpeningAccumulated, Rule::Range, opening.show(settings));
        }
        let service = Service { in_service: day, life_months, opening: brought_in };
        let timing = Timing::new(&service, spec.convention, settings.grid, settings.by_days());
        Some(Asset { cost, base, opening, timing })
    }

    fn reject(&mut self, index: usize, column: Column, rule: Rule, example: String) -> Option<Asset<T>> {
        self.log.note(self.rows.start.saturating_add(index), column, rule, example);
        if let Some(bad) = self.bad.get_mut(index) {
            *bad = true;
        }
        None
    }
}

fn read_days(
    column: &Nullable<'_, DateColumn<'_>>,
    what: Column,
    range: &Range<usize>,
    reader: &mut Reader<'_>,
    ticks: &mut Vec<i64>,
    out: &mut Vec<Date>,
) {
    reader.nulls(column.nulls, what, range);
    out.clear();
    out.resize(range.len(), 0);
    let read: &dyn Fn(usize, &[Date]) -> DateRead = match column.values {
        DateColumn::Days(values) => {
            values.load(range.start, out);
            if out.iter().fold(true, |clean, day| clean & in_window(*day)) {
                return;
            }
            &|index, days| match days.get(index) {
                Some(day) if in_window(*day) => DateRead::Day(*day),
                _ => DateRead::Outside,
            }
        }
        DateColumn::Ticks(values, per_day) => {
            ticks.clear();
            ticks.resize(range.len(), 0);
            values.load(range.start, ticks);
            if days_of_ticks(ticks, per_day, out) {
                return;
            }
            let ticks = &*ticks;
            &move |index, _| ticks.get(index).map_or(DateRead::Missing, |tick| read_ticks(*tick, per_day))
        }
    };
    for index in 0..range.len() {
        let found = read(index, out);
        let day = match found {
            DateRead::Day(day) => day,
            DateRead::NotMidnight(day) if reader.settings.floor_time => day,
            _ => 0,
        };
        if !reader.is_null(index) && !reader.skipped(index) {
            match found {
                DateRead::Day(_) => {}
                DateRead::Missing => reader.missing(index, what),
                DateRead::NotMidnight(_) if reader.settings.floor_time => {}
                DateRead::NotMidnight(day) => reader.note(index, what, Rule::DateTime, iso(day)),
                DateRead::Outside => reader.note(index, what, Rule::DateRange, "outside 1900-01-01 to 2199-12-31"),
            }
        }
        if let Some(slot) = out.get_mut(index) {
            *slot = day;
        }
    }
}

/// Converts ticks to days; `false` when some row needs the slow judgement.
fn days_of_ticks(ticks: &[i64], per_day: i64, out: &mut [Date]) -> bool {
    const MICROSECONDS: i64 = 86_400_000_000;
    const NANOSECONDS: i64 = 86_400_000_000_000;
    // Division by a constant is a multiplication, so the usual units get loops of their own.
    match per_day {
        MICROSECONDS => divide_ticks(ticks, |t| (t.div_euclid(MICROSECONDS), t.rem_euclid(MICROSECONDS)), out),
        NANOSECONDS => divide_ticks(ticks, |t| (t.div_euclid(NANOSECONDS), t.rem_euclid(NANOSECONDS)), out),
        86_400 => divide_ticks(ticks, |t| (t.div_euclid(86_400), t.rem_euclid(86_400)), out),
        _ => divide_ticks(ticks, |t| (t.div_euclid(per_day.max(1)), t.rem_euclid(per_day.max(1))), out),
    }
}

#[inline]
fn divide_ticks(ticks: &[i64], divide: impl Fn(i64) -> (i64, i64), out: &mut [Date]) -> bool {
    let mut clean = true;
    for (tick, slot) in ticks.iter().zip(out) {
        let (day, rest) = divide(*tick);
        // Outside the window the truncated day may look right, so the wide one is judged.
        let near = day.clamp(i64::from(i32::MIN), i64::from(i32::MAX));
        let day = i32::try_from(near).unwrap_or(i32::MAX);
        clean &= (rest == 0) & in_window(day);
        *slot = day;
    }
    clean
}

fn read_months(column: &Nullable<'_, MonthsColumn<'_>>, range: &Range<usize>, reader: &mut Reader<'_>, out: &mut Vec<i32>) {
    reader.nulls(column.nulls, Column::UsefulLifeMonths, range);
    let mut floats = vec![0.0; range.len()];
    let mut whole = vec![0_i64; range.len()];
    let from_float = match column.values {
        MonthsColumn::Whole(values) => {
            values.load(range.start, &mut whole);
            false
        }
        MonthsColumn::Float(values) => {
            values.load(range.start, &mut floats);
            true
        }
    };
    for (index, (float, months)) in floats.into_iter().zip(whole).enumerate() {
        out.push(0);
        if reader.is_null(index) || reader.skipped(index) {
            continue;
        }
        if from_float && float.is_nan() && reader.nan_is_null {
            reader.missing(index, Column::UsefulLifeMonths);
            continue;
        }
        let judged = if from_float { whole_months(float) } else { Ok(months) };
        let max = i64::from(reader.settings.max_life_months);
        match judged {
            Ok(months) if (1..=max).contains(&months) => {
                if let Some(slot) = out.last_mut() {
                    *slot = i32::try_from(months).unwrap_or(i32::MAX);
                }
            }
            Ok(months) => reader.note(index, Column::UsefulLifeMonths, Rule::Range, months),
            Err(rule) => reader.note(index, Column::UsefulLifeMonths, rule, float),
        }
    }
}

fn whole_months(float: f64) -> Result<i64, Rule> {
    if !float.is_finite() {
        Err(Rule::NonFinite)
    } else if float.fract() != 0.0 {
        Err(Rule::DType)
    } else {
        #[expect(clippy::cast_possible_truncation, reason = "saturates, and the range check follows")]
        Ok(float as i64)
    }
}

/// A date as users write it.
pub(super) fn iso(date: Date) -> String {
    let month = crate::calendar::month_of(date);
    let year = 1970_i32.saturating_add(month.div_euclid(12));
    format!("{year:04}-{:02}-{:02}", month.rem_euclid(12).saturating_add(1), crate::calendar::day_of_month(date))
}

/// Judges every row under every run: the problems, and which rows have one.
///
/// # Errors
/// [`Error::Interrupted`].
pub fn validate<T: Money + Default>(fleet: &Fleet<'_>, runs: &[Run<'_>], settings: &Settings, poll: Poll<'_>) -> Result<(IssueLog, Vec<bool>), Error> {
    let mut bad = filled(fleet.len, false)?;
    let tasks = stretches(fleet.len, settings.chunk_rows).into_iter().zip(bad.chunks_mut(settings.chunk_rows.max(1))).collect();
    let states = for_each(tasks, settings.threads, poll, &Prepared::<T>::default, &|chunk, (range, bad): (Range<usize>, &mut [bool])| {
        chunk.read(fleet, settings, range);
        for run in runs {
            chunk.assign(run);
            for index in 0..bad.len() {
                let _ = chunk.resolve(run, settings, index);
            }
        }
        for ((slot, bad), skip) in bad.iter_mut().zip(&chunk.bad).zip(&chunk.skip) {
            *slot = *bad && !skip;
        }
        Ok(())
    })?;
    let mut log = IssueLog::default();
    states.into_iter().for_each(|state| log.merge(state.log));
    Ok((log, bad))
}

/// One row per asset at the close of `as_of`: cost, accumulated depreciation, book value, months still to be charged.
///
/// # Errors
/// [`Error::Interrupted`].
pub fn book_values<T: Money>(
    fleet: &Fleet<'_>,
    run: &Run<'_>,
    settings: &Settings,
    as_of: Month,
    poll: Poll<'_>,
) -> Result<(IssueLog, Vec<[T; 3]>, Vec<i32>), Error> {
    let mut amounts = filled(fleet.len, [T::default(); 3])?;
    let mut remaining = filled(fleet.len, 0)?;
    let size = settings.chunk_rows.max(1);
    let tasks = stretches(fleet.len, size).into_iter().zip(amounts.chunks_mut(size)).zip(remaining.chunks_mut(size)).collect();
    let work = |chunk: &mut Prepared<T>, ((range, amounts), remaining): ((Range<usize>, &mut [[T; 3]]), &mut [i32])| {
        chunk.read(fleet, settings, range);
        chunk.assign(run);
        for (index, (slot, months)) in amounts.iter_mut().zip(remaining).enumerate() {
            let Some(asset) = chunk.resolve(run, settings, index) else { continue };
            let timing = &asset.timing;
            let entered = as_of >= timing.enter_month;
            let accumulated =
                if entered { T::accumulated_at(&asset, settings.rounding.unwrap_or(Rounding::Balance), as_of) } else { T::default() };
            *slot = [asset.cost, accumulated, asset.cost.minus(accumulated)];
            *months = timing.last_month.saturating_sub(as_of.max(timing.open_month.saturating_sub(1))).max(0);
        }
        Ok(())
    };
    let states = for_each(tasks, settings.threads, poll, &Prepared::<T>::default, &work)?;
    let mut log = IssueLog::default();
    states.into_iter().for_each(|state| log.merge(state.log));
    Ok((log, amounts, remaining))
}
