"""The impairment test: cases worked by hand, the oracle over random groups, the laws of the allocation, kinds of frame."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import neocalc as nc
from neocalc.impairment import allocate_loss, present_value
from oracles import impairment as oracle
from oracles import straight_line

POLICY = nc.straight_line(years=2)
AS_OF, CLOSE = "2025-12-31", pd.Timestamp("2025-12-31")


def half_way(carrying: dict[str, float], **columns: Any) -> pd.DataFrame:
    """Assets of two years' life, one of them gone: each stands at half its cost."""
    return pd.DataFrame(
        {
            "asset_id": list(carrying),
            "cost": [2.0 * amount for amount in carrying.values()],
            "in_service_date": "2025-01-01",
            **columns,
        }
    )


def flow(amount: Any, date: str = "2026-12-31", **keys: Any) -> pd.DataFrame:
    return pd.DataFrame({**{name: [key] for name, key in keys.items()}, "date": [date], "amount": [amount]})


def values(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({name: [value] for name, value in columns.items()})


def outcome(fleet: Any, by: list[str] | None = None, **options: Any) -> nc.ImpairmentTest:
    return nc.impairment_test(fleet, POLICY, as_of=AS_OF, by=by or [], **options)


def row(test: nc.ImpairmentTest) -> dict[str, Any]:
    (found,) = test.groups.to_dict("records")
    return {name: None if value is pd.NA or value != value else value for name, value in found.items()}


# --- US GAAP, by hand -----------------------------------------------------------------------------------------


def test_recoverable_assets_bear_no_loss_however_low_their_fair_value() -> None:
    test = outcome(
        half_way({"a": 600, "b": 400}), cash_flows=flow(1000.0), group_values=values(fair_value=1.0)
    )
    assert row(test) == {
        "carrying_amount": 1000.0,
        "undiscounted_cash_flows": 1000.0,  # equal is recoverable: it must exceed
        "recoverable": True,
        "fair_value": 1.0,
        "costs_of_disposal": None,
        "value_in_use": None,
        "recoverable_amount": None,
        "shortfall": 0.0,
        "impairment_loss": 0.0,
        "headroom": 0.0,
        "status": "not_impaired",
    }
    assert len(test.events) == 0


def test_a_cent_short_of_recoverable_is_measured_against_fair_value() -> None:
    test = outcome(
        half_way({"a": 600, "b": 400}), cash_flows=flow(999.99), group_values=values(fair_value=750.0)
    )
    found = row(test)
    assert (found["recoverable"], found["shortfall"], found["impairment_loss"]) == (False, 250.0, 250.0)
    assert (found["headroom"], found["status"]) == (0.0, "impaired")
    assert test.assets["impairment_loss"].tolist() == [150.0, 100.0]  # 250 x 600 / 1000, 250 x 400 / 1000
    assert test.events.to_dict("records") == [
        {"asset_id": "a", "date": CLOSE, "kind": "impairment", "amount": 450.0},
        {"asset_id": "b", "date": CLOSE, "kind": "impairment", "amount": 300.0},
    ]


def test_not_recoverable_but_worth_more_is_not_impaired() -> None:
    found = row(outcome(half_way({"a": 600}), cash_flows=flow(500.0), group_values=values(fair_value=640.0)))
    assert (found["recoverable"], found["status"]) == (False, "not_impaired")
    assert (found["shortfall"], found["headroom"]) == (0.0, 40.0)


def test_not_recoverable_without_a_fair_value_has_no_answer() -> None:
    test = outcome(half_way({"a": 600}), cash_flows=flow(500.0))
    found = row(test)
    assert found["status"] == "insufficient_data"
    assert [found[name] for name in ("fair_value", "shortfall", "impairment_loss", "headroom")] == [None] * 4
    assert len(test.events) == 0


def test_what_one_asset_is_spared_goes_to_the_others() -> None:
    """590 + 780 + 950 beside other items of 250; the group is worth 600 less, C by itself 822."""
    fleet = half_way({"A": 590, "B": 780, "C": 950}, fair_value=[None, None, 822.0])
    group = values(fair_value=2570.0 - 600.0, other_carrying_amount=250.0)
    test = outcome(fleet, cash_flows=flow(2400.0), group_values=group)
    assert (row(test)["carrying_amount"], row(test)["impairment_loss"]) == (2570.0, 600.0)
    # Pro rata C would bear 600 x 950 / 2320 = 245.69, but has room for 950 - 822 = 128. The other 472 fall on
    # A and B as 590 to 780: 472 x 590 / 1370 = 203.2700..., 472 x 780 / 1370 = 268.7299...
    assert test.assets["impairment_loss"].tolist() == [203.27, 268.73, 128.0]
    assert test.assets["closing_carrying_amount"].tolist() == [386.73, 511.27, 822.0]


def test_floors_may_leave_a_loss_unrecognized() -> None:
    fleet = half_way({"a": 600, "b": 400}, fair_value=[550.0, 400.0])
    found = outcome(fleet, cash_flows=flow(500.0), group_values=values(fair_value=800.0))
    assert (row(found)["shortfall"], row(found)["impairment_loss"]) == (200.0, 50.0)
    assert row(found)["status"] == "limited"
    assert found.events["asset_id"].tolist() == ["a"]


def test_the_fair_value_of_a_group_is_the_sum_of_its_assets_where_all_are_known() -> None:
    known = half_way({"a": 600, "b": 400}, fair_value=[500.0, 350.0])
    test = outcome(known, cash_flows=flow(1.0))
    assert (row(test)["fair_value"], row(test)["impairment_loss"]) == (850.0, 150.0)
    assert test.events["amount"].tolist() == [500.0, 350.0]  # each at its own fair value
    partly = half_way({"a": 600, "b": 400}, fair_value=[500.0, None])
    assert row(outcome(partly, cash_flows=flow(1.0)))["status"] == "insufficient_data"


def test_curves_value_the_assets_that_have_no_fair_value_of_their_own() -> None:
    fleet = half_way({"a": 600, "b": 400}, fair_value=[None, 390.0], gpu_model=["H100", "A100"])
    curves = {"H100": nc.value_curve({12: 0.4}), "A100": nc.value_curve({12: 0.1})}
    test = outcome(fleet, cash_flows=flow(1.0), curves=curves)
    assert test.assets["fair_value"].tolist() == [480.0, 390.0]  # 0.4 x 1200; its own
    assert row(test)["impairment_loss"] == 120.0 + 10.0


# --- IFRS, by hand --------------------------------------------------------------------------------------------


def test_value_in_use_is_discounted_by_days_and_rounded_once() -> None:
    # 365 and 730 days at 10 %: 110 / 1.1 + 121 / 1.21 = 200.00
    flows = pd.DataFrame({"date": ["2026-12-31", "2027-12-31"], "amount": [110.0, 121.0]})
    test = outcome(half_way({"a": 300}), framework="ifrs", cash_flows=flows, discount_rate=0.10)
    found = row(test)
    assert (found["undiscounted_cash_flows"], found["value_in_use"]) == (231.0, 200.0)
    assert (found["recoverable_amount"], found["shortfall"], found["status"]) == (200.0, 100.0, "impaired")
    assert found["fair_value"] is None


def test_the_recoverable_amount_is_the_higher_of_the_two() -> None:
    flows, group = flow(220.0), values(fair_value=250.0, costs_of_disposal=20.0)
    options: dict[str, Any] = {"framework": "ifrs", "cash_flows": flows, "group_values": group}
    by_sale = row(outcome(half_way({"a": 300}), discount_rate=0.10, **options))
    assert (by_sale["value_in_use"], by_sale["recoverable_amount"]) == (200.0, 230.0)
    assert by_sale["impairment_loss"] == 70.0
    by_use = row(outcome(half_way({"a": 210}), discount_rate=0, **options))
    assert (by_use["recoverable_amount"], by_use["headroom"]) == (230.0, 20.0)
    assert (by_use["recoverable"], by_use["status"]) == (True, "not_impaired")


def test_fair_value_alone_will_do_under_ifrs() -> None:
    fleet = half_way({"a": 600, "b": 400}, fair_value=[500.0, 350.0])
    test = outcome(fleet, framework="ifrs", disposal_cost_rate=0.05)
    found = row(test)
    assert (found["fair_value"], found["costs_of_disposal"]) == (850.0, 25.0 + 17.5)
    assert (found["recoverable_amount"], found["impairment_loss"]) == (807.5, 192.5)
    assert test.events["amount"].tolist() == [475.0, 332.5]  # floors are less costs of disposal


def test_no_asset_goes_below_its_own_value_in_use() -> None:
    fleet = half_way({"a": 600, "b": 400}, value_in_use=[590.0, None])
    test = outcome(fleet, framework="ifrs", group_values=values(fair_value=900.0))
    assert test.assets["impairment_loss"].tolist() == [10.0, 90.0]


def test_a_group_may_have_its_own_rate_and_costs_follow_the_rate_of_disposal() -> None:
    fleet = half_way({"a": 300, "b": 300}, site=["x", "y"])
    flows = pd.concat([flow(220.0, site="x"), flow(220.0, site="y")])
    group = pd.DataFrame({"site": ["y", "x"], "discount_rate": [1.0, None], "fair_value": [None, 100.0]})
    test = outcome(
        fleet, ["site"], framework="ifrs", cash_flows=flows, group_values=group, discount_rate=0.1,
        disposal_cost_rate=0.03,
    )  # fmt: skip
    assert test.groups["value_in_use"].tolist() == [200.0, 110.0]
    assert test.groups["costs_of_disposal"].tolist()[0] == 3.0


# --- both ------------------------------------------------------------------------------------------------------


def test_groups_are_tested_apart_and_come_in_the_order_of_their_keys() -> None:
    fleet = half_way({"a": 600, "b": 400, "c": 100, "d": 50}, site=["y", "x", None, "y"], gpu_model=["m"] * 4)
    flows = pd.concat(
        [flow(1.0, site="x"), flow(10.0, site="y"), flow(-3.0, site="y"), flow(500.0, site=None)]
    )
    group = pd.DataFrame({"site": ["y", "x"], "fair_value": [325.0, 300.0]})
    test = outcome(fleet, ["site"], cash_flows=flows, group_values=group)
    assert test.groups["site"].tolist()[:2] == ["x", "y"]
    assert pd.isna(test.groups["site"].iloc[2])
    assert test.groups["undiscounted_cash_flows"].tolist() == [1.0, 7.0, 500.0]
    assert test.groups["impairment_loss"].tolist() == [100.0, 325.0, 0.0]
    assert test.assets["impairment_loss"].tolist() == [300.0, 100.0, 0.0, 25.0]
    assert test.assets["site"].tolist()[:2] == ["y", "x"]
    assert test.events["asset_id"].tolist() == ["a", "b", "d"]
    both = outcome(
        fleet, ["gpu_model", "site"], cash_flows=flows.assign(gpu_model="m"),
        group_values=group.assign(gpu_model="m"),
    )  # fmt: skip
    assert both.groups["impairment_loss"].tolist() == [100.0, 325.0, 0.0]


def test_construction_in_progress_is_left_out_and_the_index_is_kept() -> None:
    fleet = half_way({"a": 600, "b": 400}, status=["cip", "in_service"]).set_index("asset_id")
    test = outcome(fleet, cash_flows=flow(1.0), group_values=values(fair_value=100.0))
    assert test.assets.index.tolist() == test.assets["asset_id"].tolist() == ["b"]
    assert test.events["amount"].tolist() == [100.0]


def test_the_close_is_that_of_the_month_and_assets_to_come_count_for_nothing() -> None:
    fleet = half_way({"a": 600, "b": 400}, gpu_model="H100")
    fleet.loc[1, "in_service_date"] = "2026-01-01"
    curve = nc.value_curve({12: 0.25})
    test = nc.impairment_test(fleet, POLICY, as_of="2025-12-03", by=[], cash_flows=flow(1.0), curves=curve)
    assert row(test)["carrying_amount"] == 600.0
    assert test.events.to_dict("records") == [
        {"asset_id": "a", "date": CLOSE, "kind": "impairment", "amount": 300.0}
    ]


def test_an_empty_fleet_has_no_groups() -> None:
    empty = half_way({"a": 1.0}).iloc[:0]
    flows = flow(1.0).iloc[:0]
    test = outcome(empty, cash_flows=flows)
    assert [len(frame) for frame in (test.groups, test.assets, test.events)] == [0, 0, 0]


@pytest.mark.parametrize("amounts", ["minor", "decimal"])
def test_amounts_come_as_asked_for(amounts: str) -> None:
    fleet = half_way({"a": 600, "b": 400})
    flows, group = flow(1.0), values(fair_value=750.01)
    if amounts == "minor":
        fleet["cost"] = (fleet["cost"] * 100).astype(np.int64)
        flows["amount"], group["fair_value"] = 100, 75_001
    test = outcome(fleet, cash_flows=flows, group_values=group, amounts=amounts)
    # 249.99 x 0.6 = 149.994 and x 0.4 = 99.996: the cent left over goes to the larger remainder
    expected = [60_000 - 14_999, 40_000 - 10_000]
    assert [int(a * (1 if amounts == "minor" else 100)) for a in test.events["amount"]] == expected
    kind = np.int64 if amounts == "minor" else Decimal
    assert all(isinstance(amount, kind) for amount in test.events["amount"].to_numpy())


@pytest.mark.parametrize("flows_kind", ["pandas", "polars", "pyarrow"])
@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_every_kind_of_frame_meets_every_other(kind: str, flows_kind: str) -> None:
    def to(frame: pd.DataFrame, kind: str) -> Any:
        if kind == "pandas":
            return frame
        table = pa.Table.from_pandas(frame, preserve_index=False)
        return pl.from_arrow(table) if kind == "polars" else table

    day = [dt.date(2026, 6, 30), dt.date(2026, 6, 30)]
    fleet = half_way({"a": 600, "b": 400, "c": 10}, site=["x", "x", "y"], opened=[day[0], day[0], None])
    fleet["site"] = fleet["site"].astype("category")
    flows = pd.DataFrame({"site": ["x", "y"], "opened": [day[0], None], "date": day, "amount": [1.0, 99.0]})
    group = pd.DataFrame({"site": ["x"], "opened": day[:1], "fair_value": [750.0]})
    test = nc.impairment_test(
        to(fleet, kind), POLICY, as_of=AS_OF, by=["site", "opened"],
        cash_flows=to(flows, flows_kind), group_values=to(group, flows_kind),
    )  # fmt: skip
    library = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.Table}[kind]
    columns: dict[str, dict[str, list[Any]]] = {}
    for name in ("groups", "assets", "events"):
        frame = getattr(test, name)
        assert isinstance(frame, library)
        if kind == "pandas":
            columns[name] = frame.to_dict("list")
        else:
            columns[name] = frame.to_dict(as_series=False) if kind == "polars" else frame.to_pydict()
    assert columns["groups"]["site"] == ["x", "y"]
    assert columns["groups"]["impairment_loss"] == [250.0, 0.0]
    assert columns["groups"]["recoverable"] == [False, True]
    assert columns["groups"]["status"] == ["impaired", "not_impaired"]
    assert columns["assets"]["closing_carrying_amount"] == [450.0, 300.0, 10.0]
    assert columns["events"]["asset_id"] == ["a", "b"]
    assert [str(value)[:10] for value in columns["events"]["date"]] == [AS_OF] * 2
    assert columns["events"]["kind"] == ["impairment"] * 2
    assert columns["events"]["amount"] == [450.0, 300.0]


