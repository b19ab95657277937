//! One chunk of a loan book: copied out and judged value by value.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::ops::{Range, RangeInclusive};

use super::LoanAmount;
use super::beside::Beside;
use super::columns::{Choice, Loans};
use super::facility::FacilityChunk;
use super::hedges::HedgeChunk;
use super::rates::RateChunk;
use super::settings::LoanSettings;
use super::vintages::Vintage;
use crate::batch::columns::{DateColumn, Load, MoneyColumn, MonthsColumn, Nullable};
use crate::batch::reader::{Reader, read_days, read_months, read_rates};
use crate::calendar::{BusinessDayConvention, Date, DayCount, PaymentFrequency, Stub};
use crate::debt::ProfileKind;
use crate::error::{Column, Rule};
use crate::rate::AnnualRate;

/// An optional column of a chunk.
pub struct Optional<T> {
    values: Vec<T>,
    null: Vec<bool>,
}

impl<T> Default for Optional<T> {
    fn default() -> Self {
        Self { values: Vec::new(), null: Vec::new() }
    }
}

impl<T: Copy> Optional<T> {
    /// The row's value, where it has one.
    pub fn get(&self, index: usize) -> Option<T> {
        if self.null.get(index).is_some_and(|null| *null) { None } else { self.values.get(index).copied() }
    }

    /// Whether there is no such column.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The values of all rows, which stand for nothing where there is none.
    pub fn values(&self) -> Option<&[T]> {
        Some(self.values.as_slice()).filter(|values| !values.is_empty())
    }

    /// Whether a row has no value.
    pub fn has_nulls(&self) -> bool {
        self.null.iter().fold(false, |any, null| any | null)
    }
}

/// The words of a row, or their defaults.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    pub profile: ProfileKind,
    pub frequency: PaymentFrequency,
    pub day_count: DayCount,
    pub convention: BusinessDayConvention,
    pub stub: Stub,
    pub end_of_month: bool,
}

impl Words {
    pub(super) const DEFAULT: Self = Self {
        profile: ProfileKind::LevelPayment,
        frequency: PaymentFrequency::MONTHLY,
        day_count: DayCount::Thirty360,
        convention: BusinessDayConvention::None,
        stub: Stub::ShortBack,
        end_of_month: false,
    };
}

/// A chunk read and judged, ready to be resolved.
pub struct LoanChunk<A: LoanAmount> {
    /// Which rows are unusable, and why.
    pub reader: Reader,
    pub principal: Optional<A>,
    pub commitment: Optional<A>,
    pub start: Vec<Date>,
    pub maturity: Optional<Date>,
    pub term_months: Optional<i32>,
    pub rate: Optional<AnnualRate>,
    pub words: Vec<Words>,
    pub first_payment: Optional<Date>,
    pub interest_only_months: Optional<i32>,
    pub amortization_months: Optional<i32>,
    pub payment: Optional<A>,
    pub balance_cap: Optional<A>,
    pub balance_cap_rate: Optional<AnnualRate>,
    pub issue_price: Optional<AnnualRate>,
    pub upfront_fee: Optional<A>,
    pub issue_costs: Optional<A>,
    pub draw_end: Optional<Date>,
    pub rates: RateChunk,
    pub hedges: HedgeChunk<A>,
    pub beside: Beside<A>,
    pub facility: FacilityChunk<A>,
    /// The draw that is the loan at hand, where it is not the row itself.
    pub vintage: Cell<Option<Vintage<A>>>,
    /// Whether draws with terms of their own have a row in the books of the loan itself.
    pub watched: Cell<bool>,
    /// Of each prepayment of the loan at hand, what its draws have not taken yet.
    pub left: Vec<A>,
    /// Whether no loan has words or terms beyond principal, rate, start and end, so that none need be asked for.
    pub(super) is_plain: bool,
    codes: Vec<i32>,
}

