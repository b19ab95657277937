"""pandas, polars and pyarrow: what comes in goes out as the same kind, and every way to hold a value means the same."""

from __future__ import annotations

import datetime as dt
import hashlib
import tracemalloc
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

import neocalc as nc

pa = pytest.importorskip("pyarrow")
pl = pytest.importorskip("polars")

KINDS = ("pandas", "polars", "pyarrow")
POLICY = nc.straight_line(years=4, residual_rate=0.1)


def source(rows: int = 60) -> dict[str, list[Any]]:
    """A fleet as Python values: every other way to hold it must give the same result."""
    random = np.random.default_rng(7)
    start = dt.date(2021, 1, 1)
    cost = [int(c) / 100 for c in random.integers(1, 10**8, rows)]
    return {
        "asset_id": [f"asset-{i:03d}" for i in range(rows)],
        "cost": cost,
        "in_service_date": [start + dt.timedelta(days=int(d)) for d in random.integers(0, 1500, rows)],
        "residual_value": [None if i % 3 else int(c * 10) / 100 for i, c in enumerate(cost)],
        "useful_life_months": [None if i % 4 else 12 + i for i in range(rows)],
        "site": [("north", "south", None)[i % 3] for i in range(rows)],
    }


def as_pandas(data: dict[str, list[Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(data)
    frame["in_service_date"] = pd.to_datetime(frame["in_service_date"]).astype("datetime64[us]")
    return frame


def make(kind: str, data: dict[str, list[Any]] | None = None) -> Any:
    data = source() if data is None else data
    return {"pandas": as_pandas, "polars": pl.DataFrame, "pyarrow": pa.table}[kind](data)


def plain(value: Any) -> Any:
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, (pd.Timestamp, dt.datetime)):
        return value.date()
    return value.item() if isinstance(value, np.generic) else value


def values(frame: Any) -> dict[str, list[Any]]:
    if isinstance(frame, pd.DataFrame):
        return {name: [plain(v) for v in frame[name].tolist()] for name in frame.columns}
    if isinstance(frame, pl.DataFrame):
        return {name: [plain(v) for v in column] for name, column in frame.to_dict(as_series=False).items()}
    return {name: [plain(v) for v in column] for name, column in frame.to_pydict().items()}


def digest(frame: Any) -> str:
    return hashlib.sha256(repr(values(frame)).encode()).hexdigest()


CALLS: dict[str, Callable[[Any], Any]] = {
    "rows": lambda f: nc.depreciate(f, POLICY, freq="Q"),
    "rows with text ids": lambda f: nc.depreciate(f, POLICY, freq="Q", keep_id_dtype=True),
    "totals": lambda f: nc.depreciate(f, POLICY, by=["site"], freq="Q"),
    "total": lambda f: nc.depreciate(f, POLICY, by=[]),
    "comparison": lambda f: nc.compare_lives(f, (4, 6), by=["site"], baseline=6, freq="Y"),
    "comparison by row": lambda f: nc.compare_lives(f, (4, 6), baseline=6, freq="Y"),
    "where": lambda f: nc.compare_lives(
        f, (4, 6), by=["site"], where={"site": ["north"]}, freq="Y", on_error="skip"
    ),
    "decimals": lambda f: nc.depreciate(f, POLICY, by=["site"], amounts="decimal", freq="Y"),
    "book values": lambda f: nc.book_values(f, POLICY, as_of="2024-06-30"),
    "issues": lambda f: nc.validate(f, nc.straight_line()),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore::neocalc.NeocalcWarning")
def test_the_same_kind_and_the_same_values_come_back(kind: str, call: str) -> None:
    frame = make(kind)
    found = CALLS[call](frame)
    assert type(found) is type(frame)
    expected = values(CALLS[call](make("pandas")))
    got = values(found)
    if call == "issues":  # labels and ids are text where lists have a type
        for name in ("index_labels", "ids"):
            for side in (expected, got):
                side[name] = [[str(v) for v in row] for row in side[name]]
    assert got == expected
    assert got["column" if call == "issues" else next(iter(got))], "nothing was compared"


def test_types_of_results() -> None:
    rows = nc.compare_lives(make("polars"), freq="Y")
    assert rows.schema["asset_id"] == pl.Categorical
    assert rows.schema["policy"] == pl.Enum(["4y", "6y"])
    assert rows.schema["period_end"] == pl.Date
    assert rows.schema["depreciation"] == pl.Float64
    assert nc.depreciate(make("polars"), POLICY, keep_id_dtype=True).schema["asset_id"] == pl.String
    table = nc.compare_lives(make("pyarrow"), by=["site"], amounts="decimal", freq="Y")
    assert table.schema.field("period_end").type == pa.date32()
    assert table.schema.field("depreciation").type == pa.decimal128(38, 2)
    assert table.schema.field("site").type == pa.string()
    assert table.schema.field("policy").type.ordered
    frame = nc.compare_lives(make("pandas"), freq="Y")
    assert frame["asset_id"].dtype == "category"
    assert frame["policy"].dtype.ordered
    assert frame["period_end"].dtype == "datetime64[us]"


# --- ways to hold a column ------------------------------------------------------------------------------------------


def pandas_variants() -> dict[str, Callable[[pd.DataFrame], pd.DataFrame]]:
    def money(convert: Callable[[pd.Series], Any]) -> Callable[[pd.DataFrame], pd.DataFrame]:
        return lambda f: f.assign(cost=convert(f["cost"]), residual_value=convert(f["residual_value"]))

    def dates(convert: Callable[[pd.Series], Any]) -> Callable[[pd.DataFrame], pd.DataFrame]:
        return lambda f: f.assign(in_service_date=convert(f["in_service_date"]))

    def lives(convert: Callable[[pd.Series], Any]) -> Callable[[pd.DataFrame], pd.DataFrame]:
        return lambda f: f.assign(useful_life_months=convert(f["useful_life_months"]))

    def sites(convert: Callable[[pd.Series], Any]) -> Callable[[pd.DataFrame], pd.DataFrame]:
        return lambda f: f.assign(site=convert(f["site"]))

    def decimals(column: pd.Series) -> pd.Series:
        return pd.Series([None if v != v else Decimal(f"{v:.2f}") for v in column], dtype=object)

    def strided(column: pd.Series) -> pd.Series:
        twice = np.repeat(column.to_numpy(), 2)
        return pd.Series(twice[::2], copy=False)

    def backwards(column: pd.Series) -> pd.Series:
        return pd.Series(np.ascontiguousarray(column.to_numpy()[::-1])[::-1], copy=False)

    def big_endian(column: pd.Series) -> pd.Series:
        values = column.to_numpy()
        return pd.Series(values.astype(values.dtype.newbyteorder(">")), copy=False)

    def read_only(column: pd.Series) -> pd.Series:
        values = column.to_numpy().copy()
        values.flags.writeable = False
        return pd.Series(values, copy=False)

    def misaligned(column: pd.Series) -> pd.Series:
        values = column.to_numpy()
        raw = np.zeros(values.nbytes + 1, dtype=np.int8)
        view = raw[1:].view(values.dtype)
        view[:] = values
        return pd.Series(view, copy=False)

    def two_chunks(column: pd.Series, kind: Any) -> pd.Series:
        parts = [column[:10], column[10:10], column[10:]]
        chunked = pa.chunked_array([pa.array(part, type=kind, from_pandas=True) for part in parts])
        return pd.Series(pd.arrays.ArrowExtensionArray(chunked))

    text_dates = lambda c: c.dt.strftime("%Y-%m-%d")  # noqa: E731
    return {
        "object floats": money(lambda c: c.astype(object)),
        "decimals": money(decimals),
        "masked floats": money(lambda c: c.astype("Float64")),
        "arrow doubles": money(lambda c: c.astype("double[pyarrow]")),
        "arrow decimals": money(lambda c: two_chunks(decimals(c), pa.decimal128(38, 2))),
        "categorical money": money(lambda c: c.astype("category")),
        "chunked doubles": money(lambda c: two_chunks(c, pa.float64())),
        "strided": money(strided),
        "backwards": money(backwards),
        "big endian": money(big_endian),
        "read only": money(read_only),
        "misaligned": money(misaligned),
        "dates in s": dates(lambda c: c.astype("datetime64[s]")),
        "dates in ms": dates(lambda c: c.astype("datetime64[ms]")),
        "dates in ns": dates(lambda c: c.astype("datetime64[ns]")),
        "big endian dates": dates(big_endian),
        "strided dates": dates(strided),
        "date objects": dates(lambda c: c.dt.date),
        "timestamps": dates(lambda c: c.astype(object)),
        "numpy dates": dates(lambda c: pd.Series(list(c.to_numpy().astype("M8[D]")), dtype=object)),
        "text dates": dates(lambda c: text_dates(c).astype(object)),
        "string dates": dates(lambda c: text_dates(c).astype("string")),
        "arrow text dates": dates(lambda c: text_dates(c).astype("string[pyarrow]")),
        "categorical dates": dates(lambda c: c.astype("category")),
        "categorical text dates": dates(lambda c: text_dates(c).astype("category")),
        "arrow dates": dates(lambda c: two_chunks(c.dt.date, pa.date32())),
        "arrow date64": dates(lambda c: two_chunks(c.dt.date, pa.date64())),
        "arrow timestamps": dates(lambda c: c.astype("timestamp[s][pyarrow]")),
        "masked lives": lives(lambda c: c.astype("Int64")),
        "small lives": lives(lambda c: c.astype("UInt16")),
        "object lives": lives(lambda c: pd.Series([None if v != v else int(v) for v in c], dtype=object)),
        "decimal lives": lives(
            lambda c: pd.Series([None if v != v else Decimal(int(v)) for v in c], dtype=object)
        ),
        "arrow lives": lives(lambda c: c.astype("Int64").astype("int8[pyarrow]")),
        "categorical sites": sites(lambda c: c.astype("category")),
        "string sites": sites(lambda c: c.astype("string")),
        "arrow sites": sites(lambda c: c.astype("string[pyarrow]")),
        "fortran": lambda f: f,
    }


@pytest.mark.parametrize("name", pandas_variants())
def test_pandas_types_mean_the_same(name: str) -> None:
    frame = make("pandas")
    variant = pandas_variants()[name](frame)
    before = variant.copy(deep=True).astype(variant.dtypes)  # a copy is native-endian again
    for call in ("rows", "totals", "comparison"):
        assert digest(CALLS[call](variant)) == digest(CALLS[call](frame)), call
    pd.testing.assert_frame_equal(variant, before)  # the input is never written


def test_columns_of_one_block_in_either_order() -> None:
    frame = make("pandas")
    money = frame[["cost", "useful_life_months"]].to_numpy()
    for block in (np.asfortranarray(money), np.ascontiguousarray(money)):
        variant = pd.DataFrame(block, columns=["cost", "useful_life_months"], copy=False)
        for name in ("asset_id", "in_service_date", "residual_value", "site"):
            variant[name] = frame[name]
        assert digest(CALLS["rows"](variant)) == digest(CALLS["rows"](frame))


def test_memory_maps_and_broadcast_columns(tmp_path: Any) -> None:
    frame = make("pandas")
    file = np.memmap(tmp_path / "cost", dtype=np.float64, mode="w+", shape=len(frame))
    file[:] = frame["cost"]
    assert digest(CALLS["rows"](frame.assign(cost=file))) == digest(CALLS["rows"](frame))
    frame["residual_value"] = 1.0
    same = frame.assign(cost=pd.Series(np.broadcast_to(np.float64(100.0), len(frame)), copy=False))
    assert digest(CALLS["rows"](same)) == digest(CALLS["rows"](frame.assign(cost=100.0)))


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint16", "Int32", "int32[pyarrow]"])
def test_whole_dollars_are_dollars(dtype: str) -> None:
    frame = make("pandas").assign(cost=100, residual_value=[None] * 60)
    assert digest(CALLS["rows"](frame.astype({"cost": dtype}))) == digest(
        CALLS["rows"](frame.assign(cost=100.0))
    )


def test_minor_units_beside_nulls() -> None:
    """As pandas holds whole numbers with a null: as float64."""
    frame = make("pandas")
    cents = frame.assign(
        cost=(frame["cost"] * 100).round().astype("int64"),
        residual_value=(frame["residual_value"] * 100).round(),
    )
    expected = nc.depreciate(frame, POLICY)["depreciation"]
    for kind in ("float64", "Int64", "int64[pyarrow]"):
        found = nc.depreciate(cents.astype({"residual_value": kind}), POLICY, amounts="minor")["depreciation"]
        assert [v / 100 for v in found] == expected.tolist()


@pytest.mark.parametrize(
    ("name", "types"),
    [
        ("decimals", {"cost": pl.Decimal(12, 2), "residual_value": pl.Decimal(38, 4)}),
        ("small lives", {"useful_life_months": pl.Int8}),
        ("wide lives", {"useful_life_months": pl.Int128}),
        ("datetimes", {"in_service_date": pl.Datetime("ns")}),
        ("milliseconds", {"in_service_date": pl.Datetime("ms")}),
        ("text dates", {"in_service_date": pl.String}),
        ("categorical sites", {"site": pl.Categorical}),
        ("enum sites", {"site": pl.Enum(["north", "south", "west"])}),
    ],
)
def test_polars_types_mean_the_same(name: str, types: dict[str, Any]) -> None:
    frame = make("polars")
    variant = frame.cast(types) if name != "decimals" else frame
    if name == "decimals":  # from digits: some versions cut a float off where they should round it
        for column, kind in types.items():
            digits = [None if v is None else Decimal(f"{v:.2f}") for v in source()[column]]
            variant = variant.with_columns(pl.Series(column, digits).cast(kind))
    for call in ("rows", "totals", "comparison", "where"):
        if call == "where":
            variant, frame = (f.with_columns(useful_life_months=pl.lit(36)) for f in (variant, frame))
        assert digest(CALLS[call](variant)) == digest(CALLS[call](frame)), call
    if "site" in types:
        assert CALLS["totals"](variant).schema["site"] == types["site"]


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("cost", pa.decimal128(38, 2)),
        ("cost", pa.decimal256(60, 2)),
        ("in_service_date", pa.date64()),
        ("in_service_date", pa.timestamp("s")),
        ("in_service_date", pa.timestamp("ns")),
        ("in_service_date", pa.string()),
        ("in_service_date", pa.large_string()),
        ("useful_life_months", pa.uint8()),
        ("useful_life_months", pa.float64()),
        ("site", pa.dictionary(pa.int8(), pa.string())),
        ("site", pa.large_string()),
    ],
    ids=str,
)
def test_arrow_types_mean_the_same(column: str, kind: Any) -> None:
    frame = make("pyarrow")
    data = source()[column]
    if "decimal" in str(kind):
        data = [Decimal(f"{v:.2f}") for v in data]
    if "string" in str(kind) and column == "in_service_date":
        data = [v.isoformat() for v in data]
    if "dictionary" in str(kind):
        # Each chunk has a dictionary of its own, in another order.
        chunks = [pa.array(data[:7]).dictionary_encode(), pa.array(data[7:]).dictionary_encode()]
        array = pa.chunked_array(chunks).cast(kind)
    else:
        parts = [data[:9], [], data[9:]]
        array = pa.chunked_array([pa.array(part, pa.array(data).type).cast(kind) for part in parts])
    variant = frame.set_column(frame.column_names.index(column), column, array)
    for call in ("rows", "totals", "comparison"):
        assert digest(CALLS[call](variant)) == digest(CALLS[call](frame)), call
    if column == "site":
        assert CALLS["totals"](variant).schema.field("site").type == kind


# --- keys and ids -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "keys",
    [
        [3, 1, 2] * 4, [1.5, float("nan"), 0.5] * 4, [True, False, True] * 4,
        list(pd.to_datetime(["2025-01-01", "2024-01-01", None])) * 4, [Decimal("2.5"), Decimal("1.5"), None] * 4,
        pd.array([2, None, 1] * 4, dtype="Int16"), pd.array(["b", None, "a"] * 4, dtype="string"),
        pd.Categorical(["b", None, "a"] * 4, categories=["c", "b", "a"], ordered=True),
        pd.period_range("2025-01", periods=12, freq="M"), pd.Series(["b", None, "a"] * 4, dtype=object),
    ],
    ids=["int", "float", "bool", "date", "decimal", "masked", "string", "ordered", "period", "object"],
)  # fmt: skip
def test_keys_keep_their_type(keys: Any) -> None:
    frame = pd.DataFrame(
        {"cost": 12.0, "in_service_date": pd.Timestamp("2025-01-01"), "key": keys, "two": ["x", "y"] * 6}
    )
    expected = frame.groupby("key", dropna=False, observed=True)["cost"].sum().reset_index()
    for by in (["key"], ["key", "two"], ["two", "key"]):
        found = nc.depreciate(frame, nc.straight_line(years=1), by=by, freq="Y")
        assert found["key"].dtype == frame["key"].dtype
        sums = found.groupby("key", dropna=False, observed=True)["depreciation"].sum().reset_index()
        assert sums["depreciation"].tolist() == expected["cost"].tolist()
        if by == ["key"]:
            assert [plain(v) for v in found["key"]] == [plain(v) for v in expected["key"]]


