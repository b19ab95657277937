"""Useful lives that companies have published: dated, with the source and how far to trust it.

A life that was looked for and not found stands here as unknown; none is guessed. Where a filing gives the
quarter or the fiscal year of a change, ``from_date`` is its first day and ``date_precision`` says so.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

from neocalc._options import to_days
from neocalc.errors import ConfigError

TRUST = {
    "P": "the primary text was read",
    "Px": "an excerpt of the primary text",
    "Q": "second-hand, quoting the filing (accession number given), checked against another extract",
    "S": "press, aggregator or post: not a test value",
    "D": "derived from P and Q by arithmetic",
}
DATE_PRECISIONS = ("day", "month", "quarter", "fiscal_year", "unknown")
# Of a row: the whole class, most of it, a part that the filer names, or a part set apart beside the rest.
SCOPES = ("all", "most", "certain", "subset")
DEFAULT_CLASS = "servers"
_EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class PublishedLife:
    """One life in force from one date; the life before it is a row of its own."""

    company: str
    asset_class: str
    scope: str
    life_months: int | None  # None: a range, or not published
    min_life_months: int | None  # the two ends of a range; both are the life where it is one number
    max_life_months: int | None
    from_date: dt.date | None  # None: in force before the next row, since when is not known
    date_precision: str
    tag: str  # of the life and its date; where two sources differ in weight, of the weaker
    source: str
    effect: str  # what the company or others said the change to this life did
    effect_tag: str
    note: str


class PublishedLives(Sequence[PublishedLife]):
    """The table: a sequence of rows that reads like a frame by column name, and becomes one."""

    columns = tuple(f.name for f in fields(PublishedLife))

    def __init__(self, rows: Sequence[PublishedLife]) -> None:
        self._rows = tuple(rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[PublishedLife]:
        return iter(self._rows)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            if key not in self.columns:
                raise KeyError(key)
            return [getattr(row, key) for row in self._rows]
        return PublishedLives(self._rows[key]) if isinstance(key, slice) else self._rows[key]

    def __repr__(self) -> str:
        lines = [
            f"{row.company}, {row.asset_class}: {_life_text(row)} "
            f"{'since an unknown date' if row.from_date is None else f'from {row.from_date}'} [{row.tag}]"
            for row in self._rows
        ]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, list[Any]]:
        """Return the columns as lists."""
        return {name: self[name] for name in self.columns}

    def to_pandas(self) -> Any:
        """Return the table as a pandas DataFrame: lives as Int64, dates as datetime64[us]."""
        import pandas as pd

        columns: dict[str, Any] = self.to_dict()
        for name in _LIVES:
            columns[name] = pd.array(columns[name], dtype="Int64")
        columns["from_date"] = pd.array(columns["from_date"], dtype="datetime64[us]")
        return pd.DataFrame(columns)

    def to_polars(self) -> Any:
        """Return the table as a polars DataFrame."""
        import polars as pl

        types: dict[str, Any] = dict.fromkeys(self.columns, pl.String)
        return pl.DataFrame(
            self.to_dict(), schema={**types, **dict.fromkeys(_LIVES, pl.Int64), "from_date": pl.Date}
        )

    def to_arrow(self) -> Any:
        """Return the table as a pyarrow Table."""
        import pyarrow as pa

        types: dict[str, Any] = dict.fromkeys(self.columns, pa.string())
        types.update(dict.fromkeys(_LIVES, pa.int64()), from_date=pa.date32())
        return pa.table(self.to_dict(), schema=pa.schema(types))


_LIVES = ("life_months", "min_life_months", "max_life_months")


def _life_text(row: PublishedLife) -> str:
    if row.life_months is not None:
        return f"{row.life_months / 12:g} years"
    if row.min_life_months is None or row.max_life_months is None:
        return "not published"
    return f"{row.min_life_months / 12:g} to {row.max_life_months / 12:g} years"


# --- the rows -----------------------------------------------------------------------------------------------

_BOTH = ("servers", "network")
_AMZN_2020 = "Amazon 10-K for 2020, acc. 0001018724-21-000004"
_AMZN_2022 = "Amazon 10-K for 2022, acc. 0001018724-23-000004"
_AMZN_2024 = "Amazon 10-K for 2024, acc. 0001018724-25-000004"
_AMZN_2025 = "Amazon 10-K for 2025, acc. 0001018724-26-000004"
_META_2022 = "Meta 10-K for 2022, acc. 0001326801-23-000013"
_META_2024 = "Meta 10-K for 2024, acc. 0001326801-25-000017"
_META_2025 = "10-K for 2025, acc. 0001628280-26-003942"
_GOOG_2021 = "Alphabet 10-K for 2021, acc. 0001652044-22-000019"
_GOOG_2023 = "Alphabet 10-K for 2023, acc. 0001652044-24-000022"
_MSFT_2021 = "Microsoft 10-K for fiscal 2021, acc. 0001564590-21-039151"
_MSFT_2023 = "Microsoft 10-K for fiscal 2023, acc. 0000950170-23-035122"
_ORCL_2023 = "Oracle 10-K for fiscal 2023, acc. 0000950170-23-028914"
_ORCL_2025 = "Oracle 10-K for fiscal 2025, acc. 0000950170-25-087926"
_NBIS = "Nebius 20-F for 2025, acc. 0001104659-26-052948"
_CRWV = "fool.com 2025-11-11; post quoting the S-1, acc. 0001193125-25-044231"
_CRWV_CLASS = "technology equipment: GPU servers, network, storage"


def _rows(
    company: str,
    classes: tuple[str, ...],
    years: float | tuple[float, float] | None,
    since: str | None,
    tag: str,
    source: str,
    *,
    precision: str = "day",
    scope: str = "all",
    effect: str = "",
    note: str = "",
) -> list[PublishedLife]:
    """One row for each asset class that a filer's caption covers."""
    low, high = years if isinstance(years, tuple) else (years, years)
    months = [None if end is None else round(end * 12) for end in (low, high)]
    return [
        PublishedLife(
            company=company,
            asset_class=asset_class,
            scope=scope,
            life_months=None if isinstance(years, tuple) else months[0],
            min_life_months=months[0],
            max_life_months=months[1],
            from_date=None if since is None else dt.date.fromisoformat(since),
            date_precision="unknown" if since is None else precision,
            tag=tag,
            source=source,
            effect=effect,
            effect_tag=tag if effect else "",
            note=note,
        )
        for asset_class in classes
    ]


