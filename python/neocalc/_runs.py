"""Which policy each row has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from neocalc import _core
from neocalc._columns import Array, recode
from neocalc._fleet import FleetColumns
from neocalc.errors import ConfigError
from neocalc.policies import Policy

PolicyByClass = Mapping[Any, Policy]
RunOfRow = Callable[[int], _core.Run]
# A life of one month for every row: to judge the columns where no policy is known yet.
ANY_LIFE: _core.PolicyTuple = (1, False, 0.0, "full_month")


def check_policy(policy: Any, policy_by: str | None) -> None:
    """Refuse what is neither a policy nor a mapping of policies by a column."""
    if isinstance(policy, Policy):
        return
    if not isinstance(policy, Mapping) or not policy:
        raise ConfigError(f"policy must be a policy such as straight_line(years=6), not {policy!r}")
    if policy_by is None:
        raise ConfigError("a mapping of policies needs policy_by=, the column whose values it maps")
    for key, value in policy.items():
        if not isinstance(value, Policy):
            raise ConfigError(f"the policy of {key!r} must be one such as straight_line(years=6): {value!r}")


@lru_cache(maxsize=256)
def uniform_run(spec: _core.PolicyTuple) -> _core.Run:
    """One policy for all rows; calls that repeat it share it."""
    return _core.Run([spec])


def make_run(
    data: FleetColumns,
    policy: Policy | PolicyByClass,
    policy_by: str | None,
    *,
    wins: bool = False,
    inside: Array | None = None,
) -> tuple[_core.Run, RunOfRow]:
    """Assign policies to rows; also return how to get the run of a single row.

    With `wins` a policy's life wins over a row's own, but only for the rows `inside`; others keep their own.
    """
    longest = data.options.settings_args["max_life_months"]
    if isinstance(policy, Policy) and inside is None:
        run = uniform_run(_spec(policy, wins, longest))
        return run, lambda _: run
    policies = [policy] if isinstance(policy, Policy) else list(policy.values())
    specs = [_spec(each, wins, longest) for each in policies]
    # A row outside keeps its own life, under the convention of its class or else of the first.
    kept = [] if inside is None else [(0, False, rate, convention) for _, _, rate, convention in specs]
    codes: Array
    if isinstance(policy, Policy):
        codes = np.zeros(data.n, dtype=np.int8) if inside is None else (~inside).view(np.int8)
    elif policy_by is not None and data.has(policy_by):
        data.policy_by = policy_by
        own, _, values = data.classes(policy_by)
        places = {key: place for place, key in enumerate(policy)}
        table = np.array([*(places.get(value, -1) for value in values), -1], dtype=np.int32)
        codes = recode(own, table)
        if inside is not None:
            np.copyto(codes, recode(own, np.maximum(table, 0) + np.int32(len(specs))), where=~inside)
    else:
        codes = np.zeros(data.n, dtype=np.int8)  # a missing column: nothing will be computed
    specs += kept
    return _core.Run(specs, codes), lambda row: _core.Run(specs, codes[row : row + 1])


def _spec(policy: Policy, wins: bool, longest: int) -> _core.PolicyTuple:
    life = policy.life_months
    if life is not None and life > longest:
        raise ConfigError(
            f"a life of {life:,} months is above {longest:,}: pass allow_long_life=True if meant"
        )
    return life or 0, wins and life is not None, policy.residual_rate, policy.convention
