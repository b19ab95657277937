//! What must be known before totals can be laid out: the default horizon, and the months in which service begins.
#![forbid(unsafe_code)]

use std::ops::Range;

use super::chunk::Prepared;
use super::columns::Fleet;
use super::flows::Addend;
use super::pool::{Poll, for_each, stretches};
use super::settings::{Horizon, Run, Settings};
use crate::calendar::{Date, month_of};
use crate::depreciation::{Service, Timing};
use crate::error::Error;

/// The outcome.
#[derive(Clone, Copy, Default)]
pub(super) struct Survey {
    /// First month in service to last charge, over all runs.
    pub extent: Option<Horizon>,
    /// First and last month in which an asset enters service; unknown where assets are brought in mid-life.
    pub services: Option<Horizon>,
}

/// Earliest and latest day of service.
type Days = Option<(Date, Date)>;

fn widen(days: Days, day: Date) -> Days {
    Some(days.map_or((day, day), |(first, last)| (first.min(day), last.max(day))))
}

/// Looks through the fleet once. Rows that are wrong are left to the pass that reports them.
pub(super) fn survey<T: Addend>(
    fleet: &Fleet<'_>,
    runs: &[Run<'_>],
    settings: &Settings,
    poll: Poll<'_>,
) -> Result<Survey, Error> {
    let policies_decide =
        runs.iter().flat_map(|run| &run.specs).all(|spec| spec.life_wins && spec.life_months.is_some());
    if fleet.opening.is_none() && (fleet.life_months.is_none() || policies_decide) {
        return by_days::<T>(fleet, runs, settings, poll);
    }
    if settings.start.is_some() && settings.end.is_some() {
        return Ok(Survey::default());
    }
    by_assets::<T>(fleet, runs, settings, poll)
}

/// The last charge never comes earlier for a later day of service, so each policy's first and last day say it all.
fn by_days<T: Addend>(
    fleet: &Fleet<'_>,
    runs: &[Run<'_>],
    settings: &Settings,
    poll: Poll<'_>,
) -> Result<Survey, Error> {
    let init = || {
        (Prepared::<T>::default(), None, runs.iter().map(|run| vec![None; run.specs.len()]).collect::<Vec<Vec<Days>>>())
    };
    type State<T> = (Prepared<T>, Days, Vec<Vec<Days>>);
    let work = |(chunk, all, by_policy): &mut State<T>, range: Range<usize>| {
        chunk.read_dates(fleet, settings, range);
        let good = chunk.day.iter().zip(&chunk.reader.bad).filter(|(_, bad)| !**bad).map(|(day, _)| *day);
        *all = good.fold(*all, widen);
        for (run, days) in runs.iter().zip(by_policy) {
            if run.codes.is_none() {
                continue;
            }
            chunk.assign(run);
            for ((day, bad), code) in chunk.day.iter().zip(&chunk.reader.bad).zip(&chunk.codes) {
                if let (false, Some(slot)) = (*bad, usize::try_from(*code).ok().and_then(|code| days.get_mut(code))) {
                    *slot = widen(*slot, *day);
                }
            }
        }
        Ok(())
    };
    // Where the horizon is given, a sample will do: rows of other months are only slower.
    let sampled = settings.start.is_some() && settings.end.is_some();
    let tasks = if sampled { sample(fleet.len) } else { stretches(fleet.len, settings.rows_at_a_time(runs.len())) };
    let mut found = Survey::default();
    for (_, all, by_policy) in for_each(tasks, settings.threads, poll, &init, &work)? {
        if let Some((first, last)) = all {
            found.services =
                Horizon::hull(found.services, Some(Horizon { start: month_of(first), end: month_of(last) }));
        }
        for (run, days) in runs.iter().zip(by_policy) {
            for (spec, days) in run.specs.iter().zip(days) {
                let days = if run.codes.is_none() { all } else { days };
                let (Some((first, last)), Some(life_months)) = (days, spec.life_months) else { continue };
                for in_service in [first, last] {
                    let service = Service { in_service, life_months, opening: None };
                    let timing = Timing::new(&service, spec.convention, settings.grid, settings.by_days());
                    found.extent = Horizon::hull(
                        found.extent,
                        Some(Horizon { start: timing.first_month, end: timing.last_month }),
                    );
                }
            }
        }
    }
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
    let work = |(chunk, extent): &mut (Prepared<T>, Option<Horizon>), range: Range<usize>| {
        chunk.read(fleet, settings, range);
        for run in runs {
            chunk.assign(run);
            for index in 0..chunk.reader.bad.len() {
                let Some(asset) = chunk.resolve(run, settings, index) else { continue };
                *extent = Horizon::hull(
                    *extent,
                    Some(Horizon { start: asset.timing.first_month, end: asset.timing.last_month }),
                );
            }
        }
        Ok(())
    };
    let states = for_each(
        stretches(fleet.len, settings.rows_at_a_time(runs.len())),
        settings.threads,
        poll,
        &Default::default,
        &work,
    )?;
    let extent = states.into_iter().fold(None, |hull, (_, extent)| Horizon::hull(hull, extent));
    Ok(Survey { extent, services: None })
}
