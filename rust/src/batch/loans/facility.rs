//! The facility side of loans: draws and their vintages, fees, prepayments, cash flows and collateral.
#![forbid(unsafe_code)]

use std::ops::Range;

use super::LoanAmount;
use super::beside::{Grouped, loaded};
use super::chunk::{Door, Optional};
use crate::batch::columns::{DateColumn, Load, MoneyColumn, Nullable};
use crate::calendar::Date;
use crate::rate::AnnualRate;

type RateColumn<'a> = Option<Nullable<'a, &'a dyn Load<f64>>>;

/// Advances after the first, by loan and date.
#[derive(Clone, Copy)]
pub struct DrawColumns<'a> {
    /// Where each loan's rows begin.
    pub offsets: &'a dyn Load<i64>,
    /// The day.
    pub date: &'a dyn Load<Date>,
    /// How much.
    pub amount: MoneyColumn<'a>,
    /// Its own maturity; the least integer for that of the loan.
    pub maturity: &'a dyn Load<Date>,
    /// Its own fixed rate in 10^-12; the least integer for that of the loan.
    pub rate: &'a dyn Load<i64>,
    /// Its own margin, likewise.
    pub margin: &'a dyn Load<i64>,
    /// Which table it comes from: 0 draws, 1 refinancings.
    pub table: &'a dyn Load<i8>,
    /// The row of that table.
    pub source: &'a dyn Load<i32>,
}

/// Where draws come from, and how messages name their columns.
const DRAW_TABLES: [[&str; 4]; 2] = [
    ["draws.date", "draws.amount", "draws.maturity_date", "draws.margin_rate"],
    ["refinancings.date", "refinancings.into_loan_id", "refinancings.date", "refinancings.date"],
];

/// Prepayments by loan and date.
#[derive(Clone, Copy)]
pub struct PrepaymentColumns<'a> {
    /// Where each loan's rows begin.
    pub offsets: &'a dyn Load<i64>,
    /// The day.
    pub date: &'a dyn Load<Date>,
    /// How much; the least integer or NaN for all that is owed.
    pub amount: MoneyColumn<'a>,
    /// The share of that amount, in 10^-12.
    pub share: &'a dyn Load<i64>,
    /// Bits: 1 makes later payments smaller, 2 takes at most what is owed, 4 owes a premium, 8 settles interest.
    pub manner: &'a dyn Load<i8>,
    /// The draw that is repaid, -1 for the oldest first.
    pub draw: &'a dyn Load<i32>,
    /// Which table it comes from: 0 prepayments, 1 sweep, 2 refinancings.
    pub table: &'a dyn Load<i8>,
    /// The row of that table.
    pub source: &'a dyn Load<i32>,
}

/// Where prepayments come from: their columns of dates, amounts, effects and draws.
const PREPAYMENT_TABLES: [[&str; 4]; 3] = [
    ["prepayments.date", "prepayments.amount", "prepayments.effect", "prepayments.draw_number"],
    ["sweep.date", "sweep.excess_cash", "sweep.date", "sweep.date"],
    ["refinancings.date", "refinancings.loan_id", "refinancings.date", "refinancings.date"],
];

/// Premiums from dates on.
#[derive(Clone, Copy)]
pub struct PremiumColumns<'a> {
    /// Where each loan's rows begin.
    pub offsets: &'a dyn Load<i64>,
    /// The first day of the premium.
    pub date: &'a dyn Load<Date>,
    /// The premium in 10^-12.
    pub parts: &'a dyn Load<i64>,
}

/// Amounts by date: cash flow, or what collateral is worth.
#[derive(Clone, Copy)]
pub struct DatedColumns<'a> {
    /// Where each loan's rows begin.
    pub offsets: &'a dyn Load<i64>,
    /// The day.
    pub date: &'a dyn Load<Date>,
    /// The amount.
    pub amount: MoneyColumn<'a>,
    /// The row of the table.
    pub source: &'a dyn Load<i32>,
}

/// What makes loans facilities.
#[derive(Clone, Copy, Default)]
pub struct FacilityColumns<'a> {
    /// The first day for draws.
    pub draw_start: Option<Nullable<'a, DateColumn<'a>>>,
    /// Fee of a year on what is not drawn.
    pub undrawn_fee: RateColumn<'a>,
    /// Fee at the start, as a share of the commitment.
    pub upfront_fee_rate: RateColumn<'a>,
    /// The ratio of cash flow to payments.
    pub target_dscr: RateColumn<'a>,
    /// The share of collateral that may be owed.
    pub advance_rate: RateColumn<'a>,
    /// The end of the make-whole period.
    pub make_whole_until: Option<Nullable<'a, DateColumn<'a>>>,
    /// What forgone interest is discounted at.
    pub make_whole_rate: RateColumn<'a>,
    /// Advances.
    pub draws: Option<DrawColumns<'a>>,
    /// Prepayments, sweeps and repayments by refinancing.
    pub prepayments: Option<PrepaymentColumns<'a>>,
    /// What they cost.
    pub premiums: Option<PremiumColumns<'a>>,
    /// Cash flow for debt service.
    pub cash_flow: Option<DatedColumns<'a>>,
    /// Collateral values.
    pub collateral: Option<DatedColumns<'a>>,
}

