//! The books of one asset added up: the sink that totals keep books into.
#![forbid(unsafe_code)]

use super::flows::{Addend, Flows};
use super::remainders::Remainders;
use super::totals::Summable;
use crate::calendar::Month;
use crate::depreciation::{Flow, Rounding, Schedule, Sink};
use crate::error::Error;

/// Where the books of one asset are added up.
pub struct Posting<'f, T: Addend> {
    /// The sums.
    pub flows: &'f mut Flows<T>,
    /// Tables of charges.
    pub remainders: &'f mut Remainders,
    /// Nothing but charges will be asked for.
    pub only_charges: bool,
    /// The group it is in.
    pub group: usize,
    /// The run it is under.
    pub run: usize,
    /// Whether the sums could be kept.
    pub outcome: Result<(), Error>,
}

impl<T: Addend> Posting<'_, T> {
    fn reserve(&mut self, magnitude: u64) {
        if let Err(error) = self.flows.reserve(magnitude) {
            self.outcome = Err(error);
        }
    }

    #[inline]
    fn add(&mut self, plane: usize, group: usize, month: Month, amount: T) {
        if let Some(slot) = self.flows.slot(month) {
            self.flows.add(plane, group, slot, amount);
        }
    }
}

impl<T: Summable> Sink<T> for Posting<'_, T> {
    fn charges(&mut self, from: Month, charges: &[T], most: T) {
        self.reserve(most.magnitude());
        let plane = self.flows.planes.of(self.run, Flow::Charge);
        match charges {
            // As nearly always: the month of an impairment or a sale.
            [one] => self.add(plane, self.group, from, *one),
            _ => self.flows.add_months(plane, self.group, from, charges),
        }
    }

    fn spread(
        &mut self,
        schedule: &Schedule<'_, T>,
        rounding: Rounding,
        from: Month,
        months: usize,
        scratch: &mut Vec<T>,
    ) -> Option<T> {
        let plane = self.flows.planes.of(self.run, Flow::Charge);
        if schedule.is_plain() && rounding == Rounding::Balance {
            let place = (&mut *self.flows, plane, self.group);
            match T::add_charges(schedule.asset, self.remainders, from, months, place) {
                Ok(None) => {}
                Ok(after) => return after,
                Err(error) => {
                    self.outcome = Err(error);
                    return None;
                }
            }
        }
        self.reserve(schedule.asset.base.minus(schedule.asset.opening).magnitude());
        scratch.resize(months, T::default());
        schedule.charges_into(rounding, from, scratch);
        self.flows.add_months(plane, self.group, from, scratch);
        None
    }

    #[inline]
    fn flow(&mut self, month: Month, flow: Flow, amount: T) {
        if self.only_charges {
            return;
        }
        let shared = matches!(flow, Flow::CostIn | Flow::BroughtIn);
        let plane = self.flows.planes.of(self.run, flow);
        if shared && self.run > 0 || !shared && !self.flows.planes.eventful {
            return;
        }
        self.reserve(amount.magnitude());
        self.add(plane, self.group, month, amount);
    }

    fn moved(&mut self, month: Month, group: usize, cost: T, accumulated: T) {
        if self.only_charges {
            self.group = group;
            return;
        }
        let (costs, accumulations) = self.flows.planes.moved(self.run);
        self.reserve(cost.magnitude().saturating_add(accumulated.magnitude()).saturating_mul(2));
        for (group, cost, accumulated) in
            [(self.group, T::default().minus(cost), T::default().minus(accumulated)), (group, cost, accumulated)]
        {
            self.add(costs, group, month, cost);
            self.add(accumulations, group, month, accumulated);
        }
        self.group = group;
    }

    fn ended(&mut self, _: Month, _: bool) {}
}
