"""Spreadsheet functions: values of Excel, the definitions in fractions, and every kind of argument."""

from __future__ import annotations

import copy
import csv
import math
import pickle
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import neocalc as nc
from neocalc import financial
from oracles import financial as oracle

pl = pytest.importorskip("polars")

NAMES = ("sln", "syd", "db", "ddb", "vdb")
FUNCTIONS: dict[str, Callable[..., Any]] = {name: getattr(financial, name) for name in NAMES}
INDEX = pd.Index(["a", "b", "c"])


def near(found: float, expected: float | Fraction, cost: float = 0.0) -> bool:
    """To 1e-9 of the value, or 1e-12 of the cost where a charge is the small difference of two balances."""
    slack = 1e-9 * abs(Fraction(expected)) + 1e-12 * Fraction(cost)
    return abs(Fraction(found) - Fraction(expected)) <= slack


# --- values of others ---------------------------------------------------------------------------------------------

# Microsoft's reference pages, "SLN function" to "VDB function", with the digits that their formulas give.
MICROSOFT = [
    ("sln", (30_000, 7_500, 10), 2250),
    ("syd", (30_000, 7_500, 10, 1), Fraction(22_500 * 10 * 2, 110)),
    ("syd", (30_000, 7_500, 10, 10), Fraction(22_500 * 1 * 2, 110)),
    ("db", (1_000_000, 100_000, 6, 1, 7), Fraction(319_000 * 7, 12)),  # rate 0.319
    ("db", (1_000_000, 100_000, 6, 2, 7), (1_000_000 - Fraction(319_000 * 7, 12)) * Fraction(319, 1000)),
    ("db", (1_000_000, 100_000, 6, 6, 7), "55841.76"),
    ("db", (1_000_000, 100_000, 6, 7, 7), "15845.10"),  # the five months left
    ("ddb", (2400, 300, 3650, 1), Fraction(2400 * 2, 3650)),
    ("ddb", (2400, 300, 120, 1, 2), 40),
    ("ddb", (2400, 300, 10, 1, 2), 480),
    ("ddb", (2400, 300, 10, 2, 1.5), 2040 * Fraction(15, 100)),
    ("ddb", (2400, 300, 10, 10), 2400 * Fraction(8, 10) ** 9 - 300),  # down to the salvage value
    ("vdb", (2400, 300, 3650, 0, 1), Fraction(2400 * 2, 3650)),
    ("vdb", (2400, 300, 120, 0, 1), 40),
    ("vdb", (2400, 300, 10, 0, 1), 480),
    ("vdb", (2400, 300, 120, 6, 18), 2400 * (Fraction(59, 60) ** 6 - Fraction(59, 60) ** 18)),
    ("vdb", (2400, 300, 120, 6, 18, 1.5), 2400 * (Fraction(79, 80) ** 6 - Fraction(79, 80) ** 18)),
    ("vdb", (2400, 300, 10, 0, 0.875, 1.5), 315),
    # Microsoft Knowledge Base Q116394
    ("vdb", (10_000, 0, 10, 0, 2.5), 4240),
    ("vdb", (10_000, 0, 3650, 0, 912.5), "3935.52"),
]