impl FacilityColumns<'_> {
    /// Whether no column and no table is given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let rates =
            [&self.undrawn_fee, &self.upfront_fee_rate, &self.target_dscr, &self.advance_rate, &self.make_whole_rate];
        let tables = self.draws.is_some()
            || self.prepayments.is_some()
            || self.premiums.is_some()
            || self.cash_flow.is_some()
            || self.collateral.is_some();
        !tables
            && self.draw_start.is_none()
            && self.make_whole_until.is_none()
            && rates.iter().all(|rate| rate.is_none())
    }
}

/// An advance, copied out.
#[derive(Clone, Copy, Debug)]
pub struct DrawRow<A> {
    pub date: Date,
    pub amount: A,
    pub maturity: Option<Date>,
    pub rate: Option<AnnualRate>,
    pub margin: Option<i64>,
    pub table: usize,
    pub source: usize,
}

impl<A> DrawRow<A> {
    /// Whether it has terms of its own, and so is a loan of its own.
    pub fn is_vintage(&self) -> bool {
        self.maturity.is_some() || self.rate.is_some() || self.margin.is_some()
    }

    /// The name of one of its columns: date, amount, maturity, margin.
    pub fn column(&self, which: usize) -> &'static str {
        DRAW_TABLES.get(self.table).and_then(|names| names.get(which)).copied().unwrap_or("draws.date")
    }
}

/// A prepayment, copied out.
#[derive(Clone, Copy, Debug)]
pub struct PrepaymentRow<A> {
    pub date: Date,
    /// All that is owed where there is none.
    pub amount: Option<A>,
    pub refix: bool,
    pub capped: bool,
    pub called: bool,
    pub with_interest: bool,
    pub draw: Option<usize>,
    pub table: usize,
    pub source: usize,
}

impl<A> PrepaymentRow<A> {
    /// The name of one of its columns: date, amount, effect, draw.
    pub fn column(&self, which: usize) -> &'static str {
        PREPAYMENT_TABLES.get(self.table).and_then(|names| names.get(which)).copied().unwrap_or("prepayments.date")
    }
}

/// An amount of a date.
#[derive(Clone, Copy, Debug)]
pub struct Dated<A> {
    pub date: Date,
    pub amount: A,
    pub source: usize,
}

/// The facility side of a chunk.
#[derive(Default)]
pub struct FacilityChunk<A: LoanAmount> {
    pub draw_start: Optional<Date>,
    pub undrawn_fee: Optional<AnnualRate>,
    pub upfront_fee_rate: Optional<AnnualRate>,
    pub target_dscr: Optional<AnnualRate>,
    pub advance_rate: Optional<AnnualRate>,
    pub make_whole_until: Optional<Date>,
    pub make_whole_rate: Optional<AnnualRate>,
    draws: Grouped<DrawRow<A>>,
    prepayments: Grouped<PrepaymentRow<A>>,
    premiums: Grouped<(Date, AnnualRate)>,
    cash_flow: Grouped<Dated<A>>,
    collateral: Grouped<Dated<A>>,
    /// Whether the columns have been read.
    any: bool,
}

fn place(number: i32) -> usize {
    usize::try_from(number).unwrap_or(0)
}

fn given(parts: i64) -> Option<i64> {
    (parts != i64::MIN).then_some(parts)
}

impl<A: LoanAmount> FacilityChunk<A> {
    /// Copies out what belongs to the loans of `range`, and judges value by value.
    pub fn read(&mut self, columns: &FacilityColumns<'_>, door: &mut Door<'_>, range: &Range<usize>) {
        self.any = true;
        door.days(columns.draw_start, "draw_start_date", &mut self.draw_start);
        door.rates(columns.undrawn_fee, "undrawn_fee_rate", false, &mut self.undrawn_fee);
        door.rates(columns.upfront_fee_rate, "upfront_fee_rate", false, &mut self.upfront_fee_rate);
        door.rates(columns.target_dscr, "target_dscr", true, &mut self.target_dscr);
        door.rates(columns.advance_rate, "advance_rate", true, &mut self.advance_rate);
        door.days(columns.make_whole_until, "make_whole_until_date", &mut self.make_whole_until);
        door.rates(columns.make_whole_rate, "make_whole_rate", false, &mut self.make_whole_rate);
        self.read_draws(columns.draws.as_ref(), range);
        self.read_prepayments(columns.prepayments.as_ref(), range);
        let rows = self.premiums.begin(columns.premiums.map(|table| table.offsets), range);
        if let Some(table) = columns.premiums {
            for (date, parts) in loaded(table.date, &rows).into_iter().zip(loaded(table.parts, &rows)) {
                self.premiums.push((date, AnnualRate::from_parts(parts)));
            }
        }
        read_dated(&mut self.cash_flow, columns.cash_flow.as_ref(), range);
        read_dated(&mut self.collateral, columns.collateral.as_ref(), range);
    }

