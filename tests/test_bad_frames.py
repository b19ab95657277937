"""The catalogue of bad input, frames: names, shapes, types, currencies, changes from outside, messages.

Numbers in the comments are rows of the project's reliability catalogue, as far as they touch a fleet.
"""

from __future__ import annotations

import copy
import datetime as dt
import threading
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

import neocalc as nc
from broken import BROKEN_BESIDE, POLICY, ROWS, good, one, refused, third
from neocalc import _output
from neocalc.errors import Issue, Issues

pa = pytest.importorskip("pyarrow")
pl = pytest.importorskip("polars")


# --- names and shapes: 24 to 27 -------------------------------------------------------------------------------------


def test_no_rows() -> None:  # 24
    empty = pd.DataFrame(good(site="x", useful_life_months=48)).head(0)
    rows = nc.depreciate(empty, POLICY)
    full = nc.depreciate(pd.DataFrame(good()), POLICY)
    assert (len(rows), list(rows.columns), rows.dtypes.drop("asset_id").tolist()) == (
        0, list(full.columns), full.dtypes.drop("asset_id").tolist(),
    )  # fmt: skip
    for by in ([], ["site"]):
        totals = nc.compare_lives(empty, by=by, baseline=4)
        assert len(totals) == 0
        assert list(totals.columns) == list(
            nc.compare_lives(pd.DataFrame(good(site="x")), by=by, baseline=4).columns
        )
    assert len(nc.compare_lives(empty, baseline=4)) == 0
    assert len(nc.book_values(empty, POLICY, as_of="2025-01-01")) == 0
    assert len(nc.validate(empty)) == 0
    for kind in (pl.DataFrame, pa.Table.from_pandas):
        assert len(nc.depreciate(kind(empty), POLICY)) == 0


def test_no_columns() -> None:  # 24
    error = refused(pd.DataFrame())
    assert [(i.column, i.code) for i in error.issues] == [
        ("cost", "missing_column"),
        ("in_service_date", "missing_column"),
    ]
    refused(pd.DataFrame(index=range(3)))


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("Cost", "cost"),
        ("cost ", "cost"),
        ("\ufeffcost", "cost"),
        ("costs", "cost"),
        ("in service date", "in_service_date"),
    ],
)
def test_misspelt_required_columns(name: str, column: str) -> None:  # 25
    data = good()
    data[name] = data.pop(column)
    assert f"rename {name!r} to {column!r}" in one(data, column, "missing_column", row=None).hint


@pytest.mark.parametrize(
    "name", ["residual_value ", "Residual_Value", "residual value", "\ufeffresidual_value", "ｒesidual_value"]
)
def test_columns_that_only_look_like_an_optional_one(name: str) -> None:  # 25
    issue = one(good(**{name: 1.0}), "residual_value", "missing_column", row=None)
    assert issue.hint == f"rename {name!r} to 'residual_value'"


def test_missing_keys() -> None:  # 25
    for options in ({"by": ["sites"]}, {"by": ["site", "sites"]}):
        error = refused(good(site="x"), **options)
        assert [(i.column, i.code) for i in error.issues] == [("sites", "missing_column")]
        assert "rename 'site'" in error.issues[0].hint
    error = refused(good(), {"a": POLICY}, policy_by="asset_class")
    assert (error.issues[0].column, error.code) == ("asset_class", "missing_column")
    with pytest.raises(nc.InputError, match="missing_column"):
        nc.compare_lives(pd.DataFrame(good()), where={"nowhere": 1})


def test_other_columns_are_ignored() -> None:  # 25
    extra = good(note=[b"x", None, 1j, {}], quantity=-1)
    found = nc.depreciate(pd.DataFrame(extra), POLICY)
    pd.testing.assert_frame_equal(found, nc.depreciate(pd.DataFrame(good()), POLICY))


def test_duplicate_columns() -> None:  # 25
    frame = pd.DataFrame(good())
    for name in ("cost", "asset_id"):
        one(pd.concat([frame, frame[[name]]], axis=1), name, "duplicate_column", row=None)
    with pytest.raises(nc.InputError, match="duplicate_column"):
        nc.depreciate(
            pa.table([[1.0], [2.0], [dt.date(2025, 1, 1)]], names=["cost", "cost", "in_service_date"]), POLICY
        )