impl<A: LoanAmount> Default for LoanChunk<A> {
    fn default() -> Self {
        Self {
            reader: Reader::default(),
            principal: Optional::default(),
            commitment: Optional::default(),
            start: Vec::new(),
            maturity: Optional::default(),
            term_months: Optional::default(),
            rate: Optional::default(),
            words: Vec::new(),
            first_payment: Optional::default(),
            interest_only_months: Optional::default(),
            amortization_months: Optional::default(),
            payment: Optional::default(),
            balance_cap: Optional::default(),
            balance_cap_rate: Optional::default(),
            issue_price: Optional::default(),
            upfront_fee: Optional::default(),
            issue_costs: Optional::default(),
            draw_end: Optional::default(),
            rates: RateChunk::default(),
            hedges: HedgeChunk::default(),
            beside: Beside::default(),
            facility: FacilityChunk::default(),
            vintage: Cell::new(None),
            watched: Cell::new(false),
            left: Vec::new(),
            is_plain: false,
            codes: Vec::new(),
        }
    }
}

/// What the columns of a chunk are read with.
pub(super) struct Door<'a> {
    pub settings: &'a LoanSettings,
    pub range: &'a Range<usize>,
    pub reader: &'a mut Reader,
}

impl Door<'_> {
    /// Amounts that are not negative, or, with `positive`, above 0.
    fn money<A: LoanAmount>(
        &mut self,
        column: Option<Nullable<'_, MoneyColumn<'_>>>,
        name: &'static str,
        positive: bool,
        out: &mut Optional<A>,
    ) {
        out.values.clear();
        let Some(column) = column else { return };
        let what = Column::Argument(name);
        A::read(&column, what, self.range, &self.settings.reading, self.reader, &mut out.values);
        out.null.clone_from(&self.reader.null);
        let is_low = |amount: &A| *amount < A::zero() || positive && *amount == A::zero();
        if !out.values.iter().fold(false, |any, amount| any | is_low(amount)) {
            return;
        }
        for (index, amount) in out.values.iter().enumerate() {
            // Where a value could not be read, nothing stands for it.
            let read = !self.reader.bad.get(index).is_some_and(|bad| *bad);
            let wrong = *amount < A::zero() || positive && read && *amount == A::zero();
            if wrong && out.null.get(index) == Some(&false) {
                self.reader.note(index, what, Rule::Range, amount.show(self.settings.reading.units));
            }
        }
    }

    pub fn days(&mut self, column: Option<Nullable<'_, DateColumn<'_>>>, name: &'static str, out: &mut Optional<Date>) {
        out.values.clear();
        let Some(column) = column else { return };
        let what = Column::Argument(name);
        read_days(&column, what, self.range, &self.settings.reading, self.reader, &mut out.values);
        out.null.clone_from(&self.reader.null);
    }

    fn months(
        &mut self,
        column: Option<Nullable<'_, MonthsColumn<'_>>>,
        name: &'static str,
        least: i32,
        out: &mut Optional<i32>,
    ) {
        self.counts(column, name, least..=*self.settings.terms().end(), out);
    }

    /// Whole numbers.
    pub fn counts(
        &mut self,
        column: Option<Nullable<'_, MonthsColumn<'_>>>,
        name: &'static str,
        allowed: RangeInclusive<i32>,
        out: &mut Optional<i32>,
    ) {
        out.values.clear();
        let Some(column) = column else { return };
        read_months(&column, Column::Argument(name), self.range, &allowed, self.reader, &mut out.values);
        out.null.clone_from(&self.reader.null);
    }

    pub fn rates(
        &mut self,
        column: Option<Nullable<'_, &dyn Load<f64>>>,
        name: &'static str,
        allow_high: bool,
        out: &mut Optional<AnnualRate>,
    ) {
        out.values.clear();
        let Some(column) = column else { return };
        read_rates(&column, Column::Argument(name), self.range, allow_high, self.reader, &mut out.values);
        out.null.clone_from(&self.reader.null);
    }
}

