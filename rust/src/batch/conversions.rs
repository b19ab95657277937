//! Whole columns converted at once, by all threads: what a frame of events brings along before its rows are matched.
#![forbid(unsafe_code)]

use std::ops::Range;

use super::columns::{DateRead, Load};
use super::pool::{Poll, for_each, stretches};
use super::reader::{Reading, days_of_ticks};
use crate::calendar::Date;
use crate::error::{Error, Rule};

/// Rows that stay near while they are converted.
const STRETCH: usize = 2_048;

/// Ticks, so many to a day, as days; whether each is a midnight from 1900 to 2199, else the days are of no use.
///
/// # Errors
/// [`Error::Interrupted`].
pub fn days_of(
    ticks: &dyn Load<i64>,
    per_day: i64,
    days: &mut [Date],
    threads: usize,
    poll: Poll<'_>,
) -> Result<bool, Error> {
    convert_sound(ticks, days, threads, poll, &|ticks, days| {
        days_of_ticks(ticks, per_day, days)
            || ticks.iter().zip(days).fold(true, |sound, (tick, slot)| {
                let found = DateRead::of(*tick, per_day);
                *slot = if let DateRead::Day(day) = found { day } else { 0 };
                sound & matches!(found, DateRead::Day(_))
            })
    })
}

/// Numbers as whole ones, NaN as 0; whether the rest are whole, from 1 to `most`, else the counts are of no use.
///
/// # Errors
/// [`Error::Interrupted`].
pub fn counts_of(
    numbers: &dyn Load<f64>,
    most: i32,
    counts: &mut [i32],
    threads: usize,
    poll: Poll<'_>,
) -> Result<bool, Error> {
    let most = f64::from(most);
    convert_sound(numbers, counts, threads, poll, &|numbers, counts| {
        numbers.iter().zip(counts).fold(true, |sound, (number, slot)| {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "NaN becomes 0, and others are of no use unless inside"
            )]
            let count = *number as i32;
            let inside = (*number >= 1.0) & (*number <= most);
            *slot = count;
            sound & (number.is_nan() | (inside & (f64::from(count) == *number)))
        })
    })
}

/// Major units as minor units; the places of those that are none, in order. Where NaN stands for none it becomes the
/// least integer.
///
/// # Errors
/// [`Error::Interrupted`].
pub fn minors_of(
    majors: &dyn Load<f64>,
    reading: &Reading,
    nan_is_none: bool,
    minors: &mut [i64],
    threads: usize,
    poll: Poll<'_>,
) -> Result<Vec<(usize, Rule)>, Error> {
    let found = convert(majors, minors, threads, poll, &|start, majors, minors, wrong: &mut Vec<(usize, Rule)>| {
        let is_none = |major: f64| nan_is_none & major.is_nan();
        let mut plain = [0.0; STRETCH];
        let plain = plain.get_mut(..majors.len()).unwrap_or_default();
        for (slot, major) in plain.iter_mut().zip(majors) {
            *slot = if is_none(*major) { 0.0 } else { *major };
        }
        if !reading.units.from_major_into(plain, minors) {
            for (at, (major, slot)) in plain.iter().zip(minors.iter_mut()).enumerate() {
                *slot = reading.units.from_major(*major, reading.round_input).unwrap_or_else(|rule| {
                    wrong.push((start.saturating_add(at), rule));
                    0
                });
            }
        }
        for (slot, major) in minors.iter_mut().zip(majors) {
            *slot = if is_none(*major) { i64::MIN } else { *slot };
        }
    })?;
    let mut wrong: Vec<_> = found.into_iter().flatten().collect();
    wrong.sort_unstable_by_key(|(at, _)| *at);
    Ok(wrong)
}

/// Where the stretch of each row begins, and the end of the last, among `rows` that are in order; `false` where they are
/// not, or one lies beyond.
///
/// # Errors
/// [`Error::Interrupted`].
pub fn offsets_of(
    rows: &dyn Load<i64>,
    count: usize,
    offsets: &mut [i64],
    threads: usize,
    poll: Poll<'_>,
) -> Result<bool, Error> {
    const TOGETHER: usize = 1 << 16;
    let Some((start, ends)) = offsets.split_first_mut() else { return Ok(false) };
    *start = 0;
    let mut from = 0;
    let mut tasks = Vec::new();
    let pieces = ends.len().div_ceil(TOGETHER);
    for (number, ends) in ends.chunks_mut(TOGETHER).enumerate() {
        let first = number.saturating_mul(TOGETHER);
        let last = number.saturating_add(1) >= pieces;
        let to = if last { count } else { first_from(rows, count, first.saturating_add(TOGETHER)) };
        if to < from {
            return Ok(false); // only rows out of order are found in such places
        }
        tasks.push(Ends { rows: from..to, first, ends });
        from = to;
    }
    let sound = |task: Ends<'_>| task.fill(rows).is_some();
    let found = for_each(tasks, threads, poll, &|| true, &|all, task| {
        *all &= sound(task);
        Ok(())
    })?;
    Ok(from == count && found.into_iter().all(|sound| sound))
}