@pytest.mark.parametrize("kind", ["polars", "pyarrow"])
@pytest.mark.parametrize(
    "keys",
    [[3, 1, None], [1.5, None, 0.5], [True, False, None], [dt.date(2025, 1, 1), None, dt.date(2024, 1, 1)]],
)
def test_keys_keep_their_type_elsewhere(kind: str, keys: list[Any]) -> None:
    data = {"cost": [12.0, 24.0, 36.0], "in_service_date": [dt.date(2025, 1, 1)] * 3, "key": keys}
    frame = make(kind, data)
    found = nc.depreciate(frame, nc.straight_line(years=1), by=["key"], freq="Y")
    order = sorted(range(3), key=lambda i: (keys[i] is None, str(keys[i])))
    assert values(found)["key"] == [keys[i] for i in order]
    assert values(found)["depreciation"] == [data["cost"][i] for i in order]
    assert (found.schema["key"] if kind == "polars" else found.schema.field("key").type) == (
        frame.schema["key"] if kind == "polars" else frame.schema.field("key").type
    )


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint64", ">i4", "Int64", "int64[pyarrow]"])
def test_integer_ids_keep_their_type(dtype: str) -> None:
    ids = pd.Series([7, 3, 5] if dtype != "uint64" else [2**63 + 7, 3, 5]).astype(dtype)
    frame = pd.DataFrame({"asset_id": ids, "cost": 12.0, "in_service_date": pd.Timestamp("2025-01-01")})
    found = nc.depreciate(frame, nc.straight_line(years=1), freq="Y")
    assert found["asset_id"].tolist() == ids.tolist()
    assert found["asset_id"].dtype == np.dtype("int32") if dtype == ">i4" else dtype
    books = nc.book_values(frame, nc.straight_line(years=1), as_of="2025-06-30")
    assert books["asset_id"].tolist() == ids.tolist()


