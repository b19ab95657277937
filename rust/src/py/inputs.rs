//! What Python hands over: fleets, runs and settings, frozen once made.
#![forbid(unsafe_code)]

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::columns::{Column, Mask};
use super::happenings::{Events, Usage};
use super::policies::convention;
use crate::batch::{self, CodeColumn, DateColumn, Load, MoneyColumn, MonthsColumn, Nullable};
use crate::calendar::{FIRST_DAY, Frequency, LAST_DAY, Month, PeriodGrid, month_of};
use crate::depreciation::{Framework, Rounding};
use crate::money::MinorUnits;

/// Rows per chunk: a chunk's columns stay in the second-level cache.
const CHUNK_ROWS: usize = 2_048;

/// Amounts.
pub enum MoneyArray {
    Major(Column<f64>),
    Minor(Column<i64>),
}

impl MoneyArray {
    pub fn take(array: &Bound<'_, PyAny>, len: Option<usize>) -> PyResult<Self> {
        if let Some(column) = Column::take(array, len)? {
            return Ok(Self::Major(column));
        }
        let column = Column::take(array, len)?;
        column.map(Self::Minor).ok_or_else(|| PyTypeError::new_err("amounts must be float64 or int64 arrays"))
    }

    fn len(&self) -> usize {
        match self {
            Self::Major(column) => column.len(),
            Self::Minor(column) => column.len(),
        }
    }

    pub fn borrow(&self) -> MoneyColumn<'_> {
        match self {
            Self::Major(column) => MoneyColumn::Major(column),
            Self::Minor(column) => MoneyColumn::Minor(column),
        }
    }
}

pub enum DateArray {
    Ticks(Column<i64>, i64),
    Days(Column<i32>),
}

impl DateArray {
    pub fn take(array: &Bound<'_, PyAny>, unit: &str, len: usize) -> PyResult<Self> {
        if let Some(days) = Column::take(array, Some(len))? {
            return Ok(Self::Days(days));
        }
        let per_day = match unit {
            "D" => 1,
            "s" => 86_400,
            "ms" => 86_400_000,
            "us" => 86_400_000_000,
            "ns" => 86_400_000_000_000,
            _ => return Err(PyValueError::new_err("date unit must be D, s, ms, us or ns")),
        };
        let ticks = Column::take(array, Some(len))?;
        ticks
            .map(|ticks| Self::Ticks(ticks, per_day))
            .ok_or_else(|| PyTypeError::new_err("dates must be int64 or int32 arrays"))
    }

    pub fn borrow(&self) -> DateColumn<'_> {
        match self {
            Self::Ticks(column, per_day) => DateColumn::Ticks(column, *per_day),
            Self::Days(column) => DateColumn::Days(column),
        }
    }
}

pub enum MonthsArray {
    Whole(Column<i64>),
    Narrow(Column<i32>),
    Float(Column<f64>),
}

impl MonthsArray {
    pub fn take(array: &Bound<'_, PyAny>, len: usize) -> PyResult<Self> {
        if let Some(column) = Column::take(array, Some(len))? {
            return Ok(Self::Whole(column));
        }
        if let Some(column) = Column::take(array, Some(len))? {
            return Ok(Self::Narrow(column));
        }
        let column = Column::take(array, Some(len))?;
        column.map(Self::Float).ok_or_else(|| PyTypeError::new_err("months must be int64, int32 or float64 arrays"))
    }

    pub fn borrow(&self) -> MonthsColumn<'_> {
        match self {
            Self::Whole(column) => MonthsColumn::Whole(column),
            Self::Narrow(column) => MonthsColumn::Narrow(column),
            Self::Float(column) => MonthsColumn::Float(column),
        }
    }
}

/// Threads to use; 0 asks for as many as there are.
pub fn count_threads(asked: usize) -> usize {
    match asked {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        some => some,
    }
}

/// Codes of groups or policies.
pub enum Codes {
    I8(Column<i8>),
    I16(Column<i16>),
    I32(Column<i32>),
    I64(Column<i64>),
}

impl Codes {
    pub fn borrow(&self) -> CodeColumn<'_> {
        match self {
            Self::I8(column) => CodeColumn::I8(column),
            Self::I16(column) => CodeColumn::I16(column),
            Self::I32(column) => CodeColumn::I32(column),
            Self::I64(column) => CodeColumn::I64(column),
        }
    }
}

