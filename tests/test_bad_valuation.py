"""Bad curves, cash flows and values of groups: a typed error that names table, column, row and what to do."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import neocalc as nc

POLICY = nc.straight_line(years=2)
AS_OF = "2025-12-31"


def fleet(**columns: Any) -> pd.DataFrame:
    base = {"asset_id": ["a", "b"], "site": ["x", "y"], "gpu_model": ["H100", "A100"], "cost": [100.0, 200.0]}
    return pd.DataFrame({**base, "in_service_date": "2025-01-01", **columns})


def flows(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"site": ["x", "y"], "date": "2026-06-30", "amount": [10.0, 20.0], **columns})


def outcome(given: Any = None, **options: Any) -> nc.ImpairmentTest:
    data = fleet() if given is None else given
    return nc.impairment_test(
        data, POLICY, **{"as_of": AS_OF, "by": ["site"], "cash_flows": flows(), **options}
    )


def refused(call: Any, column: str, code: str, rows: tuple[int, ...] = ()) -> nc.InputError:
    with pytest.raises(nc.InputError) as raised:
        call()
    (issue,) = raised.value.issues
    assert (issue.column, issue.code, issue.rows) == (column, code, rows)
    return raised.value


# --- curves ---------------------------------------------------------------------------------------------------


def valued(curves: Any, given: Any = None, **options: Any) -> Any:
    data = fleet() if given is None else given
    return nc.market_values(data, curves, **{"policy": POLICY, "as_of": AS_OF, **options})


CURVE = nc.value_curve({24: 0.5})


def test_a_model_without_a_curve() -> None:
    error = refused(lambda: valued({"H100": CURVE}), "gpu_model", "curve_missing", (1,))
    assert error.issues[0].ids == ("b",)
    assert "'A100'" in str(error)
    refused(lambda: valued({"H100": CURVE, "A100": CURVE}, fleet(gpu_model=["H100", None])), "gpu_model", "curve_missing", (1,))  # fmt: skip
    assert len(valued({"H100": CURVE, None: CURVE}, fleet(gpu_model=["H100", None]))) == 2


def test_an_age_past_the_curve() -> None:
    curves = {"H100": CURVE, "A100": nc.value_curve({11: 0.5})}
    error = refused(lambda: valued(curves), "gpu_model", "curve_range", (1,))
    assert "in service 2025-01-01" in str(error)


def test_arguments_of_market_values() -> None:
    refused(lambda: valued({"H100": CURVE}, curve_by="model"), "model", "missing_column")
    for curves in (None, {}, 0.5, {"H100": 0.5}):
        with pytest.raises(nc.ConfigError, match="curve"):
            valued(curves)
    with pytest.raises(nc.ConfigError, match="rename the column"):
        valued(CURVE, fleet(market_value=1), by=["market_value"])
    with pytest.raises(nc.ConfigError, match="rounding"):
        valued(CURVE, rounding=None)
    with pytest.raises(TypeError, match=r"market_values\(\) got an unexpected keyword argument 'on_error'"):
        valued(CURVE, on_error="skip")
    with pytest.raises(nc.ConfigError, match="as_of"):
        valued(CURVE, as_of="yesterday")
    refused(lambda: valued(CURVE, fleet(cost=[1.0, -1.0])), "cost", "range", (1,))
    refused(lambda: valued(CURVE, fleet(currency=["USD", "EUR"]), by=[]), "currency", "currency_mix", (0, 1))
    with pytest.raises(nc.InputError) as raised:  # all that is wrong at once
        valued({"H100": CURVE}, fleet(cost=[-1.0, 1.0]))
    assert {issue.code for issue in raised.value.issues} == {"curve_missing", "range"}


# --- cash flows -----------------------------------------------------------------------------------------------


def test_groups_without_cash_flows_and_flows_without_a_group() -> None:
    error = refused(lambda: outcome(cash_flows=flows().iloc[:1]), "cash_flows.site", "group_missing")
    assert "'y'" in str(error)
    bad = flows(site=["x", "z"])
    with pytest.raises(nc.InputError) as raised:
        outcome(cash_flows=bad)
    assert [(i.column, i.code, i.rows) for i in raised.value.issues] == [
        ("cash_flows.site", "group_missing", ()),
        ("cash_flows.site", "group_unknown", (1,)),
    ]
    refused(lambda: outcome(by=[], cash_flows=flows().iloc[:0]), "cash_flows.rows", "group_missing")


@pytest.mark.parametrize("date", ["2025-12-31", "2025-12-15", "2020-01-01"])
def test_flows_of_the_past(date: str) -> None:
    refused(
        lambda: outcome(cash_flows=flows(date=["2026-01-01", date])),
        "cash_flows.date",
        "past_cash_flow",
        (1,),
    )


def test_flows_of_the_rest_of_the_month_of_as_of() -> None:
    early = flows(date=["2025-12-31", "2026-01-01"])
    refused(lambda: outcome(as_of="2025-12-01", cash_flows=early), "cash_flows.date", "past_cash_flow", (0,))


@pytest.mark.parametrize(
    ("column", "values", "code"),
    [
        ("amount", [1.0, float("nan")], "null"),
        ("amount", [1.0, float("inf")], "nonfinite"),
        ("amount", [1.0, 0.001], "precision"),
        ("amount", [1.0, 2.0**51 / 100], "precision"),
        ("amount", [1, 2**62], "overflow"),
        ("amount", np.array([Decimal(1), None], dtype=object), "null"),
        ("date", ["2026-01-01", None], "null"),
        ("date", ["2026-01-01", "2026-02-30"], "date_parse"),
        ("date", pd.to_datetime(["2026-01-01", None]), "null"),
        ("date", pd.to_datetime(["2026-01-01 00:00", "2026-01-01 12:00"]), "date_time"),
        ("date", pd.to_datetime(["2026-01-01", "2261-01-01"]), "date_range"),
    ],
)
def test_values_of_cash_flows(column: str, values: Any, code: str) -> None:
    refused(lambda: outcome(cash_flows=flows(**{column: values})), f"cash_flows.{column}", code, (1,))


def test_types_of_cash_flows() -> None:
    refused(lambda: outcome(cash_flows=flows(amount=["1", "2"])), "cash_flows.amount", "dtype")
    refused(lambda: outcome(cash_flows=flows(date=[1, 2])), "cash_flows.date", "dtype")
    refused(
        lambda: outcome(cash_flows=flows(amount=np.array([1, 2], dtype=np.float32))),
        "cash_flows.amount",
        "dtype",
    )
    rounded = outcome(cash_flows=flows(amount=np.array([0.1, 2], dtype=np.float32)), round_input=True)
    assert rounded.groups["undiscounted_cash_flows"].tolist() == [0.1, 2.0]
    refused(lambda: outcome(cash_flows=flows(site=[{}, {}])), "cash_flows.site", "dtype")
    refused(lambda: outcome(cash_flows={"site": ["x"]}), "cash_flows", "frame")
    refused(
        lambda: outcome(cash_flows=flows().rename(columns={"amount": "sum"})),
        "cash_flows.amount",
        "missing_column",
    )
    twice = pd.concat([flows(), flows()[["date"]]], axis=1)
    refused(lambda: outcome(cash_flows=twice), "cash_flows.date", "duplicate_column")


def test_nan_is_no_null_in_polars() -> None:
    bad = pl.DataFrame({"site": ["x", "y"], "date": [dt.date(2026, 1, 1)] * 2, "amount": [1.0, float("nan")]})
    refused(lambda: outcome(cash_flows=bad), "cash_flows.amount", "nonfinite", (1,))


def test_currencies_are_never_mixed() -> None:
    euros = fleet(currency=["EUR", "USD"])
    fine = flows(currency=["EUR", "USD"])
    assert len(outcome(euros, cash_flows=fine).groups) == 2
    refused(
        lambda: outcome(euros, cash_flows=flows(currency="EUR")), "cash_flows.currency", "currency_mix", (1,)
    )
    refused(lambda: outcome(euros, by=[], cash_flows=flows()), "currency", "currency_mix", (0, 1))
    two = pd.concat([flows(currency="EUR"), flows(currency="USD")], ignore_index=True)
    refused(lambda: outcome(cash_flows=two), "cash_flows.currency", "currency_mix", (2, 3))
    group = pd.DataFrame({"site": ["x"], "fair_value": [1.0], "currency": ["USD"]})
    refused(lambda: outcome(euros, group_values=group), "group_values.currency", "currency_mix", (0,))


# --- fair values and rates -------------------------------------------------------------------------------------


def group(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"site": ["x", "y"], "fair_value": [10.0, 20.0], **columns})


def test_values_of_groups() -> None:
    refused(
        lambda: outcome(group_values=group(fair_value=[1.0, -1.0])), "group_values.fair_value", "range", (1,)
    )
    refused(lambda: outcome(group_values=group(site=["x", "x"])), "group_values.site", "duplicate_id", (1,))
    refused(lambda: outcome(group_values=group(site=["x", "z"])), "group_values.site", "group_unknown", (1,))
    refused(lambda: outcome(group_values=group().drop(columns="site")), "group_values.site", "missing_column")
    ifrs: dict[str, Any] = {"framework": "ifrs", "discount_rate": 0.1}
    costs = group(costs_of_disposal=[1.0, -1.0])
    refused(lambda: outcome(group_values=costs, **ifrs), "group_values.costs_of_disposal", "range", (1,))
    rates = group(discount_rate=[0.1, 1.5])
    refused(lambda: outcome(group_values=rates, **ifrs), "group_values.discount_rate", "range", (1,))
    refused(
        lambda: outcome(group_values=group(discount_rate="x"), **ifrs), "group_values.discount_rate", "dtype"
    )
    with pytest.raises(nc.ConfigError, match="group_values has none of fair_value"):
        outcome(group_values=group().drop(columns="fair_value"))


def test_values_of_assets() -> None:
    refused(lambda: outcome(fleet(fair_value=[1.0, -0.01])), "fair_value", "range", (1,))
    refused(lambda: outcome(fleet(fair_value=["1", "2"])), "fair_value", "dtype")
    bad = fleet(value_in_use=[-1.0, None])
    refused(lambda: outcome(bad, framework="ifrs", discount_rate=0.1), "value_in_use", "range", (0,))
    assert len(outcome(bad).groups) == 2  # under US GAAP nobody reads it


def test_a_unit_of_which_nothing_is_known() -> None:
    only = pd.DataFrame({"site": ["x"], "fair_value": [1.0]})
    error = refused(
        lambda: outcome(framework="ifrs", cash_flows=None, group_values=only),
        "recoverable_amount",
        "group_missing",
    )
    assert "'y'" in str(error)
    rates = pd.DataFrame({"site": ["x"], "discount_rate": [0.1]})
    refused(lambda: outcome(framework="ifrs", group_values=rates), "discount_rate", "group_missing")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"framework": "gaap"}, "framework must be"),
        ({"by": None}, "by must name the columns"),
        ({"by": "site"}, "by must be a list"),
        ({"by": ["status"]}, "rename the column"),
        ({"cash_flows": None}, "us_gaap tests undiscounted cash flows first"),
        ({"discount_rate": 0.1}, "for framework='ifrs'"),
        ({"disposal_cost_rate": 0.1}, "for framework='ifrs'"),
        ({"disposal_cost_rate": None}, "disposal_cost_rate must be"),
        ({"discount_rate": 10}, "5 % is 0.05"),
        ({"discount_rate": True}, "5 % is 0.05"),
        ({"discount_rate": "0.1"}, "5 % is 0.05"),
        ({"discount_rate": float("nan")}, "5 % is 0.05"),
        ({"group_values": group(costs_of_disposal=1.0)}, "for framework='ifrs'"),
        ({"framework": "ifrs"}, "value in use needs discount_rate="),
        ({"rounding": "none"}, "rounding"),
        ({"as_of": "soon"}, "as_of"),
        ({"amounts": "cents"}, "amounts must be"),
    ],
)
def test_arguments_that_mean_nothing(options: dict[str, Any], message: str) -> None:
    with pytest.raises(nc.ConfigError, match=message):
        outcome(fleet(status="in_service"), **options)


def test_problems_of_the_fleet_come_first() -> None:
    refused(
        lambda: outcome(fleet(cost=[1.0, float("nan")]), cash_flows=flows(amount=["?", "?"])),
        "cost",
        "nonfinite",
        (1,),
    )
    refused(lambda: outcome(by=["rack"], cash_flows=flows(rack=1)), "rack", "missing_column")
    refused(lambda: outcome(fleet(asset_id=["a", "a"])), "asset_id", "duplicate_id", (0, 1))
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        outcome(colour=1)
