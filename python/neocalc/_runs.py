"""Which policy each row has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from neocalc import _core
from neocalc._columns import Array, recode
from neocalc._fleet import FleetColumns
from neocalc._macrs import CONVENTION_NAMES, MacrsPolicy
from neocalc._macrs_fleet import resolve_fleet
from neocalc._options import to_days
from neocalc.errors import ConfigError
from neocalc.policies import DatedPolicy, Policy

if TYPE_CHECKING:
    from typing_extensions import TypeIs

PolicyByClass = Mapping[Any, Policy]
TaxPolicy = MacrsPolicy | Mapping[Any, MacrsPolicy]
AnyPolicy = Policy | DatedPolicy | PolicyByClass | TaxPolicy
Changes = Sequence[tuple[Any, "Policy | PolicyByClass"] | tuple[Any, "Policy | PolicyByClass", Any]]
# A date, the policy from then on, and when that was posted (None: now).
_Change = tuple[Any, "Policy | PolicyByClass", Any]
RunOfRow = Callable[[int], _core.Run]
# A life of one month for every row: to judge the columns where no policy is known yet.
_STRAIGHT_LINE = _core.Method.straight_line()
ANY_LIFE: _core.PolicyTuple = (1, False, 0.0, "full_month", _STRAIGHT_LINE)


def check_policy(policy: Any, policy_by: str | None) -> None:
    """Refuse what is neither a policy nor a mapping of policies by a column."""
    if isinstance(policy, (Policy, MacrsPolicy, DatedPolicy)):
        return
    if not isinstance(policy, Mapping) or not policy:
        raise ConfigError(f"policy must be a policy such as straight_line(years=6), not {policy!r}")
    if policy_by is None:
        raise ConfigError("a mapping of policies needs policy_by=, the column whose values it maps")
    if all(isinstance(value, MacrsPolicy) for value in policy.values()):
        return
    for key, value in policy.items():
        if isinstance(value, MacrsPolicy):
            raise ConfigError("policies of tax returns and of books don't mix: depreciate them one by one")
        if not isinstance(value, Policy):
            raise ConfigError(f"the policy of {key!r} must be one such as straight_line(years=6): {value!r}")


@lru_cache(maxsize=256)
def uniform_run(spec: _core.PolicyTuple) -> _core.Run:
    """One policy for all rows; calls that repeat it share it."""
    return _core.Run([spec])


def make_run(
    data: FleetColumns,
    policy: AnyPolicy,
    policy_by: str | None,
    *,
    wins: bool = False,
    inside: Array | None = None,
    changes: Changes = (),
) -> tuple[_core.Run, RunOfRow]:
    """Assign policies to rows; also return how to get the run of a single row.

    With `wins` a policy's life wins over a row's own, but only for the rows `inside`; others keep their own.
    """
    longest = data.options.settings_args["max_life_months"]
    if _is_tax(policy):
        return _tax_run(data, policy, policy_by, changes, inside)
    dated = read_changes(changes)
    if isinstance(policy, DatedPolicy):
        # What was in force was posted in time.
        dated = [*((date, after, date) for date, after in policy.changes), *dated]
        policy = policy.first
    _check_level(data, policy, dated)
    later = [_change(data, change, policy_by, longest, inside) for change in dated]
    later.sort(key=lambda change: change[0])  # within a month, too, the later date has the last word
    if isinstance(policy, Policy) and inside is None and not later:
        run = uniform_run(_spec(policy, wins, longest))
        return run, lambda _: run
    policies = [policy] if isinstance(policy, Policy) else list(policy.values())
    specs = [_spec(each, wins, longest) for each in policies]
    # A row outside keeps its own life, under the convention of its class or else of the first.
    kept = [] if inside is None else [(0, False, *spec[2:4], _STRAIGHT_LINE) for spec in specs]
    codes: Array | None
    if isinstance(policy, Policy):
        codes = None if inside is None else (~inside).view(np.int8)
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

    def run_of(row: int) -> _core.Run:
        one = slice(row, row + 1)
        now = [
            (day, posted, after, None if which is None else which[one]) for day, posted, after, which in later
        ]
        return _core.Run(specs, None if codes is None else codes[one], now)

    return _core.Run(specs, codes, later), run_of


def read_changes(changes: Any) -> list[_Change]:
    """Return changes of estimate with the date of their posting, or refuse what is none."""
    example = "(date, policy) or (date, policy, date of posting)"
    if isinstance(changes, (str, Mapping, Policy)) or not isinstance(changes, Iterable):
        raise ConfigError(f"estimate_changes must be a list of {example}, not {changes!r}")
    found: list[_Change] = []
    for change in changes:
        if not isinstance(change, (tuple, list)) or len(change) not in (2, 3):
            raise ConfigError(f"a change of estimate is {example}, not {change!r}")
        found.append((*change[:2], change[2] if len(change) == 3 else None))
    return found


def _is_tax(policy: AnyPolicy) -> TypeIs[TaxPolicy]:
    if isinstance(policy, Mapping):
        return all(isinstance(each, MacrsPolicy) for each in policy.values())
    return isinstance(policy, MacrsPolicy)


def _tax_run(
    data: FleetColumns,
    policy: TaxPolicy,
    policy_by: str | None,
    changes: Changes,
    inside: Array | None,
) -> tuple[_core.Run, RunOfRow]:
    """Settle what the fleet decides as a whole, then give each row the shares of its convention."""
    if data.options.settings_args["rounding"] != "balance":
        raise ConfigError("macrs deducts whole minor units: it takes rounding='balance'")
    if changes or inside is not None:
        raise ConfigError("macrs is the law's: no estimate_changes, and no where=")
    policies = [policy] if isinstance(policy, MacrsPolicy) else list(policy.values())
    resolved, rows = resolve_fleet(data, policy, policy_by, raising=False)
    specs = [
        (0, False, 0.0, "full_month", _tax_method(each, convention))
        for each in policies
        for convention in CONVENTION_NAMES
    ]
    codes = np.zeros(data.n, dtype=np.int32)
    codes[rows] = resolved.codes.astype(np.int32) * len(CONVENTION_NAMES) + resolved.convention
    immediate = np.zeros(data.n, dtype=np.int64)
    immediate[rows] = resolved.section_179 + resolved.bonus

    def run_of(row: int) -> _core.Run:
        return _core.Run(specs, codes[row : row + 1], None, immediate[row : row + 1])

    return _core.Run(specs, codes, None, immediate), run_of


@lru_cache(maxsize=256)
def _tax_method(policy: MacrsPolicy, convention: str) -> _core.Method:
    return _core.Method.macrs(*policy.period, convention)


def _change(
    data: FleetColumns,
    change: _Change,
    policy_by: str | None,
    longest: int,
    inside: Array | None,
) -> tuple[int, int | None, list[_core.PolicyTuple], Array | None]:
    """Assign the policies that count from a date on; other classes, and rows outside, keep theirs."""
    date, policy, posting = change
    check_policy(policy, policy_by)
    if isinstance(policy, DatedPolicy) or _is_tax(policy):
        raise ConfigError(f"a change of estimate leads to one policy of the books, not {policy!r}")
    day = to_days("the date of a change", date)
    posted = None if posting is None else to_days("the date of a change's posting", posting)
    codes: Array | None = None
    if isinstance(policy, Policy):
        specs = [_spec(policy, True, longest)]
    else:
        specs = [_spec(each, True, longest) for each in policy.values()]
        codes = np.full(data.n, -1, dtype=np.int32)
        if policy_by is not None and data.has(policy_by):
            own, _, values = data.classes(policy_by)
            places = {key: place for place, key in enumerate(policy)}
            codes = recode(own, np.array([*(places.get(value, -1) for value in values), -1], dtype=np.int32))
    if inside is not None:
        codes = np.where(inside, 0 if codes is None else codes, -1).astype(np.int32)
    return day, posted, specs, codes


def _check_level(data: FleetColumns, policy: Policy | PolicyByClass, changes: list[_Change]) -> None:
    """Level charges are those of straight line; refuse them for other methods."""
    if data.options.settings_args["rounding"] != "level":
        return
    for each in (policy, *(after for _, after, _ in changes)):
        for one in [each] if isinstance(each, Policy) else each.values():
            if one.method != "straight_line":
                raise ConfigError(f"rounding='level' is for straight_line: {one.method} has no level charges")


@lru_cache(maxsize=256)
def _method(policy: Policy) -> _core.Method:
    """The core's method; equal policies share it."""
    match policy.method:
        case "declining_balance":
            monthly, keeps = policy.rate_period == "M", policy.remainder == "keep"
            return _core.Method.declining_balance(policy.factor, policy.switch, monthly, keeps)
        case "sum_of_years_digits":
            return _core.Method.sum_of_years_digits()
        case "table":
            return _core.Method.table(list(policy.fractions), 12 if policy.freq == "Y" else 1)
        case "units_of_production":
            return _core.Method.units_of_production(round(policy.total_units * 1_000_000))
        case _:
            return _STRAIGHT_LINE


def _spec(policy: Policy, wins: bool, longest: int) -> _core.PolicyTuple:
    life = policy.life_months
    if life is not None and life > longest:
        raise ConfigError(
            f"a life of {life:,} months is above {longest:,}: pass allow_long_life=True if meant"
        )
    return life or 0, wins and life is not None, policy.residual_rate, policy.convention, _method(policy)