# Recorded from Excel by fsprojects/ExcelFinancialFunctions (testdata/*.test), with how they come about.
RECORDED = [
    ("syd", (100, 10, 1, 0.3), 153),  # 90 x 1.7 x 2 / 2: the fraction counts
    ("syd", (100, 10, 12.7, 11.3), Fraction(90 * 24 * 2 * 10, 127 * 137)),  # 90 x 2.4 x 2 / (12.7 x 13.7)
    ("db", (100, 10, 1, 0.3, 1), Fraction(15, 2)),  # rate 0.9, a twelfth: within the first is the first
    ("db", (100, 10, 13, 1.7, 9), Fraction(1215, 100)),  # rate 0.162, 9 months: the fraction is dropped
    ("db", (100, 10, 12.7, 2, 4), "15.68146666667"),  # rate 0.166 of 100 - 16.6 / 3
    ("db", (100, 0, 13, 2, 9), 25),  # rate 1: all that nine months have left
    ("db", (100, 0, 13, 10, 9), 0),
    ("ddb", (100, 10, 13, 0.3, 3), Fraction(300, 13)),  # within the first is the first
    ("ddb", (100, 10, 12.7, 2, 4.5), Fraction(4500 * 82, 127 * 127)),  # 100 x (1 - 4.5/12.7) x 4.5/12.7
    ("ddb", (100, 50, 13, 2, 4.5), Fraction(50 * 13 - 450, 13)),  # down to the salvage value
    ("ddb", (100, 0, 40, 11, 50.3), 0),
    ("vdb", (100, 10, 1, 0, 0.8, 50.3, True), 72),
    ("vdb", (100, 10, 13, 0, 3, 1, True), 100 * (1 - Fraction(12, 13) ** 3)),
    # Three charges fall: 100/13, 100/13 x 12/13, then a tenth less of what the straight line has over 11 periods.
    ("vdb", (100, 10, 13, 0, 3, 1), "21.62990855299"),
    ("vdb", (100, 10, 12.7, 2, 4.2, 1), "15.39423676978"),
    ("vdb", (100, 50, 40, 0, 20, 1, True), 100 * (1 - Fraction(39, 40) ** 20)),
    ("vdb", (200, 0, 40, 10, 13, 1), 15),  # straight from the first period
    ("vdb", (100, 10, 13, 13, 13, 3, True), 0),
]


@pytest.mark.parametrize(("name", "arguments", "expected"), MICROSOFT + RECORDED)
def test_worked_examples(name: str, arguments: tuple[Any, ...], expected: Any) -> None:
    found = FUNCTIONS[name](*arguments)
    assert type(found) is float
    if isinstance(expected, str):
        assert abs(found - float(expected)) <= 0.5001 * 10.0 ** -len(expected.partition(".")[2])
    else:
        assert near(found, Fraction(expected), cost=arguments[0])


def test_half_year_tables_come_out_as_in_excel() -> None:
    """A user's Excel and IRS Publication 946, table A-14: https://bz.apache.org/ooo/show_bug.cgi?id=109420."""
    year = np.arange(1, 9)
    found = financial.vdb(10_000, 0, 7, np.maximum(0, year - 1.5), np.minimum(7, year - 0.5), 1.5)
    excel = [1071.43, 1913.27, 1503.28, 1224.89, 1224.89, 1224.89, 1224.89, 612.45]
    assert found.round(2).tolist() == excel
    assert near(math.fsum(found), 10_000)


def test_without_a_switch_spans_add_up() -> None:
    """As ExcelFinancialFunctions' notes on compatibility (VDB) have it; with a switch Excel loses 0.1479 here."""
    parts = [financial.vdb(100, 10, 13, *span, 1, True) for span in ((0, 0.5), (0.5, 1))]
    assert near(sum(parts), Fraction(100, 13))
    parts = [financial.vdb(100, 10, 13, *span, 1) for span in ((0, 0.5), (0.5, 1))]
    assert near(sum(parts), Fraction(100, 13) - Fraction(25, 169))


def rows_of(folder: Path, file: str) -> list[dict[str, str]]:
    rows = csv.DictReader((folder / file).read_text(encoding="utf-8").splitlines())
    return [row for row in rows if row["function"] in FUNCTIONS]


def test_values_recorded_from_excel(outside_oracles: Path) -> None:
    rows = rows_of(outside_oracles, "excel_depreciation.csv")
    wrong = []
    for row in rows:
        names = ("period", "month", "start_period", "end_period", "factor", "no_switch")
        given = {name: float(row[name]) for name in names if row[name] != ""}
        if "no_switch" in given:
            given["no_switch"] = given["no_switch"] != 0
        amounts = [float(row[name]) for name in ("cost", "salvage", "life")]
        found = FUNCTIONS[row["function"]](*amounts, **given)
        # A recorded 0 stands for the dust that Excel clears.
        if row["gate"] == "must" and not near(found, float(row["expected"]), cost=amounts[0] * 1e-2):
            wrong.append((row["case_id"], found, row["expected"]))
    assert (wrong, len(rows) > 300) == ([], True)


