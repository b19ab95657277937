"""Random covenants against the oracle in fractions: every status, value, headroom and cure, to the last bit.

``NEOCALC_DEEP=1`` tests a million; one in ten and more stands exactly on its threshold.
"""

from __future__ import annotations

import datetime as dt
import os
from collections import Counter
from fractions import Fraction
from multiprocessing import get_context
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import neocalc as nc
from covenant_cases import FIRST, OWN, Case, frames, quarter_end, quarterly, random_case
from neocalc.covenants import STATUSES
from oracles import covenants as oracle

DEEP = os.environ.get("NEOCALC_DEEP") == "1"
BATCH = 20_000


def checked(cases: list[Case], **options: Any) -> pd.DataFrame:
    return nc.check_covenants(**frames(cases), metrics=[OWN], **options)


def nearest(value: Fraction | None) -> float:
    return float("nan") if value is None else float(value)


def cents(amount: int | None) -> float:
    return float("nan") if amount is None else amount / 100


def compare(cases: list[Case], found: pd.DataFrame) -> Counter[str]:
    """Every cell; returns how often each status came, and ties."""
    columns = found.to_dict("list")
    wanted = [(case, outcome) for case in cases for outcome in case.outcomes()]
    assert len(found) == len(wanted)
    seen: Counter[str] = Counter()
    for row, (case, outcome) in enumerate(wanted):
        where = (case.name, case.metric, outcome)
        scale = 1 if case.clauses[0].metric.below else 100
        assert columns["status"][row] == outcome.status, where
        assert columns["entity_id"][row] == case.name
        assert columns["period_end"][row].date() == case.calendar.dates[outcome.period]
        for name, exact in (("value", outcome.value), ("headroom", outcome.headroom)):
            np.testing.assert_equal(
                columns[name][row], nearest(None if exact is None else exact / scale), str(where)
            )
        np.testing.assert_equal(columns["headroom_rate"][row], nearest(outcome.headroom_rate), str(where))
        for name in ("headroom_amount", "cure_needed", "cure_applied"):
            np.testing.assert_equal(columns[name][row], cents(getattr(outcome, name)), str((name, where)))
        ripe = columns["default_date"][row]
        assert (None if pd.isna(ripe) else ripe.date()) == outcome.default_date, where
        seen[outcome.status] += 1
        seen["tie"] += outcome.tie
        seen["tie at a strict boundary"] += outcome.tie and outcome.status in (
            "breach",
            "lock_up",
            "draw_stop",
        )
    return seen


def compare_many(seed: int, tests: int) -> Counter[str]:
    """Hold so many random tests against the oracle, and a few more; returns how often each status came."""
    rng = Random(seed)
    cases: list[Case] = []
    count = 0
    while count < tests:
        case = random_case(rng, f"e{len(cases):05d}")
        cases.append(case)
        count += len(case.calendar.dates) // max(clause.every for clause in case.clauses)  # at least
    found = checked(cases)
    seen = compare(cases, found)
    seen["done"] = len(found)
    return seen


def judge(seen: Counter[str]) -> None:
    """Every status comes, and one test in ten and more stands exactly on its threshold."""
    done = seen.pop("done")
    print(f"\n{done:,} tests, 0 wrong; {dict(seen)}")
    assert seen["tie"] >= done / 10
    assert seen["tie at a strict boundary"] > 0
    for status in STATUSES:
        assert seen[status] >= done * 0.002, (status, "the generator must make every status")


def test_random_covenants_to_the_last_bit() -> None:
    judge(compare_many(20270930, 10_000))


@pytest.mark.skipif(not DEEP, reason="a million tests: set NEOCALC_DEEP=1 (make test-deep)")
def test_a_million_random_covenants_to_the_last_bit() -> None:
    """In as many processes as there are cores."""
    with get_context("spawn").Pool(os.cpu_count()) as pool:
        parts = pool.starmap(compare_many, [(100 + part, BATCH) for part in range(50)], chunksize=1)
    judge(sum(parts, Counter()))


@pytest.mark.parametrize("kind", ["polars", "pyarrow"])
def test_other_kinds_of_frames_say_the_same(kind: str) -> None:
    rng = Random(7)
    cases = [random_case(rng, f"e{at:05d}") for at in range(60)]
    wanted = checked(cases)
    make = pl.from_pandas if kind == "polars" else pa.Table.from_pandas
    tables = {name: make(table) for name, table in frames(cases).items()}
    found = nc.check_covenants(**tables, metrics=[OWN])
    assert isinstance(found, pl.DataFrame if kind == "polars" else pa.Table)
    names = list(found.columns if kind == "polars" else found.column_names)
    assert names == list(wanted.columns)
    for name in names:
        mine = [
            None if value is None or value != value or value is pd.NaT else value
            for value in wanted[name].tolist()
        ]
        mine = [value.date() if isinstance(value, dt.datetime) else value for value in mine]
        theirs = found[name].to_list() if kind == "polars" else found[name].to_pylist()
        assert theirs == mine, name


def test_threads_and_order_of_rows_change_nothing() -> None:
    rng = Random(11)
    cases = [random_case(rng, f"e{at:05d}") for at in range(300)]
    tables = frames(cases)
    wanted = nc.check_covenants(**tables, metrics=[OWN], threads=1)
    pd.testing.assert_frame_equal(nc.check_covenants(**tables, metrics=[OWN], threads=7), wanted)
    shuffled = {name: table.sample(frac=1, random_state=5) for name, table in tables.items()}
    found = nc.check_covenants(**shuffled, metrics=[OWN])
    keys = ["entity_id", "period_end"]
    pd.testing.assert_frame_equal(
        found.sort_values(keys, ignore_index=True), wanted.sort_values(keys, ignore_index=True)
    )


