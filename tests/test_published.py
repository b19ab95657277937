"""Published lives: the table against the filings it cites, the look-ups against the table."""

from __future__ import annotations

import datetime as dt
import re
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import neocalc as nc
from neocalc.published import DATE_PRECISIONS, SCOPES, TRUST
from oracles import straight_line as oracle

PUBLISHED = nc.policies.PUBLISHED
published, published_changes = nc.policies.published, nc.policies.published_changes

# Years after each change, as the companies worded it: "from four years to five years, effective ..."
CHANGES = {
    # fool.com, 2025-11-11: "from five years to six years at the start of 2023"
    ("CoreWeave", "servers", False): [5, ("2023-01-01", 6)],
    # 20-F for 2025: "from four to five years", from 1 January 2026
    ("Nebius", "servers", False): [4, ("2026-01-01", 5)],
    # 10-Ks for 2020, 2022, 2024: servers 3 to 4 on 2020-01-01, 4 to 5 on 2022-01-01, 5 to 6 on 2024-01-01
    ("Amazon", "servers", False): [3, ("2020-01-01", 4), ("2022-01-01", 5), ("2024-01-01", 6)],
    # ... "and for our networking equipment from five years to six years" on 2022-01-01
    ("Amazon", "network", False): [5, ("2022-01-01", 6)],
    # 10-K for 2024: "a subset of our servers and networking equipment, effective January 1, 2025, from six ... to five"
    ("Amazon", "servers", True): [
        3,
        ("2020-01-01", 4),
        ("2022-01-01", 5),
        ("2024-01-01", 6),
        ("2025-01-01", 5),
    ],
    ("Amazon", "network", True): [5, ("2022-01-01", 6), ("2025-01-01", 5)],
    # 10-K for 2022: "from four years to 4.5 years, effective the second quarter of 2022, ... five years effective the fourth"
    ("Meta", "servers", False): [4, ("2022-04-01", 4.5), ("2022-10-01", 5), ("2025-01-01", 5.5)],
    # 10-Ks for 2021 and 2023: servers 3, 4, 6; certain network equipment 3, 5, 6
    ("Alphabet", "servers", False): [3, ("2021-01-01", 4), ("2023-01-01", 6)],
    ("Alphabet", "network", False): [3, ("2021-01-01", 5), ("2023-01-01", 6)],
    # 10-Ks for fiscal 2021 and 2023 (years end 30 June): servers 3 to 4, network 2 to 4; both 4 to 6
    ("Microsoft", "servers", False): [3, ("2020-07-01", 4), ("2022-07-01", 6)],
    ("Microsoft", "network", False): [2, ("2020-07-01", 4), ("2022-07-01", 6)],
    # 10-Ks for fiscal 2023 and 2025 (years end 31 May): servers 4 to 5; servers and network 5 to 6
    ("Oracle", "servers", False): [4, ("2022-06-01", 5), ("2024-06-01", 6)],
}


@pytest.mark.parametrize(("key", "lives"), CHANGES.items(), ids=lambda value: str(value)[:40])
def test_changes_are_those_of_the_filings(key: tuple[str, str, bool], lives: list[Any]) -> None:
    company, asset_class, subset = key
    first, later = published_changes(company, asset_class, subset=subset)
    assert first == nc.straight_line(years=lives[0])
    expected = [(dt.date.fromisoformat(day), nc.straight_line(years=years)) for day, years in lives[1:]]
    assert later == expected
    before = first
    for day, policy in later:
        eve = day - dt.timedelta(days=1)
        assert published(company, asset_class, as_of=eve, subset=subset) == before
        assert published(company, asset_class, as_of=day, subset=subset) == policy
        before = policy
    assert published(company, asset_class, subset=subset) == before


def test_servers_are_the_class_unless_given() -> None:
    assert published("nebius", as_of="2025-12-31") == published(
        "Nebius", asset_class="servers", as_of="2025-12-31"
    )
    assert published("Nebius", asset_class="buildings").life_months == 240


def test_what_is_not_published_is_yours_to_assume() -> None:
    policy = published("Meta", residual_rate=0.05, convention="mid_month")
    assert (policy.life_months, policy.residual_rate, policy.convention) == (66, 0.05, "mid_month")
    first, later = published_changes("Meta", residual_rate=0.05, convention="mid_month")
    assert {p.residual_rate for p in (first, *(policy for _, policy in later))} == {0.05}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: published("Acme"), "no published life of 'Acme'"),
        (lambda: published("Nebius", "gpus"), "it has servers, network, infrastructure, buildings"),
        (lambda: published("Lambda"), "not published"),
        (lambda: published("IREN"), "not published"),
        (lambda: published("CoreWeave", "software"), "not published"),
        (lambda: published("CoreWeave", "data_center"), "8 to 12 years"),
        (lambda: published("Nebius", subset=True), "no subset"),
        (lambda: published("Nebius", as_of="last year"), "as_of must be a date"),
        (lambda: published("Applied Digital", as_of="2025-01-01"), "since when"),
        (lambda: published_changes("Applied Digital"), "since when"),
    ],
)
def test_what_is_unknown_is_refused(call: Any, message: str) -> None:
    with pytest.raises(nc.ConfigError, match=message):
        call()