# Excel has a broken year after the life; formulajs has none ([MS-OI29500] 2.1.924 and the example of "DB function").
FORMULAJS_DIFFERS = "formulajs-db-054"


def test_values_of_formulajs(outside_oracles: Path) -> None:
    checked = 0
    for row in rows_of(outside_oracles, "formulajs.csv"):
        words = [word.strip() for word in row["args"].split(",")]
        given = [word.strip("'") if word.startswith("'") else float(word) for word in words]
        if row["case_id"] == FORMULAJS_DIFFERS:
            assert (row["expected"], given) == ("#NUM!", [1_000_000, 100_000, 6, 7, 6])
            assert near(financial.db(*given), oracle.db(*exact(1_000_000, 100_000, 6, 7), 6))
            continue
        if row["expected"].startswith("#"):
            with pytest.raises(nc.InputError):
                FUNCTIONS[row["function"]](*given)
        else:
            found = FUNCTIONS[row["function"]](*given)
            assert near(found, float(row["expected"]), cost=float(given[0]) * 1e-3), row
        checked += 1
    assert checked > 60


# --- the definitions in fractions ---------------------------------------------------------------------------------

AMOUNTS = st.integers(0, 10**9).map(lambda cents: cents / 100)
LIVES = st.one_of(st.integers(1, 60), st.integers(2, 240).map(lambda quarters: quarters / 4))
FACTORS = st.one_of(st.sampled_from([1.0, 1.5, 2.0, 3.0, 50.0]), st.floats(0.05, 60.0))
SHARES = st.floats(0.0, 1.0)


def exact(*numbers: float) -> list[Fraction]:
    return [Fraction(number) for number in numbers]


@given(AMOUNTS, AMOUNTS, LIVES, SHARES, st.booleans())
def test_linear_methods_are_their_formulas(
    cost: float, salvage: float, life: float, at: float, whole: bool
) -> None:
    period = max(1.0, float(round(at * life))) if whole else at * life
    assert near(financial.sln(cost, salvage, life), oracle.sln(*exact(cost, salvage, life)))
    if 0 < period <= life:
        found = financial.syd(cost, salvage, life, period)
        assert near(found, oracle.syd(*exact(cost, salvage, life, period)), cost=max(cost, salvage))


@given(st.integers(0, 10**6), st.integers(0, 10**6), LIVES, SHARES, st.integers(1, 12))
def test_db_is_its_definition(cost: int, salvage: int, life: float, at: float, month: int) -> None:
    period = at * (life + (month < 12))
    if period > 0:
        expected = oracle.db(*exact(cost, salvage, life, period), month)
        assert near(financial.db(cost, salvage, life, period, month), expected, cost=cost)


def test_db_rounds_halves_up_as_decimals() -> None:
    """1 - 987.5/1000 is 0.0125 to a reader, a little less in binary; ROUND(0.0125, 3) is 0.013."""
    assert near(financial.db(1000, 987.5, 1, 1), 13)
    assert oracle.db_rate(*exact(1000, 987.5, 1)) == Fraction(13, 1000)


@given(AMOUNTS, AMOUNTS, LIVES, SHARES, FACTORS, st.booleans())
def test_ddb_is_its_definition(
    cost: float, salvage: float, life: float, at: float, factor: float, whole: bool
) -> None:
    period = float(max(1, math.floor(at * life))) if whole else at * life
    if 0 < period <= life:
        expected = oracle.ddb(*exact(cost, salvage, life, period, factor))
        assert near(financial.ddb(cost, salvage, life, period, factor), expected, cost=cost)


