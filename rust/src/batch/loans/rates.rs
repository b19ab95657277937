//! What decides the rate of each loan: its columns, as terms that the core knows.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::ops::Range;

use super::LoanAmount;
use super::chunk::{Door, LoanChunk, Optional, choose};
use super::columns::{Choice, Loans};
use super::curves::Curves;
use super::loan_dates::Dates;
use super::refusal::Refusal;
use super::resolve::Layout;
use super::settings::LoanSettings;
use super::simple_float::SimpleFloat;
use crate::batch::columns::{CodeColumn, DateColumn, Load, MonthsColumn, Nullable};
use crate::batch::reader::iso;
use crate::calendar::{Date, DayCount, month_end, month_of};
use crate::debt::floating::{Base, Change, Collar, Curve, CurveGap, RateTerms, Reset, Standing, Term, resets_into};
use crate::debt::sofr::Daily;
use crate::debt::steps::{Movement, Step};
use crate::error::Rule;
use crate::rate::AnnualRate;

type RateColumn<'a> = Option<Nullable<'a, &'a dyn Load<f64>>>;
type CountColumn<'a> = Option<Nullable<'a, MonthsColumn<'a>>>;

/// How the fixings of a period become its rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Averaging {
    /// One fixing, ahead of the time it counts for.
    #[default]
    None,
    /// Each day at its own.
    Simple,
    /// Daily, on top of each other.
    Compounded,
}

impl Averaging {
    /// All, by their public names.
    pub const ALL: [(&'static str, Self); 3] =
        [("none", Self::None), ("simple", Self::Simple), ("compounded", Self::Compounded)];

    /// Reads a public name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == text).map(|(_, averaging)| *averaging)
    }
}

/// When an index is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResetEvery {
    /// At the start of each accrual period.
    #[default]
    Period,
    /// Every so many months from the start of the loan.
    Months(i32),
    /// As often as it is fixed.
    Fixing,
}

impl ResetEvery {
    /// The usual names; cycles of months such as "3M" are known too.
    pub const NAMES: [&'static str; 6] = ["period", "daily", "monthly", "quarterly", "semiannual", "annual"];

    /// Reads a payment frequency of months, "daily", or "period".
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        use crate::calendar::PaymentFrequency;
        match text {
            "period" => Some(Self::Period),
            "daily" => Some(Self::Fixing),
            other => PaymentFrequency::parse(other)?.cycle()?.in_months().map(Self::Months),
        }
    }
}

/// Columns that decide rates; without them every loan has its `annual_rate`.
#[derive(Clone, Copy)]
pub struct RateColumns<'a> {
    /// The curve of each row; negative for a fixed rate.
    pub index: Option<CodeColumn<'a>>,
    /// Curves by those numbers.
    pub curves: &'a Curves,
    /// What the numbers are called, for messages.
    pub names: &'a [String],
    /// Over the index.
    pub margin: RateColumn<'a>,
    /// The least that the index counts as.
    pub index_floor: RateColumn<'a>,
    /// The most.
    pub index_cap: RateColumn<'a>,
    /// The least that index and margin come to.
    pub rate_floor: RateColumn<'a>,
    /// The most.
    pub rate_cap: RateColumn<'a>,
    /// How fixings become a rate.
    pub averaging: Option<Choice<'a, Averaging>>,
    /// When it is fixed.
    pub reset: Option<Choice<'a, ResetEvery>>,
    /// How many business days before.
    pub reset_lag_days: CountColumn<'a>,
    /// Of an overnight index.
    pub lookback_days: CountColumn<'a>,
    /// Of an overnight index.
    pub lockout_days: CountColumn<'a>,
    /// Of an overnight index.
    pub observation_shift: Option<Choice<'a, bool>>,
    /// Floor and cap count for each day's fixing.
    pub floor_daily: Option<Choice<'a, bool>>,
    /// What a default adds.
    pub default_margin: RateColumn<'a>,
    /// From this day; from the start where there is none.
    pub default_from: Option<Nullable<'a, DateColumn<'a>>>,
    /// To the day before this.
    pub default_to: Option<Nullable<'a, DateColumn<'a>>>,
    /// Capitalised on top.
    pub pik: RateColumn<'a>,
    /// Capitalised instead of paid.
    pub pik_share: RateColumn<'a>,
}