@pytest.mark.parametrize("ids", [["a", "b", "c", "b"], [1, 2, 3, 2], [1.5, 2.5, 3.5, 2.5]])
@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow", "categorical", "masked"])
def test_duplicate_ids(ids: list[Any], kind: str) -> None:  # 26
    frame: Any = pd.DataFrame(good(asset_id=ids))
    if kind == "categorical":
        frame["asset_id"] = frame["asset_id"].astype("category")
    if kind == "masked":
        frame["asset_id"] = frame["asset_id"].convert_dtypes()
    frame = {"polars": pl.from_pandas, "pyarrow": pa.Table.from_pandas}.get(kind, lambda f: f)(frame)
    for by in (None, []):
        error = refused(frame, by=by)
        issue = error.issues[0]
        assert (error.code, issue.n_bad, issue.rows, list(issue.ids)) == (
            "duplicate_id",
            2,
            (1, 3),
            [ids[1]] * 2,
        )


def test_duplicate_index() -> None:  # 26, 27
    data = good()
    del data["asset_id"]
    frame = pd.DataFrame(data).set_axis([5, 6, 6, 7])
    error = refused_rows(frame)
    assert (error.code, error.issues[0].rows, error.issues[0].ids) == ("duplicate_id", (1, 2), (6, 6))
    assert (
        refused_rows(frame.set_axis(pd.MultiIndex.from_tuples([(1, 1), (1, 2), (1, 2), (2, 1)]))).code
        == "duplicate_id"
    )
    assert nc.depreciate(frame, POLICY, by=[])["additions"].sum() == 10_000.0


def refused_rows(frame: Any) -> nc.InputError:
    with pytest.raises(nc.InputError) as caught:
        nc.depreciate(frame, POLICY)
    return caught.value


def test_index_labels_are_told() -> None:  # 27
    days = pd.to_datetime(["2025-01-01", "2025-01-02", "2025-01-03", "2025-01-04"])
    frame = pd.DataFrame(good(cost=third(-1.0, 1.0))).set_axis(days)
    issue = refused(frame).issues[0]
    assert (issue.index_labels, issue.ids) == ((pd.Timestamp("2025-01-03"),), ("c",))


def test_columns_in_levels() -> None:  # 27
    frame = pd.DataFrame(good())
    frame.columns = pd.MultiIndex.from_product([["x"], frame.columns])
    with pytest.raises(nc.InputError) as caught:
        nc.depreciate(frame, POLICY)
    assert (caught.value.code, "flatten" in str(caught.value)) == ("dtype", True)


# --- types: 28 to 34 ------------------------------------------------------------------------------------------------


def test_objects_are_read_one_by_one() -> None:  # 28
    exact = pd.Series([1, Decimal("2.50"), np.int16(3), np.float64(4.25)], dtype=object)
    assert nc.depreciate(pd.DataFrame(good(cost=exact)), POLICY, by=[])["additions"].sum() == 10.75
    for value in ("3000", b"1", True, np.bool_(True), 1j, [1], {}, pd.Timedelta(1), dt.date(2025, 1, 1)):
        one(good(cost=third(value, 1000, object)), "cost", "dtype")


@pytest.mark.parametrize(
    "values",
    [
        [True] * 4, [1j] * 4, np.array([b"1"] * 4, dtype="S1").astype(object), pd.to_timedelta([1] * 4),
        pd.arrays.SparseArray([1.0] * 4), pd.array([True, False, None, True]), ["1000"] * 4,
        pd.Series(["1"] * 4, dtype="string"), pd.Series(["1"] * 4, dtype="category"), pd.interval_range(0, 4),
        pd.to_datetime(["2025-01-01"] * 4), pd.Series([b"1"] * 4).astype("binary[pyarrow]"),
        pd.Series([True] * 4).astype("bool[pyarrow]"),
    ],
    ids=["bool", "complex", "bytes", "timedelta", "sparse", "boolean", "text", "string", "category", "interval",
         "date", "arrow-binary", "arrow-bool"],
)  # fmt: skip
def test_types_that_are_not_money(values: Any) -> None:  # 29, 30
    for column in ("cost", "residual_value"):
        error = refused(good(**{column: values}))
        assert [(i.column, i.code) for i in error.issues] == [(column, "dtype")]


@pytest.mark.parametrize(
    "kind", [pl.Boolean, pl.Duration("us"), pl.Binary, pl.List(pl.Float64), pl.Time, pl.Object]
)
def test_polars_types_that_are_not_money(kind: Any) -> None:  # 30
    frame = pl.DataFrame(good()).with_columns(
        residual_value=pl.Series([None] * 3 + [_sample(kind)], dtype=kind)
    )
    error = refused(frame)
    assert [(i.column, i.code) for i in error.issues] == [("residual_value", "dtype")]