# --- against the oracle -----------------------------------------------------------------------------------------


def random_group(random: Random) -> tuple[list[int], list[int]]:
    count = random.randint(1, 9)
    carrying = [random.choice((0, 1, random.randint(1, 10 ** random.randint(1, 11)))) for _ in range(count)]
    floors = [
        random.choice((0, c, random.randint(0, c), c + random.randint(0, 100), c // 2)) for c in carrying
    ]
    return carrying, floors


def test_allocation_is_the_oracles() -> None:
    random = Random(36_105)
    limited = several = 0
    for _ in range(4_000):
        carrying, floors = random_group(random)
        room = sum(oracle.rooms(carrying, floors))
        loss = random.choice((random.randint(0, room + 5), room, max(0, room - 1), 1))
        found = allocate_loss(loss, carrying, floors)
        assert found == oracle.shares(loss, carrying, floors), (loss, carrying, floors)
        limited += loss > room
        exact = oracle.exact_shares(loss, carrying, floors)
        several += sum(0 < e == r for e, r in zip(exact, oracle.rooms(carrying, floors), strict=True)) > 1
    assert min(limited, several) > 100  # the draw reaches what it should


def random_case(random: Random) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """A fleet of some sites with awkward amounts, its flows, and fair values of some groups and assets."""
    count, sites = random.randint(1, 12), "abcd"[: random.randint(1, 4)]
    cost = [random.choice((0, 1, 99, random.randint(1, 10**9))) for _ in range(count)]
    fleet = pd.DataFrame(
        {
            "asset_id": range(count),
            "site": [random.choice(sites) for _ in range(count)],
            "cost": cost,
            "in_service_date": [
                dt.date(random.randint(2023, 2026), random.randint(1, 12), 7) for _ in range(count)
            ],
            "residual_value": [random.randint(0, amount) for amount in cost],
            "fair_value": pd.array(
                [random.choice((None, random.randint(0, amount))) for amount in cost], dtype="Int64"
            ),
        }
    )
    used = sorted(set(fleet["site"]))
    total = fleet.groupby("site")["cost"].sum()
    flows = pd.DataFrame(
        [
            {
                "site": site,
                "date": dt.date(2026, 1, 1) + dt.timedelta(days=random.randint(0, 2000)),
                "amount": random.randint(-(10**3), int(total[site]) // 2 + 10),
            }
            for site in used
            for _ in range(random.randint(1, 4))
        ]
    )
    group = pd.DataFrame(
        {
            "site": used,
            "fair_value": pd.array(
                [random.choice((None, random.randint(0, int(total[s]) + 10))) for s in used], dtype="Int64"
            ),
            "other_carrying_amount": [random.choice((0, random.randint(-(10**4), 10**6))) for _ in used],
        }
    )
    return fleet, flows, group


def carrying_by_definition(fleet: pd.DataFrame, months: int) -> list[int]:
    """Book values at the close of 2025 from the straight-line oracle."""
    found = []
    for asset in fleet.itertuples():
        one = straight_line.Asset(asset.cost, asset.in_service_date, months, residual=asset.residual_value)
        charges = straight_line.monthly_charges(one, "balance", 12)
        charged = sum(charge for month, charge in charges.items() if month <= 2025 * 12 + 11)
        found.append(0 if asset.in_service_date > dt.date(2025, 12, 31) else asset.cost - charged)
    return found


@pytest.mark.parametrize("framework", ["us_gaap", "ifrs"])
def test_whole_fleets_against_the_oracle(framework: str) -> None:
    random = Random(360)
    statuses = set()
    for _ in range(120):
        fleet, flows, group = random_case(random)
        rate = {} if framework == "us_gaap" else {"discount_rate": 0.085}
        test = nc.impairment_test(
            fleet, nc.straight_line(months=31), as_of=AS_OF, by=["site"], framework=framework,
            cash_flows=flows, group_values=group, amounts="minor", **rate,
        )  # fmt: skip
        carrying = carrying_by_definition(fleet, 31)
        assert test.assets["carrying_amount"].tolist() == carrying
        fair = [None if pd.isna(value) else int(value) for value in fleet["fair_value"]]
        loss = test.assets["impairment_loss"].tolist()
        for found in test.groups.to_dict("records"):
            at = [place for place, site in enumerate(fleet["site"]) if site == found["site"]]
            given = group[group["site"] == found["site"]].iloc[0]
            mine = flows[flows["site"] == found["site"]]
            total = sum(carrying[place] for place in at) + int(given["other_carrying_amount"])
            own = [fair[place] for place in at]
            value = None if None in own else sum(v for v in own if v is not None)
            if not pd.isna(given["fair_value"]):
                value = int(given["fair_value"])
            if framework == "us_gaap":
                expected = oracle.us_gaap(total, int(mine["amount"].sum()), value)
            else:
                days = [((day - dt.date(2025, 12, 31)).days) for day in mine["date"]]
                exact = oracle.present_value(list(zip(days, mine["amount"], strict=True)), "0.085")
                in_use = int(found["value_in_use"])
                assert abs(Decimal(in_use) - exact) <= Decimal("0.501")
                expected = oracle.ifrs(total, in_use, value)
            assert found["carrying_amount"] == total
            assert found["recoverable"] == expected.recoverable
            statuses.add(found["status"])
            if expected.shortfall is None:
                assert found["status"] == "insufficient_data"
                assert all(loss[place] == 0 for place in at)
                continue
            floors = [v or 0 for v in own]
            shares = oracle.shares(expected.shortfall, [carrying[place] for place in at], floors)
            assert [loss[place] for place in at] == shares
            assert (found["shortfall"], found["headroom"]) == (expected.shortfall, expected.headroom)
            assert found["impairment_loss"] == sum(shares)
            named = "impaired" if sum(shares) == expected.shortfall else "limited"
            assert found["status"] == (named if expected.shortfall else "not_impaired")
        down = [place for place, amount in enumerate(loss) if amount]
        assert test.events["asset_id"].tolist() == [int(fleet["asset_id"][place]) for place in down]
        assert test.events["amount"].tolist() == [carrying[place] - loss[place] for place in down]
    assert statuses == {"not_impaired", "impaired", "limited"} | (
        {"insufficient_data"} if framework == "us_gaap" else set()
    )


# --- laws -----------------------------------------------------------------------------------------------------

AMOUNTS = st.integers(0, 10**15)
GROUPS = st.lists(st.tuples(AMOUNTS, st.integers(-5, 10**15)), min_size=0, max_size=12)


@given(GROUPS, st.integers(0, 10**16))
def test_an_allocation_sums_to_the_loss_and_stops_at_the_floors(
    group: list[tuple[int, int]], loss: int
) -> None:
    carrying, floors = [c for c, _ in group], [f for _, f in group]
    shares = allocate_loss(loss, carrying, floors)
    room = oracle.rooms(carrying, floors)
    assert sum(shares) == min(loss, sum(room))
    assert all(0 <= share <= most for share, most in zip(shares, room, strict=True))
    exact = oracle.exact_shares(loss, carrying, floors)
    assert all(abs(share - part) < 1 for share, part in zip(shares, exact, strict=True))


@given(GROUPS, st.integers(0, 10**15), st.integers(0, 10**6))
def test_a_larger_loss_leaves_no_asset_more_than_a_cent_better_off(
    group: list[tuple[int, int]], loss: int, more: int
) -> None:
    carrying, floors = [c for c, _ in group], [f for _, f in group]
    less, larger = (allocate_loss(amount, carrying, floors) for amount in (loss, loss + more))
    assert all(a <= b + 1 for a, b in zip(less, larger, strict=True))


@given(st.lists(st.tuples(st.integers(1, 4000), st.integers(-(10**12), 10**12)), max_size=20))
def test_at_a_rate_of_nought_nothing_is_lost_in_time(flows: list[tuple[int, int]]) -> None:
    assert present_value(flows, 0.0) == sum(amount for _, amount in flows)


def test_what_happened_before_counts() -> None:
    """600 over two years, written down to 200 in June and up to 250 in September, as IFRS allows."""
    fleet = pd.DataFrame(
        {
            "asset_id": ["a", "b"],
            "parent_id": [None, "a"],
            "cost": [600.0, 400.0],
            "in_service_date": "2025-01-01",
        }
    )
    happened = pd.DataFrame(
        {
            "asset_id": "a",
            "date": ["2025-06-30", "2025-09-30"],
            "kind": ["impairment", "reversal"],
            "amount": [180.0, 225.0],
        }
    )
    values = pd.DataFrame({"fair_value": [340.0]})
    test = nc.impairment_test(
        fleet,
        nc.straight_line(years=2),
        as_of="2025-12-31",
        by=[],
        framework="ifrs",
        group_values=values,
        events=happened,
    )
    # a: 450 down to 180, 30 a month from July less three of 10; up from 150 to 225; 225 less three of 15. b: half of 400.
    assert test.assets["carrying_amount"].tolist() == [180.0, 200.0]
    assert test.groups["impairment_loss"].tolist() == [40.0]
    assert test.events["amount"].tolist() == [
        161.05,
        178.95,
    ]  # 40 x 180/380 = 18.947..., 40 x 200/380 = 21.052...