/// The first place with a row of at least `least`, among rows that are in order.
fn first_from(rows: &dyn Load<i64>, count: usize, least: usize) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low.midpoint(high);
        let mut row = [0];
        rows.load(middle, &mut row);
        if usize::try_from(row[0]).is_ok_and(|row| row < least) {
            low = middle.saturating_add(1);
        } else {
            high = middle;
        }
    }
    low
}

/// The ends of neighbouring numbers, and the places of what may be their rows.
struct Ends<'a> {
    rows: Range<usize>,
    first: usize,
    ends: &'a mut [i64],
}

impl Ends<'_> {
    /// `None` where the rows are others, or not in order.
    fn fill(self, rows: &dyn Load<i64>) -> Option<()> {
        let before = i64::try_from(self.rows.start).ok()?;
        let least = i64::try_from(self.first).ok()?;
        // How many rows there are of each number cannot be foreseen: each row says where its stretch may end, without a
        // branch, and the last to say so is right. Numbers without rows learn of it from the one before.
        self.ends.fill(before);
        let (mut at, mut last, mut in_order) = (before, least, true);
        let mut part = [0; STRETCH];
        for start in self.rows.clone().step_by(STRETCH) {
            let part = part.get_mut(..self.rows.end.saturating_sub(start).min(STRETCH))?;
            rows.load(start, part);
            for row in part {
                in_order &= *row >= last;
                last = *row;
                at = at.saturating_add(1);
                *self.ends.get_mut(usize::try_from(row.saturating_sub(least)).ok()?)? = at;
            }
        }
        self.ends.iter_mut().fold(before, |end, slot| {
            *slot = end.max(*slot);
            *slot
        });
        in_order.then_some(())
    }
}

/// Converts a column by `each`, which says whether a stretch of it was sound; whether all were.
fn convert_sound<A: Copy + Default + Send, B: Send>(
    source: &dyn Load<A>,
    out: &mut [B],
    threads: usize,
    poll: Poll<'_>,
    each: &(impl Fn(&[A], &mut [B]) -> bool + Sync),
) -> Result<bool, Error> {
    let broken = convert(source, out, threads, poll, &|_, values, out, broken: &mut bool| {
        *broken |= !each(values, out);
    })?;
    Ok(!broken.contains(&true))
}

/// Where runs of equal keys begin, and the end of the last; nothing where a key is less than the one before.
///
/// # Errors
/// [`Error::Interrupted`].
pub fn runs_of(keys: &dyn Load<i64>, count: usize, threads: usize, poll: Poll<'_>) -> Result<Option<Vec<i64>>, Error> {
    const TOGETHER: usize = 65_536;
    const LOOK: usize = 16;
    let find = |found: &mut Vec<(usize, Option<Vec<i64>>)>, range: Range<usize>| {
        // Each key beside the one before it; the first of all begins a run whatever it is.
        let mut values = [0; STRETCH + 1];
        let (mut starts, mut ascend) = (Vec::new(), true);
        let begin = range.start;
        for at in range.clone().step_by(STRETCH) {
            let len = range.end.saturating_sub(at).min(STRETCH);
            let (values, ahead) = if at == 0 {
                let Some(values) = values.get_mut(..len) else { continue };
                starts.push(0);
                (values, 1)
            } else {
                let Some(values) = values.get_mut(..=len) else { continue };
                (values, 0)
            };
            keys.load(at.saturating_sub(1), values);
            let mut row = at.saturating_add(ahead);
            let values = &*values;
            let pairs = (values, values.get(1..).unwrap_or_default());
            for (before, now) in pairs.0.chunks(LOOK).zip(pairs.1.chunks(LOOK)) {
                let both = || before.iter().zip(now);
                // Most keys are those before them: sixteen are compared at once.
                if both().fold(false, |differ, (before, now)| differ | (before != now)) {
                    for (offset, (before, now)) in (0..).zip(both()) {
                        ascend &= before <= now;
                        if before != now {
                            starts.push(i64::try_from(row.saturating_add(offset)).unwrap_or(i64::MAX));
                        }
                    }
                }
                row = row.saturating_add(LOOK);
            }
        }
        found.push((begin, ascend.then_some(starts)));
        Ok(())
    };
    let found = for_each(stretches(count, TOGETHER), threads, poll, &Vec::new, &find)?;
    let mut found: Vec<_> = found.into_iter().flatten().collect();
    found.sort_unstable_by_key(|(begin, _)| *begin);
    let parts: Option<Vec<_>> = found.into_iter().map(|(_, starts)| starts).collect();
    Ok(parts.map(|parts| {
        let mut offsets = parts.concat();
        offsets.push(i64::try_from(count).unwrap_or(i64::MAX));
        offsets
    }))
}

