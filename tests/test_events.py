"""Events through the public verbs: what each does to the books, and what cannot be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import neocalc as nc

ONE_YEAR = nc.straight_line(years=1)
FLOWS = ("additions", "depreciation", "impairment", "reversals", "disposals")


def asset(cost: float = 1200.0, **more: Any) -> pd.DataFrame:
    """One asset in service on 1 January 2025."""
    return pd.DataFrame({"asset_id": ["a"], "cost": [cost], "in_service_date": ["2025-01-01"], **more})


def events(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame([{"asset_id": "a", **row} for row in rows])


def rows(
    fleet: pd.DataFrame, *happened: dict[str, Any], policy: Any = ONE_YEAR, **options: Any
) -> pd.DataFrame:
    """Rows per month, checked to roll forward."""
    result = nc.depreciate(fleet, policy, events=events(*happened), **options)
    rolls(result)
    return result


def rolls(frame: pd.DataFrame) -> None:
    transfers = frame.get("transfers", 0.0)
    closing = (
        frame["opening_book_value"]
        + frame["additions"]
        - frame["depreciation"]
        - frame["impairment"]
        + frame["reversals"]
        - frame["disposals"]
        + transfers
    )
    np.testing.assert_allclose(closing, frame["closing_book_value"], atol=1e-6)


def months(frame: pd.DataFrame, column: str = "depreciation") -> list[float]:
    return [float(value) for value in frame[column]]


def test_a_longer_life_spreads_what_is_left() -> None:
    # 1,200 over 12 months; from July 12 months remain of 600: 50 a month.
    found = rows(asset(), {"date": "2025-07-20", "kind": "life_change", "remaining_months": 12})
    assert months(found) == [100.0] * 6 + [50.0] * 12


def test_a_residual_value_above_the_book_value_ends_the_charges() -> None:
    # I19: nothing is charged back.
    found = rows(asset(), {"date": "2025-07-01", "kind": "residual_change", "amount": 900.0})
    assert months(found) == [100.0] * 6 + [0.0] * 6
    assert found["closing_book_value"].iloc[-1] == 600.0


def test_an_addition_is_spread_over_the_rest_of_the_life() -> None:
    found = rows(asset(), {"date": "2025-07-31", "kind": "addition", "amount": 60.0})
    assert months(found) == [100.0] * 6 + [110.0] * 6
    assert months(found, "additions") == [1200.0] + [0.0] * 5 + [60.0] + [0.0] * 5


def test_an_impairment_falls_after_the_charge_and_rebases() -> None:
    # Book value 900 at the end of March, written down to 450 over the nine months left.
    found = rows(asset(), {"date": "2025-03-10", "kind": "impairment", "amount": 450.0})
    assert months(found) == [100.0] * 3 + [50.0] * 9
    assert months(found, "impairment")[2] == 450.0
    assert found["accumulated_depreciation"].iloc[2] == 750.0  # IAS 16.73(d): with impairment losses


def test_a_recoverable_amount_above_the_book_value_is_no_loss() -> None:
    found = rows(asset(), {"date": "2025-03-10", "kind": "impairment", "amount": 901.0})
    assert months(found, "impairment") == [0.0] * 12


def test_a_reversal_stops_at_the_book_value_without_impairment() -> None:
    # IAS 36.117: 1,200 - 6 x 100 = 600, though the recoverable amount is 5,000.
    found = rows(
        asset(),
        {"date": "2025-03-31", "kind": "impairment", "amount": 450.0},
        {"date": "2025-06-30", "kind": "reversal", "amount": 5_000.0},
        framework="ifrs",
    )
    assert months(found, "reversals")[5] == 300.0
    assert found["closing_book_value"].iloc[5] == 600.0
    assert months(found)[6:] == [100.0] * 6


@pytest.mark.parametrize(
    ("convention", "left"),
    [("full_month", 0.0), ("next_month", 100.0), ("mid_month", 50.0), ("actual_days", 48.39)],
)
def test_a_sale_mirrors_the_convention(convention: str, left: float) -> None:
    # Sold on 16 March: 15 of 31 days of the month's 100.00 are 48.387.
    found = rows(
        asset(),
        {"date": "2025-03-16", "kind": "disposal", "proceeds": 1000.0},
        disposal_convention=convention,
    )
    assert len(found) == 3
    assert months(found)[2] == left
    assert found["disposals"].iloc[2] == pytest.approx(1000.0 - left)
    assert found["gain"].iloc[2] == pytest.approx(left)
    assert found["closing_book_value"].iloc[2] == 0.0


def test_half_of_it_sold() -> None:
    found = rows(
        asset(), {"date": "2025-07-01", "kind": "disposal", "share": 0.5, "proceeds": 250.0}, rows="all"
    )
    # July: the half kept is charged 50, the half sold nothing; 600 of book value halves to 300.
    assert months(found) == [100.0] * 6 + [50.0] * 6
    assert (found["disposals"].iloc[6], found["gain"].iloc[6]) == (300.0, -50.0)


def test_held_for_sale_and_back() -> None:
    # Held from April (no charge then: full_month) at 800, back in July at no more than it would stand at in use.
    found = rows(
        asset(),
        {"date": "2025-04-10", "kind": "held_for_sale", "amount": 800.0},
        {"date": "2025-07-05", "kind": "returned_to_use", "amount": 10_000.0},
    )
    assert months(found) == [100.0] * 3 + [0.0] * 3 + [400.0] + [100.0] * 5
    assert months(found, "impairment")[3] == 100.0
    assert months(found, "reversals")[6] == 100.0
    assert found["closing_book_value"].iloc[6] == 500.0


def test_suspended_months_are_added_at_the_end() -> None:
    found = rows(
        asset(),
        {"date": "2025-03-01", "kind": "suspend"},
        {"date": "2025-05-31", "kind": "resume"},
        framework="management",
    )
    assert months(found) == [100.0] * 2 + [0.0] * 2 + [100.0] * 10


def test_a_transfer_moves_the_carrying_amount() -> None:
    fleet = asset(site=["X"])
    moved = events({"date": "2025-04-20", "kind": "transfer", "site": "Z"})
    found = nc.depreciate(fleet, ONE_YEAR, by=["site"], events=moved, freq="Q", columns=None)
    rolls(found)
    by_site = dict(iter(found.groupby("site")))
    assert months(by_site["X"]) == [300.0, 0.0, 0.0, 0.0]
    assert months(by_site["Z"]) == [0.0, 300.0, 300.0, 300.0]
    assert months(by_site["X"], "transfers") == [0.0, -900.0, 0.0, 0.0]
    assert found["transfers"].sum() == 0.0


def test_transfers_follow_each_other_column_by_column() -> None:
    fleet = asset(site=["X"], owner=["m"])
    moved = events(
        {"date": "2025-07-01", "kind": "transfer", "owner": "n"},
        {"date": "2025-04-01", "kind": "transfer", "site": "Z"},
    )
    found = nc.depreciate(
        fleet, ONE_YEAR, by=["site", "owner"], events=moved, freq="Q", columns=["depreciation"]
    )
    charged = found[found["depreciation"] > 0][["site", "owner"]].values.tolist()
    assert charged == [["X", "m"], ["Z", "m"], ["Z", "n"], ["Z", "n"]]


def test_construction_ends_with_its_event() -> None:
    fleet = asset(status=["cip"])
    assert len(nc.depreciate(fleet, ONE_YEAR)) == 0
    found = rows(
        fleet,
        {"date": "2025-02-10", "kind": "addition", "amount": 300.0},
        {"date": "2025-06-15", "kind": "in_service"},
    )
    assert months(found) == [125.0] * 12
    assert found["additions"].iloc[0] == 1500.0
    assert str(found["period_end"].iloc[0].date()) == "2025-06-30"


@pytest.mark.parametrize("convert", [lambda frame: frame, pl.from_pandas, pa.Table.from_pandas])
@pytest.mark.parametrize("status", ["cip", "CIP", "Cip"])
def test_construction_may_be_written_in_capitals(convert: Any, status: str) -> None:
    found = nc.depreciate(convert(asset(status=[status])), ONE_YEAR, by=[])
    assert len(found) == 0


def test_an_asset_under_construction_needs_no_date_of_service() -> None:
    fleet = pd.DataFrame({"asset_id": ["a"], "cost": [120.0], "in_service_date": [pd.NaT], "status": ["cip"]})
    assert months(rows(fleet, {"date": "2025-06-15", "kind": "in_service"})) == [10.0] * 12


def test_usage_is_charged_up_to_capacity() -> None:
    usage = pd.DataFrame(
        {
            "asset_id": "a",
            "date": ["2025-02-03", "2025-01-20", "2025-02-28", "2025-04-01"],
            "units": [300, 100, 100, 900],
        }
    )
    found = nc.depreciate(asset(), nc.units_of_production(total_units=1_000), usage=usage)
    assert months(found) == [120.0, 480.0, 0.0, 600.0]


def test_changes_of_estimate_count_by_their_dates() -> None:
    # Six years from the 20th, five from the 15th: six are in force, in whichever order they are listed.
    changes = [("2026-01-20", nc.straight_line(years=6)), ("2026-01-15", nc.straight_line(years=5))]
    fleet = asset(7200.0)
    found = [
        nc.depreciate(
            fleet, nc.straight_line(years=2), estimate_changes=listed, freq="Y", columns=["depreciation"]
        )
        for listed in (changes, changes[::-1])
    ]
    assert [months(each) for each in found] == [[3600.0] + [720.0] * 5] * 2
    dated = nc.dated(nc.straight_line(years=2), *changes)
    assert months(nc.depreciate(fleet, dated, freq="Y", columns=["depreciation"])) == months(found[0])


def test_a_change_of_estimate_counts_what_has_passed() -> None:
    # 4 to 6 years after two: 2,400 of 4,800 over the four years left.
    fleet = pd.DataFrame({"cost": [4800.0, 4800.0], "in_service_date": ["2024-01-01", "2026-01-01"]})
    changes = [("2026-01-15", nc.straight_line(years=6))]
    found = nc.depreciate(fleet, nc.straight_line(years=4), estimate_changes=changes, freq="Y")
    first, second = (part for _, part in found.groupby("asset_id"))
    assert months(first) == [1200.0, 1200.0, 600.0, 600.0, 600.0, 600.0]
    assert months(second) == [800.0] * 6
    dated = nc.dated(nc.straight_line(years=4), *changes)
    pd.testing.assert_frame_equal(nc.depreciate(fleet, dated, freq="Y"), found)
    # Where nothing of the new life is left, all goes at once.
    short = nc.depreciate(
        fleet[:1], nc.straight_line(years=4), estimate_changes=[("2026-01-01", nc.straight_line(years=1))]
    )
    assert months(short)[24:] == [2400.0]


def test_a_change_by_class_leaves_the_others() -> None:
    fleet = pd.DataFrame({"cost": [1200.0] * 2, "in_service_date": "2025-01-01", "kind": ["gpu", "rack"]})
    changes = [("2025-07-01", {"gpu": nc.straight_line(months=18)})]
    found = nc.depreciate(
        fleet, ONE_YEAR, policy_by="kind", estimate_changes=changes, by=["kind"], columns=["depreciation"]
    )
    gpu, rack = (months(part) for _, part in found.groupby("kind"))
    assert gpu == [100.0] * 6 + [50.0] * 12
    assert rack[:12] == [100.0] * 12


def test_the_effect_of_a_change() -> None:
    fleet = pd.DataFrame({"cost": [4800.0], "in_service_date": ["2024-01-01"]})
    found = nc.estimate_change_effect(
        fleet,
        nc.straight_line(years=4),
        estimate_changes=[("2026-01-01", nc.straight_line(years=5))],
        freq="Y",
    )
    assert list(found) == ["period_end", "depreciation_before", "depreciation_after", "effect"]
    assert months(found, "effect") == [0.0, 0.0, -400.0, -400.0, 800.0]
    with pytest.raises(nc.ConfigError, match="at least one"):
        nc.estimate_change_effect(fleet, nc.straight_line(years=4), estimate_changes=[])
    with pytest.raises(nc.ConfigError, match="columns"):
        nc.estimate_change_effect(
            fleet, ONE_YEAR, estimate_changes=[("2026-01-01", ONE_YEAR)], columns=["depreciation"]
        )


def test_the_note_of_a_filing() -> None:
    found = rows(
        asset(),
        {"date": "2025-06-30", "kind": "disposal", "share": 0.25},
        freq="Q",
        columns=["opening_cost", "cost_additions", "cost_disposals", "closing_cost", "accumulated_depreciation",
                 "opening_book_value", *FLOWS, "closing_book_value"],
    )  # fmt: skip
    assert months(found, "opening_cost") == [0.0, 1200.0, 900.0, 900.0]
    assert months(found, "cost_disposals") == [0.0, 300.0, 0.0, 0.0]
    np.testing.assert_allclose(
        found["closing_cost"] - found["accumulated_depreciation"], found["closing_book_value"]
    )


SEVERAL = pd.DataFrame(
    {
        "asset_id": [3, 1, 1, 2, 1],
        "date": pd.to_datetime(["2025-05-05", "2025-09-30", "2025-02-20", "2025-03-03", "2025-04-04"]),
        "kind": ["disposal", "impairment", "addition", "life_change", "transfer"],
        "amount": [None, 100.0, 50.5, None, None],
        "remaining_months": [None, None, None, 30.0, None],
        "share": [0.3, None, None, None, None],
        "proceeds": [77.7, None, None, None, None],
        "site": [None, None, None, None, "Z"],
    }
)
FLEET = pd.DataFrame(
    {
        "asset_id": [1, 2, 3],
        "cost": [1000.0, 999.99, 500.01],
        "in_service_date": pd.to_datetime(["2025-01-15", "2025-02-01", "2025-03-31"]),
        "site": ["X", "Y", "X"],
    }
)


@pytest.mark.parametrize("convert", [pl.from_pandas, pa.Table.from_pandas])
@pytest.mark.parametrize("by", [None, [], ["site"]])
def test_every_kind_of_frame_gives_the_same(convert: Any, by: list[str] | None) -> None:
    policy = nc.straight_line(years=2, convention="mid_month")
    expected = nc.depreciate(FLEET, policy, events=SEVERAL, by=by)
    found = nc.depreciate(convert(FLEET), policy, events=convert(SEVERAL), by=by)
    mixed = nc.depreciate(FLEET, policy, events=convert(SEVERAL), by=by)
    columns = found.to_pydict() if isinstance(found, pa.Table) else found.to_dict(as_series=False)
    for name in expected.columns:
        if expected[name].dtype == np.float64:
            assert columns[name] == expected[name].tolist() == mixed[name].tolist()


def test_totals_are_the_sums_of_rows() -> None:
    policy = nc.straight_line(years=2, convention="mid_month")
    for freq in ("M", "Q", "Y"):
        of_all = nc.depreciate(FLEET, policy, events=SEVERAL, by=[], freq=freq, amounts="decimal")
        each = nc.depreciate(FLEET, policy, events=SEVERAL, freq=freq, rows="all", amounts="decimal")
        summed = each.groupby("period_end")[[c for c in each if c not in ("asset_id", "period_end")]].sum()
        for name in summed:
            assert summed[name].tolist() == of_all[name].tolist(), name


def test_book_values_know_events() -> None:
    values = nc.book_values(FLEET, nc.straight_line(years=2), events=SEVERAL, as_of="2025-09-30")
    totals = nc.depreciate(
        FLEET, nc.straight_line(years=2), events=SEVERAL, by=[], end="2025-09-30", start="2025-01-01"
    )
    assert values["book_value"].sum() == pytest.approx(totals["closing_book_value"].iloc[-1], abs=1e-9)
    assert values["cost"].tolist() == [1050.5, 999.99, 350.01]


def test_events_happen_under_every_policy() -> None:
    both = nc.compare_lives(FLEET, (2, 3), by=["site"], events=SEVERAL, baseline=2)
    for life in (2, 3):
        alone = nc.depreciate(FLEET, nc.straight_line(years=life), by=["site"], events=SEVERAL,
                              start=both["period_end"].min(), end=both["period_end"].max())  # fmt: skip
        part = both[both["policy"] == f"{life}y"]
        for name in ("depreciation", "disposals", "transfers", "closing_book_value"):
            assert part[name].tolist() == alone[name].tolist()


# --- what cannot be -----------------------------------------------------------------------------------------------

IMPOSSIBLE: list[tuple[dict[str, Any], str, str]] = [
    ({"date": "2024-12-31", "kind": "disposal"}, "events.date", "date_order"),
    ({"date": "2025-05-01", "kind": "disposal", "share": 1.5}, "events.share", "range"),
    ({"date": "2025-05-01", "kind": "disposal", "share": 0.0}, "events.share", "range"),
    ({"date": "2025-05-01", "kind": "reversal", "amount": 5.0}, "events.kind", "framework"),
    ({"date": "2025-05-01", "kind": "suspend"}, "events.kind", "framework"),
    ({"date": "2025-05-01", "kind": "life_change", "remaining_months": 0}, "events.remaining_months", "range"),
    ({"date": "2025-05-01", "kind": "life_change", "remaining_months": 2.5}, "events.remaining_months", "dtype"),
    ({"date": "2025-05-01", "kind": "life_change"}, "events.remaining_months", "null"),
    ({"date": "2025-05-01", "kind": "impairment"}, "events.amount", "null"),
    ({"date": "2025-05-01", "kind": "impairment", "amount": -1.0}, "events.amount", "range"),
    ({"date": "2025-05-01", "kind": "impairment", "amount": 0.001}, "events.amount", "precision"),
    ({"date": "2025-05-01", "kind": "impairment", "amount": float("inf")}, "events.amount", "nonfinite"),
    ({"date": "2025-05-01", "kind": "addition", "amount": 0.0}, "events.amount", "range"),
    ({"date": "2025-05-01", "kind": "residual_change", "amount": 1200.01}, "events.amount", "range"),
    ({"date": "2025-05-01", "kind": "returned_to_use"}, "events.kind", "event_state"),
    ({"date": "2025-05-01", "kind": "in_service"}, "events.kind", "event_state"),
    ({"date": "2025-05-01", "kind": "sold"}, "events.kind", "event_kind"),
    ({"date": None, "kind": "disposal"}, "events.date", "null"),
    ({"date": "2025-02-30", "kind": "disposal"}, "events.date", "date_parse"),
    ({"date": "1850-01-01", "kind": "disposal"}, "events.date", "date_range"),
    ({"asset_id": "q", "date": "2025-05-01", "kind": "disposal"}, "events.asset_id", "unknown_id"),
    ({"asset_id": None, "date": "2025-05-01", "kind": "disposal"}, "events.asset_id", "null"),
]  # fmt: skip


@pytest.mark.parametrize(("bad", "column", "code"), IMPOSSIBLE)
@pytest.mark.parametrize("by", [None, []])
def test_an_event_that_cannot_be(bad: dict[str, Any], column: str, code: str, by: list[str] | None) -> None:
    fleet = pd.concat([asset(), asset(600.0).assign(asset_id="b")], ignore_index=True)
    happened = pd.concat(
        [events({"asset_id": "b", "date": "2025-03-01", "kind": "disposal"}), events(bad)], ignore_index=True
    )
    with pytest.raises(nc.InputError) as caught:
        nc.depreciate(fleet, ONE_YEAR, events=happened, by=by)
    issue = next(issue for issue in caught.value.issues if issue.column == column)
    assert (issue.code, issue.rows, issue.ids) == (code, (1,), (happened["asset_id"].iloc[1],))
    # The other asset is not lost with it.
    kept = nc.depreciate(fleet, ONE_YEAR, events=happened, by=by, on_error="skip")
    alone = nc.depreciate(fleet[1:], ONE_YEAR, events=happened[:1], by=by)
    if column != "events.asset_id":
        assert kept["depreciation"].tolist() == alone["depreciation"].tolist()
    assert [issue["code"] for issue in kept.attrs["issues"]] == [code]


def test_nothing_happens_after_a_sale() -> None:
    for later in ("2025-05-02", "2025-08-01"):
        with pytest.raises(nc.InputError) as caught:
            rows(
                asset(),
                {"date": later, "kind": "impairment", "amount": 1.0},
                {"date": "2025-05-01", "kind": "disposal"},
            )
        assert (caught.value.code, caught.value.issues[0].rows) == ("date_order", (0,))
    with pytest.raises(nc.InputError):
        rows(asset(), *[{"date": "2025-05-01", "kind": "disposal"}] * 2)


def test_a_reversal_below_the_book_value_is_none() -> None:
    with pytest.raises(nc.InputError) as caught:
        rows(
            asset(),
            {"date": "2025-03-31", "kind": "impairment", "amount": 450.0},
            {"date": "2025-04-30", "kind": "reversal", "amount": 100.0},
            framework="ifrs",
        )
    assert (caught.value.code, caught.value.issues[0].column) == ("range", "events.amount")


@pytest.mark.parametrize("missing", ["asset_id", "date", "kind"])
def test_a_column_of_events_is_missing(missing: str) -> None:
    with pytest.raises(nc.InputError) as caught:
        nc.depreciate(
            asset(),
            ONE_YEAR,
            events=events({"date": "2025-05-01", "kind": "disposal"}).drop(columns=[missing]),
        )
    assert (caught.value.code, caught.value.issues[0].column) == ("missing_column", f"events.{missing}")


def test_no_events_change_nothing() -> None:
    none = events({"date": "2025-05-01", "kind": "disposal"})[:0]
    pd.testing.assert_frame_equal(
        nc.depreciate(asset(), ONE_YEAR, events=none), nc.depreciate(asset(), ONE_YEAR)
    )


@pytest.mark.parametrize(
    ("bad", "code"), [({"units": -1.0}, "range"), ({"units": None}, "null"), ({"date": "2024-12-01"}, "date_order"),
                      ({"asset_id": "q"}, "unknown_id"), ({"units": "many"}, "dtype")],
)  # fmt: skip
def test_usage_that_cannot_be(bad: dict[str, Any], code: str) -> None:
    usage = pd.DataFrame([{"asset_id": "a", "date": "2025-03-01", "units": 5.0, **bad}])
    with pytest.raises(nc.InputError) as caught:
        nc.depreciate(asset(), nc.units_of_production(total_units=10), usage=usage)
    assert caught.value.code == code


def test_level_charges_are_for_straight_line() -> None:
    with pytest.raises(nc.ConfigError, match="level"):
        nc.depreciate(asset(), nc.declining_balance(years=2), rounding="level")


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: nc.declining_balance(years=4, factor=0), "factor"),
        (lambda: nc.declining_balance(years=4, rate_period="Q"), "rate_period"),
        (lambda: nc.declining_balance(years=4, remainder="keep"), "switch"),
        (lambda: nc.declining_balance(years=4, switch=1), "switch"),  # type: ignore[arg-type]
        (lambda: nc.table(fractions=[0.5, 0.4]), "sum to 1"),
        (lambda: nc.table(fractions=[1.5, -0.5]), "below 0"),
        (lambda: nc.table(fractions="half"), "fractions"),  # type: ignore[arg-type]
        (lambda: nc.table(fractions=[1.0], freq="Q"), "freq"),
        (lambda: nc.units_of_production(total_units=0), "total_units"),
        (lambda: nc.units_of_production(total_units=float("nan")), "total_units"),
        (lambda: nc.sum_of_years_digits(years=1, months=3), "not both"),
        (lambda: nc.dated(ONE_YEAR, ("2025-01-01",)), "pair"),  # type: ignore[arg-type]
        (lambda: nc.dated("4y"), "policy"),  # type: ignore[arg-type]
    ],
)
def test_policies_that_mean_nothing(make: Any, text: str) -> None:
    with pytest.raises(nc.ConfigError, match=text):
        make()


@pytest.mark.parametrize("convert", [lambda frame: frame, pl.from_pandas, pa.Table.from_pandas])
def test_a_transfer_to_a_number_in_a_column_with_nulls(convert: Any) -> None:
    # Beside a null pandas holds whole numbers as floats: 7.0 is the rack 7.
    moved = SEVERAL.drop(columns="site").assign(rack=[None, None, None, None, 7.0])
    fleet = FLEET.drop(columns="site").assign(rack=[5, 7, 5])
    found = nc.depreciate(
        convert(fleet), nc.straight_line(years=2), by=["rack"], events=convert(moved), columns=["transfers"]
    )
    racks = found["rack"].to_pylist() if isinstance(found, pa.Table) else found["rack"].to_list()
    assert sorted(set(racks)) == [5, 7]