PUBLISHED = PublishedLives(
    [
        *_rows("CoreWeave", _BOTH, 5, None, "S", _CRWV, note=_CRWV_CLASS),
        *_rows(
            "CoreWeave", _BOTH, 6, "2023-01-01", "S", _CRWV, precision="month",
            note=f"{_CRWV_CLASS}; posts that say 4 to 6 years are wrong; no effect was found",
        ),
        *_rows(
            "CoreWeave", ("data_center",), (8, 12), None, "S", _CRWV,
            note="data center equipment and leasehold improvements",
        ),
        *_rows("CoreWeave", ("software",), None, None, "S", _CRWV, note="not found"),
        *_rows("Nebius", _BOTH, 4, None, "Q", _NBIS, note="to 2025-12-31"),
        *_rows(
            "Nebius", _BOTH, 5, "2026-01-01", "Q", f"{_NBIS}; 6-K of 2026-08-12, exhibit 99.2",
            effect="depreciation: $86.1m lower in the first half of 2026, $167.6m lower expected for 2026",
        ),
        *_rows("Nebius", ("infrastructure",), (3, 10), None, "Q", _NBIS),
        *_rows("Nebius", ("buildings",), 20, None, "Q", _NBIS),
        *_rows("Amazon", ("servers",), 3, None, "Q", _AMZN_2020),
        *_rows(
            "Amazon", ("servers",), 4, "2020-01-01", "Q", _AMZN_2020,
            effect="depreciation and amortization: $2.7bn lower in 2020",
        ),
        *_rows(
            "Amazon", ("servers",), 5, "2022-01-01", "Q", _AMZN_2022,
            effect="depreciation and amortization: $3.6bn lower in 2022, with network",
        ),
        *_rows(
            "Amazon", ("servers",), 6, "2024-01-01", "Q", _AMZN_2024,
            effect="depreciation and amortization: $3.2bn lower in 2024",
        ),
        *_rows("Amazon", ("network",), 5, None, "Q", _AMZN_2022),
        *_rows(
            "Amazon", ("network",), 6, "2022-01-01", "Q", _AMZN_2022,
            effect="depreciation and amortization: $3.6bn lower in 2022, with servers",
            note="the change of 2024 was to servers only",
        ),
        *_rows(
            "Amazon", _BOTH, 5, "2025-01-01", "Q", f"{_AMZN_2024}; {_AMZN_2025}", scope="subset",
            effect="operating income: about $0.7bn lower expected for 2025; "
            "depreciation and amortization: $1.4bn higher in 2025",
            note="the size of the subset was not published; early retirements ($920m) are not in it",
        ),
        *_rows("Meta", _BOTH, 4, None, "Q", _META_2022, scope="most"),
        *_rows(
            "Meta", _BOTH, 4.5, "2022-04-01", "Q", _META_2022, precision="quarter", scope="most",
            effect="depreciation: $860m lower in 2022, with the change to 5 years",
        ),
        *_rows(
            "Meta", _BOTH, 5, "2022-10-01", "Q", _META_2022, precision="quarter", scope="most",
            effect="depreciation: $860m lower in 2022, with the change to 4.5 years",
        ),
        *_rows(
            "Meta", _BOTH, 5.5, "2025-01-01", "Q", f"{_META_2024}; {_META_2025}", scope="most",
            effect="depreciation: $2.9bn lower expected for 2025, $2.29bn lower in nine months, "
            "$2.92bn lower in 2025",
        ),
        *_rows("Alphabet", ("servers",), 3, None, "Q", _GOOG_2021),
        *_rows(
            "Alphabet", ("servers",), 4, "2021-01-01", "Q", _GOOG_2021, precision="fiscal_year",
            effect="depreciation: $2.6bn lower in 2021, with network",
        ),
        *_rows(
            "Alphabet", ("servers",), 6, "2023-01-01", "Q", _GOOG_2023, precision="fiscal_year",
            effect="depreciation: $3.4bn lower expected for 2023, $3.9bn lower in 2023, with network",
        ),
        *_rows("Alphabet", ("network",), 3, None, "Q", _GOOG_2021, scope="certain"),
        *_rows(
            "Alphabet", ("network",), 5, "2021-01-01", "Q", _GOOG_2021, precision="fiscal_year",
            scope="certain", effect="depreciation: $2.6bn lower in 2021, with servers",
        ),
        *_rows(
            "Alphabet", ("network",), 6, "2023-01-01", "Q", _GOOG_2023, precision="fiscal_year",
            scope="certain", effect="depreciation: $3.9bn lower in 2023, with servers",
        ),
        *_rows("Microsoft", ("servers",), 3, None, "Q", _MSFT_2021),
        *_rows("Microsoft", ("network",), 2, None, "Q", _MSFT_2021),
        *_rows(
            "Microsoft", _BOTH, 4, "2020-07-01", "Q", _MSFT_2021, precision="fiscal_year",
            effect="operating income: $2.7bn higher in fiscal 2021",
        ),
        *_rows(
            "Microsoft", _BOTH, 6, "2022-07-01", "Q", _MSFT_2023, precision="fiscal_year",
            effect="operating income: $3.7bn higher in fiscal 2023; net income: $3.0bn higher",
        ),
        *_rows("Oracle", ("servers",), 4, None, "Q", _ORCL_2023),
        *_rows(
            "Oracle", ("servers",), 5, "2022-06-01", "Q", _ORCL_2023, precision="fiscal_year",
            effect="operating expenses: $434m lower in fiscal 2023",
        ),
        *_rows("Oracle", ("network",), 5, None, "Q", _ORCL_2025),
        *_rows(
            "Oracle", _BOTH, 6, "2024-06-01", "Q", _ORCL_2025, precision="fiscal_year",
            effect="operating expenses: $733m lower in fiscal 2025; net income: $573m higher",
        ),
        *_rows("Applied Digital", ("servers",), 2, None, "S", "press"),
        *_rows("Applied Digital", ("servers",), 5, None, "S", "press", note="since when was not found"),
        *_rows("Bit Digital", ("servers",), 3, None, "S", "press"),
        *_rows("Crusoe", ("servers",), 7, None, "S", "press", note="against a loan of 3.5 years"),
        *_rows("IREN", ("servers",), None, None, "S", "10-Q, acc. 0001878848-25-000081", note="not found"),
        *_rows("Lambda", ("servers",), None, None, "S", "press", note="not found"),
    ]
)  # fmt: skip


