//! Tables beside the loans: their rows sorted by loan and date, those of loan n from `offsets[n]` to `offsets[n + 1]`.
#![forbid(unsafe_code)]

use std::ops::Range;

use crate::batch::columns::{Load, MoneyColumn};
use crate::batch::reader::ReadMoney;
use crate::calendar::Date;
use crate::debt::books::Construction;
use crate::debt::floating::Term;
use crate::debt::steps::PaymentHoliday;
use crate::rate::AnnualRate;

/// Rates that take the place of the loan's.
#[derive(Clone, Copy)]
pub struct RateSteps<'a> {
    /// Where each loan's rows begin.
    pub offsets: &'a dyn Load<i64>,
    /// The first day of the rate.
    pub date: &'a dyn Load<Date>,
    /// Which rate: its place in [`TERMS`].
    pub term: &'a dyn Load<i8>,
    /// The rate in 10^-12.
    pub parts: &'a dyn Load<i64>,
    /// The row of the table, for messages.
    pub source: &'a dyn Load<i32>,
}

/// Rates that may change on a date, by their public names.
pub const TERMS: [(&str, Term); 5] = [
    ("annual_rate", Term::AnnualRate),
    ("margin_rate", Term::Margin),
    ("default_margin_rate", Term::DefaultMargin),
    ("pik_rate", Term::Pik),
    ("pik_share", Term::PikShare),
];

/// The share of interest cost that is capitalised, from a date on.
#[derive(Clone, Copy)]
pub struct ConstructionSteps<'a> {
    /// Where each loan's rows begin.
    pub offsets: &'a dyn Load<i64>,
    /// The first day of the share.
    pub date: &'a dyn Load<Date>,
    /// The share in 10^-12.
    pub parts: &'a dyn Load<i64>,
}

/// Principal by payment.
#[derive(Clone, Copy)]
pub struct PrincipalSchedule<'a> {
    /// Where each loan's rows begin.
    pub offsets: &'a dyn Load<i64>,
    /// The number of the payment; 0 where its date says which.
    pub number: &'a dyn Load<i32>,
    /// Its date.
    pub date: &'a dyn Load<Date>,
    /// The amount; the least integer or NaN for none.
    pub amount: MoneyColumn<'a>,
    /// The share of what was drawn, in 10^-12; the least integer for none.
    pub share: &'a dyn Load<i64>,
    /// The row of the table.
    pub source: &'a dyn Load<i32>,
}

/// Payment holidays.
#[derive(Clone, Copy)]
pub struct Skipped<'a> {
    /// Where each loan's rows begin.
    pub offsets: &'a dyn Load<i64>,
    /// The first day covered.
    pub from: &'a dyn Load<Date>,
    /// The last.
    pub to: &'a dyn Load<Date>,
    /// Whether interest is added to the balance (non-zero).
    pub capitalised: &'a dyn Load<i8>,
}

/// A change of the rate, copied out.
#[derive(Clone, Copy, Debug)]
pub struct RateStep {
    pub date: Date,
    pub term: Term,
    pub rate: AnnualRate,
    pub source: usize,
}

/// A row of a principal schedule, copied out.
#[derive(Clone, Copy, Debug)]
pub struct Instalment<A> {
    pub number: usize,
    pub date: Date,
    pub amount: Option<A>,
    pub share: Option<i64>,
    pub source: usize,
}

/// What stands beside the loans of a chunk.
#[derive(Default)]
pub struct Beside<A> {
    steps: Grouped<RateStep>,
    instalments: Grouped<Instalment<A>>,
    holidays: Grouped<PaymentHoliday>,
    construction: Grouped<Construction>,
}

/// Rows and where each loan's begin.
pub(super) struct Grouped<T> {
    offsets: Vec<i64>,
    rows: Vec<T>,
}

impl<T> Default for Grouped<T> {
    fn default() -> Self {
        Self { offsets: Vec::new(), rows: Vec::new() }
    }
}

impl<T> Grouped<T> {
    /// Loads the offsets of a chunk; returns the stretch of its rows. Offsets that Python changed meanwhile are empty.
    pub fn begin(&mut self, offsets: Option<&dyn Load<i64>>, range: &Range<usize>) -> Range<usize> {
        self.rows.clear();
        self.offsets.clear();
        let Some(offsets) = offsets else { return 0..0 };
        self.offsets.resize(range.len().saturating_add(1), 0);
        offsets.load(range.start, &mut self.offsets);
        let end = |at: Option<&i64>| at.and_then(|at| usize::try_from(*at).ok()).unwrap_or(0);
        end(self.offsets.first())..end(self.offsets.last())
    }

