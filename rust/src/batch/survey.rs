//! What must be known before totals can be laid out: the default horizon, and the months in which service begins.
#![forbid(unsafe_code)]

use std::ops::Range;

use super::books::{Extent, Row};
use super::chunk::Prepared;
use super::columns::Fleet;
use super::flows::Addend;
use super::pool::{Poll, for_each, stretches};
use super::settings::{Horizon, PolicySpec, Run, Settings};
use crate::calendar::{Date, Month, month_of};
use crate::depreciation::{Service, Timing};
use crate::error::Error;

/// The outcome.
#[derive(Clone, Default)]
pub(super) struct Survey {
    /// First month in service to last charge, over all runs.
    pub extent: Option<Horizon>,
    /// First and last month in which an asset enters service; unknown where assets are brought in mid-life.
    pub services: Option<Horizon>,
    /// The lives that rows state and policies respect.
    pub lives: Vec<i32>,
}

impl Survey {
    fn cover(&mut self, start: Month, end: Month) {
        self.extent = Horizon::hull(self.extent, Some(Horizon { start, end }));
    }
}

/// Looks through the fleet once. Rows that are wrong are left to the pass that reports them.
pub(super) fn survey<T: Addend>(
    fleet: &Fleet<'_>,
    runs: &[Run<'_>],
    settings: &Settings,
    poll: Poll<'_>,
) -> Result<Survey, Error> {
    let plain = fleet.opening.is_none() && fleet.events.is_none() && runs.iter().all(Run::is_plain);
    if plain {
        return by_days::<T>(fleet, runs, settings, poll);
    }
    if settings.start.is_some() && settings.end.is_some() {
        return Ok(Survey::default());
    }
    by_assets::<T>(fleet, runs, settings, poll)
}

/// First and last day of service under one policy and one own life (0: none).
#[derive(Clone, Copy)]
struct Days {
    first: Date,
    last: Date,
}

impl Days {
    const NONE: Self = Self { first: Date::MAX, last: Date::MIN };

    #[inline]
    fn widen(&mut self, first: Date, last: Date) {
        (self.first, self.last) = (self.first.min(first), self.last.max(last));
    }
}

/// One thread's view: the days of each run by policy and own life.
struct Seen<T> {
    chunk: Prepared<T>,
    all: Days,
    runs: Vec<Vec<Days>>,
}

/// The last charge never comes earlier for a later day of service, so the first and last day of each policy and life
/// say it all.
fn by_days<T: Addend>(
    fleet: &Fleet<'_>,
    runs: &[Run<'_>],
    settings: &Settings,
    poll: Poll<'_>,
) -> Result<Survey, Error> {
    let own_lives = fleet.life_months.is_some() && !runs.iter().flat_map(|run| &run.specs).all(PolicySpec::decides);
    let lives = if own_lives { usize::try_from(settings.max_life_months).unwrap_or(0).saturating_add(1) } else { 1 };
    let plain = |run: &Run<'_>| run.codes.is_none() && !own_lives;
    let init = || {
        let slots = |run: &Run<'_>| if plain(run) { 0 } else { run.specs.len().saturating_mul(lives) };
        Seen {
            chunk: Prepared::<T>::default(),
            all: Days::NONE,
            runs: runs.iter().map(|run| vec![Days::NONE; slots(run)]).collect(),
        }
    };
    let work = |seen: &mut Seen<T>, range: Range<usize>| {
        let Seen { chunk, all, runs: by_run } = seen;
        chunk.read_dates(fleet, settings, range);
        for (day, bad) in chunk.day.iter().zip(&chunk.reader.bad) {
            if !*bad {
                all.widen(*day, *day);
            }
        }
        for (run, slots) in runs.iter().zip(by_run) {
            if plain(run) {
                continue;
            }
            chunk.assign(run);
            for (row, (day, bad)) in chunk.day.iter().zip(&chunk.reader.bad).enumerate() {
                let code = chunk.codes.get(row).copied().unwrap_or(0);
                let life = if own_lives { chunk.own_life(row).unwrap_or(0) } else { 0 };
                let at = |number: i32| usize::try_from(number).unwrap_or(usize::MAX);
                let slot = slots.get_mut(at(code).saturating_mul(lives).saturating_add(at(life)));
                if let (false, Some(slot)) = (*bad, slot) {
                    slot.widen(*day, *day);
                }
            }
        }
        Ok(())
    };
    // Where the horizon is given, a sample will do: rows of other months and lives are only slower.
    let sampled = settings.start.is_some() && settings.end.is_some();
    let tasks = if sampled { sample(fleet.len) } else { stretches(fleet.len, settings.rows_at_a_time(runs.len())) };
    let mut found = Survey::default();
    for seen in for_each(tasks, settings.threads, poll, &init, &work)? {
        if seen.all.first <= seen.all.last {
            let months = Horizon { start: month_of(seen.all.first), end: month_of(seen.all.last) };
            found.services = Horizon::hull(found.services, Some(months));
        }
        for (run, slots) in runs.iter().zip(seen.runs) {
            let slots = if plain(run) { vec![seen.all] } else { slots };
            for (spec, slots) in run.specs.iter().zip(slots.chunks(lives)) {
                for (own, days) in (0_i32..).zip(slots).filter(|(_, days)| days.first <= days.last) {
                    let own = (own > 0).then_some(own);
                    let Some(life_months) = spec.life(own) else { continue };
                    for in_service in [days.first, days.last] {
                        let service = Service { in_service, life_months, opening: None };
                        let timing = Timing::new(&service, spec.convention, settings.grid, settings.by_days());
                        found.cover(timing.enter_month, timing.last_month);
                    }
                    if let (Some(own), false) = (own, spec.decides())
                        && !found.lives.contains(&own)
                    {
                        found.lives.push(own);
                    }
                }
            }
        }
    }
    // Whichever thread saw a life first: the layout is the same.
    found.lives.sort_unstable();
    Ok(found)
}

/// Short stretches all over the fleet.
fn sample(len: usize) -> Vec<Range<usize>> {
    const ROWS: usize = 64;
    let step = len.checked_div(ROWS).unwrap_or(0).max(ROWS);
    (0..len).step_by(step).map(|start| start..start.saturating_add(ROWS).min(len)).collect()
}

fn by_assets<T: Addend>(
    fleet: &Fleet<'_>,
    runs: &[Run<'_>],
    settings: &Settings,
    poll: Poll<'_>,
) -> Result<Survey, Error> {
    let work = |(chunk, found): &mut (Prepared<T>, Survey), range: Range<usize>| {
        chunk.read(fleet, settings, range);
        for run in runs {
            chunk.assign(run);
            for index in 0..chunk.reader.bad.len() {
                match chunk.row(run, settings, index) {
                    None => {}
                    Some(Row::Plain(asset)) => found.cover(asset.timing.enter_month, asset.timing.last_month),
                    Some(Row::Eventful(asset)) => {
                        let (enter, mut extent) = (asset.timing.enter_month, Extent::default());
                        if chunk.keep_books(run, settings, index, 0, Month::MIN, &mut extent).is_some() {
                            found.cover(enter, extent.last);
                        }
                    }
                }
            }
        }
        Ok(())
    };
    let tasks = stretches(fleet.len, settings.rows_at_a_time(runs.len()));
    let states = for_each(tasks, settings.threads, poll, &Default::default, &work)?;
    let extent = states.into_iter().fold(None, |hull, (_, found)| Horizon::hull(hull, found.extent));
    Ok(Survey { extent, ..Survey::default() })
}
