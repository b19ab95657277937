"""Deals: a company with its fleet, customers, leases, lenders and promises, run month by month."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neocalc._deal_folder import read_folder, shipped_deals
from neocalc._deal_inputs import Tables
from neocalc._deal_results import RESULT_FRAMES, Results
from neocalc._deal_run import run as run_inputs
from neocalc._deal_statements import state
from neocalc._deal_tables import TABLES
from neocalc._deal_terms import DealTerms, read_terms
from neocalc._options import FREQS, choice
from neocalc.errors import ConfigError, InputError, Issue
from neocalc.policies import DatedPolicy, Policy

_AMOUNTS = ("major", "minor", "decimal")


@dataclass(frozen=True, eq=False)
class DealResult:
    """A deal that has been run: frames by month, each of the kind that the deal's tables are.

    ``result[name]`` is the frame of that name, `DealResult.frames` lists them, `to_frame` sums months up to quarters
    or years.
    """

    name: str
    policy: str
    currency: str
    published: Any
    sources: Any
    _results: Results

    @property
    def frames(self) -> tuple[str, ...]:
        """Names of the frames."""
        return RESULT_FRAMES

    def __getitem__(self, name: str) -> Any:
        return self.to_frame(name)

    def __getattr__(self, name: str) -> Any:
        if name in RESULT_FRAMES:
            return self.to_frame(name)
        raise AttributeError(name)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *RESULT_FRAMES]

    def to_frame(self, name: str, *, freq: str = "M") -> Any:
        """Return a frame by name.

        Parameters
        ----------
        name
            One of `frames`.
        freq
            ``M``, or ``Q`` and ``Y`` for statements: flows are summed, balances are those at the end.

        Returns
        -------
        DataFrame or Table
            See `Deal.run`.

        Raises
        ------
        ConfigError
            For a name or a frequency that there is not.
        """
        choice("name", name, RESULT_FRAMES)
        choice("freq", freq, FREQS)
        return self._results.frame(name, freq)

    @property
    def equity_is_derived(self) -> bool:
        """Whether the equity at the start is what assets less liabilities leave; else it was told, and ties."""
        return self._results.statements.equity_derived

    @property
    def past_due(self) -> Any:
        """What could not be paid, when: rows of ``waterfall`` that are short."""
        return self._results.shortfalls()

    @property
    def breached(self) -> bool:
        """Whether a covenant of level ``default`` was breached, or something owed could not be paid."""
        return self._results.breached()


@dataclass(frozen=True, eq=False)
class Deal:
    """A company: made from frames, or by `load_deal` from a folder.

    Parameters
    ----------
    name, start, end
        The deal's name, and the first and last day; both widen to whole months.
    currency, minor_units, fiscal_year_end
        Of all amounts; one deal has one currency.
    entity_id
        What covenants call the company; by default its name.
    books
        From a name to a policy, or to a mapping from the values of `policy_by` to policies. The first is the
        one that statements report.
    opening, cash, tax, lives, market
        Mappings of what `load_deal` reads from the sections of that name.
    extra_columns
        From a table to columns of your own that it has besides those it knows.
    **tables
        Frames by the names of `load_deal`'s tables.

    Raises
    ------
    InputError
        With all problems of terms and tables in ``issues``, each naming its table or key.

    Examples
    --------
    >>> import pandas as pd
    >>> import neocalc as nc
    >>> deal = nc.Deal(
    ...     name="SPV", start="2025-01-01", end="2025-12-31", opening={"cash": 100.0},
    ...     books={"4y": nc.straight_line(years=4)},
    ...     assets=pd.DataFrame({"asset_id": ["A"], "cost": [480.0], "in_service_date": ["2025-01-01"]}),
    ...     facilities=pd.DataFrame({"facility_id": ["loan"], "start_date": ["2025-01-01"], "principal": [400.0],
    ...         "term_months": [24], "annual_rate": [0.12], "profile": ["level_principal"]}),
    ... )
    >>> result = deal.run()
    >>> result.balance_sheet[["cash", "property_and_equipment", "debt", "equity"]].head(1).values.tolist()
    [[20.0, 470.0, 400.0, 86.0]]
    """

    terms: DealTerms
    tables: Mapping[str, Any]
    extra_columns: Mapping[str, Sequence[str]]
    _read: Tables
    _lives: tuple[str, tuple[int, list[bool]]] | None = None

    def __init__(
        self,
        *,
        name: str,
        start: Any,
        end: Any,
        currency: str = "USD",
        minor_units: int = 2,
        fiscal_year_end: int = 12,
        entity_id: str | None = None,
        policy_by: str | None = None,
        extrapolate: str | None = None,
        books: Mapping[str, Any] | None = None,
        opening: Mapping[str, Any] | None = None,
        cash: Mapping[str, Any] | None = None,
        tax: Mapping[str, Any] | None = None,
        lives: Mapping[str, Any] | None = None,
        market: Mapping[str, Any] | None = None,
        extra_columns: Mapping[str, Sequence[str]] | None = None,
        **tables: Any,
    ) -> None:
        own = {
            "name": name, "start": start, "end": end, "currency": currency, "minor_units": minor_units,
            "fiscal_year_end": fiscal_year_end, "entity_id": entity_id, "policy_by": policy_by,
            "extrapolate": extrapolate,
        }  # fmt: skip
        sections = {"books": books, "opening": opening, "cash": cash, "tax": tax, "lives": lives, "market": market}
        document = {"deal": {key: value for key, value in own.items() if value is not None}}
        document |= {key: dict(value) for key, value in sections.items() if value is not None}
        self._make(document, tables, extra_columns or {}, [], "")

    def _make(
        self,
        document: Mapping[str, Any],
        tables: Mapping[str, Any],
        extra: Mapping[str, Sequence[str]],
        issues: list[Issue],
        label: str,
    ) -> None:
        for name in tables:
            if name not in TABLES:
                raise TypeError(f"Deal() got an unexpected keyword argument {name!r}")
        terms, found = read_terms(document, label)
        issues = [*issues, *found]
        if terms is None:
            # The tables are read all the same, so that all problems come at once.
            stand_in, _ = read_terms({"deal": {"name": "-", "start": "2025-01-01", "end": "2025-01-31"}, "opening": {"cash": 0}})
            try:
                if stand_in is not None:
                    Tables(stand_in, tables, extra, alone=True)
            except InputError as error:
                issues += error.issues
            raise InputError(issues, subject="deal")
        try:
            read = Tables(terms, tables, extra)
        except InputError as error:
            raise InputError([*issues, *error.issues], subject="deal") from None
        if issues:
            raise InputError(issues, subject="deal")
        for key, value in (("terms", terms), ("tables", read.frames), ("extra_columns", extra), ("_read", read)):
            object.__setattr__(self, key, value)

    @property
    def name(self) -> str:
        """The deal's name."""
        return self.terms.name

    @property
    def policies(self) -> Mapping[str, Any]:
        """The books by name, the reporting book first."""
        return self.terms.books

    def __repr__(self) -> str:
        begin, end = (np.datetime64(day, "D") for day in (self.terms.start, self.terms.end))
        return f"Deal({self.name!r}, {begin} to {end}, tables: {', '.join(self.tables) or 'none'})"

    # --- changes ---------------------------------------------------------------------------------------------

    def _changed(self, **changes: Any) -> Deal:
        made: Deal = object.__new__(Deal)
        for field in dataclasses.fields(self):
            object.__setattr__(made, field.name, changes.get(field.name, getattr(self, field.name)))
        return made

    def with_policy(self, policy: Any, *, name: str | None = None) -> Deal:
        """Return the deal with another reporting book.

        Parameters
        ----------
        policy
            The name of one of the deal's books, a policy, or a mapping of policies by the deal's ``policy_by``.
        name
            What to call it; by default the name of the book, or ``policy``.

        Returns
        -------
        Deal
            The same deal; its other books are kept after the new one.

        Raises
        ------
        ConfigError
            For what is no policy and no book.
        """
        books = dict(self.terms.books)
        if isinstance(policy, str):
            if policy not in books:
                raise ConfigError(f"there is no book {policy!r}; there are {', '.join(books) or 'none'}")
            name, policy = name or policy, books[policy]
        elif not isinstance(policy, (Policy, DatedPolicy, Mapping)):
            raise ConfigError(f"policy must be a policy such as straight_line(years=6), not {policy!r}")
        label = name or "policy"
        others = {key: value for key, value in books.items() if key != label}
        terms = dataclasses.replace(self.terms, books={label: policy, **others})
        read = self._read.with_terms(terms)
        return self._changed(terms=terms, _read=read, _lives=None)

    def with_lives(
        self, *, years: float | None = None, months: int | None = None, where: Mapping[str, Any] | None = None
    ) -> Deal:
        """Return the deal with another useful life, under every book.

        Parameters
        ----------
        years, months
            The life; it wins over the assets' own.
        where
            Which assets have it: ``{"asset_class": "technology"}``, or lists of values; by default what the
            section ``lives`` of the deal says, else all.

        Returns
        -------
        Deal
            The same deal.

        Raises
        ------
        ConfigError
            For a life that is none, or that no asset has.
        """
        if (years is None) == (months is None):
            raise ConfigError("give a life in years or in months")
        count = months if years is None else years * 12
        fine = not isinstance(count, bool) and isinstance(count, (int, float)) and count == int(count)
        if not fine or not 1 <= count <= 1_200:
            raise ConfigError(f"a life has 1 to 1,200 whole months, not {count!r}")
        chosen = self.terms.lives_where if where is None else {
            key: value if isinstance(value, (list, tuple)) else (value,) for key, value in where.items()
        }  # fmt: skip
        label = f"{years:g}y" if years is not None else f"{months}m"
        return self._changed(_lives=(label, self._read.lives(int(count), chosen)))

    # --- runs ------------------------------------------------------------------------------------------------

    def run(self, *, years: float | None = None, amounts: str = "major") -> DealResult:
        """Run the deal: one month after the other, until nothing changes.

        Parameters
        ----------
        years
            Another useful life for this run; see `with_lives`.
        amounts
            ``major`` (float64), ``minor`` (int64 minor units) or ``decimal``.

        Returns
        -------
        DealResult
            Frozen. Its frames: ``depreciation`` (by book), ``revenue``, ``leases``, ``debt`` (every payment,
            as `amortize` gives it, and revolvers by month), ``cashflow``, ``waterfall`` (by claim), ``tax``,
            ``income_statement``, ``balance_sheet``, ``equity``, ``property``, ``debt_balance``, ``ltv`` (by
            facility and draw), ``measures`` and ``covenants``.

        Raises
        ------
        InputError
            With all problems of a table in ``issues``.
        ConfigError
            For an argument that means nothing.
        """
        choice("amounts", amounts, _AMOUNTS)
        deal = self if years is None else self.with_lives(years=years)
        outcome = run_inputs(deal._read.inputs(None if deal._lives is None else deal._lives[1]))
        statements = state(outcome)
        results = Results(deal._read, outcome, statements, amounts)
        label = deal._lives[0] if deal._lives is not None else next(iter(deal.terms.books), "")
        return DealResult(
            deal.name, label, deal.terms.currency, deal.tables.get("published"), deal.tables.get("sources"), results
        )

    def compare_lives(
        self, *, years: Sequence[float] = (4, 5, 6), where: Mapping[str, Any] | None = None, amounts: str = "major"
    ) -> DealComparison:
        """Run the deal under several useful lives.

        Parameters
        ----------
        years
            The lives.
        where, amounts
            As for `with_lives` and `run`.

        Returns
        -------
        DealComparison
            A mapping from ``"4y"`` and so on to results, which puts their statements beside each other.
        """
        if isinstance(years, (int, float)) or not len(years):
            raise ConfigError(f"years must be a list of lives such as (4, 5, 6), not {years!r}")
        runs = [self.with_lives(years=life, where=where).run(amounts=amounts) for life in years]
        return DealComparison({one.policy: one for one in runs})