/// Converts stretches of a column by `each`; what each thread found.
fn convert<A: Copy + Default + Send, B: Send, S: Default + Send>(
    source: &dyn Load<A>,
    out: &mut [B],
    threads: usize,
    poll: Poll<'_>,
    each: &(impl Fn(usize, &[A], &mut [B], &mut S) + Sync),
) -> Result<Vec<S>, Error> {
    const TOGETHER: usize = 32;
    let size = STRETCH.saturating_mul(TOGETHER);
    let tasks = stretches(out.len(), size).into_iter().zip(out.chunks_mut(size)).collect();
    for_each(tasks, threads, poll, &S::default, &|found, (range, out): (Range<usize>, &mut [B])| {
        let mut values = [A::default(); STRETCH];
        for (at, out) in range.step_by(STRETCH).zip(out.chunks_mut(STRETCH)) {
            let values = values.get_mut(..out.len()).unwrap_or_default();
            source.load(at, values);
            each(at, values, out, found);
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests")]
    use super::*;
    use crate::batch::columns::read_ticks;
    use crate::money::MinorUnits;
    use proptest::prelude::*;

    proptest! {
        /// Against counting: rows in order or nearly so, of numbers that most often have none.
        #[test]
        fn stretches_begin_where_counting_says(
            counts in prop::collection::vec(prop_oneof![3 => Just(0_usize), 1 => 0_usize..4], 1..60),
            spread in 1_usize..8_000, swap in proptest::option::of((any::<prop::sample::Index>(), any::<prop::sample::Index>())),
            threads in 1_usize..4, beyond in proptest::option::of(-2_i64..3),
        ) {
            let numbers = counts.len() * spread;
            let mut rows: Vec<i64> = Vec::new();
            for (number, count) in counts.iter().enumerate() {
                rows.extend(std::iter::repeat_n(i64::try_from(number * spread).unwrap(), *count));
            }
            if let (Some((a, b)), false) = (swap, rows.is_empty()) {
                let (a, b) = (a.index(rows.len()), b.index(rows.len()));
                rows.swap(a, b);
            }
            if let Some(beyond) = beyond {
                rows.push(i64::try_from(numbers).unwrap() + beyond);
            }
            let sound = rows.is_sorted() && rows.iter().all(|row| (0..i64::try_from(numbers).unwrap()).contains(row));
            let mut offsets = vec![-7; numbers + 1];
            let found = offsets_of(&rows, rows.len(), &mut offsets, threads, &mut || false).unwrap();
            prop_assert_eq!(found, sound);
            if sound {
                for (number, offset) in offsets.iter().enumerate() {
                    let before = rows.iter().filter(|row| usize::try_from(**row).unwrap() < number).count();
                    prop_assert_eq!(usize::try_from(*offset).unwrap(), before);
                }
            }
        }
    }

    #[test]
    fn long_columns_are_converted_by_any_number_of_threads() {
        const DAY: i64 = 86_400_000_000; // microseconds
        let ticks: Vec<i64> = (0..200_000).map(|row| (row % 50_000 - 20_000) * DAY).collect();
        let want: Vec<i32> = (0..200_000).map(|row| row % 50_000 - 20_000).collect();
        let majors: Vec<f64> =
            want.iter().map(|day| if day % 7 == 0 { f64::NAN } else { f64::from(*day) / 100.0 }).collect();
        for threads in [1, 2, 7] {
            let mut days = vec![0; ticks.len()];
            assert!(days_of(&ticks, DAY, &mut days, threads, &mut || false).unwrap());
            assert_eq!(days, want);
            let reading = Reading { units: MinorUnits::new(2).unwrap(), round_input: false, floor_time: false };
            let mut minors = vec![0; majors.len()];
            let wrong = minors_of(&majors, &reading, true, &mut minors, threads, &mut || false).unwrap();
            assert!(wrong.is_empty());
            assert!(
                minors
                    .iter()
                    .zip(&want)
                    .all(|(minor, day)| { *minor == if day % 7 == 0 { i64::MIN } else { i64::from(*day) } })
            );
            let wrong = minors_of(&majors, &reading, false, &mut minors, threads, &mut || false).unwrap();
            assert!(wrong.iter().map(|(at, _)| *at).eq((0..want.len()).filter(|at| want.get(*at).unwrap() % 7 == 0)));
            assert!(wrong.iter().all(|(_, rule)| *rule == Rule::NonFinite));
        }
    }

    #[test]
    fn runs_are_found_by_any_number_of_threads() {
        let runs = |keys: &Vec<i64>, threads| runs_of(keys, keys.len(), threads, &mut || false).unwrap();
        let mut keys: Vec<i64> = (0..200_000_i64).map(|row| (row + row / 7) / 5 - 9).collect();
        let differ = keys.windows(2).zip(1_i64..).filter(|(pair, _)| pair.first() != pair.last()).map(|(_, row)| row);
        let wanted: Vec<i64> = std::iter::once(0).chain(differ).chain([200_000]).collect();
        for threads in [1, 2, 7] {
            assert_eq!(runs(&keys, threads), Some(wanted.clone()));
        }
        for at in [0, 2_047, 65_535] {
            let kept = std::mem::replace(keys.get_mut(at).unwrap(), i64::MAX);
            assert_eq!(runs(&keys, 2), None, "{at}");
            *keys.get_mut(at).unwrap() = kept;
        }
        assert_eq!(runs(&Vec::new(), 2), Some(vec![0]));
    }

    proptest! {
        #[test]
        fn runs_are_those_of_neighbours(keys in prop::collection::vec(-3_i64..3, 0..60), sorted in any::<bool>()) {
            let mut keys = keys;
            if sorted {
                keys.sort_unstable();
            }
            let found = runs_of(&keys, keys.len(), 1, &mut || false).unwrap();
            let starts = (0..keys.len()).filter(|at| *at == 0 || keys.get(at - 1) != keys.get(*at)).chain([keys.len()]);
            let wanted: Vec<i64> = starts.map(|at| i64::try_from(at).unwrap()).collect();
            prop_assert_eq!(found, keys.is_sorted().then_some(wanted));
        }

        #[test]
        fn days_are_those_of_single_ticks(
            days in prop::collection::vec(-30_000_i64..90_000, 0..40), off in prop_oneof![9 => Just(0_i64), 1 => 1_i64..5],
            per_day in prop_oneof![Just(1_i64), Just(86_400), Just(86_400_000_000), Just(86_400_000_000_000)],
        ) {
            let ticks: Vec<i64> = days.iter().map(|day| day.saturating_mul(per_day).saturating_add(off)).collect();
            let mut out = vec![0; ticks.len()];
            let sound = days_of(&ticks, per_day, &mut out, 1, &mut || false).unwrap();
            let single: Vec<_> = ticks.iter().map(|tick| read_ticks(*tick, per_day)).collect();
            prop_assert_eq!(sound, single.iter().all(|day| matches!(day, DateRead::Day(_))));
            if sound {
                prop_assert_eq!(out.into_iter().map(DateRead::Day).collect::<Vec<_>>(), single);
            }
        }

        #[test]
        fn counts_are_whole(numbers in prop::collection::vec(prop_oneof![
            (1_i32..60).prop_map(f64::from), Just(f64::NAN), Just(0.0), Just(2.5), Just(61.0), Just(f64::INFINITY)], 0..6)) {
            let mut counts = vec![7; numbers.len()];
            let sound = counts_of(&numbers, 60, &mut counts, 1, &mut || false).unwrap();
            let fits = |number: &f64| number.is_nan() || (1.0..=60.0).contains(number) && number.fract() == 0.0;
            prop_assert_eq!(sound, numbers.iter().all(fits));
            if sound {
                for (number, count) in numbers.iter().zip(counts) {
                    prop_assert_eq!(f64::from(count), if number.is_nan() { 0.0 } else { *number });
                }
            }
        }

        #[test]
        fn offsets_lead_through_rows_in_order(rows in prop::collection::vec(-1_i64..9, 0..12), n in 0_usize..10) {
            let mut offsets = vec![-5; n + 1];
            let sound = offsets_of(&rows, rows.len(), &mut offsets, 2, &mut || false).unwrap();
            let inside = rows.iter().all(|row| usize::try_from(*row).is_ok_and(|row| row < n));
            prop_assert_eq!(sound, inside && rows.is_sorted());
            if sound {
                for row in 0..n {
                    let found = i64::try_from(row).unwrap();
                    let count = rows.iter().filter(|row| **row == found).count();
                    let (begin, end) = (offsets.get(row).unwrap(), offsets.get(row + 1).unwrap());
                    prop_assert_eq!(end - begin, i64::try_from(count).unwrap());
                }
                prop_assert_eq!(offsets.first(), Some(&0));
            }
        }
    }
}
