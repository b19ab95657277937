"""Deals: a company with its fleet, customers, leases, lenders and promises, run month by month."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neocalc._options import choice
from neocalc.deal._folder import read_folder, shipped_deals
from neocalc.deal._inputs import Tables
from neocalc.deal._outcomes import DealComparison, DealResult
from neocalc.deal._results import run_deal
from neocalc.deal._tables import TABLES
from neocalc.deal._terms import DealTerms, read_terms
from neocalc.errors import ConfigError, InputError, Issue
from neocalc.policies import DatedPolicy, Policy

_AMOUNTS = ("major", "minor", "decimal")


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
    policy_by, extrapolate, unknown
        As the keys of ``[deal]`` that `load_deal` reads.
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
    ...     facilities=pd.DataFrame({"facility_id": ["loan"], "start_date": ["2025-01-01"],
    ...         "principal": [400.0], "term_months": [24], "annual_rate": [0.12],
    ...         "profile": ["level_principal"]}),
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
        unknown: Sequence[str] | None = None,
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
            "extrapolate": extrapolate, "unknown": None if unknown is None else list(unknown),
        }  # fmt: skip
        sections = {
            "books": books,
            "opening": opening,
            "cash": cash,
            "tax": tax,
            "lives": lives,
            "market": market,
        }
        document: dict[str, Any] = {"deal": {key: value for key, value in own.items() if value is not None}}
        document |= {key: value for key, value in sections.items() if value is not None}
        self._make(document, tables, extra_columns or {}, [], [], "")

    def _make(
        self,
        document: Mapping[str, Any],
        tables: Mapping[str, Any],
        extra: Any,
        issues: list[Issue],
        unread: Sequence[str],
        label: str,
    ) -> None:
        for name in tables:
            if name not in TABLES:
                raise TypeError(f"Deal() got an unexpected keyword argument {name!r}")
        if not isinstance(extra, Mapping) or not all(name in TABLES for name in extra):
            raise ConfigError(
                f"extra_columns must be a mapping from tables to lists of columns, not {extra!r}"
            )
        terms, found = read_terms(document, label)
        issues = [*issues, *found]
        if terms is None:
            # The tables are read all the same, so that all problems come at once.
            stand_in, _ = read_terms(
                {"deal": {"name": "-", "start": "2025-01-01", "end": "2025-01-31"}, "opening": {"cash": 0}}
            )
            try:
                if stand_in is not None:
                    Tables(stand_in, tables, extra, unread=unread, alone=True)
            except InputError as error:
                issues += error.issues
            raise InputError(issues, subject="deal")
        try:
            read = Tables(terms, tables, extra, unread=unread)
        except InputError as error:
            raise InputError([*issues, *error.issues], subject="deal") from None
        if issues:
            raise InputError(issues, subject="deal")
        for key, value in (
            ("terms", terms),
            ("tables", read.frames),
            ("extra_columns", extra),
            ("_read", read),
        ):
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

    # --- changes -----------------------------------------------------------------------------------------

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
            The name of one of the deal's books, a policy, or a mapping of policies by ``policy_by``.
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
        told: Any = months if years is None else years
        count: Any = told if years is None else told * 12
        fine = not isinstance(told, bool) and isinstance(told, (int, float)) and count == int(count)
        if not fine or not 1 <= count <= 1_200:
            raise ConfigError(f"a life has 1 to 1,200 whole months, not {count!r}")
        chosen = self.terms.lives_where if where is None else {
            key: value if isinstance(value, (list, tuple)) else (value,) for key, value in where.items()
        }  # fmt: skip
        label = f"{years:g}y" if years is not None else f"{months}m"
        return self._changed(_lives=(label, self._read.lives(int(count), chosen)))

    def with_tables(self, **tables: Any) -> Deal:
        """Return the deal with other tables, such as prices, rates or draws of a scenario.

        Parameters
        ----------
        **tables
            Frames by the names of `load_deal`'s tables; None leaves a table out.

        Returns
        -------
        Deal
            The same deal, with a life that was given by `with_lives` no longer.

        Raises
        ------
        InputError
            With all problems of the tables in ``issues``.
        """
        for name in tables:
            if name not in TABLES:
                raise TypeError(f"with_tables() got an unexpected keyword argument {name!r}")
        read = Tables(self.terms, {**self.tables, **tables}, self.extra_columns)
        return self._changed(tables=read.frames, _read=read, _lives=None)

    # --- runs --------------------------------------------------------------------------------------------

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
        inputs = deal._read.inputs(None if deal._lives is None else deal._lives[1])
        results = run_deal(deal._read, inputs, amounts)
        label = deal._lives[0] if deal._lives is not None else next(iter(deal.terms.books), "")
        return DealResult(
            deal.name,
            label,
            deal.terms.currency,
            deal.tables.get("published"),
            deal.tables.get("sources"),
            results,
        )

    def compare_lives(
        self,
        *,
        years: Sequence[float] = (4, 5, 6),
        where: Mapping[str, Any] | None = None,
        amounts: str = "major",
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


def load_deal(folder: Any, *, extra_columns: Mapping[str, Sequence[str]] | None = None) -> Deal:
    """Read a deal from a folder with ``deal.toml`` and a CSV or Parquet file for each table.

    Parameters
    ----------
    folder
        A folder, or the name of a deal that ships with neocalc; see Notes.
    extra_columns
        From a table to columns of your own that it has besides those it knows.

    Returns
    -------
    Deal
        Ready to `Deal.run`.

    Raises
    ------
    InputError
        With all problems of terms and tables in ``issues``: each names its table and row, or its key of
        ``deal.toml``.
    ConfigError
        Where there is no such deal, or ``deal.toml`` is not TOML (also for a key that stands twice).

    Notes
    -----
    Amounts are major units of the deal's one currency; rates are fractions. Wherever ``deal.toml`` has a
    number it may have ``{ value = 1.5, source = "10-Q", trust = "P", assumed = true, note = "..." }``, and
    every table may have these columns: ``source``, ``trust``, ``assumed``, ``note``. Sections:

    - ``[deal]``: ``name``, ``start``, ``end``; ``currency`` (USD), ``minor_units`` (2), ``fiscal_year_end``
      (12), ``entity_id`` (what covenants call the company; its name), ``policy_by`` (the column of assets
      that books go by), ``extrapolate`` (``"flat"``: rates go on before their first and after their last
      date), ``unknown`` (of ``cash``, ``operating_cost``, ``revenue``, ``capex``, ``taxes``, what nobody
      says: statements are then null, property where it is ``capex``, and covenants that need them are not
      met).
    - ``[opening]``, at the close of the day before ``start``: ``cash``; ``receivables``, ``payables``,
      ``accrued_interest`` and ``deferred_revenue``, beyond those of the tables, which run off evenly over
      ``..._months`` (2, 1, 1, 12); ``other_assets``, ``other_liabilities``, which stay; ``tax_payable``,
      ``loss_carryforward``; ``equity``, which must tie, or is what assets less liabilities leave.
    - ``[cash]``: ``minimum_cash``, which revolvers are drawn for; ``distribution_rate`` of the cash above
      it, in ``distribution_months`` ([3, 6, 9, 12]); ``order`` of payment, of ``operating_cost``,
      ``leases``, ``taxes``, ``interest_1``, ``principal_1``, ``fees_1``, ``reserves_1``, ``interest_2``,
      ..., ``capex``, which is the order unless told.
    - ``[tax]``: ``rate``, ``loss_limit_rate`` (1; the share of a year's income that losses may offset),
      ``payment_months`` ([3, 6, 9, 12]), ``book`` (the book of the tax return; the first),
      ``recognise_losses`` (true: as a deferred tax asset).
    - ``[books.NAME]``: ``method`` and its arguments, or ``[books.NAME.CLASS]`` for the classes of
      ``policy_by``. The first book is the one that statements report.
    - ``[lives]``: ``where``, which assets another life is for. ``[market]``: ``curve_by`` (``gpu_model``),
      ``collateral`` (``"book"`` or ``"market"``: which value ``collateral_value`` is).

    Tables, all optional: ``assets`` (as for `depreciate`, with ``facility_id`` and ``draw_number`` of the
    draw that they secure, ``paid_date``; status ``cip`` while built), ``asset_events``, ``asset_payments``
    (``asset_id, date, amount``, coming to the cost), ``value_curves`` (``gpu_model`` and ``age_months,
    value_share`` or ``date, price`` or ``annual_decay_rate``), ``contracts``, ``prices``, ``utilisation``
    (see `contract_schedule`), ``leases``, ``lease_payments`` (see `lease_schedule`), ``costs`` (``cost_id,
    category``, ``monthly_amount`` with ``start_date, end_date, annual_escalation_rate``, ``revenue_rate``,
    or ``amount`` on a ``date``; ``payment_days``; ``settlement`` ``cash`` or ``equity``), ``facilities``
    (the columns of `amortize`, with ``facility_id``, ``kind`` and ``rank``, 1 first), ``draws``, ``rates``,
    ``rate_steps``, ``hedges``, ``principal_schedule``, ``payment_holidays``, ``prepayments``,
    ``prepayment_premiums``, ``refinancings``, ``cash_flow`` (as for `amortize`, by ``facility_id``; the
    ``advance_rate`` of a facility is of what its assets stand at in the reporting book), ``ladders``,
    ``commitments``, ``reserves``, ``equity`` (``date, kind, amount``: ``contribution``, ``distribution``),
    ``covenants``, ``cures``, ``waivers``, ``cross_default`` (see `check_covenants`), ``metrics`` (``name,
    numerator, denominator, limit, unit, cure`` as for `metric`, of columns of the result's ``measures``:
    what ``covenants`` may ask for besides the built-in metrics, or instead of one), ``measures``
    (``period_end, measure, amount`` of months before the start), ``published``, ``sources``.

    A facility of kind ``term`` is a loan. Of a ``ladder`` the schedule is not known but its principal by
    year: ``ladders`` has ``facility_id, bucket, principal``, each year's spread over its payment dates,
    what stands under ``thereafter`` due at maturity (with it the ladder sums to the principal). A
    ``revolver`` pays by the month, is drawn at month ends for what is owed and the minimum cash, and repaid
    before anything is swept or distributed: ``commitment`` and ``letters_of_credit``, or their steps in
    ``commitments`` (``facility_id, date``); ``opening_balance``; other terms of loans it has none.
    ``sweep_rate`` of the cash above the minimum prepays a loan, from ``sweep_from_date``. What is past due
    bears ``past_due_rate``, else the facility's own. ``secured_share`` of it is ``secured_debt`` (null: all
    where an asset has its ``facility_id``, else nothing). ``reserves`` has ``reserve_id`` and ``facility_id``
    (null: all), ``amount``, ``balance_rate`` of what is owed, ``debt_service_months`` to come,
    ``balance_cap``, ``from_date, to_date``, ``opening_balance``; rows of one reserve add up.

    ``published`` has figures to compare with, a row each: ``figure_id``, ``label``, ``value``, ``period_end``
    (``from_date``; else a flow is the quarter's), ``facility_id``, ``kind`` (``E`` exact, ``A`` approximate,
    ``F`` fitted, ``L`` logic only; null: only for formulas), ``tolerance`` (a share), ``unit``, ``policy``
    (the book it is of), and a ``measure`` such as ``income_statement.revenue``, ``facility.balance``,
    ``company.backlog``, ``reserve.balance``, ``depreciation.BOOK``, or a ``formula`` of them, of figures and
    of numbers. ``sources`` has ``source`` and ``document``.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import neocalc as nc
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "deal.toml").write_text('''
    ... deal = { name = "SPV", start = 2025-01-01, end = 2025-12-31 }
    ... opening = { cash = 1000 }
    ... [books.four]
    ... method = "straight_line"
    ... years = 4
    ... ''')
    >>> _ = (folder / "assets.csv").write_text('''asset_id,cost,in_service_date
    ... A,480,2025-01-01
    ... ''')
    >>> result = nc.load_deal(folder).run()
    >>> year = result.to_frame("balance_sheet", freq="Y")
    >>> year[["cash", "property_and_equipment", "equity"]].values.tolist()
    [[520.0, 360.0, 880.0]]
    """
    document, tables, issues, unread = read_folder(folder)
    deal: Deal = object.__new__(Deal)
    object.__setattr__(deal, "_lives", None)
    deal._make(document, tables, extra_columns or {}, issues, unread, "deal.toml: ")
    return deal


__all__ = ["Deal", "DealComparison", "DealResult", "load_deal", "shipped_deals"]
