"""Annuities and cash flows that cannot be computed: each says which argument and row, by code; none gives NaN."""

from __future__ import annotations

import datetime as dt
import pickle
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

import neocalc as nc
from neocalc import financial as f

pl = pytest.importorskip("polars")

NAN, INF = float("nan"), float("inf")
TWO_DAYS = ["2025-01-01", "2026-01-01"]


def refused(call: Callable[[], Any]) -> list[tuple[str, str, tuple[int, ...]]]:
    with pytest.raises(nc.InputError) as caught:
        call()
    error = caught.value
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - bytes of our own
    assert (again.issues, str(again)) == (error.issues, str(error))
    assert all(issue.hint and len(issue.index_labels) == len(issue.rows) for issue in error.issues)
    return [(issue.column, issue.code, issue.rows) for issue in error.issues]


@pytest.mark.parametrize(
    ("flows", "code"),
    [
        ([], "empty"),
        ([0.0, 0.0], "all_zero"),
        ([1.0, 0.0, 2.0], "no_sign_change"),
        ([-1.0], "no_sign_change"),
        ([1.0, -2.0, 2.0], "no_root"),
        ([-1000.0, 2300.0, -1320.0], "several_roots"),
    ],
)
def test_flows_without_one_rate(flows: list[float], code: str) -> None:
    dates = [dt.date(2025 + k, 1, 1) for k in range(len(flows))]
    assert refused(lambda: f.irr(flows, several="raise")) == [("values", code, ())]
    assert refused(lambda: f.xirr(flows, dates, several="raise")) == [("values", code, ())]
    if code != "several_roots":
        assert refused(lambda: f.irr_roots(flows)) == [("values", code, ())]
    if code in ("empty", "all_zero", "no_sign_change"):
        assert refused(lambda: f.mirr(flows, 0.1, 0.1)) == [("values", code, ())]
    if flows:
        keys = ["ok"] * 2 + ["odd"] * len(flows)
        with pytest.raises(nc.InputError) as caught:
            f.irr([-1, 2, *flows], stream=pd.Series(keys), several="raise")
        (issue,) = caught.value.issues
        assert (issue.code, issue.rows, issue.index_labels) == (code, (0,), ("odd",))
        assert "'odd'" in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [((10, 0, 0, 0), "all_zero"), ((10, -1, -1, -1), "no_sign_change"), ((1, -200, 300, -1e300), "no_root")],
)
def test_annuities_without_a_rate(arguments: tuple[float, ...], code: str) -> None:
    if code == "no_root":
        arguments = (10, -10, 300, 500)
    assert refused(lambda: f.rate(*arguments)) == [("pmt", code, ())]
    assert refused(
        lambda: f.rate([10, arguments[0]], [-10, arguments[1]], [50, arguments[2]], [0, arguments[3]])
    ) == [("pmt", code, (1,))]


def test_payments_that_never_end() -> None:
    for paid in (-9, -10, 0):
        assert refused(lambda paid=paid: f.nper(0.01, paid, 1000)) == [("pmt", "no_root", ())]
    assert refused(lambda: f.nper(0, 0, 1000)) == [("pmt", "no_root", ())]


OUTSIDE = [
    ("pmt", (-1, 12, 1), "rate"), ("pmt", (-2.5, 7.5, 1), "rate"), ("pmt", (0.1, 0, 1), "nper"),
    ("pmt", (0.1, -60, 1), "nper"), ("pmt", (0.1, 12, 1, 0, 2), "when"), ("ipmt", (0.1, 0, 12, 1), "per"),
    ("ppmt", (0.1, 13, 12, 1), "per"), ("ispmt", (0.1, 1, 0, 1), "nper"), ("fv", (9.0, 10_000, -1), "rate"),
    ("pv", (-0.9, 10_000, -1), "rate"), ("fv", (0.1, -1, -1), "nper"), ("cumipmt", (0, 12, 1, 1, 12), "rate"),
    ("cumprinc", (0.1, 12, 0, 1, 12), "pv"), ("cumprinc", (0.1, 12, 1, 0, 12), "start_period"),
    ("cumprinc", (0.1, 12, 1, 2, 1), "end_period"), ("cumipmt", (0.1, 12, 1, 1, 13), "end_period"),
    ("cumipmt", (0.1, 0.5, 1, 1, 1), "nper"), ("rate", (12, -1, 5, 0, 0, -1), "guess"), ("effect", (0, 4), "nominal_rate"),
    ("effect", (0.1, 0.5), "npery"), ("nominal", (-0.1, 4), "effect_rate"), ("irr", ([-1, 2], -1), "guess"),
    ("npv", (-1, [1, 2]), "rate"), ("mirr", ([-1, 2], -1, 0.1), "finance_rate"), ("npv", (-0.99, [1.0] * 1000), "rate"),
    ("yearfrac", ("2025-01-01", "2026-01-01", 5), "basis"), ("yearfrac", ("2025-01-01", "2026-01-01", -1), "basis"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "column"), OUTSIDE)
def test_arguments_outside_their_range(name: str, arguments: tuple[Any, ...], column: str) -> None:
    found = refused(lambda: getattr(f, name)(*arguments))
    assert (column, "range", ()) in found
    assert {code for _, code, _ in found} == {"range"}


