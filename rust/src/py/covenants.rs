//! Covenants for Python: books of arrays in, outcomes as arrays out.
#![forbid(unsafe_code)]

use numpy::{Element, PyArray1, PyArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::columns::{Column, cube_kernels};
use super::door::enter;
use super::inputs::{MoneyArray, count_threads};
use super::{IssueTuple, issue_tuples};
use crate::batch::{Cube, CubeMeasure, CubeTargets, Load, Poll, test_covenants, test_cube};
use crate::calendar::{Date, Frequency, PeriodGrid};
use crate::covenant::cross::Edge;
use crate::covenant::{
    Book, Clause, Cure, CureRights, CureTarget, Fraction, Level, Limit, Measure, Metric, Outcome, Place, Span,
    Springing, Status, Term, Window,
};
use crate::money::MinorUnits;

/// Measure, whether it is taken off, kind of window, periods.
type TermTuple = (usize, bool, String, usize);
/// Above the line, below it, what a cure changes and whether it lowers it.
type MetricTuple = (Vec<TermTuple>, Vec<TermTuple>, Option<(usize, bool)>);
/// Side, measure, whether it is taken off, period, amount, factor as a quotient, whether it is a cure.
type InputTuple = (usize, usize, bool, usize, Option<i64>, usize, usize, bool);

/// Longer windows than this are a mistake.
const LONGEST_WINDOW: usize = 1_200;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<CovenantBook>()?;
    module.add("COVENANT_STATUSES", PyTuple::new(module.py(), Status::ALL.map(|(name, _)| name))?)
}

fn refuse(what: &str) -> PyErr {
    PyValueError::new_err(what.to_owned())
}

fn values<T: Element + Copy + Default>(array: &Bound<'_, PyAny>) -> PyResult<Vec<T>>
where
    Column<T>: Load<T>,
{
    let column = Column::<T>::take(array, None)?.ok_or_else(|| PyTypeError::new_err("an array has the wrong type"))?;
    let mut out = vec![T::default(); column.len()];
    column.load(0, &mut out);
    Ok(out)
}

/// A table of arrays by name.
struct Table<'py>(&'py Bound<'py, PyDict>);

impl Table<'_> {
    fn column<T: Element + Copy + Default>(&self, name: &str) -> PyResult<Vec<T>>
    where
        Column<T>: Load<T>,
    {
        values(&self.0.get_item(name)?.ok_or_else(|| refuse(&format!("{name} is missing")))?)
    }

    /// The values of each row.
    fn rows<T: Element + Copy + Default, const N: usize>(&self, names: [&str; N]) -> PyResult<Vec<[T; N]>>
    where
        Column<T>: Load<T>,
    {
        let mut rows: Vec<[T; N]> = Vec::new();
        for (place, name) in names.into_iter().enumerate() {
            let column = self.column::<T>(name)?;
            if place == 0 {
                rows = vec![[T::default(); N]; column.len()];
            }
            if column.len() != rows.len() {
                return Err(refuse("columns differ in length"));
            }
            for (row, value) in rows.iter_mut().zip(column) {
                row.iter_mut().skip(place).take(1).for_each(|slot| *slot = value);
            }
        }
        Ok(rows)
    }
}

fn term((measure, minus, kind, periods): &TermTuple, measures: usize) -> PyResult<Term> {
    let window = match kind.as_str() {
        "last" => Window::Last,
        "sum" => Window::Sum(*periods),
        "average" => Window::Average(*periods),
        "annualized" => Window::Annualized(*periods),
        _ => return Err(refuse("unknown window")),
    };
    if *measure >= measures || !(1..=LONGEST_WINDOW).contains(periods) {
        return Err(refuse("a term is out of range"));
    }
    Ok(Term { measure: *measure, minus: *minus, window })
}

fn metrics(given: &[MetricTuple], measures: usize) -> PyResult<Vec<Metric>> {
    let side = |terms: &[TermTuple]| terms.iter().map(|given| term(given, measures)).collect::<PyResult<Vec<_>>>();
    given
        .iter()
        .map(|(above, below, cure)| {
            let cure = cure.map(|(measure, lowers)| CureTarget { measure, lowers });
            Ok(Metric { numerator: side(above)?, denominator: side(below)?, cure })
        })
        .collect()
}