@given(AMOUNTS, AMOUNTS, LIVES, SHARES, SHARES, FACTORS, st.booleans(), st.booleans(), st.booleans())
def test_vdb_is_its_definition(
    cost: float,
    salvage: float,
    life: float,
    first: float,
    second: float,
    factor: float,
    whole_start: bool,
    whole_end: bool,
    no_switch: bool,
) -> None:
    start, end = sorted((first * life, second * life))
    start = float(math.floor(start)) if whole_start else start
    end = float(math.floor(end)) if whole_end else end
    if start <= end and start < life:
        expected = oracle.vdb(*exact(cost, salvage, life, start, end, factor), no_switch)
        found = financial.vdb(cost, salvage, life, start, end, factor, no_switch)
        assert near(found, expected, cost=cost)


# --- laws ---------------------------------------------------------------------------------------------------------


@given(AMOUNTS, SHARES, st.integers(1, 60), FACTORS)
def test_charges_of_a_life_sum_to_what_there_was_to_write_off(
    cost: float, share: float, life: int, factor: float
) -> None:
    salvage = cost * share
    periods = np.arange(1, life + 1)
    base = Fraction(cost) - Fraction(salvage)
    assert near(math.fsum(financial.syd(cost, salvage, life, periods)), base, cost=cost)
    assert near(math.fsum(financial.vdb(cost, salvage, life, periods - 1, periods, factor)), base, cost=cost)
    assert near(financial.sln(cost, salvage, life) * life, base, cost=cost)
    declining = math.fsum(financial.ddb(cost, salvage, life, periods, factor))
    assert declining <= float(base) * (1 + 1e-12) + 1e-12 * cost
    together = financial.vdb(cost, salvage, life, 0, life, factor, True)
    assert near(declining, together, cost=cost)


@given(st.lists(st.tuples(AMOUNTS, AMOUNTS, LIVES), min_size=1, max_size=6), FACTORS)
def test_arrays_are_loops(rows: list[tuple[float, float, float]], factor: float) -> None:
    cost, salvage, life = (np.array(column) for column in zip(*rows, strict=True))
    loops = {
        "sln": [financial.sln(*row) for row in rows],
        "syd": [financial.syd(*row, 0.5) for row in rows],
        "db": [financial.db(*row, 0.5, 7) for row in rows],
        "ddb": [financial.ddb(*row, 0.5, factor) for row in rows],
        "vdb": [financial.vdb(*row, 0.25, 0.5, factor) for row in rows],
    }
    rest: dict[str, tuple[Any, ...]] = {
        "sln": (), "syd": (0.5,), "db": (0.5, 7), "ddb": (0.5, factor), "vdb": (0.25, 0.5, factor),
    }  # fmt: skip
    for name, expected in loops.items():
        assert FUNCTIONS[name](cost, salvage, life, *rest[name]).tolist() == expected


def test_shapes_broadcast() -> None:
    found = financial.ddb([[1000.0], [2000.0]], 0, 5, np.arange(1, 6))
    assert found.shape == (2, 5)
    assert found[1].tolist() == [2 * charge for charge in found[0]]
    assert financial.sln(np.empty(0), 0, 5).tolist() == []
    assert financial.sln(np.array(100.0), 0, 5) == 20.0
    assert financial.sln(np.array([100.0]), 0, 5).tolist() == [20.0]
    assert financial.sln(np.full((2, 3), 5.0)[:, ::2].T, 0, 5).shape == (2, 2)


# --- kinds of argument --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cost",
    [
        100, 100.0, Decimal("100.0"), Fraction(100), np.int16(100), np.float32(100), np.float64(100),
        np.array(100), np.array(100.0, dtype=">f8"),
    ],
)  # fmt: skip
def test_numbers_give_a_float(cost: Any) -> None:
    found = financial.sln(cost, 0, 8)
    assert (type(found), found) == (float, 12.5)


