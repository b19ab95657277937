//! How the tests of a facility are scanned: which rows they share, and what each period is compared with.
#![forbid(unsafe_code)]

use super::clause::Limit;
use super::cube::{CubeTest, Lanes, Threshold};
use super::metric::{Metric, Term, Window, common_bottom};
use super::scan::{NEAR, STRETCH, Step};

/// Where the row of a side comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// All scenarios have the same.
    Flat,
    /// A measure at the period's end.
    Measure(usize),
    /// Sums over a window, by number.
    Window(usize),
    /// Several of these, by number.
    Mix(usize),
}

/// A sum of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Mix {
    /// The rows, and which of the weights of a period is whose.
    pub rows: Vec<(Row, usize)>,
    /// So many weights for each period.
    pub terms: usize,
    /// They.
    pub weights: Vec<f64>,
    /// What is the same in all scenarios, by period.
    pub flat: Vec<f64>,
    side: (usize, bool),
}

/// How a test is scanned.
#[derive(Clone, Debug)]
pub struct TestPlan {
    /// Above the line.
    pub top: Row,
    /// Below it.
    pub bottom: Row,
    /// What doubles can decide.
    pub steps: Vec<Step>,
    /// How many steps there are up to the end of each stretch.
    ends: Vec<usize>,
    /// The periods that are for integers alone.
    pub exact: Vec<usize>,
    /// Lanes that came no nearer to any threshold are decided.
    pub near: f64,
    /// A lane that has failed by more than this has its first breach, and what comes near a threshold is not its least
    /// headroom.
    pub settled: f64,
    /// Whether some period cannot be decided in any lane.
    pub is_open: bool,
}

impl TestPlan {
    /// The steps of a stretch.
    #[must_use]
    pub fn steps_of(&self, stretch: usize) -> &[Step] {
        let start = stretch.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied());
        let range = start.zip(self.ends.get(stretch));
        range.and_then(|(start, end)| self.steps.get(start..*end)).unwrap_or_default()
    }

    /// Tells each step how many of its stretch from it on have its threshold.
    fn count_alike(&mut self) {
        let mut later: Option<Step> = None;
        for step in self.steps.iter_mut().rev() {
            let is_alike = |other: &Step| {
                step.period / STRETCH == other.period / STRETCH
                    && (step.wanted, step.most) == (other.wanted, other.most)
            };
            step.alike = later.filter(is_alike).map_or(1, |other| other.alike.saturating_add(1));
            later = Some(*step);
        }
    }
}

/// What a side is multiplied with: exact weights for the rows, and a factor for their sum.
#[derive(Clone, Debug, Default)]
struct Weights {
    /// By period; `None` where the record is too short.
    factors: Vec<Option<f64>>,
    /// So many for each period.
    terms: Vec<f64>,
}

/// The plan of a facility; its room is used again for the next.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Measures with the length of a window.
    pub windows: Vec<(usize, usize)>,
    /// Sums of rows.
    pub mixes: Vec<Mix>,
    /// The tests.
    pub tests: Vec<TestPlan>,
    /// Of each metric that was seen, above the line and below it.
    weights: Vec<Option<[Weights; 2]>>,
    free: Vec<TestPlan>,
}

fn to_f64(value: i128) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "thresholds and weights; one rounding, which NEAR allows for")]
    let nearest = value as f64;
    nearest
}

impl Weights {
    fn of(terms: &[Term], periods: usize, per_year: usize) -> Self {
        let mut found = Self::default();
        for period in 0..periods {
            let one = Self::of_period(terms, period, per_year, &mut found.terms);
            if one.is_none() {
                let short = (period.saturating_add(1)).saturating_mul(terms.len());
                found.terms.resize(short, 0.0);
            }
            found.factors.push(one);
        }
        found
    }

    fn of_period(terms: &[Term], period: usize, per_year: usize, out: &mut Vec<f64>) -> Option<f64> {
        let bottom = common_bottom(terms, period, 0, per_year)?;
        let start = out.len();
        for term in terms {
            let span = term.window.span(period, 0)?;
            let (times, over) = term.window.factor(&span, per_year);
            let weight = bottom.checked_div(i128::try_from(over).ok()?)?.checked_mul(i128::try_from(times).ok()?)?;
            out.push(to_f64(if term.minus { weight.checked_neg()? } else { weight }));
        }
        if let ([_], Some(weight)) = (terms, out.get_mut(start)) {
            return Some(std::mem::replace(weight, 1.0) / to_f64(bottom));
        }
        Some(1.0 / to_f64(bottom))
    }
}

fn window(term: &Term) -> Option<usize> {
    match term.window {
        Window::Last => None,
        Window::Sum(count) | Window::Average(count) | Window::Annualized(count) => Some(count),
    }
}

/// What the scenarios have in common of a side in a period.
fn flat_value(terms: &[Term], weights: &[f64], block: &[Lanes], period: usize) -> f64 {
    terms.iter().zip(weights).fold(0.0, |sum, (term, weight)| {
        let Some(measure) = block.get(term.measure).filter(|measure| measure.is_flat) else { return sum };
        let end = period.saturating_add(1);
        let start = end.saturating_sub(window(term).unwrap_or(1));
        sum + weight * measure.flat.get(start..end).unwrap_or_default().iter().sum::<f64>()
    })
}