BAD = [
    (NAN, "nonfinite"), (INF, "nonfinite"), (Decimal("NaN"), "nonfinite"), (10**400, "nonfinite"), (None, "null"),
    (pd.NA, "null"), (True, "dtype"), ("5", "dtype"), (1j, "dtype"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "code"), BAD)
def test_what_is_no_number(value: Any, code: str) -> None:
    assert refused(lambda: f.pmt(0.1, 12, value)) == [("pv", code, ())]
    assert refused(lambda: f.pmt(0.1, 12, [1, value, 3])) == [("pv", code, (1,))]
    assert refused(lambda: f.irr([-1, value, 3])) == [("values", code, (1,))]
    series = pd.Series([-1, value, 3], dtype=object)
    assert refused(lambda: f.irr(series, stream=["a", "a", "a"])) == [("values", code, (1,))]
    assert refused(lambda: f.npv(value, [1, 2])) == [("rate", code, ())]
    assert refused(lambda: f.xirr([-1, 2], TWO_DAYS, value)) == [("guess", code, ())]


def test_words_that_say_nothing_about_when() -> None:
    for when in ("middle", True, None, [0, "x"]):
        (found,) = refused(lambda when=when: f.pmt(0.1, [12, 12], 1, 0, when))
        assert found[:2] == ("when", "null" if when is None else "dtype")


@pytest.mark.parametrize(
    ("date", "code"),
    [
        (pd.NaT, "null"), (None, "null"), (np.datetime64("NaT"), "null"), ("2025-02-30", "date_parse"), ("01/02/2025", "dtype"),
        (45000, "dtype"), (dt.datetime(2025, 1, 1, 5), "date_time"), (dt.date(1600, 1, 1), "date_range"),
        (dt.date(9999, 1, 1), "date_range"), (dt.datetime(2025, 1, 1, tzinfo=dt.UTC), "timezone"),
    ],
)  # fmt: skip
def test_what_is_no_date(date: Any, code: str) -> None:
    assert refused(lambda: f.xirr([-1, 2], ["2025-01-01", date])) == [("dates", code, (1,))]
    assert refused(lambda: f.xnpv(0.1, [-1, 2], ["2025-01-01", date])) == [("dates", code, (1,))]
    assert refused(lambda: f.yearfrac(date, "2026-01-01")) == [("start_date", code, ())]
    assert refused(lambda: f.days360(["2025-01-01", "2025-01-01"], ["2026-01-01", date])) == [
        ("end_date", code, (1,))
    ]


def test_columns_that_hold_no_dates() -> None:
    zoned = pd.to_datetime(pd.Series(TWO_DAYS)).dt.tz_localize("UTC")
    for dates, code in ((zoned, "timezone"), (np.array([1.0, 2.0]), "dtype"), (pl.Series([1, 2]), "dtype")):
        assert [issue[:2] for issue in refused(lambda dates=dates: f.xirr([-1, 2], dates))] == [
            ("dates", code)
        ]
    ticks = np.array(["2025-01-01T05", "2400-01-01", "NaT"], dtype="M8[s]")
    assert refused(lambda: f.xirr([-1, 2, 3], ticks)) == [
        ("dates", "date_time", (0,)), ("dates", "date_range", (1,)), ("dates", "null", (2,)),
    ]  # fmt: skip


def test_keys_that_name_no_stream() -> None:
    for keys in (["a", None], [1.0, NAN], pd.Series(["a", None]), pl.Series(["a", None])):
        assert refused(lambda keys=keys: f.irr([-1, 2], stream=keys)) == [("stream", "null", (1,))]
    assert [issue[1] for issue in refused(lambda: f.irr([-1, 2], stream=["a", 1]))] == ["dtype"]
    for keys in (["a"], "a", 5, np.zeros((2, 1))):
        with pytest.raises(nc.ConfigError, match="stream"):
            f.irr([-1, 2], stream=keys)


def test_shapes_and_indexes_that_do_not_go_together() -> None:
    flows = pd.Series([-1.0, 2.0], index=["a", "b"])
    for call in (
        lambda: f.xirr([-1, 2], TWO_DAYS[:1]),
        lambda: f.xirr([-1, 2], TWO_DAYS[0]),
        lambda: f.xirr(flows, pd.Series(pd.to_datetime(TWO_DAYS))),
        lambda: f.irr(flows, stream=pd.Series([1, 1])),
        lambda: f.npv([0.1, 0.2], [[1, 2]] * 3),
        lambda: f.irr([[1, 2]], stream=[1, 1]),
        lambda: f.xirr([-1, 2], TWO_DAYS, basis=5),
        lambda: f.irr_roots([[-1, 2], [-1, 2]]),
        lambda: f.npv(pd.Series([0.1], index=["z"]), flows, stream=pd.Series(["k", "k"], index=["a", "b"])),
    ):
        with pytest.raises(nc.ConfigError):
            call()


