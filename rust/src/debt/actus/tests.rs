#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests")]
use super::*;
use crate::calendar::{ActusCycle, BusinessDayConvention, DayCount, Weekend, month_start};

fn on(year: i32, month: i32, day: i32) -> Moment {
    Moment::start_of(month_start((year - 1970) * 12 + month - 1) + day - 1)
}

fn bullet() -> Terms<'static> {
    Terms {
        contract_type: ContractType::Pam,
        liability: false,
        status: on(2023, 12, 31),
        start: on(2024, 1, 1),
        maturity: Some(on(2024, 7, 1)),
        amortization: None,
        purchase: None,
        termination: None,
        capitalization_end: None,
        principal: 1_200.0,
        premium: 0.0,
        rate: Some(0.06),
        accrued: None,
        day_count: DayCount::ThirtyE360,
        end_of_month: false,
        weekend: Weekend::NONE,
        convention: BusinessDayConvention::None,
        accrual: crate::calendar::Accrual::Adjusted,
        performing: true,
        interest: Cyclic { anchor: Some(on(2024, 4, 1)), cycle: ActusCycle::parse("P3ML1") },
        redemption: Cyclic::default(),
        payment: None,
        reset: Cyclic::default(),
        spread: 0.0,
        multiplier: 1.0,
        next_rate: None,
        period_cap: f64::INFINITY,
        period_floor: f64::INFINITY,
        life_cap: f64::INFINITY,
        life_floor: f64::NEG_INFINITY,
        fees: Cyclic::default(),
        fee_basis: None,
        fee_rate: 0.0,
        fee_accrued: 0.0,
        base: InterestBase::Principal,
        base_amount: None,
        base_fixing: Cyclic::default(),
        scales: (false, false),
        scaling: Cyclic::default(),
        scaling_base: 1.0,
        scaled_by: (1.0, 1.0),
        penalty: Penalty::None,
        penalty_rate: 0.0,
        prepayment: PrepaymentEffect::None,
        notice: None,
        arrays: Arrays::default(),
        index: Series::default(),
        scaling_index: Series::default(),
        observed: &[],
    }
}

fn rows(terms: &Terms<'_>) -> Result<Vec<(String, &'static str, f64, f64)>, Fault> {
    let mut found = Vec::new();
    Run::events(terms, None, &mut Scratch::default(), &mut |row: Row| {
        let time = Moment::from_code(row.time).unwrap().to_string();
        found.push((time, EventType::from_code(row.kind).unwrap().name(), row.payoff, row.notional));
    })?;
    Ok(found)
}

#[test]
fn codes_and_acronyms_are_places_in_the_list() {
    for (place, (name, kind)) in EventType::ALL.into_iter().enumerate() {
        assert_eq!((kind.code(), kind.name()), (i8::try_from(place).unwrap(), name));
    }
    assert!(EventType::Pr < EventType::Ip && EventType::Rr < EventType::Prf && EventType::Xd < EventType::Ip);
    assert_eq!(EventType::from_code(-1), None);
}

#[test]
fn the_end_of_a_day_counts_as_the_next() {
    let end = Moment::from_code(on(2024, 3, 31).code() + 1).unwrap();
    assert!(end > on(2024, 3, 31) && end < on(2024, 4, 1));
    assert_eq!((end.counted(), end.to_string().as_str()), (on(2024, 4, 1).date(), "2024-03-31T23:59:59"));
    assert_eq!(Moment::from_code(Moment::NONE), None);
    let before_1970 = Moment::from_code(-1).unwrap();
    assert_eq!((before_1970.date(), before_1970.is_end_of_day(), before_1970.code()), (-1, true, -1));
}

#[test]
fn a_bullet_loan() {
    // 1,200 at 6 % over a quarter is 18.
    let quarter = |date: &str, kind, payoff, notional| (date.to_owned(), kind, payoff, notional);
    let expected = [
        quarter("2024-01-01", "IED", -1_200.0, 1_200.0),
        quarter("2024-04-01", "IP", 18.0, 1_200.0),
        quarter("2024-07-01", "IP", 18.0, 1_200.0),
        quarter("2024-07-01", "MD", 1_200.0, 0.0),
    ];
    assert_eq!(rows(&bullet()).unwrap(), expected);
    let owed = rows(&Terms { liability: true, ..bullet() }).unwrap();
    assert!(owed.iter().zip(expected).all(|(one, other)| one.2 == -other.2 && one.3 == -other.3));
    assert!(owed.iter().all(|row| row.3 != 0.0 || row.3.is_sign_positive()), "no minus zero");
}

#[test]
fn what_stops_a_contract_is_named() {
    let reset = Cyclic { anchor: Some(on(2024, 2, 1)), cycle: None };
    let fault = rows(&Terms { reset, ..bullet() }).unwrap_err();
    assert_eq!(
        (fault.term, fault.rule, fault.example.as_str()),
        ("marketObjectCodeOfRateReset", Rule::ObservationMissing, "2024-02-01")
    );
    let (times, values) = ([on(2024, 1, 31).code()], [5.0]);
    let index = Series { times: &times, values: &values };
    assert_eq!(rows(&Terms { reset, index, ..bullet() }).unwrap_err().rule, Rule::RateUnit);
    let late = [Observed { time: on(2024, 8, 1), kind: EventType::Pp, value: 1.0 }];
    assert_eq!(rows(&Terms { observed: &late, ..bullet() }).unwrap_err().rule, Rule::EventState);
    let large = [Observed { time: on(2024, 2, 1), kind: EventType::Pp, value: 1_201.0 }];
    assert_eq!(rows(&Terms { observed: &large, ..bullet() }).unwrap_err().rule, Rule::Range);
    let linear = Terms {
        contract_type: ContractType::Nam,
        redemption: bullet().interest,
        payment: Some(18.0),
        maturity: None,
        ..bullet()
    };
    assert_eq!(rows(&linear).unwrap_err().rule, Rule::NeverAmortises);
    assert_eq!(rows(&Terms { payment: Some(18.0001), ..linear }).unwrap_err().rule, Rule::DateRange);
}