/// Words of a row.
#[derive(Clone, Copy, Debug, Default)]
struct Manner {
    averaging: Averaging,
    reset: ResetEvery,
    shift: bool,
    floor_daily: bool,
}

/// The columns of a chunk.
#[derive(Default)]
pub struct RateChunk {
    index: Vec<i32>,
    manner: Vec<Manner>,
    rates: [Optional<AnnualRate>; 8],
    counts: [Optional<i32>; 3],
    default_from: Optional<Date>,
    default_to: Optional<Date>,
    codes: Vec<i32>,
    /// A draw's own margin, while the loan at hand is that draw.
    pub own_margin: Cell<Option<i64>>,
    /// Whether it has a fixed rate of its own instead of the index.
    pub own_fixed: Cell<bool>,
}

// Places in `rates` and `counts`.
const MARGIN: usize = 0;
const INDEX_FLOOR: usize = 1;
const INDEX_CAP: usize = 2;
const RATE_FLOOR: usize = 3;
const RATE_CAP: usize = 4;
const DEFAULT_MARGIN: usize = 5;
const PIK: usize = 6;
const PIK_SHARE: usize = 7;
const LAG: usize = 0;
const LOOKBACK: usize = 1;
const LOCKOUT: usize = 2;
/// Business days that a fixing may be looked back for.
const MOST_DAYS: i32 = 250;

impl RateChunk {
    /// Copies the columns out and judges value by value.
    pub fn read(&mut self, columns: &RateColumns<'_>, door: &mut Door<'_>, range: &Range<usize>) {
        self.index.clear();
        self.index.resize(range.len(), -1);
        if let Some(index) = &columns.index {
            index.load(range.start, &mut self.index);
        }
        let high = door.settings.allow_high_rate;
        let rates = [
            (columns.margin, "margin_rate"),
            (columns.index_floor, "index_floor_rate"),
            (columns.index_cap, "index_cap_rate"),
            (columns.rate_floor, "rate_floor"),
            (columns.rate_cap, "rate_cap"),
            (columns.default_margin, "default_margin_rate"),
            (columns.pik, "pik_rate"),
            (columns.pik_share, "pik_share"),
        ];
        for ((column, name), out) in rates.into_iter().zip(&mut self.rates) {
            door.rates(column, name, high && name != "pik_share", out);
        }
        let counts = [
            (columns.reset_lag_days, "reset_lag_days"),
            (columns.lookback_days, "lookback_days"),
            (columns.lockout_days, "lockout_days"),
        ];
        for ((column, name), out) in counts.into_iter().zip(&mut self.counts) {
            door.counts(column, name, 0..=MOST_DAYS, out);
        }
        door.days(columns.default_from, "default_from_date", &mut self.default_from);
        door.days(columns.default_to, "default_to_date", &mut self.default_to);
        self.manner.clear();
        self.manner.resize(range.len(), Manner::default());
        let (manner, codes) = (&mut self.manner, &mut self.codes);
        choose(columns.averaging.as_ref(), range, codes, manner, |manner, value| manner.averaging = value);
        choose(columns.reset.as_ref(), range, codes, manner, |manner, value| manner.reset = value);
        choose(columns.observation_shift.as_ref(), range, codes, manner, |manner, value| manner.shift = value);
        choose(columns.floor_daily.as_ref(), range, codes, manner, |manner, value| manner.floor_daily = value);
    }

    /// The number of the loan's curve, where it has one.
    fn code(&self, index: usize) -> Option<usize> {
        let code = self.index.get(index).filter(|_| !self.own_fixed.get());
        code.and_then(|code| usize::try_from(*code).ok())
    }

    fn rate(&self, which: usize, index: usize) -> Option<i64> {
        if which == MARGIN && (self.own_fixed.get() || self.own_margin.get().is_some()) {
            return self.own_margin.get();
        }
        self.rates.get(which).and_then(|column| column.get(index)).map(AnnualRate::parts)
    }

