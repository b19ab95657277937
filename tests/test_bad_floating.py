"""What can be wrong with curves, floating terms and hedges: each by its code, with row and id."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import neocalc as nc


def _loans(**more: Any) -> pd.DataFrame:
    terms = {
        "loan_id": ["A", "B"],
        "principal": [1000.0, 2000.0],
        "start_date": ["2025-01-02"] * 2,
        "term_months": [12] * 2,
        "frequency": ["quarterly"] * 2,
        "profile": ["bullet"] * 2,
        "index": [None, "SOFR"],
        "annual_rate": [0.05, None],
        "margin_rate": [None, 0.06],
    }
    return pd.DataFrame({**terms, **more})


def _rates(**more: Any) -> pd.DataFrame:
    curve = {
        "index": ["SOFR"] * 3,
        "date": ["2025-01-01", "2025-06-01", "2026-01-01"],
        "value": [0.043, 0.042, 0.04],
    }
    return pd.DataFrame({**curve, **more})


def _issues(loans: pd.DataFrame, **given: Any) -> list[tuple[str, str, list[Any], list[Any]]]:
    with pytest.raises(nc.InputError) as caught:
        nc.amortize(loans, **given)
    return [(issue.column, issue.code, list(issue.rows), list(issue.ids)) for issue in caught.value.issues]


@pytest.mark.parametrize(
    ("rates", "column", "code", "row"),
    [
        (_rates(date=["2025-06-01", "2025-01-01", "2026-01-01"]), "rates.date", "curve_order", 1),
        (_rates(date=["2025-01-01", "2025-01-01", "2026-01-01"]), "rates.date", "curve_duplicate", 1),
        (_rates(value=[0.043, 0.042, float("nan")]), "rates.value", "nonfinite", 2),  # never used
        (_rates(value=[0.043, float("inf"), 0.04]), "rates.value", "nonfinite", 1),
        (_rates(value=[0.043, 4.2, 0.04]), "rates.value", "rate_unit", 1),
        (_rates(value=[0.043, -1.0, 0.04]), "rates.value", "range", 1),
        (_rates(date=["2025-01-01", None, "2026-01-01"]), "rates.date", "null", 1),
        (_rates(index=["SOFR", None, "SOFR"]), "rates.index", "null", 1),
    ],
)
def test_curves_are_judged(rates: pd.DataFrame, column: str, code: str, row: int) -> None:
    found = _issues(_loans(), rates=rates)
    assert (column, code, [row]) in [issue[:3] for issue in found]


def test_a_curve_that_ends_before_the_loan() -> None:
    short = _rates(date=["2025-01-01", "2025-06-01", "2025-09-30"])
    assert _issues(_loans(), rates=short) == [("index", "curve_range", [1], ["B"])]
    with pytest.raises(nc.InputError, match="SOFR on 2025-10-02, after its last date"):
        nc.amortize(_loans(), rates=short)
    late = _rates(date=["2025-02-01", "2025-06-01", "2026-01-01"])
    with pytest.raises(nc.InputError, match="SOFR on 2025-01-02, before its first date"):
        nc.amortize(_loans(), rates=late)
    assert len(nc.amortize(_loans(), rates=short, extrapolate="flat")) == 10
    with pytest.raises(nc.ConfigError, match="extrapolate"):
        nc.amortize(_loans(), rates=short, extrapolate="linear")
    kept = nc.amortize(_loans(), rates=short, on_error="skip")
    assert kept["loan_id"].unique().tolist() == ["A"]


def test_an_index_without_a_curve() -> None:
    assert _issues(_loans(index=[None, "LIBOR"]), rates=_rates()) == [("index", "curve_missing", [1], ["B"])]
    assert _issues(_loans()) == [("index", "curve_missing", [1], ["B"])]


def test_fixed_and_floating_at_once() -> None:
    both = _loans(annual_rate=[0.05, 0.10])
    assert _issues(both, rates=_rates()) == [("annual_rate", "rate_conflict", [1], ["B"])]
    neither = _loans(index=[None, None], margin_rate=[None, None])
    assert _issues(neither, rates=_rates()) == [("annual_rate", "null", [1], ["B"])]
    margin = _loans(margin_rate=[0.01, 0.06])
    assert _issues(margin, rates=_rates()) == [("index", "null", [0], ["A"])]


@pytest.mark.parametrize(
    ("more", "column", "code"),
    [
        ({"index_floor_rate": [None, 0.03], "index_cap_rate": [None, 0.02]}, "index_floor_rate", "range"),
        ({"rate_floor": [None, 0.13], "rate_cap": [None, 0.12]}, "rate_floor", "range"),
        ({"index_averaging": [None, "geometric"]}, "index_averaging", "choice"),
        ({"reset_frequency": [None, "hourly"]}, "reset_frequency", "choice"),
        (
            {"index_averaging": [None, "simple"], "observation_shift": [False, True]},
            "observation_shift",
            "profile",
        ),
        ({"lookback_days": [0, -1]}, "lookback_days", "range"),
        ({"reset_lag_days": [0, 1.5]}, "reset_lag_days", "dtype"),
        ({"margin_rate": [None, 6.0]}, "margin_rate", "rate_unit"),
        ({"pik_share": [0.0, 1.5]}, "pik_share", "rate_unit"),
        ({"pik_share": [0.0, -0.5]}, "pik_share", "range"),
        (
            {"default_margin_rate": [None, 0.02], "default_to_date": [None, "2024-01-01"]},
            "default_to_date",
            "date_order",
        ),
    ],
)
def test_floating_terms_are_judged(more: dict[str, Any], column: str, code: str) -> None:
    found = _issues(_loans(**more), rates=_rates())
    assert (column, code, [1], ["B"]) in found


@pytest.mark.parametrize(
    ("more", "column", "code"),
    [
        ({"kind": ["straddle"]}, "hedges.kind", "choice"),
        ({"kind": [None]}, "hedges.kind", "null"),
        ({"strike_rate": [4.0]}, "hedges.strike_rate", "rate_unit"),
        ({"strike_rate": [None]}, "hedges.strike_rate", "null"),
        ({"notional": [-1.0]}, "hedges.notional", "range"),
        ({"notional": [None]}, "hedges.notional", "null"),
        ({"from_date": ["2025-02-30"]}, "hedges.from_date", "date_parse"),
        ({"loan_id": ["C"]}, "hedges.loan_id", "unknown_id"),
    ],
)
def test_hedges_are_judged(more: dict[str, Any], column: str, code: str) -> None:
    hedge = {
        "loan_id": ["B"],
        "kind": ["cap"],
        "strike_rate": [0.04],
        "from_date": ["2025-01-02"],
        "notional": [1000.0],
    }
    found = _issues(_loans(), rates=_rates(), hedges=pd.DataFrame({**hedge, **more}))
    assert (column, code) in [issue[:2] for issue in found]


def test_a_fixed_rate_has_nothing_to_hedge() -> None:
    hedge = {
        "loan_id": ["A"],
        "kind": ["cap"],
        "strike_rate": [0.04],
        "from_date": ["2025-01-02"],
        "notional": [1000.0],
    }
    assert _issues(_loans(), rates=_rates(), hedges=pd.DataFrame(hedge)) == [("index", "null", [0], ["A"])]


def test_a_notional_cannot_step_twice_on_a_day() -> None:
    hedge = {
        "loan_id": ["B"] * 2,
        "kind": ["cap"] * 2,
        "strike_rate": [0.04] * 2,
        "from_date": ["2025-01-02"] * 2,
        "notional": [1000.0, 2.0],
    }
    found = _issues(_loans(), rates=_rates(), hedges=pd.DataFrame(hedge))
    assert ("hedges.from_date", "duplicate_date") in [issue[:2] for issue in found]


def test_a_loan_without_an_effective_rate() -> None:
    loans = _loans(
        index=[None, None], margin_rate=[None, None], annual_rate=[0.05, 0.05], issue_price=[1.0, 0.0]
    )
    with pytest.raises(nc.InputError) as caught:
        nc.carrying_amount(loans)
    assert [(issue.code, issue.ids) for issue in caught.value.issues] == [("no_root", ("B",))]
    kept = nc.carrying_amount(loans, on_error="skip")
    assert kept["loan_id"].unique().tolist() == ["A"]
