//! Timings looked up: a fleet's assets enter service on few dates and live few lives, so few schedules are worked out.
#![forbid(unsafe_code)]

use crate::calendar::{Date, PeriodGrid};
use crate::depreciation::{Convention, Service, Timing};

/// Places to remember timings in; those that meet in one oust each other.
const PLACES: usize = 512;

/// One thread's timings; the grid, and whether days count, stay what they are.
#[derive(Default)]
pub struct Timings {
    places: Vec<Option<Known>>,
    /// What has no place.
    passing: Option<Known>,
}

struct Known {
    key: (Date, i32, Convention),
    timing: Timing,
}

impl Timings {
    /// As [`Timing::new`].
    #[inline]
    pub fn of(&mut self, service: &Service, convention: Convention, grid: PeriodGrid, by_days: bool) -> &Timing {
        let key = (service.in_service, service.life_months, convention);
        let work_out = || Known { key, timing: Timing::new(service, convention, grid, by_days) };
        if self.places.is_empty() {
            self.places.resize_with(PLACES, || None);
        }
        let mix = key.0.wrapping_add(key.1.wrapping_mul(89)).cast_unsigned();
        let place = usize::try_from(mix).unwrap_or(0) & PLACES.wrapping_sub(1);
        let known = match self.places.get_mut(place) {
            Some(slot) if service.opening.is_none() => {
                if slot.as_ref().is_none_or(|known| known.key != key) {
                    *slot = None;
                }
                slot.get_or_insert_with(work_out)
            }
            _ => self.passing.insert(work_out()),
        };
        &known.timing
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests")]
    use super::*;
    use crate::calendar::Frequency;
    use proptest::prelude::*;

    proptest! {
        /// Whatever was looked up before, also by those that share a place.
        #[test]
        fn timings_known_are_timings_new(
            assets in prop::collection::vec((0_i32..3, 0_i32..2, 1_i32..4, 0_usize..5, proptest::option::of(0_i32..40)), 1..60),
        ) {
            let grid = PeriodGrid::new(Frequency::Year, 9).unwrap();
            let mut timings = Timings::default();
            for (day, turns, life_months, which, opening) in assets {
                let in_service = day + 512 * turns;
                let service = Service { in_service, life_months, opening: opening.map(|after| in_service + after) };
                let convention = Convention::ALL.get(which).unwrap().1;
                let new = Timing::new(&service, convention, grid, true);
                prop_assert_eq!(*timings.of(&service, convention, grid, true), new);
            }
        }
    }
}