fn limit(code: i8) -> Limit {
    if code == 0 { Limit::Min } else { Limit::Max }
}

/// A number of uses; negative means no limit.
fn uses(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn place(code: i32) -> Option<usize> {
    usize::try_from(code).ok()
}

/// Ranges between offsets, all within `len`.
fn ranges(offsets: &[i64], len: usize) -> PyResult<Vec<std::ops::Range<usize>>> {
    let places: Vec<usize> = offsets.iter().filter_map(|offset| usize::try_from(*offset).ok()).collect();
    let sound = places.len() == offsets.len() && places.is_sorted() && places.last().is_some_and(|last| *last <= len);
    if !sound {
        return Err(refuse("offsets are out of range"));
    }
    Ok(places.iter().zip(places.iter().skip(1)).map(|(start, end)| *start..*end).collect())
}

/// Money metrics have thresholds in major units, of which one has `scale` minor units; quotients have plain ones.
fn threshold(metrics: &[Metric], metric: usize, [whole, parts]: [i64; 2], known: i8, scale: i64) -> Option<Fraction> {
    let is_amount = metrics.get(metric).is_some_and(|metric| metric.denominator.is_empty());
    (known != 0).then(|| Fraction::decimal(whole, parts, if is_amount { scale } else { 1 }))
}

fn clauses(table: &Table<'_>, metrics: &[Metric], scale: i64, fiscal_year_end: u8) -> PyResult<Vec<Clause>> {
    let days = table.rows::<i32, 6>(["from", "to", "first_test", "stub_from", "metric", "springing"])?;
    let codes = table.rows::<i8, 6>(["limit", "strict", "level", "months", "known", "above_known"])?;
    let numbers = table.rows::<i64, 9>([
        "whole",
        "parts",
        "at_risk",
        "above_whole",
        "above_parts",
        "allowed",
        "in_a_row",
        "per_year",
        "cap",
    ])?;
    let grace = table.column::<i32>("grace")?;
    let mut found = Vec::new();
    for (((days, codes), numbers), grace) in days.into_iter().zip(codes).zip(numbers).zip(grace) {
        let [from, to, first_test, stub_from, metric, springing] = days;
        let [limit_code, strict, level, months, known, above_known] = codes;
        let [whole, parts, at_risk, above_whole, above_parts, allowed, in_a_row, per_year, cap] = numbers;
        let frequency = Frequency::of_months(months).ok_or_else(|| refuse("months must be 1, 3, 6 or 12"))?;
        let metric = place(metric).filter(|metric| *metric < metrics.len()).ok_or_else(|| refuse("no such metric"))?;
        found.push(Clause {
            in_force: (from, to),
            first_test,
            grid: PeriodGrid::new(frequency, fiscal_year_end).ok_or_else(|| refuse("fiscal_year_end out of range"))?,
            metric,
            stub_from,
            limit: limit(limit_code),
            strict: strict != 0,
            threshold: threshold(metrics, metric, [whole, parts], known, scale),
            level: match level {
                0 => Level::Default,
                1 => Level::LockUp,
                _ => Level::Sizing,
            },
            at_risk: (at_risk >= 0).then(|| Fraction::decimal(0, at_risk, 1)),
            springing: place(springing).map(|metric| Springing {
                metric,
                above: threshold(metrics, metric, [above_whole, above_parts], above_known, scale),
            }),
            cures: CureRights {
                allowed: uses(allowed),
                in_a_row: uses(in_a_row),
                per_year: uses(per_year),
                amount_cap: if cap < 0 { i64::MAX } else { cap },
            },
            grace_days: (grace >= 0).then_some(grace),
        });
    }
    Ok(found)
}

/// All covenants of a call with the measures they are tested on.
#[pyclass(frozen, module = "neocalc._core")]
pub struct CovenantBook {
    book: Book,
}

#[pymethods]
impl CovenantBook {
    #[new]
    #[pyo3(signature = (
        metrics, measures, periods, covenants, clauses, cures, waivers, edges, cross_waivers, *, per_year, scale,
        fiscal_year_end
    ))]
    #[allow(clippy::too_many_arguments, reason = "one for each table")]
    fn new(
        metrics: Vec<MetricTuple>,
        measures: Vec<(Bound<'_, PyAny>, Bound<'_, PyAny>)>,
        periods: &Bound<'_, PyDict>,
        covenants: &Bound<'_, PyDict>,
        clauses: &Bound<'_, PyDict>,
        cures: &Bound<'_, PyDict>,
        waivers: &Bound<'_, PyDict>,
        edges: &Bound<'_, PyDict>,
        cross_waivers: &Bound<'_, PyDict>,
        per_year: usize,
        scale: i64,
        fiscal_year_end: u8,
    ) -> PyResult<Self> {
        let metrics = self::metrics(&metrics, measures.len())?;
        let periods = Table(periods);
        let (dates, months) = (periods.column::<i32>("date")?, periods.column::<i32>("month")?);
        let measures = measures
            .iter()
            .map(|(amounts, known)| {
                let known = values::<i8>(known)?.into_iter().map(|known| known != 0).collect();
                Ok(Measure { values: values(amounts)?, known })
            })
            .collect::<PyResult<Vec<_>>>()?;
        // A book for cubes has the names of measures, and no amounts.
        let is_whole = |measure: &Measure| {
            measure.values.len() == measure.known.len() && [0, dates.len()].contains(&measure.values.len())
        };
        if months.len() != dates.len() || !measures.iter().all(is_whole) {
            return Err(refuse("columns differ in length"));
        }
        let entities = ranges(&periods.column::<i64>("offsets")?, dates.len())?;
        let clauses = self::clauses(&Table(clauses), &metrics, scale, fiscal_year_end)?;
        let cures: Vec<Cure> = {
            let table = Table(cures);
            let rows = table.rows::<i32, 2>(["period", "paid"])?;
            let amounts = table.column::<i64>("amount")?;
            rows.into_iter()
                .zip(amounts)
                .map(|([period, paid], amount)| Cure {
                    period: place(period).unwrap_or(usize::MAX),
                    amount,
                    paid: (paid != i32::MIN).then_some(paid),
                })
                .collect()
        };
        let spans = |table: &Table<'_>| -> PyResult<Vec<Span>> {
            Ok(table.rows::<i32, 2>(["from", "to"])?.into_iter().map(|[from, to]| (from, to)).collect())
        };
        let waivers = spans(&Table(waivers))?;
        let covenants = Table(covenants);
        let of_clauses = ranges(&covenants.column::<i64>("clauses")?, clauses.len())?;
        let of_cures = ranges(&covenants.column::<i64>("cures")?, cures.len())?;
        let of_waivers = ranges(&covenants.column::<i64>("waivers")?, waivers.len())?;
        let of_entity = covenants.column::<i32>("entity")?;
        let covenants = of_entity
            .into_iter()
            .zip(of_clauses)
            .zip(of_cures.into_iter().zip(of_waivers))
            .map(|((entity, clauses), (cures, waivers))| {
                let entity = place(entity).filter(|entity| *entity < entities.len());
                let entity = entity.ok_or_else(|| refuse("no such entity"))?;
                Ok(Place { entity, clauses, cures, waivers })
            })
            .collect::<PyResult<Vec<_>>>()?;
        let edges = {
            let table = Table(edges);
            let rows = table.rows::<i32, 5>(["trigger", "affected", "from", "to", "measure"])?;
            let above = table.column::<i64>("above")?;
            rows.into_iter()
                .zip(above)
                .filter_map(|([trigger, affected, from, to, measure], above)| {
                    let above = place(measure).map(|measure| (measure, above));
                    Some(Edge { trigger: place(trigger)?, affected: place(affected)?, in_force: (from, to), above })
                })
                .collect()
        };
        let cross_waivers = {
            let table = Table(cross_waivers);
            let of = table.column::<i32>("entity")?;
            of.into_iter().filter_map(place).zip(spans(&table)?).collect()
        };
        Ok(Self {
            book: Book {
                metrics,
                measures,
                entities,
                dates,
                months,
                per_year,
                scale,
                covenants,
                clauses,
                cures,
                waivers,
                edges,
                cross_waivers,
            },
        })
    }

    /// Tests all covenants at all their dates, cross-defaults after them.
    #[pyo3(signature = (threads=0))]
    fn test<'py>(&self, py: Python<'py>, threads: usize) -> PyResult<Bound<'py, PyDict>> {
        let threads = count_threads(threads);
        let tested = enter(py, |poll: Poll<'_>| test_covenants(&self.book, threads, poll))?;
        let mut places: Vec<(i32, usize, i32)> = Vec::new(); // covenant, entity, first clause
        for (number, (range, place)) in tested.offsets.windows(2).zip(&self.book.covenants).enumerate() {
            let [start, end] = range else { continue };
            let covenant = i32::try_from(number).unwrap_or(i32::MAX);
            let clause = i32::try_from(place.clauses.start).unwrap_or(i32::MAX);
            places.extend((*start..*end).map(|_| (covenant, place.entity, clause)));
        }
        places.extend(tested.cross.iter().map(|cross| (-1, cross.entity, 0)));
        let outcomes: Vec<&Outcome> =
            tested.outcomes.iter().chain(tested.cross.iter().map(|cross| &cross.outcome)).collect();
        let result = PyDict::new(py);
        let whole = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
        result.set_item("covenant", PyArray1::from_iter(py, places.iter().map(|(covenant, ..)| *covenant)))?;
        result.set_item("entity", PyArray1::from_iter(py, places.iter().map(|(_, entity, _)| whole(*entity))))?;
        let clause = outcomes
            .iter()
            .zip(&places)
            .map(|(outcome, (.., first))| outcome.clause.map_or(-1, |clause| whole(clause).saturating_add(*first)));
        result.set_item("clause", PyArray1::from_iter(py, clause))?;
        let column = |pick: fn(&Outcome) -> i32| PyArray1::from_iter(py, outcomes.iter().map(|outcome| pick(outcome)));
        result.set_item("period", column(|outcome| i32::try_from(outcome.period).unwrap_or(i32::MAX)))?;
        result.set_item("default_date", column(|outcome| outcome.default_date.unwrap_or(Date::MIN)))?;
        result
            .set_item("cause", column(|outcome| outcome.cause.and_then(|at| i32::try_from(at).ok()).unwrap_or(-1)))?;
        result.set_item("status", PyArray1::from_iter(py, outcomes.iter().map(|outcome| outcome.status.code())))?;
        let floats = |pick: fn(&Outcome) -> Option<f64>| {
            PyArray1::from_iter(py, outcomes.iter().map(|outcome| pick(outcome).unwrap_or(f64::NAN)))
        };
        result.set_item("value", floats(|outcome| outcome.value))?;
        result.set_item("headroom", floats(|outcome| outcome.headroom))?;
        result.set_item("headroom_rate", floats(|outcome| outcome.headroom_rate))?;
        let money = |pick: fn(&Outcome) -> Option<i64>| {
            PyArray1::from_iter(py, outcomes.iter().map(|outcome| pick(outcome).unwrap_or(i64::MIN)))
        };
        result.set_item("headroom_amount", money(|outcome| outcome.headroom_amount))?;
        result.set_item("cure_needed", money(|outcome| outcome.cure_needed))?;
        result.set_item("cure_applied", money(|outcome| outcome.cure_applied))?;
        Ok(result)
    }

    /// Where amounts go beyond 64 bits: the covenant, its clause of all, and the first such period.
    fn overflows(&self) -> Vec<(usize, usize, usize)> {
        let number_of = |number: usize| {
            let covenant = self.book.covenant(number)?;
            let period = covenant.overflow()?;
            let (clause, _) = Clause::on(covenant.clauses, covenant.dates.get(period).copied()?)?;
            Some((number, self.book.covenants.get(number)?.clauses.start.saturating_add(clause), period))
        };
        (0..self.book.covenants.len()).filter_map(number_of).collect()
    }

    /// What went into one test.
    fn inputs(&self, covenant: usize, period: usize) -> PyResult<Vec<InputTuple>> {
        let covenant = self.book.covenant(covenant).ok_or_else(|| refuse("no such covenant"))?;
        let sides = covenant.explain(period).map_err(super::door::to_exception)?;
        let mut found = Vec::new();
        for (side, inputs) in sides.into_iter().enumerate() {
            found.extend(inputs.into_iter().map(|input| {
                let (times, over) = input.factor;
                (side, input.measure, input.minus, input.period, input.amount, times, over, input.is_cure)
            }));
        }
        Ok(found)
    }

    /// Tests facilities over periods under scenarios; fills the arrays and returns what is wrong, measure by measure.
    #[pyo3(signature = (
        measures, is_flat, shape, tests, first, headroom, undecided, statuses, *, minor_units, round_input=false,
        threads=0
    ))]
    #[allow(clippy::too_many_arguments, reason = "the signature that Python sees")]
    fn test_cube(
        &self,
        py: Python<'_>,
        measures: Vec<Bound<'_, PyAny>>,
        is_flat: Vec<bool>,
        shape: (usize, usize, usize),
        tests: &Bound<'_, PyAny>,
        first: &Bound<'_, PyArray1<i16>>,
        headroom: &Bound<'_, PyArray1<f64>>,
        undecided: &Bound<'_, PyArray1<bool>>,
        statuses: &Bound<'_, PyArray1<i8>>,
        minor_units: u8,
        round_input: bool,
        threads: usize,
    ) -> PyResult<Vec<Vec<IssueTuple>>> {
        let (facilities, periods, scenarios) = shape;
        let cells = facilities.checked_mul(periods).ok_or_else(|| refuse("the cube is too large"))?;
        if is_flat.len() != measures.len() || measures.len() != self.book.measures.len() {
            return Err(refuse("columns differ in length"));
        }
        let held = measures
            .iter()
            .zip(&is_flat)
            .map(|(array, flat)| {
                let len = if *flat { Some(cells) } else { cells.checked_mul(scenarios) };
                MoneyArray::take(array, Some(len.ok_or_else(|| refuse("the cube is too large"))?))
            })
            .collect::<PyResult<Vec<_>>>()?;
        let tests = self.tests(&values::<i32>(tests)?)?;
        let busy = |error: numpy::BorrowError| refuse(&error.to_string());
        let (mut first, mut headroom) = (first.try_readwrite().map_err(busy)?, headroom.try_readwrite().map_err(busy)?);
        let mut undecided = undecided.try_readwrite().map_err(busy)?;
        let mut statuses = statuses.try_readwrite().map_err(busy)?;
        let whole = |_| refuse("output arrays must be contiguous");
        let targets = CubeTargets {
            first: first.as_slice_mut().map_err(whole)?,
            headroom: headroom.as_slice_mut().map_err(whole)?,
            undecided: undecided.as_slice_mut().map_err(whole)?,
            statuses: statuses.as_slice_mut().map_err(whole)?,
        };
        let measures: Vec<CubeMeasure<'_>> =
            held.iter().zip(is_flat).map(|(array, is_flat)| CubeMeasure { values: array.borrow(), is_flat }).collect();
        let cube = Cube {
            shape: [facilities, periods, scenarios],
            measures: &measures,
            book: &self.book,
            tests: &tests,
            units: MinorUnits::new(minor_units).ok_or_else(|| refuse("minor_units out of range"))?,
            round_input,
            kernels: cube_kernels(),
        };
        let threads = count_threads(threads);
        let logs = enter(py, |poll: Poll<'_>| test_cube(&cube, targets, threads, poll))?;
        Ok(logs.iter().map(issue_tuples).collect())
    }
}

impl CovenantBook {
    /// The covenants of each facility and test, where it has them.
    fn tests(&self, numbers: &[i32]) -> PyResult<Vec<Option<usize>>> {
        let known = |number: &i32| match place(*number) {
            Some(number) if number >= self.book.covenants.len() => Err(refuse("no such covenant")),
            number => Ok(number),
        };
        numbers.iter().map(known).collect()
    }
}