def test_a_change_of_unknown_date_leaves_the_latest_life() -> None:
    assert published("Applied Digital").life_months == 60


# --- the table ------------------------------------------------------------------------------------------------


def test_every_row_says_where_it_is_from_and_how_far_to_trust_it() -> None:
    for row in PUBLISHED:
        assert row.tag in TRUST, row
        assert row.scope in SCOPES, row
        assert row.date_precision in DATE_PRECISIONS, row
        assert row.source, row
        assert bool(row.effect) == (row.effect_tag in TRUST), row
        assert (row.from_date is None) == (row.date_precision == "unknown"), row
        assert row.tag != "Q" or re.search(r"acc\. \d{10}-\d\d-\d{6}", row.source), row


def test_a_life_is_a_number_a_range_or_unknown() -> None:
    for row in PUBLISHED:
        low, high = row.min_life_months, row.max_life_months
        if low is None or high is None:
            assert (low, high, row.life_months) == (None, None, None), row
        else:
            assert 1 <= low <= high <= 480, row
            assert row.life_months == (low if low == high else None), row


def test_lives_of_a_class_follow_each_other_and_differ() -> None:
    chains: dict[tuple[str, str, bool], list[Any]] = {}
    for row in PUBLISHED:
        chains.setdefault((row.company, row.asset_class, row.scope == "subset"), []).append(row)
    for chain in chains.values():
        assert all(row.from_date is not None for row in chain[1:] if row.company != "Applied Digital")
        for one, other in pairwise(chain):
            assert one.life_months != other.life_months
            assert one.from_date is None or one.from_date < other.from_date


def test_the_table_reads_by_column_row_and_part() -> None:
    assert set(PUBLISHED["company"]) >= {"CoreWeave", "Nebius", "Amazon", "Meta", "Alphabet", "Microsoft"}
    assert PUBLISHED[0].company == PUBLISHED["company"][0]
    assert len(PUBLISHED[:3]) == 3
    assert len(PUBLISHED) == len(list(PUBLISHED))
    assert "Nebius, servers: 5 years from 2026-01-01 [Q]" in repr(PUBLISHED)
    with pytest.raises(KeyError):
        PUBLISHED["colour"]


def test_the_table_becomes_a_frame_of_each_kind() -> None:
    pandas, polars, arrow = PUBLISHED.to_pandas(), PUBLISHED.to_polars(), PUBLISHED.to_arrow()
    assert list(pandas.columns) == polars.columns == arrow.column_names == list(PUBLISHED.columns)
    assert [str(pandas[name].dtype) for name in ("life_months", "from_date")] == ["Int64", "datetime64[us]"]
    assert [polars.schema[name] for name in ("life_months", "from_date")] == [pl.Int64, pl.Date]
    assert arrow.schema.field("life_months").type == pa.int64()
    wanted = PUBLISHED.to_dict()
    assert polars.to_dict(as_series=False) == arrow.to_pydict() == wanted
    for name in PUBLISHED.columns:
        values = [None if pd.isna(v) else v for v in pandas[name]]
        assert [v.date() if isinstance(v, pd.Timestamp) else v for v in values] == wanted[name]


# --- what a change of life does: the arithmetic of a disclosure -------------------------------------------------


@pytest.mark.parametrize(("remaining_years", "rounded"), [("3", 2_066), ("13/4", 2_379), ("7/2", 2_712)])
def test_the_opening_book_value_that_a_disclosed_saving_implies(remaining_years: str, rounded: int) -> None:
    """Nebius, 4 to 5 years: $86.1 million less in half a year is book x (1/r - 1/(r + 1)) / 2, without additions."""
    r, saving = Fraction(remaining_years), Fraction("86.1")
    book = 2 * saving / (1 / r - 1 / (r + 1))
    assert round(book) == rounded
    assert (book / r - book / (r + 1)) / 2 == saving


@pytest.mark.parametrize("elapsed", [6, 9, 12])
def test_the_arithmetic_is_that_of_a_straight_line_begun_anew(elapsed: int) -> None:
    """An asset `elapsed` months into 48, charged on as the oracle charges: old life left, and a year more."""
    cost = Fraction(2_400)
    first = dt.date(2026, 1, 1)
    began = oracle.add_months(first, -elapsed)
    old = oracle.Asset(cost, began, 48, residual=Fraction(0))
    month = oracle.month_number(first) - 1
    book = cost * (1 - oracle.share(old, month, 12))
    half_year = month + 6
    charged_on = cost * (oracle.share(old, half_year, 12) - oracle.share(old, month, 12))
    anew = oracle.Asset(book, first, 48 - elapsed + 12, residual=Fraction(0))
    charged_anew = book * oracle.share(anew, half_year, 12)
    r = Fraction(48 - elapsed, 12)
    assert charged_on - charged_anew == book * (1 / r - 1 / (r + 1)) / 2 > 0