@pytest.mark.parametrize("dtype", ["object", "string", "string[pyarrow]", "category"])
def test_text_ids_come_back_categorical(dtype: str) -> None:
    frame = pd.DataFrame(
        {"asset_id": ["z", "a"], "cost": 12.0, "in_service_date": pd.Timestamp("2025-01-01")}
    )
    frame["asset_id"] = frame["asset_id"].astype(dtype)
    found = nc.depreciate(frame, nc.straight_line(years=1))
    assert found["asset_id"].dtype == "category"
    assert found["asset_id"].tolist() == ["z"] * 12 + ["a"] * 12
    kept = nc.depreciate(frame, nc.straight_line(years=1), keep_id_dtype=True)
    assert kept["asset_id"].dtype == frame["asset_id"].dtype
    assert kept["asset_id"].tolist() == ["z"] * 12 + ["a"] * 12


def test_other_ids() -> None:
    for ids in ([1.5, 2.5], list(pd.to_datetime(["2025-01-01", "2025-01-02"])), [("a", 1), ("a", 2)]):
        frame = pd.DataFrame({"cost": [12.0, 24.0], "in_service_date": pd.Timestamp("2025-01-01")})
        frame["asset_id"] = pd.Series(ids)
        found = nc.depreciate(frame, nc.straight_line(years=1), freq="Y")
        assert found["asset_id"].tolist() == ids


