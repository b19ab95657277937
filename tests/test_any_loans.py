"""Whatever stands in a cell: a result without NaN and without negative balances, or a typed error. Nothing else."""

from __future__ import annotations

import datetime as dt
import decimal
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import floating_loans
import neocalc as nc
from facility_books import facility_beside, facility_frame, random_facility
from loan_books import options, random_terms

VALUES: list[Any] = [
    None, float("nan"), float("inf"), 0, -1, 1, 5, 1e300, 1e18, 2**63 - 1, -(2**63), 2**64, 1e-300, -0.0, 0.1 + 0.2,
    10**9, 2.5, "x", "", "2025-02-30", "2025-01-31", True, b"a", 1j, dt.date(1600, 1, 1), dt.date(9999, 12, 31),
    dt.datetime(2025, 1, 1, 3), pd.NaT, pd.NA, decimal.Decimal("1E+400"), decimal.Decimal("sNaN"),
    decimal.Decimal("0.1"), [1], (1,), np.timedelta64(1, "D"), object(),
]  # fmt: skip
VERBS: list[tuple[str, dict[str, Any]]] = [
    ("amortize", {}),
    ("amortize", {"by": [], "freq": "Y"}),
    ("principal_ladder", {"as_of": "2012-06-30"}),
    ("weighted_average_life", {}),
    ("yield_to_maturity", {"as_of": "2012-06-30"}),
    ("carrying_amount", {}),
    ("interest_expense", {"freq": "Q"}),
    ("current_portion", {"as_of": "2012-06-30"}),
    ("validate_loans", {}),
]
NEVER_NEGATIVE = ("opening_balance", "closing_balance", "draw", "principal", "prepayment")


def _facilities(random: Random) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    terms = random_terms(random)
    facilities = [random_facility(random) for _ in range(6)]
    return {"loans": facility_frame(facilities), **facility_beside(facilities)}, options(terms)


def _floating(random: Random) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    frames = floating_loans.frames([floating_loans.case(random) for _ in range(6)])
    given = {
        "holidays": frames.pop("holidays"),
        "extrapolate": random.choice((None, "flat")),
        "allow_high_rate": True,
    }
    if random.random() < 0.3:
        refinanced = {"loan_id": [0, 1], "date": ["2023-06-01"] * 2, "into_loan_id": [2, 3]}
        frames["refinancings"] = pd.DataFrame(refinanced)
    return frames, given


def _spoil(random: Random, frame: pd.DataFrame) -> pd.DataFrame:
    column, value = random.choice(list(frame.columns)), random.choice(VALUES)
    kind = random.random()
    if kind < 0.65:
        cells = frame[column].astype(object).tolist()
        cells[random.randrange(len(cells))] = value
        return frame.assign(**{column: pd.Series(cells, dtype=object)})
    if kind < 0.75:
        return frame.assign(**{column: pd.Series([value] * len(frame), dtype=object)})
    if kind < 0.85:
        return frame.drop(columns=column)
    if kind < 0.95:
        return pd.concat([frame, frame.iloc[[random.randrange(len(frame))]]], ignore_index=True)
    return frame.rename(columns={column: f"{column} "})


@pytest.mark.filterwarnings("ignore")  # libraries warn of mixed cells, and of rows that are left out
@pytest.mark.parametrize("make", [_facilities, _floating])
@pytest.mark.parametrize("seed", range(5))
def test_a_result_or_a_typed_error(make: Any, seed: int) -> None:
    random = Random(seed)
    for _ in range(60):
        frames, given = make(random)
        frames = {name: frame for name, frame in frames.items() if frame is not None and len(frame)}
        for _ in range(random.randint(1, 2)):
            name = random.choice(list(frames))
            frames[name] = _spoil(random, frames[name])
        tables: dict[str, Any] = frames
        if random.random() < 0.2:
            kind: Any = random.choice((pl.from_pandas, pa.Table.from_pandas))
            try:
                tables = {name: kind(frame) for name, frame in frames.items()}
            except Exception:  # noqa: BLE001, S112 - what these libraries do not hold cannot come from them
                continue
        verb, more = random.choice(VERBS)
        given |= {"amounts": "minor", "rounding": "payment", **more}
        if verb != "validate_loans" and random.random() < 0.5:
            given["on_error"] = "skip"
        loans = tables.pop("loans")
        try:
            found = getattr(nc, verb)(loans, **tables, **given)
        except nc.InputError as error:
            assert all(issue.hint and issue.column for issue in error.issues)
            continue
        if not isinstance(found, pd.DataFrame) or verb == "validate_loans":
            continue
        for column in found.columns:
            if column in NEVER_NEGATIVE and verb == "amortize":
                assert (found[column] >= 0).all()
            if found[column].dtype.kind == "f" and column not in {
                "yield_to_maturity", "weighted_average_life_years"}:  # fmt: skip
                assert np.isfinite(found[column]).all()


LOANS = pd.DataFrame(
    {"loan_id": ["a", "a", "b"], "principal": 100.0, "start_date": "2025-01-01", "term_months": 2,
     "annual_rate": 0.1}
)  # fmt: skip


@pytest.mark.parametrize(("verb", "more"), VERBS[2:-1])
def test_loans_of_one_id_are_left_out(verb: str, more: dict[str, Any]) -> None:
    by = {"by": ["loan_id"]} if verb == "principal_ladder" else {}
    left = getattr(nc, verb)(LOANS, on_error="skip", **{**more, **by})
    assert set(left["loan_id"]) == {"b"}


@pytest.mark.parametrize("value", [[1], decimal.Decimal("sNaN")])
def test_what_cannot_be_told_apart_is_no_id(value: Any) -> None:
    ids = pd.Series([value, "b"], dtype=object)
    for loans, draw in (
        (LOANS.iloc[1:].reset_index(drop=True).assign(loan_id=ids), "b"),
        (LOANS.iloc[1:], value),
    ):
        draws = pd.DataFrame(
            {"loan_id": pd.Series([draw], dtype=object), "date": "2025-01-10", "amount": 1.0}
        )
        for one in (draws, None) if draw == "b" else (draws,):
            with pytest.raises(nc.InputError) as caught:
                nc.amortize(loans, draws=one)
            assert caught.value.issues[0].column.rpartition(".")[2] == "loan_id"


def test_a_refinancing_names_its_loan_exactly() -> None:
    """Loan 2.5 is not loan 2."""
    loans = LOANS.assign(loan_id=[1, 2, 3])
    for into, code in ((2.5, "unknown_id"), ("2", "unknown_id"), (2**64, "unknown_id"), (None, "null")):
        one = pd.DataFrame({"loan_id": [1], "date": "2025-01-10", "into_loan_id": [into]})
        with pytest.raises(nc.InputError) as caught:
            nc.amortize(loans, refinancings=one)
        assert (caught.value.issues[0].column, caught.value.code) == ("refinancings.into_loan_id", code)
    rows = nc.amortize(loans, refinancings=one.assign(into_loan_id=[2.0]))
    assert rows[rows["loan_id"] == 2]["draw"].tolist()[1] == 100.25  # nine days by 30/360
