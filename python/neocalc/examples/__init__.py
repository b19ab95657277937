"""Small fleets that ship with the wheel: one generated, one from a filing.

Data is made as numpy columns and only then wrapped in the frame asked for, so that importing this
module imports no frame library.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from neocalc.errors import ConfigError
from neocalc.examples import coreweave, gpu_fleet
from neocalc.examples._columns import KINDS, ExampleColumns, build

_EXAMPLES: dict[str, Callable[[int | None], ExampleColumns]] = {
    "coreweave_2025q1": coreweave.columns,
    "gpu_fleet": gpu_fleet.columns,
}


def load_example(name: str, *, rows: int | None = None, kind: str = "pandas") -> Any:
    """Return a fleet that ships with neocalc.

    Parameters
    ----------
    name
        ``gpu_fleet``, a generated fleet of server cohorts (invented figures), or ``coreweave_2025q1``,
        CoreWeave's property and equipment by class from its 10-Q for 2025-03-31.
    rows
        Size of ``gpu_fleet`` (default 1,000). The first rows are the same whatever the size.
    kind
        ``pandas``, ``polars`` or ``pyarrow``.

    Returns
    -------
    DataFrame or Table
        A fleet for `depreciate` and its kin. Where the data comes from is in ``attrs["source"]`` for
        pandas and in the schema's metadata for pyarrow; polars has no place for it.

    Examples
    --------
    >>> import neocalc as nc
    >>> fleet = nc.load_example("gpu_fleet", rows=3)
    >>> fleet["gpu_model"].astype(str).tolist()
    ['H100', 'A100', 'L40S']
    >>> fleet.attrs["source"].startswith("GENERATED")
    True
    """
    if name not in _EXAMPLES:
        raise ConfigError(f"there is no example {name!r}; there are {', '.join(sorted(_EXAMPLES))}")
    if kind not in KINDS:
        raise ConfigError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
    whole = isinstance(rows, int | np.integer) and not isinstance(rows, bool)
    if rows is not None and (not whole or rows < 0):
        raise ConfigError(f"rows must be a whole number of at least 0, not {rows!r}")
    return build(_EXAMPLES[name](None if rows is None else int(rows)), kind)


__all__ = ["load_example"]