@pytest.mark.parametrize(
    "dtype", ["float64", "float32", "int64", "uint8", "object", "Float64", "Int64", "double[pyarrow]"]
)
def test_pandas_keeps_its_index(dtype: str) -> None:
    if dtype.endswith("[pyarrow]"):
        pytest.importorskip("pyarrow")
    cost = pd.Series([100, 200, 50], index=INDEX, dtype=dtype)
    life = pd.Series([4, 5, 10], index=INDEX)
    expected = pd.Series([25.0, 40.0, 5.0], index=INDEX, name="sln")
    pd.testing.assert_series_equal(financial.sln(cost, 0, life), expected)
    pd.testing.assert_series_equal(financial.sln(cost, np.zeros(3), life), expected)


def test_polars_gives_polars() -> None:
    frame = pl.DataFrame({"cost": [100, 200], "salvage": [Decimal(0), Decimal(0)], "stay": [True, False]})
    found = financial.vdb(frame["cost"], frame["salvage"], 10, 0, 10, 2, frame["stay"])
    assert found.name == "vdb"
    assert found.to_list() == pytest.approx([100 * (1 - 0.8**10), 200.0])
    assert frame.with_columns(financial.sln(frame["cost"], 0, 5)).columns[-1] == "sln"


@pytest.mark.parametrize(
    "stay",
    [
        [True, False, True], np.array([True, False, True]), pd.Series([True, False, True], index=INDEX),
        pd.Series([True, False, True], index=INDEX, dtype="boolean"),
    ],
)  # fmt: skip
def test_no_switch_may_differ_by_row(stay: Any) -> None:
    found = financial.vdb(pd.Series([100.0] * 3, index=INDEX), 0, 10, 0, 10, no_switch=stay)
    assert found.tolist() == pytest.approx([89.2625818, 100, 89.2625818])


def test_series_are_never_aligned() -> None:
    cost = pd.Series([1.0, 2.0, 3.0], index=INDEX)
    for life in (cost.set_axis([2, 1, 0]), cost.iloc[:2], pl.Series([1.0, 2.0, 3.0])):
        with pytest.raises(nc.ConfigError, match="cost and life"):
            financial.sln(cost, 0, life)
    for other in (np.ones(2), np.ones((2, 3))):
        with pytest.raises(nc.ConfigError, match="shape"):
            financial.sln(cost, other, 5)


# --- what is wrong ------------------------------------------------------------------------------------------------


def refused(name: str, *arguments: Any, **more: Any) -> list[tuple[str, str, tuple[int, ...]]]:
    with pytest.raises(nc.InputError) as caught:
        FUNCTIONS[name](*arguments, **more)
    error = caught.value
    assert str(error).startswith(f"{name}: ")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - bytes of our own
    assert (again.issues, str(again)) == (error.issues, str(error))
    assert copy.deepcopy(error).issues == error.issues
    for issue in error.issues:
        assert issue.hint
        assert len(issue.index_labels) == len(issue.rows) <= 5
    return [(issue.column, issue.code, issue.rows) for issue in error.issues]


# Where Excel shows #NUM!, as its pages and [MS-OI29500] 2.1.924 have it.
OUTSIDE = [
    ("sln", (-1, 0, 5), "cost"),
    ("sln", (1, -1, 5), "salvage"),
    ("sln", (1, 0, 0), "life"),
    ("sln", (1, 0, -5), "life"),
    ("sln", (1e300, 0, 1e-300), "life"),
    ("syd", (1, 0, 5, 0), "period"),
    ("syd", (1, 0, 5, 5.1), "period"),
    ("syd", (1e300, 0, 1e-300, 1e-300), "life"),
    ("db", (1, 0, 5, 0, 12), "period"),
    ("db", (1, 0, 5, 6, 12), "period"),
    ("db", (1, 0, 5, 6, 12.9), "period"),
    ("db", (1, 0, 5, 7, 11), "period"),
    ("db", (1, 0, 5, 1, 0.9), "month"),
    ("db", (1, 0, 5, 1, 13), "month"),
    ("ddb", (1, 0, 5, 0), "period"),
    ("ddb", (1, 0, 5, 5.5), "period"),
    ("ddb", (1, 0, 5, 1, 0), "factor"),
    ("ddb", (1, 0, 5, 1, -1), "factor"),
    ("vdb", (1, 0, 5, -0.5, 1), "start_period"),
    ("vdb", (1, 0, 5, 2, 1), "end_period"),
    ("vdb", (1, 0, 5, 0, 5.5), "end_period"),
    ("vdb", (1, 0, 5, 5, 5), "start_period"),
    ("vdb", (1, 0, 5, 0, 1, 0), "factor"),
]