def _sample(kind: Any) -> Any:
    samples = {pl.Boolean: True, pl.Binary: b"x", pl.Time: dt.time(1), pl.Object: object()}
    return samples.get(kind, dt.timedelta(1) if kind == pl.Duration("us") else [1.0])


def test_structured_columns() -> None:  # 30
    table = pa.table({"cost": pa.array([{"a": 1.0}]), "in_service_date": [dt.date(2025, 1, 1)]})
    one(table, "cost", "dtype", row=None)


def test_masked_arrays_are_null_where_masked() -> None:  # 32
    masked = np.ma.masked_array([1.0, 2.0, 3.0, 4.0], mask=[False, False, True, False])
    one(good(cost=pd.Series(masked)), "cost", "nonfinite")  # pandas makes NaN of what is masked


@pytest.mark.parametrize(
    "data",
    [
        [1, 2], {"cost": [1.0]}, np.zeros((2, 2)), None, "fleet.csv", pd.Series([1.0]), pl.LazyFrame({"cost": [1.0]}),
        pl.Series([1.0]), pa.array([1.0]), pd.DataFrame,
    ],
    ids=["list", "dict", "array", "none", "path", "series", "lazy", "polars-series", "arrow-array", "class"],
)  # fmt: skip
def test_what_is_not_a_frame(data: Any) -> None:  # 34
    for call in (
        lambda: nc.depreciate(data, POLICY),
        lambda: nc.compare_lives(data, by=[]),
        lambda: nc.book_values(data, POLICY, as_of="2025-01-01"),
        lambda: nc.validate(data),
    ):
        with pytest.raises(nc.InputError) as caught:
            call()
        assert caught.value.code == "frame"


def test_a_frame_changed_between_counting_and_filling(monkeypatch: pytest.MonkeyPatch) -> None:  # 33
    dates = np.array(["2025-01-01"] * 4, dtype="M8[us]")
    frame = pd.DataFrame({"cost": [1.0] * 4, "in_service_date": dates}, copy=False)
    raw = frame["in_service_date"].to_numpy()
    assert np.shares_memory(raw, dates)

    def change(*_: Any) -> None:
        dates[:] = np.datetime64("2026-05-01")

    monkeypatch.setattr(_output, "check_memory", change)
    with pytest.raises(nc.InputError) as caught:
        nc.depreciate(frame, POLICY)
    assert caught.value.code == "concurrent_mutation"
    monkeypatch.undo()
    assert nc.depreciate(frame, POLICY)["period_end"].min() == pd.Timestamp("2026-05-31")


def test_a_frame_changed_all_the_time() -> None:  # 33
    cost = np.full(50_000, 960.0)
    frame = pd.DataFrame({"cost": cost, "in_service_date": np.datetime64("2025-01-01", "us")}, copy=False)
    stop = threading.Event()

    def keep_changing() -> None:
        while not stop.is_set():
            cost[::7] = -1.0
            cost[::7] = 960.0
            cost[::3] = 480.0

    thread = threading.Thread(target=keep_changing)
    thread.start()
    outcomes = set()
    try:
        for _ in range(30):
            try:
                totals = nc.depreciate(frame, nc.straight_line(months=2), by=[])
                assert 480 * 50_000 <= totals["additions"].sum() <= 960 * 50_000
                outcomes.add("result")
            except nc.InputError as error:
                assert set(error.issues["code"]) <= {"range", "concurrent_mutation"}
                outcomes.add(error.code)
    finally:
        stop.set()
        thread.join()
    assert outcomes


def test_sixteen_threads_on_one_frame() -> None:  # 61
    frame = pd.DataFrame(good(site=["x", "y", None, "x"]))
    expected = nc.compare_lives(frame, by=["site"], baseline=4)
    same: list[bool] = []

    def work() -> None:
        same.extend(nc.compare_lives(frame, by=["site"], baseline=4).equals(expected) for _ in range(20))

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert same == [True] * 320


# --- currencies: 35 -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["XXX", "usd", "$", "US", "", "ABC"])
def test_unknown_currencies(value: str) -> None:  # 35
    one(good(currency=third(value, "USD")), "currency", "currency")
    unused = pd.Series(pd.Categorical(["USD"] * 4, categories=["USD", value]))
    assert len(nc.depreciate(pd.DataFrame(good(currency=unused)), POLICY)) == 48 * ROWS