    fn count(&self, which: usize, index: usize) -> u16 {
        let count = self.counts.get(which).and_then(|column| column.get(index)).unwrap_or(0);
        u16::try_from(count).unwrap_or(0)
    }

    /// Whether the loan at `index` has an index.
    pub fn floats(&self, index: usize) -> bool {
        self.code(index).is_some()
    }

    fn collar(&self, names: (&'static str, usize, usize), index: usize) -> Result<Collar, Refusal> {
        let (name, floor, cap) = names;
        let (floor, cap) = (self.rate(floor, index), self.rate(cap, index));
        Collar::new(floor, cap).ok_or_else(|| {
            let shown = |parts: Option<i64>| parts.map_or(0.0, |parts| AnnualRate::from_parts(parts).as_f64());
            Refusal::new(name, Rule::Range, format!("{} above the cap {}", shown(floor), shown(cap)))
        })
    }

    /// Adds the time in default to the changes of terms.
    fn add_default(&self, index: usize, start: Date, changes: &mut Vec<Change>) -> Result<(), Refusal> {
        let (from, to) = (self.default_from.get(index), self.default_to.get(index));
        if let Some(to) = to.filter(|to| *to <= from.unwrap_or(start)) {
            return Err(Refusal::new("default_to_date", Rule::DateOrder, iso(to)));
        }
        if let Some(margin) = self.rate(DEFAULT_MARGIN, index) {
            let term = Term::DefaultMargin;
            changes.extend(from.map(|date| Change { date, term, value: margin }));
            changes.extend(to.map(|date| Change { date, term, value: 0 }));
        }
        changes.sort_by_key(|change| change.date);
        Ok(())
    }

    /// What decides the rate of the loan at `index`, if that is a fixing at the start of each period and a margin.
    pub(super) fn simple<'a>(&self, columns: &RateColumns<'a>, index: usize) -> Option<SimpleFloat<'a>> {
        let code = self.code(index)?;
        let curve = columns.curves.get(code)?;
        let manner = self.manner.get(index).copied().unwrap_or_default();
        let plain = manner.averaging == Averaging::None && manner.reset == ResetEvery::Period;
        let more = [DEFAULT_MARGIN, PIK, PIK_SHARE].iter().any(|which| self.rate(*which, index).is_some())
            || [LAG, LOOKBACK, LOCKOUT].iter().any(|which| self.count(*which, index) != 0)
            || self.default_from.get(index).is_some()
            || self.default_to.get(index).is_some();
        let collar = |floor, cap| Collar::new(self.rate(floor, index), self.rate(cap, index));
        let collars = (collar(INDEX_FLOOR, INDEX_CAP)?, collar(RATE_FLOOR, RATE_CAP)?);
        let margin = self.rate(MARGIN, index).unwrap_or(0);
        (plain && !more).then_some(SimpleFloat { curve, code, collars, margin })
    }

    /// Whether the loan at `index` has more than a fixed rate and its steps.
    pub fn matters(&self, index: usize) -> bool {
        let any = [MARGIN, DEFAULT_MARGIN, PIK, PIK_SHARE].iter().any(|which| self.rate(*which, index).is_some());
        any || self.floats(index)
    }

    /// Lays the rates of the loan at `index` along its periods: [`Layout::path`], and the changes as steps. Returns
    /// the rate that it starts with.
    pub fn lay<A: LoanAmount>(
        &self,
        columns: &RateColumns<'_>,
        settings: &LoanSettings,
        loan: (usize, Date, DayCount, Option<AnnualRate>),
        layout: &mut Layout<A>,
    ) -> Result<AnnualRate, Refusal> {
        let (index, start, ..) = loan;
        self.add_default(index, start, &mut layout.changes)?;
        self.judge_kind(index, loan.3, &layout.changes)?;
        if !self.floats(index) && !layout.cuts.is_empty() {
            return Err(Refusal::new("index", Rule::Null, "null, with a hedge"));
        }
        let terms = self.terms(columns, settings, loan, &layout.changes)?;
        let name = self.name(columns, index);
        let laid = terms.path_into(&layout.periods, &layout.cuts, &mut layout.path);
        laid.map_err(|gap| Refusal::new("index", Rule::CurveRange, describe(gap, name)))?;
        let all = !layout.cuts.is_empty() || layout.path.iter().any(|part| part.pik_rate != 0);
        resets_into(&layout.path, all, &mut layout.steps);
        Ok(layout.path.first().map_or(AnnualRate::ZERO, |part| AnnualRate::from_parts(part.cash_rate)))
    }

    /// Refuses a fixed rate beside an index, and a margin without one.
    fn judge_kind(&self, index: usize, fixed: Option<AnnualRate>, changes: &[Change]) -> Result<(), Refusal> {
        let changes_of = |term| changes.iter().find(|change| change.term == term).map(|change| change.value);
        let shown = |parts: i64| AnnualRate::from_parts(parts).as_f64().to_string();
        if !self.floats(index) {
            return match self.rate(MARGIN, index).or(changes_of(Term::Margin)) {
                Some(margin) => {
                    Err(Refusal::new("index", Rule::Null, format!("null, with a margin of {}", shown(margin))))
                }
                None => Ok(()),
            };
        }
        match fixed.map(AnnualRate::parts).or(changes_of(Term::AnnualRate)) {
            Some(rate) => Err(Refusal::new("annual_rate", Rule::RateConflict, shown(rate))),
            None => Ok(()),
        }
    }

    fn name<'a>(&self, columns: &RateColumns<'a>, index: usize) -> &'a str {
        self.code(index).and_then(|code| columns.names.get(code)).map_or("", String::as_str)
    }

    fn terms<'a>(
        &'a self,
        columns: &RateColumns<'a>,
        settings: &'a LoanSettings,
        loan: (usize, Date, DayCount, Option<AnnualRate>),
        changes: &'a [Change],
    ) -> Result<RateTerms<'a>, Refusal> {
        let (index, start, day_count, annual_rate) = loan;
        let index_collar = self.collar(("index_floor_rate", INDEX_FLOOR, INDEX_CAP), index)?;
        let rate_collar = self.collar(("rate_floor", RATE_FLOOR, RATE_CAP), index)?;
        let share = self.rate(PIK_SHARE, index).unwrap_or(0);
        if !(0..=AnnualRate::UNIT).contains(&share) {
            let shown = AnnualRate::from_parts(share).as_f64();
            return Err(Refusal::new("pik_share", Rule::Range, shown.to_string()));
        }
        let base = match self.code(index) {
            None => {
                let rate = annual_rate.ok_or_else(|| Refusal::new("annual_rate", Rule::Null, "null"))?;
                Base::Fixed(rate.parts())
            }
            Some(code) => {
                let missing = || Refusal::new("index", Rule::CurveMissing, self.name(columns, index));
                let curve = columns.curves.get(code).ok_or_else(missing)?;
                self.base(index, start, day_count, curve, index_collar)?
            }
        };
        let in_default = self.default_from.get(index).is_none();
        let at_start = Standing::new(
            self.rate(MARGIN, index).unwrap_or(0),
            self.rate(DEFAULT_MARGIN, index).filter(|_| in_default).unwrap_or(0),
            self.rate(PIK, index).unwrap_or(0),
            share,
        );
        Ok(RateTerms { base, index_collar, rate_collar, at_start, changes, holidays: &settings.holidays })
    }

    fn base<'a>(
        &self,
        index: usize,
        start: Date,
        day_count: DayCount,
        curve: Curve<'a>,
        collar: Collar,
    ) -> Result<Base<'a>, Refusal> {
        let manner = self.manner.get(index).copied().unwrap_or_default();
        if manner.averaging == Averaging::None {
            let reset = match manner.reset {
                ResetEvery::Period => Reset::EachPeriod,
                ResetEvery::Fixing => Reset::EachFixing,
                ResetEvery::Months(months) => Reset::Months { anchor: start, months },
            };
            return Ok(Base::Index { curve, reset, lag: self.count(LAG, index) });
        }
        let compounded = manner.averaging == Averaging::Compounded;
        if manner.shift && !compounded {
            return Err(Refusal::new("observation_shift", Rule::Profile, "true, not compounded"));
        }
        Ok(Base::Daily(Daily {
            curve,
            compounded,
            lookback: self.count(LOOKBACK, index),
            observation_shift: manner.shift,
            lockout: self.count(LOCKOUT, index),
            // The overnight markets of 365 days are those whose loans count 365.
            year_days: if day_count == DayCount::Act365Fixed { 365 } else { 360 },
            collar: if manner.floor_daily { collar } else { Collar::OPEN },
        }))
    }
}