@pytest.mark.parametrize("amounts", ["minor", "decimal"])
def test_other_kinds_of_amounts(amounts: str) -> None:
    rng = Random(13)
    cases = [random_case(rng, f"e{at:05d}") for at in range(80)]
    wanted, tables = checked(cases), frames(cases)
    if amounts == "minor":
        measures = tables["measures"]
        money = [name for name in measures if name not in ("entity_id", "period_end")]
        tables["measures"] = measures.assign(**{name: (measures[name] * 100).round() for name in money})
        tables["cures"] = tables["cures"].assign(amount=(tables["cures"]["amount"] * 100).round())
        terms = tables["covenants"]
        is_money = terms["metric"] == "liquidity"
        sprung = terms["springing_measure"] == "undrawn_commitments"
        tables["covenants"] = terms.assign(
            threshold=terms["threshold"].where(~is_money, terms["threshold"] * 100),
            springing_above=terms["springing_above"].where(~sprung, terms["springing_above"] * 100),
            cure_amount_cap=(terms["cure_amount_cap"] * 100).round(),
        )
    found = nc.check_covenants(**tables, metrics=[OWN], amounts=amounts)
    assert found["status"].tolist() == wanted["status"].tolist()
    scale = 100 if amounts == "minor" else 1
    for name in ("headroom_amount", "cure_needed"):
        mine = [None if pd.isna(value) else value for value in wanted[name]]
        theirs = [None if value is None or value is pd.NA else float(value) / scale for value in found[name]]
        assert theirs == mine


def test_cross_default_is_the_least_fixed_point() -> None:
    """Random graphs of quarterly tests: each date's standings by repetition until nothing changes.

    Tests that spring or not, days of grace, waivers, and edges that hang on an amount which may be missing.
    """
    rng = Random(3)
    ends = {FIRST + at: quarter_end(FIRST + at) for at in range(6)}
    calendar = quarterly(range(FIRST, FIRST + 6))
    words = {"clear": "pass", "default": "breach", "doubtful": "unknown"}
    seen: Counter[str] = Counter()
    for _ in range(60):
        names = [f"f{at}" for at in range(rng.randint(2, 7))]
        edges = [
            (a, b, rng.choice((None, 40))) for a in names for b in names if a != b and rng.random() < 0.25
        ]
        if not edges:
            continue
        rows: dict[str, oracle.Rows] = {
            name: {
                number: {
                    "cash": rng.choice((9900, 10000, 10000, 10100, None)),
                    "drawn": rng.choice((0, 900, 900)),
                    "total_debt": rng.choice((4000, 4001, 4001, None)),
                }
                for number in ends
            }
            for name in names
        }
        grace = rng.choice((None, 10, 100, 200))
        springing = rng.random() < 0.7
        cash, drawn = oracle.Metric((oracle.Term("cash"),)), oracle.Metric((oracle.Term("drawn"),))
        clause = oracle.Clause(
            cash, Fraction(10000), grace_days=grace, springing=(drawn, Fraction(500)) if springing else None
        )
        waivers = {
            name: [(day, day)]
            for name in names
            for day in rng.sample(list(ends.values()), 1)
            if rng.random() < 0.3
        }
        outcomes = {
            name: oracle.outcomes_of([clause], rows[name], calendar, waivers=waivers.get(name, ()))
            for name in names
        }
        terms: dict[str, list[Any]] = {
            "covenant_id": ["liquidity"],
            "metric": ["liquidity"],
            "threshold": [100.0],
        }
        terms |= {"grace_days": [grace]} if grace is not None else {}
        terms |= {"springing_measure": ["drawn"], "springing_above": [5.0]} if springing else {}
        spans = [(name, begin, end) for name, of in waivers.items() for begin, end in of]
        found = nc.check_covenants(
            pd.DataFrame([
                {"entity_id": name, "period_end": ends[number],
                 **{key: None if value is None else value / 100 for key, value in row.items()}}
                for name in names for number, row in rows[name].items()
            ]).astype({"cash": float, "drawn": float, "total_debt": float}),
            pd.DataFrame(terms),
            cross_default=pd.DataFrame(edges, columns=["trigger_entity_id", "entity_id", "above"]).astype({"above": float}),
            waivers=pd.DataFrame(spans, columns=["entity_id", "from_date", "to_date"]) if spans else None,
        )  # fmt: skip
        for date in ends.values():
            on = found[found["period_end"] == pd.Timestamp(date)]
            own = {name: oracle.standing(outcomes[name], ends, date, waivers.get(name, ())) for name in names}
            owed = {name: [(ends[at], row["total_debt"]) for at, row in rows[name].items()] for name in names}
            active = [
                (a, b, True if above is None else oracle.is_active(owed[a], 100 * above, date))
                for a, b, above in edges
            ]
            wanted = oracle.spread(own, active)
            cross = on[on["covenant_id"] == "cross_default"].set_index("entity_id")["status"]
            assert cross.astype(str).to_dict() == {b: words[wanted[b]] for _, b, _ in edges}
            seen.update(wanted.values())
    assert all(seen[word] > 50 for word in words), seen