class DealComparison(Mapping[str, DealResult]):
    """Results of one deal under several policies."""

    def __init__(self, results: Mapping[str, DealResult]) -> None:
        self._results = dict(results)

    def __getitem__(self, name: str) -> DealResult:
        return self._results[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._results)

    def __len__(self) -> int:
        return len(self._results)

    def to_frame(self, name: str, *, freq: str = "M") -> Any:
        """Return a frame of each result below the other, with a column ``policy`` before.

        Parameters
        ----------
        name, freq
            As for `DealResult.to_frame`.

        Returns
        -------
        DataFrame or Table
            Of the kind of the deal's tables.
        """
        import narwhals.stable.v2 as nw

        parts = []
        for policy, result in self._results.items():
            part = nw.from_native(result.to_frame(name, freq=freq), eager_only=True)
            parts.append(part.select(nw.lit(policy).alias("policy"), nw.all()))
        return nw.concat(parts, how="vertical").to_native()


def load_deal(folder: Any, *, extra_columns: Mapping[str, Sequence[str]] | None = None) -> Deal:
    """Read a deal from a folder with ``deal.toml`` and a CSV or Parquet file for each table."""
    document, tables, issues = read_folder(folder)
    deal: Deal = object.__new__(Deal)
    object.__setattr__(deal, "_lives", None)
    deal._make(document, tables, extra_columns or {}, issues, "deal.toml: ")
    return deal


__all__ = ["Deal", "DealComparison", "DealResult", "load_deal", "shipped_deals"]