/// Reads codes of any integer width.
pub fn codes(array: &Bound<'_, PyAny>, len: usize) -> PyResult<Codes> {
    if let Some(column) = Column::take(array, Some(len))? {
        return Ok(Codes::I16(column));
    }
    if let Some(column) = Column::take(array, Some(len))? {
        return Ok(Codes::I8(column));
    }
    if let Some(column) = Column::take(array, Some(len))? {
        return Ok(Codes::I32(column));
    }
    let column = Column::take(array, Some(len))?;
    column.map(Codes::I64).ok_or_else(|| PyTypeError::new_err("codes must be int8, int16, int32 or int64 arrays"))
}

/// A column and its nulls.
pub struct WithNulls<C> {
    values: C,
    nulls: Option<Mask>,
}

impl<C> WithNulls<C> {
    pub fn take(values: C, nulls: Option<&Bound<'_, PyAny>>, len: usize) -> PyResult<Self> {
        Ok(Self { values, nulls: nulls.map(|mask| Mask::take(mask, len)).transpose()? })
    }

    pub fn borrow<'a, B>(&'a self, borrow: impl FnOnce(&'a C) -> B) -> Nullable<'a, B> {
        Nullable { values: borrow(&self.values), nulls: self.nulls.as_ref().map(|mask| -> &dyn Load<u8> { mask }) }
    }
}

/// A fleet as arrays.
#[pyclass(frozen, module = "neocalc._core")]
pub struct Fleet {
    #[pyo3(get)]
    pub rows: usize,
    cost: WithNulls<MoneyArray>,
    in_service: WithNulls<DateArray>,
    residual: Option<WithNulls<MoneyArray>>,
    life_months: Option<WithNulls<MonthsArray>>,
    opening: Option<(WithNulls<MoneyArray>, WithNulls<DateArray>)>,
    events: Option<Py<Events>>,
    usage: Option<Py<Usage>>,
    skip: Option<Mask>,
    nan_is_null: bool,
}

#[pymethods]
impl Fleet {
    #[new]
    #[pyo3(signature = (
        cost, in_service_date, date_unit, *, cost_null=None, date_null=None, residual_value=None, residual_null=None,
        useful_life_months=None, life_null=None, opening_accumulated=None, opening_null=None, opening_date=None,
        opening_date_unit="D", opening_date_null=None, skip=None, nan_is_null=true, events=None, usage=None
    ))]
    #[allow(clippy::too_many_arguments, reason = "one for each column of a fleet")]
    fn new(
        cost: &Bound<'_, PyAny>,
        in_service_date: &Bound<'_, PyAny>,
        date_unit: &str,
        cost_null: Option<&Bound<'_, PyAny>>,
        date_null: Option<&Bound<'_, PyAny>>,
        residual_value: Option<&Bound<'_, PyAny>>,
        residual_null: Option<&Bound<'_, PyAny>>,
        useful_life_months: Option<&Bound<'_, PyAny>>,
        life_null: Option<&Bound<'_, PyAny>>,
        opening_accumulated: Option<&Bound<'_, PyAny>>,
        opening_null: Option<&Bound<'_, PyAny>>,
        opening_date: Option<&Bound<'_, PyAny>>,
        opening_date_unit: &str,
        opening_date_null: Option<&Bound<'_, PyAny>>,
        skip: Option<&Bound<'_, PyAny>>,
        nan_is_null: bool,
        events: Option<Py<Events>>,
        usage: Option<Py<Usage>>,
    ) -> PyResult<Self> {
        let cost = MoneyArray::take(cost, None)?;
        let rows = cost.len();
        if i32::try_from(rows).is_err() {
            return Err(PyValueError::new_err("a fleet has at most 2^31 - 1 rows; pass it in parts"));
        }
        let of_rows =
            [events.as_ref().map(|events| events.get().rows()), usage.as_ref().map(|usage| usage.get().rows())];
        if of_rows.into_iter().flatten().any(|other| other != rows) {
            return Err(PyValueError::new_err("columns differ in length"));
        }
        let opening = match (opening_accumulated, opening_date) {
            (Some(amount), Some(date)) => Some((
                WithNulls::take(MoneyArray::take(amount, Some(rows))?, opening_null, rows)?,
                WithNulls::take(DateArray::take(date, opening_date_unit, rows)?, opening_date_null, rows)?,
            )),
            (None, None) => None,
            _ => return Err(PyValueError::new_err("opening_accumulated and opening_date belong together")),
        };
        Ok(Self {
            rows,
            cost: WithNulls::take(cost, cost_null, rows)?,
            in_service: WithNulls::take(DateArray::take(in_service_date, date_unit, rows)?, date_null, rows)?,
            residual: residual_value
                .map(|array| WithNulls::take(MoneyArray::take(array, Some(rows))?, residual_null, rows))
                .transpose()?,
            life_months: useful_life_months
                .map(|array| WithNulls::take(MonthsArray::take(array, rows)?, life_null, rows))
                .transpose()?,
            opening,
            events,
            usage,
            skip: skip.map(|mask| Mask::take(mask, rows)).transpose()?,
            nan_is_null,
        })
    }
}