def test_the_index_is_the_id_where_there_is_no_other() -> None:
    frame = make("pandas").drop(columns="asset_id")
    assert nc.depreciate(frame, POLICY)["asset_id"].drop_duplicates().tolist() == list(range(60))
    named = frame.set_index(pd.Index([f"x{i}" for i in range(60)]))
    assert nc.depreciate(named, POLICY)["asset_id"].drop_duplicates().tolist() == named.index.tolist()
    deep = frame.set_index(pd.MultiIndex.from_product([range(6), range(10)]))
    assert nc.depreciate(deep, POLICY)["asset_id"].drop_duplicates().tolist() == deep.index.tolist()
    assert nc.book_values(deep, POLICY, as_of="2024-12-31").index.equals(deep.index)
    odd = frame.iloc[5:]
    assert nc.depreciate(odd, POLICY)["asset_id"].iloc[0] == 5
    for kind in ("polars", "pyarrow"):
        data = {name: column for name, column in source().items() if name != "asset_id"}
        assert values(nc.depreciate(make(kind, data), POLICY))["asset_id"][0] == 0


def test_the_index_is_kept_and_may_repeat_where_it_is_not_the_id() -> None:
    frame = make("pandas").set_index(pd.Index([1] * 60, name="same"))
    assert nc.book_values(frame, POLICY, as_of="2024-12-31").index.equals(frame.index)
    assert len(nc.depreciate(frame, POLICY)) > 0
    assert len(nc.depreciate(frame.drop(columns="asset_id"), POLICY, by=[])) > 0


