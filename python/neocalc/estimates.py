"""What a change of estimate does to depreciation, as filers disclose it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from neocalc._fleet import FleetColumns, check_by
from neocalc._options import OptionArgs, make_options
from neocalc._output import sums_frame
from neocalc._results import less, sum_groups
from neocalc._runs import AnyPolicy, Changes, check_policy, make_run
from neocalc.errors import ConfigError

_REFUSED = ("columns", "rows", "keep_id_dtype")


def estimate_change_effect(
    fleet: Any,
    policy: AnyPolicy,
    *,
    estimate_changes: Changes,
    by: Sequence[str] = (),
    policy_by: str | None = None,
    events: Any = None,
    usage: Any = None,
    **options: Unpack[OptionArgs],
) -> Any:
    """Compare depreciation with and without a change of estimate.

    Parameters
    ----------
    fleet, policy, policy_by, events, usage
        As for `depreciate`.
    estimate_changes
        Pairs of a date and the policy (or a mapping by class) that counts from the first day of its month,
        prospectively: what is left of each asset is spread over the new life less what has passed of it (ASC
        250-10-45-17, IAS 8.36).
    by
        Keys of the totals; by default the whole fleet.
    **options
        As for `depreciate`, without ``columns, rows, keep_id_dtype``; ``freq="Y"`` gives the yearly effect
        of a note.

    Returns
    -------
    DataFrame or Table
        The keys, ``period_end``, ``depreciation_before`` (as if nothing had changed), ``depreciation_after``
        and ``effect``, the second less the first: below zero where the change lowers the expense (ASC
        250-10-50-4 and IAS 8.39 ask for it). Over the whole horizon the effects sum to zero.

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
    >>> fleet = pd.DataFrame({"cost": [4800.0], "in_service_date": pd.to_datetime(["2024-01-01"])})
    >>> nc.estimate_change_effect(fleet, nc.straight_line(years=4), freq="Y",
    ...     estimate_changes=[("2026-01-01", nc.straight_line(years=5))])["effect"].tolist()
    [0.0, 0.0, -400.0, -400.0, 800.0]
    """
    for name in _REFUSED:
        if name in options:
            raise ConfigError(f"{name} has no meaning for estimate_change_effect")
    checked = make_options("estimate_change_effect", {**options, "columns": ("depreciation",)})
    changes = list(estimate_changes)
    if not changes:
        raise ConfigError("estimate_changes must name at least one change")
    check_policy(policy, policy_by)
    data = FleetColumns(fleet, checked, index_is_id=False, events=events, usage=usage)
    before, _ = make_run(data, policy, policy_by)
    after, _ = make_run(data, policy, policy_by, changes=changes)
    groups = data.groups(check_by(list(by)))
    sums = sum_groups(data, [before, after], groups, compared=True)
    cells = sums.cells["depreciation"]
    money = {
        "depreciation_before": cells[:1],
        "depreciation_after": cells[1:],
        "effect": less(data, cells[1:], cells[:1]),
    }
    return sums_frame(data, groups, sums, money)