def test_mixed_currencies() -> None:  # 35
    data = good(currency=["USD", "EUR", "USD", None], site=["x", "y", "x", "z"])
    frame = pd.DataFrame(data)
    error = refused(frame, by=[])
    assert (error.code, error.issues[0].column, error.issues[0].n_bad) == ("currency_mix", "currency", 4)
    assert "'currency'" in error.issues[0].hint
    with pytest.raises(nc.InputError, match="currency_mix"):  # no row can be dropped to mend it
        nc.depreciate(frame, POLICY, by=[], on_error="skip")
    for by in (["currency"], ["currency", "site"], ["site"]):  # each site has one currency
        assert nc.depreciate(frame, POLICY, by=by)["additions"].sum() == 10_000.0
    assert len(nc.depreciate(frame, POLICY)) == 48 * ROWS
    mixed = refused(frame.assign(site=["x", "x", "y", "y"]), by=["site"])
    assert mixed.issues[0].rows == (0, 1, 2, 3)  # dollars and unknown are not one currency
    some = refused(
        frame.assign(site=["x", "y", "y", None], currency=["USD", "EUR", "USD", "EUR"]), by=["site"]
    )
    assert some.issues[0].rows == (1, 2)
    building = frame.assign(status=[None, "cip", None, "cip"])
    assert nc.depreciate(building, POLICY, by=[])["additions"].sum() == 4000.0


# --- policies -------------------------------------------------------------------------------------------------------


def test_a_class_without_a_policy() -> None:
    data = good(asset_class=["gpu", "gpu", "desk", "gpu"])
    issue = one(data, "asset_class", "policy_missing", policy={"gpu": POLICY}, policy_by="asset_class")
    assert "mapping" in issue.hint
    null = good(asset_class=third(None, "gpu"))
    one(null, "asset_class", "policy_missing", policy={"gpu": POLICY}, policy_by="asset_class")


# --- many problems --------------------------------------------------------------------------------------------------


def test_all_problems_at_once_lowest_row_first() -> None:
    data = good(
        cost=pd.Series([1000.0, float("nan"), 1000.0, 1.001]),
        in_service_date=pd.Series(
            [dt.date(2025, 1, 1), dt.date(2025, 1, 1), "soon", dt.date(2300, 1, 1)], dtype=object
        ),
        residual_value=[1001.0, 0, 0, 0],
        useful_life_months=pd.Series([48, 0, "x", 48], dtype=object),
        currency=["USD", "usd", "USD", "USD"],
        asset_id=["a", "b", "c", "a"],
    )
    error = refused(data)
    assert sorted(_triples(error)) == [
        ("asset_id", "duplicate_id", (0, 3)),
        ("cost", "nonfinite", (1,)),
        ("cost", "precision", (3,)),
        ("currency", "currency", (1,)),
        ("in_service_date", "date_range", (3,)),
        ("in_service_date", "dtype", (2,)),
        ("residual_value", "range", (0,)),
        ("useful_life_months", "dtype", (2,)),
        ("useful_life_months", "range", (1,)),
    ]


def _triples(error: nc.InputError) -> list[tuple[str, str, tuple[int, ...]]]:
    return [(i.column, i.code, i.rows) for i in error.issues]


def test_a_refused_column_does_not_hide_the_others() -> None:
    data = good(
        cost=[True] * ROWS, in_service_date=third("2025-02-30", "2025-01-01"), useful_life_months=third(0, 48)
    )
    error = refused(data)
    assert _triples(error) == [
        ("cost", "dtype", ()),
        ("in_service_date", "date_parse", (2,)),
        ("useful_life_months", "range", (2,)),
    ]


def test_counts_and_first_rows_do_not_depend_on_threads() -> None:
    rows = 20_000
    cost = np.full(rows, 10.0)
    cost[5_000:] = -1.0
    frame = pd.DataFrame({"cost": cost, "in_service_date": np.datetime64("2025-01-01", "us")})
    for threads in (1, 2, 5):
        issue = refused(frame, threads=threads).issues[0]
        assert (issue.n_bad, issue.rows, issue.example) == (15_000, (5000, 5001, 5002, 5003, 5004), "-1")


def test_messages_stay_short_and_printable() -> None:
    issues = [
        Issue.make(f"column {i}", "range", rows=[i], example="\x1b[31mred\n" + "x" * 500) for i in range(60)
    ]
    error = nc.InputError(issues, n_rows=60)
    lines = str(error).splitlines()
    assert len(lines) == 20
    assert lines[-1].endswith("and 42 more (see .issues)")
    assert all(line.isprintable() and len(line) < 300 for line in lines)
    assert len(error.issues) == 60
    frame = pd.DataFrame(good(asset_id=["a", "b", "\x1b[2J\u202e" * 300, "d"], cost=third(-1.0, 1.0)))
    assert refused_rows(frame).issues[0].ids[0].startswith("\x1b")
    assert "\x1b" not in str(refused_rows(frame))


