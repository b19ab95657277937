//! The books of one asset in a window of months, as lines by period.
#![forbid(unsafe_code)]

use super::roll::{Addable, Line, Movements, Roll};
use super::settings::Horizon;
use crate::calendar::Month;
use crate::depreciation::{Flow, Sink};

/// What moved in each month of a window, and before it.
pub struct Months<T> {
    start: Month,
    before: Movements<T>,
    months: Vec<Movements<T>>,
}

impl<T: Addable> Months<T> {
    /// Nothing moved yet between two months.
    pub fn new(start: Month, end: Month) -> Self {
        let months = vec![Movements::default(); Horizon { start, end }.months()];
        Self { start, before: Movements::default(), months }
    }

    fn at(&mut self, month: Month) -> Option<&mut Movements<T>> {
        match usize::try_from(month.saturating_sub(self.start)) {
            Ok(at) => self.months.get_mut(at),
            Err(_) => Some(&mut self.before),
        }
    }

    /// The lines of periods of `step` months.
    pub fn lines(&self, step: usize) -> Vec<Line<T>> {
        let mut roll = Roll::default();
        roll.over(self.before);
        let period = |months: &[Movements<T>]| {
            let mut moved = Movements::default();
            months.iter().for_each(|month| moved.join(month));
            roll.over(moved)
        };
        self.months.chunks(step).map(period).collect()
    }
}

impl<T: Addable> Sink<T> for Months<T> {
    fn charges(&mut self, from: Month, charges: &[T], _: T) {
        for (month, charge) in (from..).zip(charges) {
            self.flow(month, Flow::Charge, *charge);
        }
    }

    fn flow(&mut self, month: Month, flow: Flow, amount: T) {
        if let Some(moved) = self.at(month) {
            moved.add(flow, amount);
        }
    }

    /// Rows are of one asset, whatever its group.
    fn moved(&mut self, _: Month, _: usize, _: T, _: T) {}

    fn ended(&mut self, _: Month, _: bool) {}
}