# --- looking one up -----------------------------------------------------------------------------------------


def lives_of(company: str, asset_class: str | None, subset: bool) -> list[PublishedLife]:
    """Return the lives of one class of one company, the earliest first; each is one number of months."""
    rows = [row for row in PUBLISHED if row.company.casefold() == str(company).casefold()]
    if not rows:
        names = ", ".join(dict.fromkeys(PUBLISHED["company"]))
        raise ConfigError(f"there is no published life of {company!r}; there are {names}")
    wanted = DEFAULT_CLASS if asset_class is None else asset_class
    of_class = [row for row in rows if row.asset_class == wanted]
    if not of_class:
        names = ", ".join(dict.fromkeys(row.asset_class for row in rows))
        raise ConfigError(f"{rows[0].company} has no asset_class {asset_class!r}; it has {names}")
    if subset and not any(row.scope == "subset" for row in of_class):
        raise ConfigError(f"{rows[0].company} has set no subset of its {wanted} apart")
    found = [row for row in of_class if subset or row.scope != "subset"]
    for row in found:
        if row.life_months is None:
            raise ConfigError(f"the life of {row.company}'s {wanted} is no single number: {_life_text(row)}")
    return found


def life_in_force(company: str, asset_class: str | None, subset: bool, as_of: Any) -> PublishedLife:
    """Return the life at a date, or the latest known; the earliest known is taken to reach back for ever."""
    found = lives_of(company, asset_class, subset)
    if as_of is None:
        return found[-1]
    day = _EPOCH + dt.timedelta(days=to_days("as_of", as_of))
    begun = [row for row in dated_changes(found) if row.from_date is not None and row.from_date <= day]
    return begun[-1] if begun else found[0]


def dated_changes(found: Sequence[PublishedLife]) -> Sequence[PublishedLife]:
    """Return the lives after the first; refuse those of which it is not known since when."""
    for row in found[1:]:
        if row.from_date is None:
            since = f"since when {row.company} has {_life_text(row)} was not found"
            raise ConfigError(f"{since}: leave as_of out for the latest life")
    return found[1:]