    fn read_draws(&mut self, table: Option<&DrawColumns<'_>>, range: &Range<usize>) {
        let rows = self.draws.begin(table.map(|table| table.offsets), range);
        let Some(table) = table else { return };
        let mut amounts = Vec::new();
        A::load_optional(&table.amount, &rows, &mut amounts);
        let terms = loaded(table.rate, &rows).into_iter().zip(loaded(table.margin, &rows));
        let terms = loaded(table.maturity, &rows).into_iter().zip(terms);
        let sources = loaded(table.table, &rows).into_iter().zip(loaded(table.source, &rows));
        let dated = loaded(table.date, &rows).into_iter().zip(amounts);
        for (((date, amount), (maturity, (rate, margin))), (from, source)) in dated.zip(terms).zip(sources) {
            self.draws.push(DrawRow {
                date,
                amount: amount.unwrap_or_default(),
                maturity: (maturity != Date::MIN).then_some(maturity),
                rate: given(rate).map(AnnualRate::from_parts),
                margin: given(margin),
                table: place(from.into()),
                source: place(source),
            });
        }
    }

    fn read_prepayments(&mut self, table: Option<&PrepaymentColumns<'_>>, range: &Range<usize>) {
        let rows = self.prepayments.begin(table.map(|table| table.offsets), range);
        let Some(table) = table else { return };
        let mut amounts = Vec::new();
        A::load_optional(&table.amount, &rows, &mut amounts);
        let dated = loaded(table.date, &rows).into_iter().zip(amounts).zip(loaded(table.share, &rows));
        let ways = loaded(table.manner, &rows).into_iter().zip(loaded(table.draw, &rows));
        let sources = loaded(table.table, &rows).into_iter().zip(loaded(table.source, &rows));
        for ((((date, amount), share), (manner, draw)), (from, source)) in dated.zip(ways).zip(sources) {
            // Of a sweep a share of the cash, rounded down: never more than there is.
            let swept = amount.map(|amount| {
                if share == AnnualRate::UNIT { Some(amount) } else { amount.at_most(share, AnnualRate::UNIT) }
            });
            self.prepayments.push(PrepaymentRow {
                date,
                amount: swept.map(Option::unwrap_or_default),
                refix: manner & 1 != 0,
                capped: manner & 2 != 0,
                called: manner & 4 != 0,
                with_interest: manner & 8 != 0,
                draw: usize::try_from(draw).ok(),
                table: place(from.into()),
                source: place(source),
            });
        }
    }

    /// The advances of a loan, by date.
    pub fn draws(&self, index: usize) -> &[DrawRow<A>] {
        if self.any { self.draws.of(index) } else { &[] }
    }

    /// Its prepayments, by date.
    pub fn prepayments(&self, index: usize) -> &[PrepaymentRow<A>] {
        if self.any { self.prepayments.of(index) } else { &[] }
    }

    /// What they cost, by date.
    pub fn premiums(&self, index: usize) -> &[(Date, AnnualRate)] {
        if self.any { self.premiums.of(index) } else { &[] }
    }

    /// Its cash flow, by date.
    pub fn cash_flow(&self, index: usize) -> &[Dated<A>] {
        if self.any { self.cash_flow.of(index) } else { &[] }
    }

    /// What its collateral is worth, by date.
    pub fn collateral(&self, index: usize) -> &[Dated<A>] {
        if self.any { self.collateral.of(index) } else { &[] }
    }
}

fn read_dated<A: LoanAmount>(out: &mut Grouped<Dated<A>>, table: Option<&DatedColumns<'_>>, range: &Range<usize>) {
    let rows = out.begin(table.map(|table| table.offsets), range);
    let Some(table) = table else { return };
    let mut amounts = Vec::new();
    A::load_optional(&table.amount, &rows, &mut amounts);
    let dated = loaded(table.date, &rows).into_iter().zip(amounts);
    for ((date, amount), source) in dated.zip(loaded(table.source, &rows)) {
        out.push(Dated { date, amount: amount.unwrap_or_default(), source: place(source) });
    }
}