@pytest.mark.parametrize(("name", "arguments", "column"), OUTSIDE)
def test_arguments_outside_their_range(name: str, arguments: tuple[Any, ...], column: str) -> None:
    assert refused(name, *arguments) == [(column, "range", ())]
    columns = [np.array([good, bad]) for good, bad in zip(GOOD[name], arguments, strict=False)]
    assert refused(name, *columns) == [(column, "range", (1,))]


GOOD = {
    "sln": (1, 0, 5),
    "syd": (1, 0, 5, 1),
    "db": (1, 0, 5, 1, 12),
    "ddb": (1, 0, 5, 1, 2),
    "vdb": (1, 0, 5, 0, 1, 2),
}


def test_the_edges_of_the_ranges_are_inside() -> None:
    for name, arguments in GOOD.items():
        assert FUNCTIONS[name](0, *arguments[1:]) == 0.0
    assert financial.db(1_000_000, 100_000, 6, 7, 11.9) > 0
    assert financial.ddb(1, 0, 5, 5) > 0
    assert financial.vdb(1, 0, 5, 0, 0) == 0.0
    assert financial.vdb(1, 0, 5, 5, 5, 2, True) == 0.0


def test_nothing_to_write_off() -> None:
    """Linear methods go on below 0, declining ones stop (formulajs: DB and DDB of 100,000 with salvage 1,000,000)."""
    for salvage in (100, 150):
        assert financial.sln(100, salvage, 5) == (100 - salvage) / 5
        assert financial.syd(100, salvage, 5, 1) == pytest.approx((100 - salvage) / 3)
        assert financial.db(100, salvage, 5, 1) == financial.ddb(100, salvage, 5, 1) == 0.0
        for no_switch in (False, True):
            assert financial.vdb(100, salvage, 5, 0, 4.5, 2, no_switch) == 0.0


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (float("nan"), "nonfinite"), (float("inf"), "nonfinite"), (Decimal("NaN"), "nonfinite"),
        (Decimal("sNaN"), "nonfinite"), (10**400, "nonfinite"), (None, "null"), (pd.NA, "null"), (True, "dtype"),
        (np.True_, "dtype"), ("5", "dtype"), (1j, "dtype"), (np.datetime64("2025-01-01"), "dtype"),
    ],
)  # fmt: skip
def test_values_that_are_no_numbers(value: Any, code: str) -> None:
    assert refused("sln", 1000, value, 5) == [("salvage", code, ())]
    assert refused("sln", [1000, 1, 2], 0, [5, value, 4]) == [("life", code, (1,))]
    series = pd.Series([5, value, 4], index=INDEX, dtype=object)
    assert refused("sln", 1000, 0, series) == [("life", code, (1,))]


def test_columns_that_hold_no_numbers() -> None:
    for column in (np.array([True]), np.array(["a"]), np.array(["2025"], dtype="M8"), pd.Series([True]),
                   pd.Series(["a"], dtype="string"), pl.Series([True]), pl.Series(["a"]), pd.DataFrame({"a": [1]}),
                   pd.to_datetime(pd.Series(["2025-01-01"]))):  # fmt: skip
        assert refused("sln", column, 0, 5) == [("cost", "dtype", ())]
    assert refused("sln", 10**5000, 0, 5) == [("cost", "nonfinite", ())]  # too long to be printed
    assert refused("sln", [[1, 2], [3]], 0, 5) == [("cost", "dtype", (0, 1))]
    for value in (1, 0.0, "no", None, [True, 2]):
        code = "null" if value is None else "dtype"
        rows = (1,) if isinstance(value, list) else ()
        assert refused("vdb", 1, 0, 5, 0, 1, 2, value) == [("no_switch", code, rows)]


