"""What must hold of methods and events whatever the amounts are (I12 to I15, I19 to I21), without an oracle."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import neocalc as nc
from histories import random_histories
from neocalc import _core
from neocalc._fleet import FleetColumns
from neocalc._options import make_options
from neocalc._runs import make_run
from oracles.straight_line import CONVENTIONS

amounts = st.integers(0, 10**9) | st.integers(0, 50)
lives = st.integers(1, 120)
conventions = st.sampled_from(CONVENTIONS)


def one(cost: int, residual: int, day: str = "2024-03-17", **more: Any) -> pd.DataFrame:
    return pd.DataFrame(
        {"asset_id": [0], "cost": [cost], "in_service_date": [day], "residual_value": [residual], **more}
    )


def minor(fleet: pd.DataFrame, policy: Any, **options: Any) -> pd.DataFrame:
    return nc.depreciate(fleet, policy, amounts="minor", **options)


@given(
    cost=amounts, part=st.floats(0, 1), life=lives, convention=conventions,
    factor=st.sampled_from([0.5, 1.0, 1.5, 2.0, 3.0]), switch=st.booleans(), period=st.sampled_from("YM"),
)  # fmt: skip
def test_declining_balance_ends_at_the_residual_value(
    cost: int, part: float, life: int, convention: str, factor: float, switch: bool, period: str
) -> None:
    """I1, I2 and I12: never below the residual value, all of it charged in the end."""
    residual = int(cost * part)
    policy = nc.declining_balance(
        months=life, factor=factor, switch=switch, rate_period=period, convention=convention
    )
    rows = minor(one(cost, residual), policy)
    assert rows["depreciation"].sum() == cost - residual
    assert rows["depreciation"].min() >= 0
    assert rows["closing_book_value"].min() >= residual
    if not switch:
        kept = minor(one(cost, residual), nc.declining_balance(
            months=life, factor=factor, switch=False, rate_period=period, remainder="keep", convention=convention,
        ))  # fmt: skip
        assert kept["closing_book_value"].iloc[-1] >= residual
        assert (
            kept["accumulated_depreciation"].to_numpy() <= rows["accumulated_depreciation"].to_numpy()
        ).all()


@given(cost=amounts, part=st.floats(0, 1), life=lives, convention=conventions)
def test_digits_fall_and_sum(cost: int, part: float, life: int, convention: str) -> None:
    """I1 and I13: everything is charged, and no year of the life more than the one before."""
    residual = int(cost * part)
    rows = minor(
        one(cost, residual, day="2024-01-01"), nc.sum_of_years_digits(months=life, convention=convention)
    )
    assert rows["depreciation"].sum() == cost - residual
    if convention == "full_month":
        whole = rows["depreciation"].to_numpy()[: life - life % 12].reshape(-1, 12).sum(axis=1)
        assert (np.diff(whole) <= 1).all()


@given(
    cost=amounts, part=st.floats(0, 1), capacity=st.integers(1, 10_000),
    used=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3_000)), max_size=30),
)  # fmt: skip
def test_use_is_charged_up_to_capacity(
    cost: int, part: float, capacity: int, used: list[tuple[int, int]]
) -> None:
    """I13: sums to the depreciable amount once the capacity is used up, never more."""
    residual = int(cost * part)
    months = pd.period_range("2024-03", periods=41, freq="M")
    usage = pd.DataFrame(
        {
            "asset_id": [0] * len(used),
            "date": pd.to_datetime([months[at].end_time.date() for at, _ in used]),
            "units": [float(units) for _, units in used],
        }
    )
    rows = minor(one(cost, residual), nc.units_of_production(total_units=capacity), usage=usage)
    total = sum(units for _, units in used)
    charged = rows["depreciation"].sum()
    assert charged <= cost - residual
    if total >= capacity:
        assert charged == cost - residual
    assert abs(charged * capacity - (cost - residual) * min(total, capacity)) * 2 <= capacity
    assert rows["depreciation"].min() >= 0


@given(cost=amounts, part=st.floats(0, 1), shares=st.lists(st.integers(0, 100), min_size=1, max_size=12),
       freq=st.sampled_from("YM"), convention=conventions)  # fmt: skip
def test_a_table_is_used_up(cost: int, part: float, shares: list[int], freq: str, convention: str) -> None:
    if not sum(shares):
        shares = [1]
    fractions = [share / sum(shares) for share in shares]
    residual = int(cost * part)
    rows = minor(one(cost, residual), nc.table(fractions=fractions, freq=freq, convention=convention))
    assert rows["depreciation"].sum() == cost - residual


@given(
    cost=amounts, part=st.floats(0, 0.9), life=lives, convention=conventions, month=st.integers(0, 60),
    remaining=st.integers(1, 90), residual=st.integers(0, 10**9),
)  # fmt: skip
def test_changes_of_estimate_are_prospective(
    cost: int, part: float, life: int, convention: str, month: int, remaining: int, residual: int
) -> None:
    """I19: nothing before them moves; what is left above the residual value is charged after them, or nothing."""
    old = int(cost * part)
    new = min(residual, cost)
    policy = nc.straight_line(months=life, convention=convention)
    start = pd.Period("2024-03", "M") + month
    day = max(start.start_time, pd.Timestamp("2024-03-17"))
    changed = pd.DataFrame(
        {"asset_id": [0, 0], "date": [day, day], "kind": ["life_change", "residual_change"],
         "remaining_months": [remaining, None], "amount": pd.array([None, new], dtype="Int64")}
    )  # fmt: skip
    before = minor(one(cost, old), policy).set_index("period_end")
    after = minor(one(cost, old), policy, events=changed).set_index("period_end")
    first = start.end_time.normalize()
    early = after[after.index < first]
    assert (
        early["depreciation"].tolist() == before["depreciation"].reindex(early.index, fill_value=0).tolist()
    )
    book_value = cost - (early["depreciation"].sum() if len(early) else 0)
    late = after[after.index >= first]["depreciation"]
    assert late.sum() == max(0, book_value - new)
    assert late.min() >= 0


@given(
    cost=amounts, part=st.floats(0, 1), life=lives, convention=conventions, offset=st.integers(0, 2000),
    proceeds=st.integers(0, 10**9), method=st.sampled_from(["straight_line", "sum_of_years_digits"]),
)  # fmt: skip
def test_a_sale_leaves_nothing(
    cost: int, part: float, life: int, convention: str, offset: int, proceeds: int, method: str
) -> None:
    """I20: nothing after it, and the gain is the proceeds less the book value."""
    policy = getattr(nc, method)(months=life, convention=convention)
    day = pd.Timestamp("2024-03-17") + pd.Timedelta(days=offset)
    sold = pd.DataFrame({"asset_id": [0], "date": [day], "kind": ["disposal"], "proceeds": [proceeds]})
    rows = minor(one(cost, int(cost * part)), policy, events=sold, rows="all", end="2035-12-31")
    last = rows.iloc[-1]
    assert last["period_end"] == day + pd.offsets.MonthEnd(0)
    assert last["closing_book_value"] == 0
    assert last["gain"] == proceeds - last["disposals"]
    assert rows["depreciation"].sum() + last["disposals"] == cost
    assert last["disposals"] >= int(cost * part)


@given(
    cost=amounts, life=lives, convention=conventions, month=st.integers(0, 90), later=st.integers(0, 30),
    recoverable=st.integers(0, 10**9), again=st.integers(0, 2 * 10**9),
)  # fmt: skip
def test_impairments_and_reversals(
    cost: int, life: int, convention: str, month: int, later: int, recoverable: int, again: int
) -> None:
    """I21: never up by an impairment, never above the books without it by a reversal (IAS 36.117)."""
    policy = nc.straight_line(months=life, convention=convention)
    first = (pd.Period("2024-03", "M") + month).end_time.normalize()
    second = (pd.Period("2024-03", "M") + month + later).end_time.normalize()
    options = {"framework": "ifrs", "rows": "all", "end": "2036-12-31"}
    plain = minor(one(cost, 0), policy, **options).set_index("period_end")["closing_book_value"]
    loss = pd.DataFrame({"asset_id": [0], "date": [first], "kind": ["impairment"], "amount": [recoverable]})
    impaired = minor(one(cost, 0), policy, events=loss, **options).set_index("period_end")
    value = impaired["closing_book_value"]
    assert value[first] == min(plain[first], recoverable)
    assert impaired["impairment"].sum() == plain[first] - value[first] >= 0
    assert (value <= plain + 1).all()  # each re-base rounds anew
    assert value.iloc[-1] == 0
    both = pd.concat([loss, loss.assign(date=second, kind="reversal", amount=max(again, int(value[second])))])
    reversed_ = minor(one(cost, 0), policy, events=both, **options).set_index("period_end")
    restored = reversed_["closing_book_value"]
    assert abs(restored[second] - max(value[second], min(plain[second], again))) <= 1
    assert (restored <= plain + 1).all()
    assert (reversed_["reversals"] >= 0).all()
    with pytest.raises(nc.InputError):
        minor(one(cost, 0), policy, events=both, framework="us_gaap")


@pytest.mark.parametrize(
    "policy",
    [nc.straight_line(months=37), nc.declining_balance(years=4), nc.sum_of_years_digits(months=50),
     nc.declining_balance(years=4, rate_period="M"), nc.table(fractions=[0.3, 0.7])],
)  # fmt: skip
def test_nothing_changes_but_the_group(policy: nc.Policy) -> None:
    """Transfers, and impairment tests that were passed, leave every charge as it was."""
    fleet = one(99_999_997, 13, site="X")
    days = pd.to_datetime(["2024-03-17", "2024-09-30", "2025-05-05", "2026-01-01"])
    idle = pd.DataFrame({"asset_id": 0, "date": days, "kind": "transfer", "site": list("YZXW")})
    passed = pd.DataFrame({"asset_id": 0, "date": days, "kind": "impairment", "amount": 10**9})
    plain = minor(fleet, policy)
    for happened in (idle, passed, pd.concat([idle, passed])):
        found = minor(fleet, policy, events=happened)
        assert found["depreciation"].tolist() == plain["depreciation"].tolist()
        total = (
            minor(fleet, policy, events=happened, by=["site"]).groupby("period_end").sum(numeric_only=True)
        )
        assert total["depreciation"].tolist() == plain["depreciation"].tolist()
        assert total["closing_book_value"].tolist() == plain["closing_book_value"].tolist()


@pytest.mark.parametrize("seed", range(6))
def test_the_same_whatever_the_threads_chunks_and_order(seed: int) -> None:
    """I37 and I38, and totals by group are the sums of rows, for histories of every kind."""
    random = Random(seed)
    case = random_histories(random, 60, most=4)
    fleet, policies, events, usage = case.frames()
    fleet["site"] = [random.choice("XYZ") for _ in range(len(fleet))]
    moved = pd.DataFrame(
        {"asset_id": fleet["asset_id"][::3], "date": fleet["in_service_date"][::3] + pd.Timedelta(days=400),
         "kind": "transfer", "site": "W"}
    )  # fmt: skip
    events = pd.concat([events, moved.iloc[: 20 * (seed % 2)]], ignore_index=True)
    options = {**case.options, "amounts": "minor", "on_error": "skip", "policy_by": "own", "usage": usage}
    base = nc.depreciate(fleet, policies, events=events, by=["site"], threads=1, **options)
    by_row = nc.depreciate(
        fleet, policies, events=events, rows="all", threads=1,
        start=base["period_end"].iloc[0], end=base["period_end"].iloc[-1], **options,
    )  # fmt: skip
    flows = ["additions", "depreciation", "impairment", "reversals", "disposals", "gain"]
    assert by_row[flows].sum().tolist() == base[flows].sum().tolist()
    # Charges alone are added up by a shorter way, also where the horizon begins in the midst of lives.
    ends = base["period_end"].drop_duplicates().tolist()
    for first in (ends[0], ends[len(ends) // 3], ends[-1]):
        alone = nc.depreciate(
            fleet, policies, events=events, by=["site"], columns=["depreciation"], start=first, end=ends[-1],
            **options,
        )  # fmt: skip
        part = base[base["period_end"] >= first]
        pd.testing.assert_frame_equal(alone, part[list(alone.columns)].reset_index(drop=True))
    order = random.sample(range(len(fleet)), len(fleet))
    for threads in (1, 2, 7):
        again = nc.depreciate(
            fleet.iloc[order], policies, events=events.sample(frac=1, random_state=seed), by=["site"],
            threads=threads, **options,
        )  # fmt: skip
        # Events of one kind and day keep their order in the frame: only those may differ.
        if not events.duplicated(["asset_id", "date", "kind"]).any():
            pd.testing.assert_frame_equal(again.reset_index(drop=True), base)
    checked = make_options(
        "depreciate", {k: v for k, v in options.items() if k not in ("policy_by", "usage")}
    )
    digests = set()
    for chunk in (1, 7, 10_000):
        data = FleetColumns(fleet, checked, index_is_id=False, events=events, usage=usage)
        run, _ = make_run(data, policies, "own")
        args = {**checked.settings_args, "chunk_rows": chunk, "threads": 2}
        groups = data.groups(["site"])
        if len(data.find_issues([run])):
            data.settle([run])
        found = _core.totals(
            data.core(),
            [run],
            _core.Settings(**args),
            groups.codes,
            groups.n,
            ["depreciation", "gain"],
            "minor",
        )
        digests.add((found.cells(["depreciation"])[0].tobytes(), found.cells(["gain"])[0].tobytes()))
    assert len(digests) == 1