def test_issues_read_like_a_frame() -> None:
    issues = refused(good(cost=third(-1.0, 1.0))).issues
    assert issues["column"] == ["cost"]
    assert list(issues.to_dict()) == list(Issues.columns)
    assert repr(issues) == issues[0].describe()
    assert (repr(Issues()), Issues() == Issues([]), Issues() == 1) == ("no issues", True, False)
    assert hash(issues) == hash(copy.copy(issues))
    with pytest.raises(KeyError):
        issues["nothing"]


# --- the list -------------------------------------------------------------------------------------------------------


def _changed_while_read() -> None:
    cost = np.array([1000.0] * 3)
    frame = pd.DataFrame({"cost": cost, "in_service_date": pd.Timestamp("2025-01-01")}, copy=False)
    assert np.shares_memory(frame["cost"].to_numpy(), cost)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_output, "check_memory", lambda *_: cost.fill(-1.0))
        nc.depreciate(frame, POLICY)


# How to get each code: list_error_codes() may not promise one that nothing raises.
BROKEN: dict[str, dict[str, Any]] = {
    "nonfinite": {"cost": float("inf")},
    "null": {"cost": pd.Series([None] * ROWS, dtype="Float64")},
    "precision": {"cost": 0.001},
    "overflow": {"cost": 10**18},
    "range": {"cost": -1.0},
    "date_range": {"in_service_date": "1899-12-31"},
    "date_time": {"in_service_date": pd.Timestamp("2025-01-01 09:00")},
    "date_order": {"opening_accumulated": 0.0, "opening_date": "2024-01-01"},
    "date_parse": {"in_service_date": "2025-02-29"},
    "timezone": {"in_service_date": pd.Timestamp("2025-01-01", tz="UTC")},
    "dtype": {"cost": "1000"},
    "policy_missing": {"asset_class": "desk"},
    "life_missing": {"asset_class": "own"},
    "missing_column": {"opening_accumulated": 0.0},
    "duplicate_id": {"asset_id": 1},
    "life_unit": {"life": 4},
    "currency": {"currency": "XXX"},
    "currency_mix": {"currency": ["USD", "USD", "EUR", "USD"]},
}


# A fleet of one asset in service on 15 January 2025, and an event that cannot be.
IMPOSSIBLE: dict[str, dict[str, Any]] = {
    "unknown_id": {"asset_id": 7, "kind": "disposal"},
    "event_kind": {"kind": "sold"},
    "event_state": {"kind": "returned_to_use"},
    "framework": {"kind": "suspend"},
    "method": {"kind": "life_change", "remaining_months": 5},
}


def provoke(code: str) -> None:
    if code == "concurrent_mutation":
        _changed_while_read()
    elif code in IMPOSSIBLE:
        fleet = pd.DataFrame({"cost": [100.0], "in_service_date": ["2025-01-15"]})
        event = pd.DataFrame([{"asset_id": 0, "date": "2025-03-01", **IMPOSSIBLE[code]}])
        nc.depreciate(fleet, nc.table(fractions=[0.5, 0.5]), events=event)
    elif code == "parent_circle":
        frame = pd.DataFrame({**good(), "asset_id": range(ROWS), "parent_id": [1, 2, 0, *range(3, ROWS)]})
        nc.depreciate(frame, POLICY)
    elif code == "frame":
        nc.depreciate([], POLICY)
    elif code == "duplicate_column":
        nc.depreciate(pd.DataFrame([[1.0, 2.0]], columns=["cost", "cost"]), POLICY)
    elif code in BROKEN_BESIDE:
        BROKEN_BESIDE[code]()
    else:
        frame = pd.DataFrame({**good(asset_class="gpu"), **BROKEN[code]})
        policies = {"gpu": POLICY, "own": nc.straight_line()}
        nc.depreciate(frame, policies, policy_by="asset_class", by=[])


@pytest.mark.parametrize("code", sorted(nc.list_error_codes()))
def test_every_code_of_the_list_can_be_had(code: str) -> None:
    with pytest.raises(nc.InputError) as caught:
        provoke(code)
    assert caught.value.code == code


def test_the_list_of_codes_is_read_only() -> None:
    with pytest.raises(TypeError):
        nc.list_error_codes()["new"] = ("", "")  # type: ignore[index]
    assert all(rule and hint for rule, hint in nc.list_error_codes().values())