def test_nulls_of_columns() -> None:
    for column in (pd.Series([1, None, 3], dtype="Int64"), pl.Series([1, None, 3]), pl.Series([1.0, None, 3.0]),
                   np.ma.MaskedArray([1, 2, 3], mask=[False, True, False])):  # fmt: skip
        assert refused("sln", column, 0, 5) == [("cost", "null", (1,))]
    assert refused("sln", pl.Series([None, float("nan")]), 0, 5) == [
        ("cost", "null", (0,)),
        ("cost", "nonfinite", (1,)),
    ]


def test_all_problems_come_at_once() -> None:
    cost = pd.Series([-1.0, 1000.0, np.nan, 1000.0], index=list("wxyz"))
    with pytest.raises(nc.InputError) as caught:
        financial.ddb(cost, True, [5, 0, 5, 5], pd.Series([1, 1, 1, 9], index=cost.index))
    error = caught.value
    assert [(i.column, i.code, i.n_bad, i.rows, i.index_labels) for i in error.issues] == [
        ("salvage", "dtype", 1, (), ()),
        ("cost", "range", 1, (0,), ("w",)),
        ("life", "range", 1, (1,), ("x",)),
        ("period", "range", 2, (1, 3), ("x", "z")),
        ("cost", "nonfinite", 1, (2,), ("y",)),
    ]
    assert str(error).splitlines()[:2] == [
        "ddb: 5 problems in 4 rows",
        "  'salvage' must have a type that says what it is: True [dtype]; give numbers: int, float or Decimal",
    ]


def test_elements_of_a_table_are_named_by_row_and_column() -> None:
    periods = np.ones((2, 3))
    periods[1, 2] = 7
    with pytest.raises(nc.InputError) as caught:
        financial.syd(100, 0, 5, periods)
    assert (caught.value.issues[0].rows, caught.value.issues[0].index_labels) == ((5,), ((1, 2),))


# --- size ---------------------------------------------------------------------------------------------------------


def test_huge_lives_and_columns_take_no_time() -> None:
    """A loop over the periods would not end: 10^9 of them in each of 10^5 rows."""
    many = np.full(100_000, 2400.0)
    assert near(financial.vdb(many, 300, 1e9, 0, 1e9).sum(), 2100 * 100_000)
    first = financial.vdb(many, 300, 1e9, 0, 1)
    assert near(first[0], Fraction(2400 * 2, 10**9))
    few = financial.vdb(2400, 0, 1e9, 0, 10, 2, True)  # a difference of balances that agree to seven digits
    assert near(few, 2400 * (1 - (1 - Fraction(2, 10**9)) ** 10))
    assert financial.ddb(many, 0, 1e9, 1e9).min() > 0
    assert financial.db(many, 300, 1e9, 1e9).max() == 0.0  # the rate is 0.000
    # 4.8e-6 x (1 - 2e-9) ^ (5 x 10^8), the exponent being 1 - 1e-9 to nine places
    later = financial.vdb(many, 0, 1e9, 5e8, 5e8 + 1, 2, True)
    assert math.isclose(later[0], 4.8e-6 * math.exp(-1), rel_tol=1e-8)


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    life = np.linspace(1.0, 50.0, 20_000)
    found = []
    for threads in ("1", "4"):
        monkeypatch.setenv("NEOCALC_NUM_THREADS", threads)
        found.append(financial.vdb(1000, 10, life, 0.25, life))
    assert found[0].tobytes() == found[1].tobytes()