# --- size ---------------------------------------------------------------------------------------------------------


def test_a_large_frame_is_read_where_it_lies() -> None:
    """Totals of 10^6 rows allocate next to nothing in Python, and write nothing to the input."""
    rows = 1_000_000
    random = np.random.default_rng(2)
    frame = pd.DataFrame(
        {
            "cost": random.integers(100, 10**8, rows) / 100,
            "in_service_date": np.datetime64("2022-01-01", "us")
            + random.integers(0, 700, rows).astype("m8[D]"),
            "site": pd.Categorical.from_codes(
                random.integers(0, 100, rows).astype(np.int8), [f"s{i}" for i in range(100)]
            ),
        },
        copy=False,
    )
    for column in ("cost", "in_service_date"):
        frame[column].to_numpy().flags.writeable = False
    nc.compare_lives(frame.head(10), by=["site"])
    tracemalloc.start()
    nc.compare_lives(frame, by=["site"], columns=["depreciation"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6_000_000, peak


def test_rows_are_not_copied_into_the_result() -> None:
    rows = 20_000
    frame = pd.DataFrame({"cost": np.full(rows, 960.0), "in_service_date": np.datetime64("2025-01-01", "us")})
    policy = nc.straight_line(years=8)
    nc.depreciate(frame.head(1), policy, columns=["depreciation"])
    tracemalloc.start()
    found = nc.depreciate(frame, policy, columns=["depreciation"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found) == rows * 96
    assert peak < len(found) * 24 * 1.1, peak