def test_all_problems_come_at_once() -> None:
    found = refused(
        lambda: f.xirr([-1, NAN, 3, 4, 5], [*TWO_DAYS, None, *TWO_DAYS], -2, stream=[1, 1, 1, 2, 2])
    )
    assert set(found) == {
        ("values", "nonfinite", (1,)), ("dates", "null", (2,)), ("guess", "range", (0, 1)),
    }  # fmt: skip


# RELIABILITY.md, table 3a: what numpy-financial, pyxirr and QuantLib leave silent, wrong or hanging. Right or clear here.
ANCHOR: list[tuple[str, Callable[[], Any], Any]] = [
    ("NaN principal", lambda: f.pmt(0.01, 12, NAN), "nonfinite"),
    ("infinite principal", lambda: f.pmt(0.01, 12, INF), "nonfinite"),
    ("term 0", lambda: f.pmt(0.01, 0, 1e6), "range"),
    ("term -60", lambda: f.pmt(0.01, -60, 1e6), "range"),
    ("term 10^9", lambda: f.pmt(0.01, 1e9, 1e6), -10_000.0),
    ("term 10^9, in parts", lambda: f.cumprinc(1e-9, 10**9, 1e6, 1, 10**9), -1e6),
    ("rate 1e-16", lambda: f.pmt(1e-16, 360, 1e6), -2777.7777777778),
    ("rate 1e-12", lambda: f.pmt(1e-12, 360, 1e6), -2777.7777782792),
    ("rate -100 %, payment", lambda: f.pmt(-1, 12, 1e6), "range"),
    ("rate -100 %, present value", lambda: f.npv(-1, [1, 2]), "range"),
    ("rate -250 %, 7.5 periods", lambda: f.pmt(-2.5, 7.5, 1e6), "range"),
    ("rate 5.0, which a spreadsheet takes as said", lambda: f.pmt(5.0, 12, 1e6), -5e6 * 6**12 / (6**12 - 1)),
    ("rate 1e300", lambda: f.pmt(1e300, 12, 1e6), -1e306),
    ("principal of a loan of 1e17", lambda: float(sum(map(int, f.ppmt(0.05 / 12, np.arange(1, 361), 360, 1e17)))), -1e17),
    ("-1 % a year", lambda: f.pmt(-0.01 / 12, 12, 1e6), -1e6 * (-0.01 / 12) / (1 - (1 - 0.01 / 12) ** -12)),
    ("IRR with NaN", lambda: f.irr([-1, NAN, 2]), "nonfinite"),
    ("IRR of zeros", lambda: f.irr([0, 0, 0]), "all_zero"),
    ("IRR without a change of sign", lambda: f.irr([1, 2, 3]), "no_sign_change"),
    ("IRR of nothing", lambda: f.irr([]), "empty"),
    ("IRR with two roots", lambda: f.irr([-1000, 2300, -1320], several="raise"), "several_roots"),
    ("IRR of 3,001 flows", lambda: f.irr([-3000.0, *[1.0] * 3000]), 0.0),
    ("rate of 8 payments", lambda: f.rate(8, 263175, -440000, 25500), 0.583878),
    ("payment below the interest", lambda: f.nper(0.01, -9, 1000), "no_root"),
    ("Decimals", lambda: f.pmt(Decimal("0.01"), 12, Decimal(1000)), -88.8487886783),
    ("pd.NA in flows", lambda: f.irr([-1, pd.NA, 2]), "null"),
    ("numeric strings", lambda: f.irr(["-1", "2"]), "dtype"),
    ("big-endian, strided", lambda: f.irr(np.array([-1, 9, 0, 9, 1.21], dtype=">f8")[::2]), 0.1),
    ("NaT", lambda: f.xirr([-1, 2], [pd.NaT, pd.Timestamp("2025-01-01")]), "null"),
    ("time zones", lambda: f.xirr([-1, 2], pd.to_datetime(TWO_DAYS).tz_localize("UTC")), "timezone"),
    ("lengths differ", lambda: f.xirr([-1, 2], TWO_DAYS[:1]), nc.ConfigError),
    ("unsorted, a day twice", lambda: f.xirr([110, -60, -40], [TWO_DAYS[1], TWO_DAYS[0], TWO_DAYS[0]]), 0.1),
    ("flows of 1e-300", lambda: f.xirr([-1e-300, 1.1e-300], TWO_DAYS), 0.1),
    ("NaN rate", lambda: f.xnpv(NAN, [-1, 2], TWO_DAYS), "nonfinite"),
    ("year 1600", lambda: f.xirr([-1, 2], [dt.date(1600, 1, 1), TWO_DAYS[0]]), "date_range"),
    ("year 9999", lambda: f.xirr([-1, 2], [TWO_DAYS[0], dt.date(9999, 1, 1)]), "date_range"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "expected"), [case[1:] for case in ANCHOR], ids=[case[0] for case in ANCHOR]
)
def test_anchor_table(call: Callable[[], Any], expected: Any) -> None:
    if isinstance(expected, str):
        assert {code for _, code, _ in refused(call)} == {expected}
    elif isinstance(expected, type):
        with pytest.raises(expected):
            call()
    else:
        assert call() == pytest.approx(expected, rel=1e-6, abs=1e-12)
