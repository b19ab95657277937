"""Competing policies over one fleet, side by side."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Unpack

from neocalc._fleet import FleetColumns, check_by, match_rows
from neocalc._options import OptionArgs, make_options
from neocalc._results import rows_frame, totals_frame
from neocalc._runs import AnyPolicy, check_policy, make_run
from neocalc.errors import ConfigError, NeocalcWarning
from neocalc.policies import Policy, dated, published_changes, straight_line


def compare_lives(
    fleet: Any,
    years: Iterable[float] = (4, 6),
    *,
    by: Sequence[str] | None = None,
    where: Mapping[str, Any] | None = None,
    baseline: float | str | None = None,
    events: Any = None,
    residual_rate: float = 0.0,
    convention: str = "full_month",
    **options: Unpack[OptionArgs],
) -> Any:
    """Depreciate a fleet straight-line under several useful lives.

    Parameters
    ----------
    fleet, by
        As for `depreciate`. The compared life wins over a row's own ``useful_life_months``.
    years
        The lives, in the order wanted; fractions are whole months (5.5).
    where
        Values by column, such as ``{"asset_class": "gpu"}`` or ``{"site": ["A", "B"]}``: only rows that
        hold one of them in every column take the compared life, the others keep their own.
    baseline
        One of the lives (``4`` or ``"4y"``): adds ``<column>_difference``, this policy less the baseline,
        for the balances and the depreciation. In rows per asset every policy then runs to the last charge
        of any, as with ``rows="all"``, so that each row has its counterpart.
    events
        As for `depreciate`; they happen under every policy.
    residual_rate, convention
        As for `straight_line`.
    **options
        As for `depreciate`: ``freq, fiscal_year_end, start, end, columns, rows, rounding, amounts,
        minor_units, on_error, threads, keep_id_dtype, allow_credit, round_input, allow_long_life,
        floor_time, framework, disposal_convention, posted_through``.

    Returns
    -------
    DataFrame or Table
        As of `depreciate`, with an ordered categorical ``policy`` ("4y", "6y"). Totals are ordered by
        keys, policy, period; rows per asset by policy, asset, period.

    Raises
    ------
    InputError
        With all problems of the data in ``issues``.
    ConfigError
        For an argument that means nothing.

    Examples
    --------
    >>> import pandas as pd
    >>> import neocalc as nc
    >>> fleet = pd.DataFrame({"cost": [1200.0], "in_service_date": pd.to_datetime(["2025-01-15"])})
    >>> both = nc.compare_lives(fleet, (4, 6), by=[], freq="Y", end="2025-12-31", columns=["depreciation"])
    >>> both[["policy", "depreciation"]].values.tolist()
    [['4y', 300.0], ['6y', 200.0]]
    """
    try:
        lives = list(years)
    except TypeError:
        raise ConfigError(f"years must be several lives, such as years=(4, 6), not {years!r}") from None
    policies: dict[str, Policy] = {}
    for each in lives:
        policy = straight_line(years=each, residual_rate=residual_rate, convention=convention)
        policies[life_label(policy.life_months or 0)] = policy
    if not policies or len(policies) < len(lives):
        raise ConfigError(f"years must name at least one life, and none twice, not {lives!r}")
    if baseline is not None and not isinstance(baseline, str):
        baseline = life_label(straight_line(years=baseline).life_months or 0)
    return _compare("compare_lives", fleet, policies, by, where, baseline, None, options, events)


def compare_policies(
    fleet: Any,
    policies: Mapping[str, AnyPolicy | str],
    *,
    by: Sequence[str] | None = None,
    where: Mapping[str, Any] | None = None,
    baseline: str | None = None,
    policy_by: str | None = None,
    events: Any = None,
    usage: Any = None,
    **options: Unpack[OptionArgs],
) -> Any:
    """Depreciate a fleet under several named policies.

    Parameters
    ----------
    fleet, by
        As for `depreciate`. A policy's life wins over a row's own; a policy without a life leaves it.
    policies
        From the name shown to a policy, to what `dated` makes of several, to a mapping from the values of
        `policy_by` to policies, or to the name of a company of `policies.PUBLISHED`, whose published life for
        servers is followed through its changes.
    where, baseline
        As for `compare_lives`; `baseline` is one of the names.
    policy_by
        The column whose values choose from mappings of policies.
    events, usage
        As for `depreciate`; they are the same under every policy.
    **options
        As for `compare_lives`.

    Returns
    -------
    DataFrame or Table
        As of `compare_lives`, with the names in ``policy``.

    Raises
    ------
    InputError
        With all problems of the data in ``issues``.
    ConfigError
        For an argument that means nothing.

    Examples
    --------
    >>> import pandas as pd
    >>> import neocalc as nc
    >>> fleet = pd.DataFrame({"cost": [1200.0], "in_service_date": pd.to_datetime(["2025-01-15"])})
    >>> policies = {"Nebius": nc.straight_line(years=4), "CoreWeave": nc.straight_line(years=6)}
    >>> both = nc.compare_policies(fleet, policies, by=[], freq="Y", end="2025-12-31", baseline="Nebius",
    ...                            columns=["depreciation"])
    >>> both["depreciation_difference"].tolist()
    [0.0, -100.0]
    >>> lives = nc.compare_policies(fleet, {"Nebius": "Nebius"}, by=[], freq="Y", columns=["depreciation"])
    >>> lives["depreciation"].tolist()  # 4 years, and 5 from 2026 on
    [300.0, 225.0, 225.0, 225.0, 225.0]
    """
    # Annotations bind no caller, so what they promise is checked.
    if not isinstance(policies, Mapping) or not policies:  # type: ignore[redundant-expr]
        raise ConfigError(f"policies must map names to policies, not {policies!r}")
    made: dict[str, Any] = {}
    for name, policy in policies.items():
        if not isinstance(name, str):
            raise ConfigError(f"the name of a policy must be text, not {name!r}")
        made[name] = policy
        if isinstance(policy, str):
            first, changes = published_changes(policy)
            made[name] = dated(first, *changes)
        check_policy(made[name], policy_by)
    return _compare("compare_policies", fleet, made, by, where, baseline, policy_by, options, events, usage)


def life_label(months: int) -> str:
    """Name a life: 48 months are "4y", 66 "5.5y", 50 "50m"."""
    return f"{months}m" if months % 3 else f"{months / 12:g}y"


def _compare(
    verb: str,
    fleet: Any,
    policies: Mapping[str, Any],
    by: Sequence[str] | None,
    where: Mapping[str, Any] | None,
    baseline: str | None,
    policy_by: str | None,
    given: OptionArgs,
    events: Any = None,
    usage: Any = None,
) -> Any:
    options = make_options(verb, given)
    labels = list(policies)
    if len(labels) > 127:
        raise ConfigError(f"{len(labels)} policies are too many to compare at once: at most 127")
    if baseline is not None and baseline not in labels:
        raise ConfigError(f"baseline must be one of {', '.join(map(repr, labels))}, not {baseline!r}")
    base = None if baseline is None else labels.index(baseline)
    keys = None if by is None else check_by(by)
    data = FleetColumns(fleet, options, index_is_id=by is None, events=events, usage=usage)
    inside = match_rows(data, where)
    if inside is not None and data.n and not data.problems.issues and not inside.any():
        text = f"no row matches where={dict(where or {})!r}: every asset keeps its own life under each policy"
        warnings.warn(text, NeocalcWarning, stacklevel=3)
    made = [make_run(data, policy, policy_by, wins=True, inside=inside) for policy in policies.values()]
    runs = [run for run, _ in made]
    if keys is None:
        return rows_frame(data, runs, [of_row for _, of_row in made], labels, base)
    return totals_frame(data, runs, data.groups(keys), labels, base)