impl Plan {
    /// Plans the tests of a facility; with `all_exact` nothing is left to doubles.
    pub fn make(&mut self, tests: &[CubeTest<'_>], block: &[Lanes], all_exact: bool) {
        self.windows.clear();
        self.mixes.clear();
        self.free.append(&mut self.tests);
        for test in tests {
            let plan = self.plan(test, block, all_exact);
            self.tests.push(plan);
        }
    }

    /// The row of a term, which other sides may share.
    fn term_row(&mut self, term: &Term, block: &[Lanes]) -> Row {
        if block.get(term.measure).is_none_or(|measure| measure.is_flat) {
            return Row::Flat;
        }
        let Some(count) = window(term) else { return Row::Measure(term.measure) };
        let wanted = (term.measure, count);
        let known = self.windows.iter().position(|known| *known == wanted);
        Row::Window(known.unwrap_or_else(|| {
            self.windows.push(wanted);
            self.windows.len().saturating_sub(1)
        }))
    }

    fn side_row(&mut self, (number, below): (usize, bool), terms: &[Term], weights: &Weights, block: &[Lanes]) -> Row {
        let rows: Vec<(Row, usize)> =
            terms.iter().enumerate().map(|(place, term)| (self.term_row(term, block), place)).collect();
        if let [(row, _)] = rows.as_slice() {
            return *row;
        }
        if rows.iter().all(|(row, _)| *row == Row::Flat) {
            return Row::Flat;
        }
        let side = (number, below);
        if let Some(known) = self.mixes.iter().position(|mix| mix.side == side) {
            return Row::Mix(known);
        }
        let of_periods = weights.terms.chunks_exact(terms.len().max(1)).enumerate();
        self.mixes.push(Mix {
            rows: rows.into_iter().filter(|(row, _)| *row != Row::Flat).collect(),
            terms: terms.len(),
            flat: of_periods.map(|(period, weights)| flat_value(terms, weights, block, period)).collect(),
            weights: weights.terms.clone(),
            side,
        });
        Row::Mix(self.mixes.len().saturating_sub(1))
    }

    fn plan(&mut self, test: &CubeTest<'_>, block: &[Lanes], all_exact: bool) -> TestPlan {
        let Metric { numerator, denominator, .. } = test.metric;
        let periods = test.thresholds.len();
        if self.weights.len() <= test.number {
            self.weights.resize(test.number.saturating_add(1), None);
        }
        let known = self
            .weights
            .get_mut(test.number)
            .and_then(Option::take)
            .unwrap_or_else(|| [numerator, denominator].map(|terms| Weights::of(terms, periods, test.per_year)));
        let [above, below] = &known;
        let (top, bottom) = (
            self.side_row((test.number, false), numerator, above, block),
            if denominator.is_empty() {
                Row::Flat
            } else {
                self.side_row((test.number, true), denominator, below, block)
            },
        );
        let mut plan = self.free.pop().unwrap_or(TestPlan {
            top,
            bottom,
            steps: Vec::new(),
            ends: Vec::new(),
            exact: Vec::new(),
            near: 0.0,
            settled: 0.0,
            is_open: false,
        });
        (plan.top, plan.bottom, plan.near, plan.settled, plan.is_open) = (top, bottom, 0.0, 0.0, false);
        plan.steps.clear();
        plan.ends.clear();
        plan.exact.clear();
        for (period, threshold) in test.thresholds.iter().enumerate() {
            if period > 0 && period % STRETCH == 0 {
                plan.ends.push(plan.steps.len());
            }
            let threshold = match threshold {
                Threshold::None => continue,
                Threshold::Known(threshold) => *threshold,
                Threshold::Unknown => {
                    plan.is_open = true;
                    continue;
                }
            };
            let factor = |weights: &Weights| weights.factors.get(period).copied().flatten();
            let (Some(n_factor), Some(d_factor)) = (factor(above), factor(below)) else {
                plan.is_open = true; // a window reaches back before the first period
                continue;
            };
            let flat = |terms: &[Term], weights: &Weights| {
                let start = period.saturating_mul(terms.len());
                let weights = weights.terms.get(start..start.saturating_add(terms.len())).unwrap_or_default();
                flat_value(terms, weights, block, period)
            };
            let wanted = to_f64(threshold.top) / to_f64(threshold.bottom);
            let sign = if test.limit == Limit::Min { 1.0 } else { -1.0 };
            let factor = sign * n_factor / d_factor;
            let is_waived = test.waived.get(period).copied().unwrap_or(false);
            let at = f64::from(u16::try_from(period).unwrap_or(u16::MAX));
            let fails = if is_waived { 0 } else { 1 << 63 };
            let step = Step { period, at, fails, factor, wanted: sign * wanted, most: 0.0, alike: 1 };
            let step = match (top, bottom) {
                _ if all_exact || n_factor <= 0.0 || d_factor <= 0.0 => None,
                (Row::Flat, Row::Flat) => None,
                (_, Row::Flat) => {
                    let bottom = if denominator.is_empty() { 1.0 } else { flat(denominator, below) };
                    (bottom > 0.0).then_some(Step { factor: factor / bottom, ..step })
                }
                (Row::Flat, _) => {
                    let top = flat(numerator, above);
                    (top > 0.0 && wanted > 0.0 && test.limit == Limit::Max).then(|| Step {
                        factor: d_factor / (n_factor * top),
                        wanted: 1.0 / wanted,
                        most: wanted,
                        ..step
                    })
                }
                _ => Some(step),
            };
            match step {
                Some(step) => {
                    plan.near = plan.near.max(NEAR * step.wanted.abs());
                    plan.settled = plan.settled.min(-4.0 * NEAR * step.wanted.abs().max(step.most));
                    plan.steps.push(step);
                }
                None => plan.exact.push(period),
            }
        }
        plan.ends.push(plan.steps.len());
        plan.count_alike();
        if let Some(slot) = self.weights.get_mut(test.number) {
            *slot = Some(known);
        }
        plan
    }
}