impl Fleet {
    pub fn borrow(&self) -> batch::Fleet<'_> {
        batch::Fleet {
            len: self.rows,
            cost: self.cost.borrow(MoneyArray::borrow),
            in_service: self.in_service.borrow(DateArray::borrow),
            residual: self.residual.as_ref().map(|column| column.borrow(MoneyArray::borrow)),
            life_months: self.life_months.as_ref().map(|column| column.borrow(MonthsArray::borrow)),
            opening: self
                .opening
                .as_ref()
                .map(|(amount, date)| (amount.borrow(MoneyArray::borrow), date.borrow(DateArray::borrow))),
            events: self.events.as_ref().map(|events| events.get().borrow()),
            usage: self.usage.as_ref().map(|usage| usage.get().borrow()),
            skip: self.skip.as_ref().map(|mask| -> &dyn Load<u8> { mask }),
            nan_is_null: self.nan_is_null,
        }
    }
}

/// The month of a day since 1970-01-01.
pub fn month(day: i64) -> PyResult<Month> {
    match i32::try_from(day) {
        Ok(day) if (FIRST_DAY..=LAST_DAY).contains(&day) => Ok(month_of(day)),
        _ => Err(PyValueError::new_err("dates lie between 1900-01-01 and 2199-12-31")),
    }
}

/// What holds for all rows of a call.
#[pyclass(frozen, module = "neocalc._core")]
pub struct Settings {
    pub inner: batch::Settings,
}

#[pymethods]
impl Settings {
    #[new]
    #[pyo3(signature = (
        *, rounding="balance", minor_units=2, freq="M", fiscal_year_end=12, start=None, end=None, rows_all=false,
        allow_credit=false, round_input=false, floor_time=false, max_life_months=1200, threads=0, chunk_rows=0,
        framework="us_gaap", disposal_convention=None, posted_through=None
    ))]
    #[allow(clippy::too_many_arguments, clippy::fn_params_excessive_bools, reason = "keywords that Python sees")]
    fn new(
        rounding: &str,
        minor_units: u8,
        freq: &str,
        fiscal_year_end: u8,
        start: Option<i64>,
        end: Option<i64>,
        rows_all: bool,
        allow_credit: bool,
        round_input: bool,
        floor_time: bool,
        max_life_months: i32,
        threads: usize,
        chunk_rows: usize,
        framework: &str,
        disposal_convention: Option<&str>,
        posted_through: Option<i64>,
    ) -> PyResult<Self> {
        let refuse = |what: &str| PyValueError::new_err(format!("{what} out of range"));
        let rounding = match rounding {
            "balance" => Some(Rounding::Balance),
            "level" => Some(Rounding::Level),
            "none" => None,
            _ => return Err(refuse("rounding")),
        };
        let grid = Frequency::parse(freq).and_then(|frequency| PeriodGrid::new(frequency, fiscal_year_end));
        let threads = count_threads(threads);
        Ok(Self {
            inner: batch::Settings {
                rounding,
                units: MinorUnits::new(minor_units).ok_or_else(|| refuse("minor_units"))?,
                grid: grid.ok_or_else(|| refuse("freq or fiscal_year_end"))?,
                start: start.map(month).transpose()?,
                end: end.map(month).transpose()?,
                rows_all,
                allow_credit,
                round_input,
                floor_time,
                max_life_months,
                threads,
                chunk_rows: if chunk_rows == 0 { CHUNK_ROWS } else { chunk_rows },
                memory_limit: usize::MAX,
                framework: Framework::parse(framework).ok_or_else(|| refuse("framework"))?,
                disposal_convention: disposal_convention.map(convention).transpose()?,
                posted_through: posted_through.map(month).transpose()?,
            },
        })
    }
}