    pub fn push(&mut self, row: T) {
        self.rows.push(row);
    }

    pub fn of(&self, index: usize) -> &[T] {
        let first = self.offsets.first().copied().unwrap_or(0);
        let at = |index: usize| self.offsets.get(index).and_then(|at| usize::try_from(at.saturating_sub(first)).ok());
        let range = at(index).zip(at(index.saturating_add(1)));
        range.and_then(|(from, to)| self.rows.get(from..to)).unwrap_or_default()
    }
}

pub(super) fn loaded<T: Copy + Default>(column: &dyn Load<T>, range: &Range<usize>) -> Vec<T> {
    let mut values = vec![T::default(); range.len()];
    column.load(range.start, &mut values);
    values
}

fn place(number: i32) -> usize {
    usize::try_from(number).unwrap_or(0)
}

impl<A: ReadMoney> Beside<A> {
    /// Copies out what belongs to the loans of `range`.
    pub fn read(
        &mut self,
        steps: Option<&RateSteps<'_>>,
        schedule: Option<&PrincipalSchedule<'_>>,
        skipped: Option<&Skipped<'_>>,
        range: &Range<usize>,
    ) {
        let rows = self.steps.begin(steps.map(|steps| steps.offsets), range);
        if let Some(steps) = steps {
            let columns = (loaded(steps.date, &rows), loaded(steps.parts, &rows), loaded(steps.source, &rows));
            let rows = columns.0.into_iter().zip(columns.1).zip(columns.2).zip(loaded(steps.term, &rows));
            for (((date, parts), source), term) in rows {
                let rate = AnnualRate::from_parts(parts);
                let term = usize::try_from(term).ok().and_then(|term| TERMS.get(term));
                let term = term.map_or(Term::AnnualRate, |(_, term)| *term);
                self.steps.rows.push(RateStep { date, term, rate, source: place(source) });
            }
        }
        let rows = self.instalments.begin(schedule.map(|schedule| schedule.offsets), range);
        if let Some(schedule) = schedule {
            let mut amounts = Vec::new();
            A::load_optional(&schedule.amount, &rows, &mut amounts);
            let numbers = loaded(schedule.number, &rows).into_iter().zip(loaded(schedule.date, &rows));
            let shares = loaded(schedule.share, &rows).into_iter().zip(loaded(schedule.source, &rows));
            for (((number, date), amount), (share, source)) in numbers.zip(amounts).zip(shares) {
                let share = (share != i64::MIN).then_some(share);
                let row = Instalment { number: place(number), date, amount, share, source: place(source) };
                self.instalments.rows.push(row);
            }
        }
        let rows = self.holidays.begin(skipped.map(|skipped| skipped.offsets), range);
        if let Some(skipped) = skipped {
            let days = loaded(skipped.from, &rows).into_iter().zip(loaded(skipped.to, &rows));
            for ((from, to), flag) in days.zip(loaded(skipped.capitalised, &rows)) {
                self.holidays.rows.push(PaymentHoliday { from, to, capitalised: flag != 0 });
            }
        }
    }

    /// Copies out when assets are under construction.
    pub fn read_construction(&mut self, steps: Option<&ConstructionSteps<'_>>, range: &Range<usize>) {
        let rows = self.construction.begin(steps.map(|steps| steps.offsets), range);
        let Some(steps) = steps else { return };
        for (date, share) in loaded(steps.date, &rows).into_iter().zip(loaded(steps.parts, &rows)) {
            self.construction.rows.push(Construction { date, share });
        }
    }

    /// When the loan's asset is under construction.
    pub fn construction(&self, index: usize) -> &[Construction] {
        self.construction.of(index)
    }

    /// The changes of a loan's rates, by date.
    pub fn steps(&self, index: usize) -> &[RateStep] {
        self.steps.of(index)
    }

    /// The rows of its principal schedule.
    pub fn instalments(&self, index: usize) -> &[Instalment<A>] {
        self.instalments.of(index)
    }

    /// Its payment holidays.
    pub fn holidays(&self, index: usize) -> &[PaymentHoliday] {
        self.holidays.of(index)
    }
}
