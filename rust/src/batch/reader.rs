//! From columns to plain values, judging each on the way.
#![forbid(unsafe_code)]

use std::ops::{Range, RangeInclusive};

use super::columns::{
    DateColumn, DateRead, Load, MoneyColumn, MonthsColumn, Nullable, in_window, low_half, read_ticks,
};
use super::settings::Settings;
use crate::calendar::Date;
use crate::depreciation::straight_line::{Amount, depreciable_amount};
use crate::error::{Column, IssueLog, Rule};
use crate::money::{FLOAT_LIMIT_MINOR, MinorUnits, nearest_integer, small_f64};
use crate::rate::{AnnualRate, Rate};

/// How values are read.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Digits of the currency.
    pub units: MinorUnits,
    /// Broken minor units are rounded half-to-even.
    pub round_input: bool,
    /// Times of day are dropped.
    pub floor_time: bool,
}

/// Amounts that a column can be read as: minor units in the cents modes, major units unrounded.
pub trait ReadMoney: Copy + Default {
    /// Reads a column's stretch; `bad` marks rows whose value is unusable and is noted.
    fn read(
        column: &Nullable<'_, MoneyColumn<'_>>,
        what: Column,
        range: &Range<usize>,
        reading: &Reading,
        reader: &mut Reader,
        out: &mut Vec<Self>,
    );
    /// For messages.
    fn show(self, units: MinorUnits) -> String;
    /// Reads amounts that may be missing: the least integer, or NaN.
    fn load_optional(column: &MoneyColumn<'_>, range: &Range<usize>, out: &mut Vec<Option<Self>>);
}

/// Amounts as a fleet's call computes them.
pub trait Money: Amount + ReadMoney {
    /// Cost less residual; `None` where the residual is outside its range.
    fn base(cost: Self, residual: Self) -> Option<Self>;
    /// This share of an amount.
    fn share(self, rate: Rate) -> Self;
    /// For messages and range checks.
    fn sign(self) -> i8;
    /// Depreciation brought in, if it lies between 0 and the depreciable amount (mirrored for credits).
    fn brought_in(self, base: Self, cost: Self, settings: &Settings) -> Option<Self>;
}

/// The marks on a chunk's rows, the problems found, and buffers to read into.
#[derive(Default)]
pub struct Reader {
    /// Rows that give no result: wrong, or left out.
    pub bad: Vec<bool>,
    /// Rows left out on request: no result, no complaint.
    pub skip: Vec<bool>,
    /// Rows without a value in the column last read.
    pub null: Vec<bool>,
    /// What was wrong with any row seen so far.
    pub log: IssueLog,
    first_row: usize,
    optional: bool,
    nan_is_null: bool,
    floats: Vec<f64>,
    ticks: Vec<i64>,
    mask: Vec<u8>,
}

impl Reader {
    /// Turns to the rows of `range`, without those that `skip` marks.
    pub fn begin(&mut self, skip: Option<&dyn Load<u8>>, nan_is_null: bool, range: &Range<usize>) {
        self.first_row = range.start;
        self.nan_is_null = nan_is_null;
        self.skip.clear();
        self.skip.resize(range.len(), false);
        if let Some(skip) = skip {
            self.load_mask(skip, range);
            for (skip, flag) in self.skip.iter_mut().zip(&self.mask) {
                *skip = *flag != 0;
            }
        }
        self.bad.clone_from(&self.skip);
        self.optional = false;
    }

    /// From here on nulls are no problem.
    pub fn optional_from_here(&mut self) {
        self.optional = true;
    }

    /// Notes a problem of the row at `index`, unless the row is left out anyway.
    pub fn note(&mut self, index: usize, column: Column, rule: Rule, example: impl std::fmt::Display) {
        if !self.skipped(index) {
            self.log.note(self.first_row.saturating_add(index), column, rule, example);
        }
        if let Some(bad) = self.bad.get_mut(index) {
            *bad = true;
        }
    }

    /// Notes a problem of the row at `index` that lies in row `source` of another frame.
    pub fn note_elsewhere(&mut self, index: usize, source: usize, column: Column, rule: Rule, example: String) {
        if !self.skipped(index) {
            self.log.note(source, column, rule, example);
        }
        if let Some(bad) = self.bad.get_mut(index) {
            *bad = true;
        }
    }

