//! The roll-forward: what every line of a ledger says, of one asset or of a group.
//!
//! `opening + additions - depreciation - impairment + reversals - disposals + transfers = closing`, for book value;
//! accumulated depreciation takes impairments in (IAS 16.73(d)), so cost less accumulated is book value throughout.
#![forbid(unsafe_code)]

use super::settings::Measure;
use crate::depreciation::Flow;

/// An amount that lines are made of.
pub trait Addable: Copy + Default {
    /// Sum.
    fn add(self, other: Self) -> Self;
    /// Difference.
    fn sub(self, other: Self) -> Self;
}

impl Addable for i64 {
    fn add(self, other: i64) -> i64 {
        self.saturating_add(other)
    }

    fn sub(self, other: i64) -> i64 {
        self.saturating_sub(other)
    }
}

impl Addable for i128 {
    fn add(self, other: i128) -> i128 {
        // 2^31 rows of 2^63 stay far below 2^127.
        self.saturating_add(other)
    }

    fn sub(self, other: i128) -> i128 {
        self.saturating_sub(other)
    }
}

impl Addable for f64 {
    fn add(self, other: f64) -> f64 {
        self + other
    }

    fn sub(self, other: f64) -> f64 {
        self - other
    }
}

/// What moved in a period: the flows, then cost and accumulated depreciation that came from other groups.
#[derive(Clone, Copy)]
pub struct Movements<V> {
    flows: [V; Flow::COUNT],
    /// Cost that came from other groups, less what went to them.
    pub cost_moved: V,
    /// Accumulated depreciation likewise.
    pub accumulated_moved: V,
}

impl<V: Addable> Default for Movements<V> {
    fn default() -> Self {
        Self { flows: [V::default(); Flow::COUNT], cost_moved: V::default(), accumulated_moved: V::default() }
    }
}

impl<V: Addable> Movements<V> {
    /// The amount of a flow.
    pub fn of(&self, flow: Flow) -> V {
        self.flows.get(flow as usize).copied().unwrap_or_default()
    }

    /// Adds to a flow.
    pub fn add(&mut self, flow: Flow, amount: V) {
        if let Some(cell) = self.flows.get_mut(flow as usize) {
            *cell = cell.add(amount);
        }
    }

    /// Adds the movements of another stretch of time.
    pub fn join(&mut self, other: &Self) {
        for (mine, theirs) in self.flows.iter_mut().zip(&other.flows) {
            *mine = mine.add(*theirs);
        }
        self.cost_moved = self.cost_moved.add(other.cost_moved);
        self.accumulated_moved = self.accumulated_moved.add(other.accumulated_moved);
    }

    fn cost(&self) -> V {
        self.of(Flow::CostIn).sub(self.of(Flow::CostOut)).add(self.cost_moved)
    }

    fn accumulated(&self) -> V {
        let up = self.of(Flow::BroughtIn).add(self.of(Flow::Charge)).add(self.of(Flow::Impairment));
        let down = self.of(Flow::Reversal).add(self.of(Flow::AccumulatedOut));
        up.sub(down).add(self.accumulated_moved)
    }
}

/// Balances rolled forward from period to period.
#[derive(Clone, Copy, Default)]
pub struct Roll<V> {
    cost: V,
    accumulated: V,
}

/// One period of a ledger.
pub struct Line<V> {
    opening: Roll<V>,
    moved: Movements<V>,
    closing: Roll<V>,
}

impl<V: Addable> Roll<V> {
    /// Rolls over a period.
    pub fn over(&mut self, moved: Movements<V>) -> Line<V> {
        let opening = *self;
        self.cost = self.cost.add(moved.cost());
        self.accumulated = self.accumulated.add(moved.accumulated());
        Line { opening, moved, closing: *self }
    }

    fn book_value(self) -> V {
        self.cost.sub(self.accumulated)
    }
}

impl<V: Addable> Line<V> {
    /// A column of the line.
    pub fn measure(&self, measure: Measure) -> V {
        let Self { opening, moved, closing } = self;
        match measure {
            Measure::OpeningBookValue => opening.book_value(),
            Measure::Additions => moved.of(Flow::CostIn).sub(moved.of(Flow::BroughtIn)),
            Measure::Depreciation => moved.of(Flow::Charge),
            Measure::Impairment => moved.of(Flow::Impairment),
            Measure::Reversals => moved.of(Flow::Reversal),
            Measure::Disposals => moved.of(Flow::CostOut).sub(moved.of(Flow::AccumulatedOut)),
            Measure::Gain => moved.of(Flow::Gain),
            Measure::Correction => moved.of(Flow::Correction),
            Measure::Transfers => moved.cost_moved.sub(moved.accumulated_moved),
            Measure::ClosingBookValue => closing.book_value(),
            Measure::AccumulatedDepreciation => closing.accumulated,
            Measure::OpeningCost => opening.cost,
            Measure::CostAdditions => moved.of(Flow::CostIn),
            Measure::CostDisposals => moved.of(Flow::CostOut),
            Measure::CostTransfers => moved.cost_moved,
            Measure::ClosingCost => closing.cost,
        }
    }
}