impl<A: LoanAmount> LoanChunk<A> {
    /// Lays out the loan's rates, as steps and where needed as a path; returns the rate that it starts with.
    pub(super) fn lay_rates(
        &self,
        loans: &Loans<'_>,
        settings: &LoanSettings,
        (index, start, day_count): (usize, Date, DayCount),
        layout: &mut Layout<A>,
    ) -> Result<AnnualRate, Refusal> {
        layout.path.clear();
        layout.changes.clear();
        for step in self.beside.steps(index) {
            if let Some(vintage) = &self.vintage.get() {
                if !vintage.keeps(step.term) {
                    let date = layout.moved(step.date.max(start));
                    layout.changes.push(Change { date, term: step.term, value: step.rate.parts() });
                }
                continue;
            }
            if step.date < start {
                let (column, date) = ("rate_steps.date", iso(step.date));
                return Err(Refusal::beside(column, Rule::DateOrder, date, step.source));
            }
            let date = layout.moved(step.date);
            layout.changes.push(Change { date, term: step.term, value: step.rate.parts() });
        }
        let own = self.vintage.get().and_then(|vintage| vintage.draw.rate);
        let fixed = own.or_else(|| self.rate.get(index));
        let annual = layout.changes.iter().all(|change| change.term == Term::AnnualRate);
        layout.hedges.clear();
        let hedged = if self.vintage.get().is_none() {
            !self.hedges.of(index).is_empty()
        } else {
            // A draw at a fixed rate has no floating rate to hedge.
            if self.rates.floats(index) {
                self.hedges.of_draw_into(index, &mut layout.hedges);
            }
            !layout.hedges.is_empty()
        };
        let plain = annual && !self.rates.matters(index) && !hedged;
        if let Some(columns) = loans.rates.as_ref().filter(|_| !plain) {
            layout.cuts.clear();
            if hedged {
                self.hedges.cuts_into(index, &mut layout.cuts);
            }
            return self.rates.lay(columns, settings, (index, start, day_count, fixed), layout);
        }
        for change in &layout.changes {
            let movement = Movement::Reset(AnnualRate::from_parts(change.value));
            layout.steps.push(Step { date: change.date, movement });
        }
        fixed.ok_or_else(|| Refusal::new("annual_rate", Rule::Null, "null"))
    }

    /// The days on which books are looked at: one that was asked for, ends of periods, and where what is capitalised
    /// changes.
    pub(super) fn add_observations(
        &self,
        settings: &LoanSettings,
        index: usize,
        dates: &Dates,
        layout: &mut Layout<A>,
    ) {
        let mut look = |date: Date| {
            if date >= dates.start && date < dates.maturity {
                layout.steps.push(Step { date, movement: Movement::Observe });
            }
        };
        settings.observe_on.into_iter().for_each(&mut look);
        if !settings.observe {
            return;
        }
        let mut month = settings.grid.period_end(month_of(dates.start));
        while month_end(month) < dates.maturity {
            look(month_end(month));
            month = settings.grid.period_end(month.saturating_add(1));
        }
        self.beside.construction(index).iter().for_each(|step| look(step.date));
    }
}

fn describe(gap: CurveGap, name: &str) -> String {
    match gap {
        CurveGap::Before(date) => format!("{name} on {}, before its first date", iso(date)),
        CurveGap::After(date) => format!("{name} on {}, after its last date", iso(date)),
        CurveGap::Closed(date) => format!("{name}: no business day near {}", iso(date)),
    }
}
