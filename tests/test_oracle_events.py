"""Methods and events against the Fraction oracle: 0 minor units off, whatever happened."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from multiprocessing import get_context
from random import Random
from typing import Any

import pytest

import neocalc as nc
from histories import KINDS, METHODS, Histories, public, random_histories
from oracles.events import FLOWS, Event, Holding, Impossible, Ledger, Rules, keep_posted
from oracles.straight_line import CONVENTIONS, decimal_rate, half_even, month_number, month_start

COLUMNS = {
    "cost_additions": "cost_additions", "depreciation": "depreciation", "impairment": "impairment",
    "reversals": "reversals", "cost_disposals": "cost_disposals", "gain": "gain", "correction": "correction",
}  # fmt: skip
DEEP = bool(os.environ.get("NEOCALC_DEEP"))


def expected(case: Histories) -> tuple[dict[int, Ledger], dict[int, str]]:
    """The books of each asset, or why there are none."""
    options = case.options
    rules = Rules(
        options["rounding"], options["framework"], options["disposal_convention"], options["fiscal_year_end"]
    )
    books, wrong = {}, {}
    for row, (holding, events) in enumerate(zip(case.holdings, case.events, strict=True)):
        opened, changes = holding.opening_date, []
        entered = holding.in_service if opened is None else opened + timedelta(days=1)
        for day, policy, posting in sorted(case.changes, key=lambda change: change[0].replace(day=1)):
            first = day.replace(day=1)
            if entered >= month_start(known(day, posting, options["posted_through"])):
                # It is in force when the asset enters, and so nothing is that was dated earlier.
                holding, changes = replace(holding, policy=policy), []
            else:
                at = max(first, entered.replace(day=1))
                changes.append(Event(at, "policy_change", policy=policy, posting_date=posting))
        if holding.opening_accumulated > holding.cost - residual_of(holding):
            wrong[row] = "range"  # under the policy it comes under when it is brought in
            continue
        if options["rounding"] is None and holding.residual is None:
            # What was booked in whole minor units may lie beside the unrounded amount.
            base = holding.cost * (1 - decimal_rate(holding.policy.residual_rate))
            holding = replace(holding, opening_accumulated=min(Fraction(holding.opening_accumulated), base))
        try:
            books[row] = keep_posted(holding, [*events, *changes], rules, options["posted_through"])
        except Impossible as error:
            wrong[row] = error.code
    return books, wrong


def known(day: date, posting: date | None, through: date | None) -> int:
    """The first month whose books know of a change."""
    month = month_number(day)
    if through is None or month > month_number(through):
        return month
    return month_number(through) + 1 if posting is None else max(month, month_number(posting))


def residual_of(holding: Holding) -> int:
    if holding.residual is not None:
        return int(holding.residual)
    return half_even(holding.cost * decimal_rate(holding.policy.residual_rate))


def compute(case: Histories, **more: Any) -> tuple[Any, dict[int, str]]:
    fleet, policies, events, usage = case.frames()
    more.setdefault("amounts", "minor")
    if case.options["rounding"] is None:
        more["amounts"] = "major"
        for frame, names in (
            (fleet, ("cost", "residual_value", "opening_accumulated")),
            (events, ("amount", "proceeds")),
        ):
            for name in names:
                frame[name] = frame[name].astype("Float64") / 100.0
    changes = [(day, public(policy), posting) for day, policy, posting in case.changes]
    columns = [
        *COLUMNS.values(),
        "closing_cost",
        "accumulated_depreciation",
        "closing_book_value",
        "disposals",
    ]
    rows = nc.depreciate(
        fleet, policies, policy_by="own", events=events, usage=usage, estimate_changes=changes,
        columns=columns, on_error="flag", **case.options, **more,
    )  # fmt: skip
    bad = rows[rows["issue"].notna()]
    return rows[rows["issue"].isna()], dict(zip(bad["asset_id"].tolist(), bad["issue"].tolist(), strict=True))


def check(case: Histories) -> Counter[str]:
    books, wrong = expected(case)
    rows, issues = compute(case)
    assert issues == wrong
    found: dict[int, dict[int, Any]] = {}
    for line in rows.to_dict("records"):
        month = month_number(line["period_end"].date())
        found.setdefault(line["asset_id"], {})[month] = line
    seen: Counter[str] = Counter()
    for row, ledger in books.items():
        lines = found.get(row, {})
        cost = accumulated = 0
        months = sorted({*ledger.flows, *lines})
        for month in range(months[0], months[-1] + 1):
            flows = ledger.flows.get(month, dict.fromkeys(FLOWS, 0))
            line = lines.get(month)
            if line is None:
                assert not any(flows.values()), (row, month, flows, case.holdings[row], case.events[row])
                continue
            off = {
                name: (line[column], flows[name])
                for name, column in COLUMNS.items()
                if line[column] != flows[name]
            }
            assert not off, (
                off,
                row,
                month - months[0],
                case.holdings[row],
                case.events[row],
                case.changes,
                case.options,
            )
            cost += flows["cost_additions"] - flows["cost_disposals"]
            accumulated += (
                flows["brought_in"] + flows["depreciation"] + flows["impairment"]
                - flows["reversals"] - flows["accumulated_disposals"]
            )  # fmt: skip
            assert (line["closing_cost"], line["accumulated_depreciation"]) == (cost, accumulated)
            assert line["closing_book_value"] == cost - accumulated
            assert line["disposals"] == flows["cost_disposals"] - flows["accumulated_disposals"]
            seen["cells"] += len(COLUMNS)
    seen["assets"] += len(books)
    seen["impossible"] += len(wrong)
    return seen


@pytest.mark.parametrize("seed", range(40))
def test_random_histories(seed: int) -> None:
    case = random_histories(Random(seed), 40)
    seen = check(case)
    assert seen["assets"] > 10


def check_histories(first: int) -> tuple[Counter[str], Counter[str]]:
    """Check five times 200 histories; return what was seen, and what the generator made."""
    seen: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for seed in range(first, first + 5):
        case = random_histories(Random(seed), 200)
        seen += check(case)
        counts += case.counts
    return seen, counts


@pytest.mark.skipif(not DEEP, reason="100,000 histories: set NEOCALC_DEEP=1 (make test-deep)")
def test_a_hundred_thousand_histories() -> None:
    """In as many processes as there are cores; the same histories whatever their number."""
    seen: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    with get_context("spawn").Pool(os.cpu_count()) as pool:
        for part, made in pool.imap(check_histories, range(1_000, 2_000, 5)):
            seen += part
            counts += made
            if seen["assets"] >= 100_000:
                break
    assert seen["assets"] >= 100_000
    print(f"\n{dict(seen)}\n{dict(sorted(counts.items()))}")


@pytest.mark.parametrize("seed", range(100, 112))
def test_unrounded_histories(seed: int) -> None:
    """Held to 1e-12 of the cost per amount that was added up."""
    case = random_histories(Random(seed), 40, small=True)
    case.options["rounding"] = None
    books, wrong = expected(case)
    rows, issues = compute(case)
    assert issues == wrong
    found = {
        (line["asset_id"], month_number(line["period_end"].date())): line for line in rows.to_dict("records")
    }
    assert len(books) > 10
    for row, ledger in books.items():
        dust = 1e-10 * (1.0 + float(max(1, sum(flows["cost_additions"] for flows in ledger.flows.values()))))
        for month, flows in ledger.flows.items():
            line = found.get((row, month))
            for name, column in COLUMNS.items():
                exact = float(flows[name])
                assert abs(exact - (100.0 * line[column] if line else 0.0)) <= dust, (row, month, name)


def test_the_generator_makes_everything() -> None:
    counts: Counter[str] = Counter()
    for seed in range(40):
        counts += random_histories(Random(seed), 40).counts
    for name in (*KINDS, *METHODS, *CONVENTIONS, "policy_change", "12 events", "0 events", "level", "ifrs"):
        assert counts[name] >= 5, name
