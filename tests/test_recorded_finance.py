"""Annuities, cash flows and day spans against values that others have recorded: every row of their tables."""

from __future__ import annotations

import csv
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neocalc as nc
from neocalc import financial

ANNUITY = {
    "pmt": "rate nper pv fv type",
    "ipmt": "rate per nper pv fv type",
    "ppmt": "rate per nper pv fv type",
    "ispmt": "rate per nper pv",
    "pv": "rate nper pmt fv type",
    "fv": "rate nper pmt pv type",
    "nper": "rate pmt pv fv type",
    "rate": "nper pmt pv fv type guess",
    "cumipmt": "rate nper pv start end type",
    "cumprinc": "rate nper pv start end type",
    "effect": "nominal_rate npery",
}
# Bases of YEARFRAC for pyxirr's names; SIA and ISDA agree on these flows, and ACT/ACT of ISDA is no basis of Excel.
BASES = {"30/360 SIA": 0, "30/360 ISDA": 0, "act/360": 2, "act/365F": 3, "30E/360": 4}


def rows_of(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert rows
    return [row for row in rows if row["function"] in financial.__all__]


def call(name: str, *arguments: Any, **more: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", nc.NeocalcWarning
        )  # some have several rates: the one near the guess is recorded
        return getattr(financial, name)(*arguments, **more)


def off(found: float, expected: str | float, relative: float) -> bool:
    return not math.isclose(found, float(expected), rel_tol=relative, abs_tol=relative)


def test_annuities_of_excel(outside_oracles: Path) -> None:
    """Recorded with 13 digits: to 1e-11."""
    rows = rows_of(outside_oracles, "excel_annuity")
    wrong = []
    for row in rows:
        given = [float(row[name]) for name in ANNUITY[row["function"]].split()]
        if off(found := call(row["function"], *given), row["expected"], 1e-11):
            wrong.append((row["case_id"], found, row["expected"]))
    assert (wrong, len(rows) >= 177) == ([], True)


def test_cash_flows_of_excel(outside_oracles: Path) -> None:
    """MIRR and NPV to 1e-11; XIRR to 1e-8, which is as near as Excel's iteration comes (0 stands as 4.9e-9)."""
    wrong = []
    for row in rows_of(outside_oracles, "excel_cashflow"):
        values = [float(value) for value in row["values"].split(";")]
        if row["function"] == "npv":
            found = financial.npv(float(row["rate"]), values, first_period=1)
        elif row["function"] == "mirr":
            found = financial.mirr(values, float(row["finance_rate"]), float(row["reinvest_rate"]))
        else:
            found = financial.xirr(values, row["dates"].split(";"), float(row["guess"]))
        if off(found, row["expected"], 1e-8 if row["function"] == "xirr" else 1e-11):
            wrong.append((row["case_id"], found, row["expected"]))
    assert wrong == []


def test_yearfrac_of_excel(outside_oracles: Path) -> None:
    """Recorded with 13 digits: to 1e-11."""
    rows = rows_of(outside_oracles, "excel_yearfrac")
    starts, ends = ([row[name] for row in rows] for name in ("start", "end"))
    found = financial.yearfrac(starts, ends, [int(row["basis"]) for row in rows])
    wrong = [
        (row["case_id"], value)
        for row, value in zip(rows, found.tolist(), strict=True)
        if off(value, row["expected"], 1e-11)
    ]
    assert (wrong, len(rows) >= 195) == ([], True)


def test_values_of_numpy_financial(outside_oracles: Path) -> None:
    """With the tolerance of their tests, 1e-7 where they state none; the same calls, argument by argument."""
    wrong = []
    for row in rows_of(outside_oracles, "numpy_financial"):
        found = call(row["function"], *eval(f"[{row['args']}]", {}))  # noqa: S307 - a table of literals
        kind, _, bound = (row["tol"] or "rtol=1e-7").partition("=")
        bounds = {"rtol": float(bound), "atol": 0.0}
        if kind == "tol":  # absolute, or so many decimals
            bounds = {"rtol": 0.0, "atol": float(bound) if float(bound) < 1 else 10.0 ** -float(bound)}
        if not np.allclose(found, eval(row["expected"], {}), **bounds):  # noqa: S307
            wrong.append((row["case_id"], found, row["expected"]))
    assert wrong == []


# An empty cell counts as nothing in Excel, but moves all later flows if it is one: here it is an error.
FORMULAJS_NULLS = ("formulajs-irr-112", "formulajs-irr-113")
DEPRECIATION = ("sln", "syd", "db", "ddb", "vdb")  # see test_financial.py


def test_values_of_formulajs(outside_oracles: Path) -> None:
    """To 1e-9, as they state; NPV with Excel's first flow, IRR of a range row by row."""
    wrong = []
    for row in rows_of(outside_oracles, "formulajs"):
        name = row["function"]
        if name in DEPRECIATION:
            continue
        text = row["args"].replace("null", "None").replace(", , ", ", 0, ")
        given, more = eval(f"[{text}]", {}), {}  # noqa: S307
        if name == "npv":
            given, more = (
                [given[0], given[1] if isinstance(given[1], list) else given[1:]],
                {"first_period": 1},
            )
        if name == "irr":
            given[0] = np.array(given[0], dtype=object).ravel()
        try:
            found = call(name, *given, **more)
        except nc.InputError as error:
            is_null = row["case_id"] in FORMULAJS_NULLS and error.code == "null"
            if not (row["expected"].startswith("#") or is_null):
                wrong.append((row["case_id"], str(error), row["expected"]))
            continue
        if row["expected"].startswith("#") or off(found, row["expected"], 1e-8):
            wrong.append((row["case_id"], found, row["expected"]))
    assert wrong == []


def test_values_of_pyxirr(outside_oracles: Path) -> None:
    """To 1e-9, as they state."""
    flows: dict[str, tuple[list[str], list[float]]] = {}
    with (outside_oracles / "pyxirr_flows.csv").open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            dates, amounts = flows.setdefault(row["flow_set"], ([], []))
            dates.append(row["date"])
            amounts.append(float(row["amount"]))
    wrong, left_out = [], []
    for row in rows_of(outside_oracles, "pyxirr_cases"):
        dates, amounts = flows[row["flow_set"]]
        count = row["rate_or_option"].removeprefix("day_count=")
        if row["function"] == "irr":
            found = call("irr", amounts)
        elif row["function"] == "xnpv":
            found = financial.xnpv(float(count), amounts, dates)
        elif count and count not in BASES:
            left_out.append(count)
            continue
        else:
            found = financial.xirr(amounts, dates, basis=BASES.get(count, 3))
        if off(found, row["expected"], 1e-9):
            wrong.append((row["case_id"], found, row["expected"]))
    assert (wrong, left_out) == ([], ["act/act ISDA"])


def test_periodic_values_of_pyxirr_and_quantlib(outside_oracles: Path) -> None:
    """To 1e-9 and 1e-6, as they state; pyxirr's words for when payments fall and for the first flow."""
    wrong = []
    for row in rows_of(outside_oracles, "pyxirr_periodic"):
        words = {"pmt_at_beginning=true": {"when": "begin"}, "start_from_zero=false": {"first_period": 1}}
        given = eval(f"[{row['args']}]", {})  # noqa: S307
        found = call(row["function"], *given, **words.get(row["kwargs"], {}))
        if off(found, row["expected"], 1e-9):
            wrong.append((row["case_id"], found, row["expected"]))
    for row in rows_of(outside_oracles, "quantlib_annuity"):
        rate = float(row["annual_rate"]) / int(row["periods_per_year"])
        found = -financial.pmt(rate, int(row["n_periods"]), float(row["principal"]))
        if off(found, row["expected"], 1e-6):
            wrong.append((row["case_id"], found, row["expected"]))
    assert wrong == []


def test_calls_of_numpy_financial_mean_the_same() -> None:
    """Where the library itself is installed: the same positions and words, on random calls."""
    theirs = pytest.importorskip("numpy_financial", reason="numpy-financial is not installed")
    rng = np.random.default_rng(3)
    for _ in range(200):
        rate, nper = rng.uniform(0.001, 0.2), float(rng.integers(1, 60))
        amount, end = rng.uniform(1e3, 1e6), rng.uniform(-1e5, 1e5)
        per, when = float(rng.integers(1, nper + 1)), rng.choice(["end", "begin"])
        paid = -amount * rate * 2
        calls: list[tuple[str, tuple[Any, ...]]] = [
            ("pmt", (rate, nper, amount, end, when)),
            ("ipmt", (rate, per, nper, amount, end, when)),
            ("ppmt", (rate, per, nper, amount, end, when)),
            ("pv", (rate, nper, paid, end, when)),
            ("fv", (rate, nper, paid, amount, when)),
            ("nper", (rate, paid, amount, 0, when)),
            ("npv", (rate, [-amount, *rng.uniform(0, amount, 5)])),
            ("mirr", ([-amount, *rng.uniform(0, amount, 5)], rate, rate / 2)),
        ]
        for name, given in calls:
            assert call(name, *given) == pytest.approx(getattr(theirs, name)(*given), rel=1e-8, abs=1e-6), (
                name
            )