    /// Whether the row had no value in the column last read.
    pub fn is_null(&self, index: usize) -> bool {
        self.null.get(index).copied().unwrap_or(false)
    }

    fn skipped(&self, index: usize) -> bool {
        self.skip.get(index).copied().unwrap_or(false)
    }

    fn load_mask(&mut self, mask: &dyn Load<u8>, range: &Range<usize>) {
        self.mask.clear();
        self.mask.resize(range.len(), 0);
        mask.load(range.start, &mut self.mask);
    }

    /// Sets `null` from the mask; a null in a required column is a problem.
    fn nulls(&mut self, nulls: Option<&dyn Load<u8>>, what: Column, range: &Range<usize>) {
        self.null.clear();
        self.null.resize(range.len(), false);
        let Some(nulls) = nulls else { return };
        self.load_mask(nulls, range);
        for index in 0..range.len() {
            if self.mask.get(index).is_some_and(|flag| *flag != 0) {
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
}

impl ReadMoney for i64 {
    fn read(
        column: &Nullable<'_, MoneyColumn<'_>>,
        what: Column,
        range: &Range<usize>,
        reading: &Reading,
        reader: &mut Reader,
        out: &mut Vec<i64>,
    ) {
        reader.nulls(column.nulls, what, range);
        out.resize(range.len(), 0);
        let majors = match column.values {
            MoneyColumn::Minor(values) => return values.load(range.start, out),
            MoneyColumn::Major(values) => values,
        };
        let mut floats = std::mem::take(&mut reader.floats);
        floats.resize(range.len(), 0.0);
        majors.load(range.start, &mut floats);
        if !reading.units.from_major_into(&floats, out) {
            for (index, (value, slot)) in floats.iter().zip(out).enumerate() {
                if reader.is_null(index) || reader.skipped(index) {
                    *slot = 0;
                } else if value.is_nan() && reader.optional && reader.nan_is_null {
                    *slot = 0;
                    reader.missing(index, what);
                } else {
                    match reading.units.from_major(*value, reading.round_input) {
                        Ok(minor) => *slot = minor,
                        Err(rule) => {
                            *slot = 0;
                            reader.note(index, what, rule, value);
                        }
                    }
                }
            }
        }
        reader.floats = floats;
    }

    fn show(self, units: MinorUnits) -> String {
        units.to_major(self).to_string()
    }

    fn load_optional(column: &MoneyColumn<'_>, range: &Range<usize>, out: &mut Vec<Option<i64>>) {
        out.clear();
        if let MoneyColumn::Minor(values) = column {
            let mut minors = vec![0; range.len()];
            values.load(range.start, &mut minors);
            out.extend(minors.into_iter().map(|minor| (minor != i64::MIN).then_some(minor)));
        }
    }
}

impl Money for i64 {
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

    fn brought_in(self, base: i64, _: i64, _: &Settings) -> Option<i64> {
        let inside = if base < 0 { (base..=0).contains(&self) } else { (0..=base).contains(&self) };
        inside.then_some(self)
    }
}

impl ReadMoney for f64 {
    fn read(
        column: &Nullable<'_, MoneyColumn<'_>>,
        what: Column,
        range: &Range<usize>,
        reading: &Reading,
        reader: &mut Reader,
        out: &mut Vec<f64>,
    ) {
        reader.nulls(column.nulls, what, range);
        out.resize(range.len(), 0.0);
        match column.values {
            MoneyColumn::Major(values) => values.load(range.start, out),
            MoneyColumn::Minor(values) => {
                let mut minors = vec![0; range.len()];
                values.load(range.start, &mut minors);
                for (slot, minor) in out.iter_mut().zip(minors) {
                    *slot = reading.units.to_major(minor);
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

    fn show(self, _: MinorUnits) -> String {
        self.to_string()
    }

    fn load_optional(column: &MoneyColumn<'_>, range: &Range<usize>, out: &mut Vec<Option<f64>>) {
        out.clear();
        if let MoneyColumn::Major(values) = column {
            let mut majors = vec![0.0; range.len()];
            values.load(range.start, &mut majors);
            out.extend(majors.into_iter().map(|major| (!major.is_nan()).then_some(major)));
        }
    }
}

impl Money for f64 {
    fn base(cost: f64, residual: f64) -> Option<f64> {
        let (low, high) = (cost.min(0.0), cost.max(0.0));
        (low..=high).contains(&residual).then_some(cost - residual)
    }

    fn share(self, rate: Rate) -> f64 {
        self * rate.as_f64()
    }

    fn sign(self) -> i8 {
        if self < 0.0 { -1 } else { i8::from(self > 0.0) }
    }

    fn brought_in(self, base: f64, cost: f64, settings: &Settings) -> Option<f64> {
        // The owner booked whole minor units; the unrounded amount may lie half a one and float dust beside them.
        let dust = cost.abs() * 1e-12 + 0.5 / settings.units.scale();
        let (low, high) = (base.min(0.0), base.max(0.0));
        (low - dust..=high + dust).contains(&self).then(|| self.clamp(low, high))
    }
}

/// Reads a column of dates as days.
pub fn read_days(
    column: &Nullable<'_, DateColumn<'_>>,
    what: Column,
    range: &Range<usize>,
    reading: &Reading,
    reader: &mut Reader,
    out: &mut Vec<Date>,
) {
    reader.nulls(column.nulls, what, range);
    out.resize(range.len(), 0);
    match column.values {
        DateColumn::Days(values) => {
            values.load(range.start, out);
            if out.iter().fold(true, |clean, day| clean & in_window(*day)) {
                return;
            }
            for (index, day) in out.iter_mut().enumerate() {
                let found = if in_window(*day) { DateRead::Day(*day) } else { DateRead::Outside };
                *day = judge_day(found, index, what, reading, reader);
            }
        }
        DateColumn::Ticks(values, per_day) => {
            let mut ticks = std::mem::take(&mut reader.ticks);
            ticks.resize(range.len(), 0);
            values.load(range.start, &mut ticks);
            if !days_of_ticks(&ticks, per_day, out) {
                for (index, (tick, day)) in ticks.iter().zip(out).enumerate() {
                    *day = judge_day(read_ticks(*tick, per_day), index, what, reading, reader);
                }
            }
            reader.ticks = ticks;
        }
    }
}

/// The day, or one that does no harm where there is none.
fn judge_day(found: DateRead, index: usize, what: Column, reading: &Reading, reader: &mut Reader) -> Date {
    if reader.is_null(index) || reader.skipped(index) {
        return 0;
    }
    match found {
        DateRead::Day(day) => return day,
        DateRead::NotMidnight(day) if reading.floor_time => return day,
        DateRead::NotMidnight(day) => reader.note(index, what, Rule::DateTime, iso(day)),
        DateRead::Missing => reader.missing(index, what),
        DateRead::Outside => reader.note(index, what, Rule::DateRange, "outside 1900-01-01 to 2199-12-31"),
    }
    0
}

/// Converts ticks to days; `false` when some row needs the slow judgement.
#[must_use]
#[inline(always)] // also into kernels for wide registers
pub fn days_of_ticks(ticks: &[i64], per_day: i64, out: &mut [Date]) -> bool {
    const NANOSECONDS: i64 = 86_400_000_000_000;
    let mut clean = true;
    if per_day == NANOSECONDS {
        for (tick, slot) in ticks.iter().zip(out) {
            let (day, rest) = (tick.div_euclid(NANOSECONDS), tick.rem_euclid(NANOSECONDS));
            *slot = i32::try_from(day).unwrap_or(i32::MAX);
            clean &= (rest == 0) & in_window(*slot);
        }
        return clean;
    }
    // Coarser ticks of the years 1899 to 2041 are exact doubles, and a whole number of days times the ticks of a day
    // is one too: a few vector instructions for each row. All other ticks fail the first comparison.
    let ticks_per_day = small_f64(per_day);
    let days_per_tick = ticks_per_day.recip();
    for (tick, slot) in ticks.iter().zip(out) {
        let exact = small_f64(*tick);
        let (days, day) = nearest_integer(exact * days_per_tick);
        *slot = low_half(day);
        clean &= (exact.abs() < FLOAT_LIMIT_MINOR) & (days * ticks_per_day == exact) & in_window(*slot);
    }
    clean
}

/// Reads a column of lives or terms, which lie in `allowed`; 0 stands for none.
pub fn read_months(
    column: &Nullable<'_, MonthsColumn<'_>>,
    what: Column,
    range: &Range<usize>,
    allowed: &RangeInclusive<i32>,
    reader: &mut Reader,
    out: &mut Vec<i32>,
) {
    reader.nulls(column.nulls, what, range);
    out.clear();
    match column.values {
        MonthsColumn::Whole(values) => {
            let mut ticks = std::mem::take(&mut reader.ticks);
            ticks.resize(range.len(), 0);
            values.load(range.start, &mut ticks);
            let (least, most) = (i64::from(*allowed.start()), i64::from(*allowed.end()));
            let clean = |clean, months: &i64| clean & (least <= *months) & (*months <= most);
            out.extend(ticks.iter().map(|months| low_half(*months)));
            if column.nulls.is_some() || !ticks.iter().fold(true, clean) {
                for (index, (slot, months)) in out.iter_mut().zip(&ticks).enumerate() {
                    *slot = judge_months(Ok(*months), index, what, allowed, reader, months);
                }
            }
            reader.ticks = ticks;
        }
        MonthsColumn::Narrow(values) => {
            out.resize(range.len(), 0);
            values.load(range.start, out);
            let clean = |clean, months: &i32| clean & (allowed.start() <= months) & (months <= allowed.end());
            if column.nulls.is_some() || !out.iter().fold(true, clean) {
                for (index, months) in out.iter_mut().enumerate() {
                    *months = judge_months(Ok((*months).into()), index, what, allowed, reader, *months);
                }
            }
        }
        MonthsColumn::Float(values) => {
            let mut floats = std::mem::take(&mut reader.floats);
            floats.resize(range.len(), 0.0);
            values.load(range.start, &mut floats);
            for (index, float) in floats.iter().enumerate() {
                if float.is_nan() && reader.nan_is_null {
                    reader.missing(index, what);
                }
                out.push(judge_months(whole_months(*float), index, what, allowed, reader, float));
            }
            reader.floats = floats;
        }
    }
}

fn judge_months(
    read: Result<i64, Rule>,
    index: usize,
    what: Column,
    allowed: &RangeInclusive<i32>,
    reader: &mut Reader,
    value: impl std::fmt::Display,
) -> i32 {
    if reader.is_null(index) || reader.skipped(index) {
        return 0;
    }
    let in_range = |months| if allowed.contains(&months) { Ok(months) } else { Err(Rule::Range) };
    let judged = read.and_then(|months| i32::try_from(months).map_err(|_| Rule::Range)).and_then(in_range);
    judged.unwrap_or_else(|rule| {
        reader.note(index, what, rule, value);
        0
    })
}

/// Reads a column of rates per year.
pub fn read_rates(
    column: &Nullable<'_, &dyn Load<f64>>,
    what: Column,
    range: &Range<usize>,
    allow_high: bool,
    reader: &mut Reader,
    out: &mut Vec<AnnualRate>,
) {
    reader.nulls(column.nulls, what, range);
    let mut floats = std::mem::take(&mut reader.floats);
    floats.resize(range.len(), 0.0);
    column.values.load(range.start, &mut floats);
    out.resize(range.len(), AnnualRate::ZERO);
    let clean = AnnualRate::read_into(&floats, allow_high, out);
    for (index, (float, slot)) in floats.iter().zip(out).enumerate().take(if clean { 0 } else { range.len() }) {
        let judged = AnnualRate::new(*float, allow_high);
        let ignored = reader.is_null(index) || reader.skipped(index);
        if !ignored && float.is_nan() && reader.optional && reader.nan_is_null {
            reader.missing(index, what);
        } else if let (false, Err(rule)) = (ignored, judged) {
            reader.note(index, what, rule, float);
        }
        *slot = judged.unwrap_or_default();
    }
    reader.floats = floats;
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
pub fn iso(date: Date) -> String {
    let month = crate::calendar::month_of(date);
    let year = 1970_i32.saturating_add(month.div_euclid(12));
    format!("{year:04}-{:02}-{:02}", month.rem_euclid(12).saturating_add(1), crate::calendar::day_of_month(date))
}
