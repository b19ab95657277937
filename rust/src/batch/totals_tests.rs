//! The two ways to sum, and the rows, must agree to the last minor unit.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "tests")]

use super::*;
use crate::batch::{DateColumn, MoneyColumn, MonthsColumn, Nullable, PolicySpec};
use crate::calendar::{Frequency, PeriodGrid};
use crate::depreciation::{Convention, Framework, Method};
use crate::rate::Rate;
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Case {
    cost: Vec<i64>,
    day: Vec<i32>,
    residual: Option<Vec<i64>>,
    life: Option<Vec<i64>>,
    group: Vec<i32>,
    specs: Vec<(i32, f64, usize)>,
    codes: Option<Vec<i32>>,
    rounding: Rounding,
    freq: usize,
    threads: usize,
    chunk_rows: usize,
    bounded: bool,
    charges_only: bool,
}

impl Case {
    /// The measures asked for.
    fn measures(&self) -> &[Measure] {
        const ALL: [Measure; 5] = [
            Measure::Depreciation,
            Measure::OpeningBookValue,
            Measure::Additions,
            Measure::ClosingBookValue,
            Measure::AccumulatedDepreciation,
        ];
        if self.charges_only { &ALL[..1] } else { &ALL }
    }

    fn sums(&self, route: Route) -> Vec<Vec<i128>> {
        let Some(totals) = self.totals(route, usize::MAX).unwrap() else { return Vec::new() };
        let mut cells = vec![Vec::new(); self.measures().len()];
        totals.each(self.measures(), |at, sum| cells[at].push(sum));
        assert!(cells.iter().all(|column| column.len() == totals.n_cells()));
        cells
    }

    fn totals(&self, route: Route, memory_limit: usize) -> Result<Option<Totals<i64>>, Error> {
        let nulls: Vec<u8> = self.cost.iter().map(|cost| u8::from(cost % 3 == 0)).collect();
        let fleet = Fleet {
            len: self.cost.len(),
            cost: Nullable { values: MoneyColumn::Minor(&self.cost), nulls: None },
            in_service: Nullable { values: DateColumn::Days(&self.day), nulls: None },
            residual: self.residual.as_ref().map(|r| Nullable { values: MoneyColumn::Minor(r), nulls: Some(&nulls) }),
            life_months: self.life.as_ref().map(|l| Nullable { values: MonthsColumn::Whole(l), nulls: Some(&nulls) }),
            opening: None,
            events: None,
            usage: None,
            skip: None,
            nan_is_null: true,
        };
        let spec = |(life, rate, convention): &(i32, f64, usize), wins: bool| PolicySpec {
            method: Method::StraightLine,
            life_months: Some(*life),
            life_wins: wins,
            residual_rate: Rate::new(*rate).unwrap(),
            convention: Convention::ALL[*convention].1,
        };
        let specs: Vec<_> = self.specs.iter().enumerate().map(|(n, s)| spec(s, n % 2 == 0)).collect();
        let one =
            Run { specs: specs.iter().take(1).cloned().collect(), codes: None, changes: Vec::new(), immediate: None };
        let many = Run {
            codes: self.codes.as_ref().map(|codes| CodeColumn::I32(codes)),
            specs,
            changes: Vec::new(),
            immediate: None,
        };
        let settings = Settings {
            rounding: Some(self.rounding),
            units: MinorUnits::new(2).unwrap(),
            grid: PeriodGrid::new([Frequency::Month, Frequency::Quarter, Frequency::Year][self.freq], 6).unwrap(),
            start: self.bounded.then_some(20),
            end: self.bounded.then_some(60),
            rows_all: false,
            allow_credit: true,
            round_input: false,
            floor_time: false,
            framework: Framework::UsGaap,
            disposal_convention: None,
            posted_through: None,
            max_life_months: 1200,
            threads: self.threads,
            chunk_rows: self.chunk_rows,
            memory_limit,
        };
        let grouping = Grouping { codes: Some(CodeColumn::I32(&self.group)), groups: 3 };
        let runs = [one.clone(), many, one];
        let (log, totals) = totals::<i64>(&fleet, &runs, &settings, grouping, self.measures(), route, &mut || false)?;
        assert!(log.is_empty(), "{log:?}");
        Ok(totals)
    }
}

fn amount() -> impl Strategy<Value = i64> {
    prop_oneof![4 => 0_i64..10_000_000, 2 => 0_i64..3_000, 1 => -5_000_i64..0, 1 => (1_i64 << 51) - 50..(1 << 51) + 50, 1 => (1_i64 << 62)..i64::MAX]
}

fn cases() -> impl Strategy<Value = Case> {
    (1_usize..80).prop_flat_map(|len| {
        let rate = prop_oneof![Just(0.0), Just(0.05), Just(1.0 / 3.0)];
        let rows = (
            prop::collection::vec(amount(), len),
            prop::collection::vec(0_i32..900, len),
            prop::collection::vec(-1_i32..3, len),
            prop::option::of(0_i64..=4),
            prop::option::of(prop::collection::vec(1_i64..400, len)),
        );
        let policies = (
            prop::collection::vec((1_i32..300, rate, 0_usize..5), 3),
            prop::option::of(prop::collection::vec(0_i32..3, len)),
        );
        let options = (any::<bool>(), 0_usize..3, 1_usize..4, 1_usize..50, any::<bool>(), any::<bool>());
        (rows, policies, options).prop_map(
            |(
                (cost, day, group, quarters, life),
                (specs, codes),
                (level, freq, threads, chunk_rows, bounded, charges_only),
            )| {
                let residual = quarters.map(|quarters| cost.iter().map(|cost| cost / 4 * quarters).collect());
                let rounding = if level { Rounding::Level } else { Rounding::Balance };
                Case {
                    cost,
                    day,
                    residual,
                    life,
                    group,
                    specs,
                    codes,
                    rounding,
                    freq,
                    threads,
                    chunk_rows,
                    bounded,
                    charges_only,
                }
            },
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn cohorts_sum_to_what_assets_sum_to(case in cases()) {
        let direct = case.sums(Route::Direct);
        prop_assert_eq!(&case.sums(Route::Cohorts), &direct);
        prop_assert_eq!(&case.sums(Route::Auto), &direct);
        let alone = Case { threads: 1, chunk_rows: 1_000, ..case };
        prop_assert_eq!(&alone.sums(Route::Cohorts), &direct);
    }
}

#[test]
fn totals_beyond_their_memory_are_refused() {
    let case = Case {
        cost: vec![100; 4],
        day: vec![0; 4],
        residual: None,
        life: None,
        group: vec![0; 4],
        specs: vec![(12, 0.0, 0)],
        codes: None,
        rounding: Rounding::Balance,
        freq: 0,
        threads: 2,
        chunk_rows: 1,
        bounded: true,
        charges_only: true,
    };
    let refused = case.totals(Route::Auto, 1_000).err().unwrap();
    assert!(matches!(refused, Error::MemoryLimit { limit: 1_000, .. }));
    assert!(case.totals(Route::Auto, 1 << 20).is_ok());
}