impl<A: LoanAmount> LoanChunk<A> {
    /// Reads and judges the rows of `range`.
    pub fn read(&mut self, loans: &Loans<'_>, settings: &LoanSettings, range: &Range<usize>) {
        self.reader.begin(loans.skip, loans.nan_is_null, range);
        let mut door = Door { settings, range, reader: &mut self.reader };
        let start = Column::Argument("start_date");
        read_days(&loans.start, start, range, &settings.reading, door.reader, &mut self.start);
        if loans.rates.is_some() {
            door.reader.optional_from_here();
        }
        door.rates(Some(loans.rate), "annual_rate", settings.allow_high_rate, &mut self.rate);
        door.reader.optional_from_here();
        door.money(loans.principal, "principal", false, &mut self.principal);
        door.money(loans.commitment, "commitment", false, &mut self.commitment);
        door.days(loans.maturity, "maturity_date", &mut self.maturity);
        door.months(loans.term_months, "term_months", 1, &mut self.term_months);
        door.days(loans.first_payment, "first_payment_date", &mut self.first_payment);
        door.months(loans.interest_only_months, "interest_only_months", 0, &mut self.interest_only_months);
        door.months(loans.amortization_months, "amortization_months", 1, &mut self.amortization_months);
        door.money(loans.payment, "payment", true, &mut self.payment);
        door.money(loans.balance_cap, "balance_cap", false, &mut self.balance_cap);
        door.rates(loans.balance_cap_rate, "balance_cap_rate", true, &mut self.balance_cap_rate);
        door.rates(loans.issue_price, "issue_price", true, &mut self.issue_price);
        door.money(loans.upfront_fee, "upfront_fee", false, &mut self.upfront_fee);
        door.money(loans.issue_costs, "issue_costs", false, &mut self.issue_costs);
        door.days(loans.draw_end, "draw_end_date", &mut self.draw_end);
        if let Some(rates) = &loans.rates {
            self.rates.read(rates, &mut door, range);
        }
        if let Some(facility) = &loans.facility {
            self.facility.read(facility, &mut door, range);
        }
        self.hedges.read(loans.hedges.as_ref(), range);
        self.beside.read_construction(loans.construction.as_ref(), range);
        self.read_words(loans, range);
        let (steps, schedule, skipped) = (&loans.rate_steps, &loans.principal_schedule, &loans.skipped);
        self.beside.read(steps.as_ref(), schedule.as_ref(), skipped.as_ref(), range);
    }

    fn read_words(&mut self, loans: &Loans<'_>, range: &Range<usize>) {
        let was_plain = std::mem::replace(&mut self.is_plain, loans.is_plain());
        if !(was_plain && self.is_plain) {
            self.words.clear();
        }
        self.words.resize(range.len(), Words::DEFAULT);
        let (words, codes) = (&mut self.words, &mut self.codes);
        choose(loans.profile.as_ref(), range, codes, words, |words, value| words.profile = value);
        choose(loans.frequency.as_ref(), range, codes, words, |words, value| words.frequency = value);
        choose(loans.day_count.as_ref(), range, codes, words, |words, value| words.day_count = value);
        choose(loans.convention.as_ref(), range, codes, words, |words, value| words.convention = value);
        choose(loans.stub.as_ref(), range, codes, words, |words, value| words.stub = value);
        choose(loans.end_of_month.as_ref(), range, codes, words, |words, value| words.end_of_month = value);
    }
}

/// Sets what a column of words says.
pub(super) fn choose<T: Copy, W>(
    choice: Option<&Choice<'_, T>>,
    range: &Range<usize>,
    codes: &mut Vec<i32>,
    words: &mut [W],
    set: impl Fn(&mut W, T),
) {
    let Some(choice) = choice else { return };
    codes.clear();
    codes.resize(range.len(), -1);
    choice.codes.load(range.start, codes);
    for (words, code) in words.iter_mut().zip(codes) {
        if let Some(value) = usize::try_from(*code).ok().and_then(|code| choice.values.get(code)) {
            set(words, *value);
        }
    }
}
