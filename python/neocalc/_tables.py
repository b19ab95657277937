"""Fleets from files and results to files: CSV, Parquet and HTML by suffix.

Reading keeps text as text (an id of 0012 stays 0012, a date is left for the library to check); writing
is whole or not at all.
"""

from __future__ import annotations

import contextlib
import csv
import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from neocalc.errors import ConfigError, InputError, Issue, NeocalcError

READ_SUFFIXES = (".csv", ".parquet")
WRITE_SUFFIXES = (".csv", ".parquet", ".html")
_NUMBERS = ("cost", "residual_value", "opening_accumulated", "useful_life_months", "quantity")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
# A spreadsheet takes text that starts so for a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def suffix_of(path: Path, allowed: tuple[str, ...]) -> str:
    """Return the path's suffix, or say which are understood."""
    suffix = path.suffix.lower()
    if suffix not in allowed:
        raise ConfigError(f"{path.name}: the suffix must be one of {', '.join(allowed)}")
    return suffix


def read_fleet(path: Path) -> Any:
    """Read a fleet with the first frame library there is: pandas, polars or pyarrow."""
    suffix = suffix_of(path, READ_SUFFIXES)
    if not path.exists():
        raise FileNotFoundError(2, "no such file", str(path))
    library = next((name for name in ("pandas", "polars", "pyarrow") if find_spec(name)), None)
    if library is None:
        raise NeocalcError("reading files needs pandas, polars or pyarrow: pip install pandas")
    if suffix == ".csv":
        return _read_csv(path, library)
    return _read_parquet(path, library)


def _read_parquet(path: Path, library: str) -> Any:
    try:
        if library == "pandas":
            import pandas as pd

            return pd.read_parquet(path)
        if library == "polars":
            import polars as pl

            return pl.read_parquet(path)
        import pyarrow.parquet as pq

        return pq.read_table(path)
    except ImportError:
        raise NeocalcError("reading Parquet with pandas needs pyarrow: pip install pyarrow") from None
    except (OSError, ValueError) as error:
        raise NeocalcError(f"{path.name} is not a readable Parquet file: {error}") from None


def _read_csv(path: Path, library: str) -> Any:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header = next(csv.reader(file), [])
    except UnicodeDecodeError:
        raise NeocalcError(f"{path.name} is not UTF-8 text; save it as CSV UTF-8") from None
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        # A reader would rename the second one in silence.
        raise InputError([Issue.make(name, "duplicate_column") for name in twice])
    if not header:
        raise NeocalcError(f"{path.name} is empty")
    try:
        columns = _csv_text(path, library)
    except (ValueError, OSError) as error:
        raise NeocalcError(f"{path.name} is not a readable CSV file: {error}") from None
    except Exception as error:
        # polars has its own root of errors.
        if type(error).__module__.partition(".")[0] in ("polars", "pandas", "pyarrow"):
            raise NeocalcError(f"{path.name} is not a readable CSV file: {error}") from None
        raise
    return columns


def _as_floats(values: list[str | None]) -> list[float | None] | None:
    """Read plain numbers, each as the double nearest to it; None when a cell is anything else."""
    if all(value is None or _NUMBER.fullmatch(value.strip()) for value in values):
        return [None if value is None else float(value) for value in values]
    return None


def _csv_text(path: Path, library: str) -> Any:
    if library == "pandas":
        import pandas as pd

        frame = pd.read_csv(
            path, dtype=str, keep_default_na=False, na_values=[""], encoding="utf-8-sig", index_col=False
        )
        for name in frame.columns.intersection(_NUMBERS):
            text = [None if value is None or value != value else str(value) for value in frame[name].tolist()]
            numbers = _as_floats(text)
            if numbers is not None:
                frame[name] = np.array(numbers, dtype=np.float64)
        return frame
    if library == "polars":
        import polars as pl

        table = pl.read_csv(path, infer_schema=False)
        for name in set(table.columns) & set(_NUMBERS):
            numbers = _as_floats(table[name].to_list())
            if numbers is not None:
                table = table.with_columns(pl.Series(name, numbers, dtype=pl.Float64))
        return table
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    with path.open(newline="", encoding="utf-8-sig") as file:
        names = next(csv.reader(file))
    types = arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
    )
    arrow = arrow_csv.read_csv(path, convert_options=types)
    for position, name in enumerate(arrow.column_names):
        numbers = _as_floats(arrow[name].to_pylist()) if name in _NUMBERS else None
        if numbers is not None:
            arrow = arrow.set_column(position, name, pa.array(numbers, type=pa.float64()))
    return arrow


def check_output(
    path: Path, *, inputs: tuple[Path, ...] = (), suffixes: tuple[str, ...] = WRITE_SUFFIXES
) -> str:
    """Refuse a target that could lose data, before any work is done; return its suffix."""
    suffix = suffix_of(path, suffixes)
    if path.is_symlink():
        raise ConfigError(f"{path} is a symbolic link; name the file itself")
    if path.exists():
        if not stat.S_ISREG(path.stat().st_mode):
            raise ConfigError(f"{path} is not a regular file")
        if any(source.exists() and source.samefile(path) for source in inputs):
            raise ConfigError(f"{path} is the input; write somewhere else")
    if not path.parent.is_dir():
        raise ConfigError(f"{path.parent} is not a directory")
    return suffix


@contextlib.contextmanager
def atomic_target(path: Path) -> Iterator[Path]:
    """Give a path beside the target that takes its place when all went well, and is gone when not."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        if path.exists():
            mode = stat.S_IMODE(path.stat().st_mode)
        else:
            mask = os.umask(0)
            os.umask(mask)
            mode = 0o666 & ~mask
        temporary.chmod(mode)
        temporary.replace(path)
    finally:
        # Also on Ctrl-C and SIGTERM; after the replacement there is nothing left to remove.
        temporary.unlink(missing_ok=True)


def _guard(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def write_csv(frame: Any, target: Any) -> None:
    """Write a result as CSV; text that a spreadsheet would run gets a leading apostrophe."""
    module = type(frame).__module__.partition(".")[0]
    if module == "pandas":
        import pandas as pd

        guarded = frame.copy(deep=False)
        for name in guarded.columns:
            dtype = guarded[name].dtype
            if isinstance(dtype, pd.CategoricalDtype):
                guarded[name] = guarded[name].astype(object).map(_guard)
            elif dtype == object or pd.api.types.is_string_dtype(dtype):
                guarded[name] = guarded[name].map(_guard)
        guarded.columns = [_guard(name) for name in guarded.columns]
        guarded.to_csv(target, index=False, lineterminator="\n", date_format="%Y-%m-%d")
        return
    names = frame.columns if module == "polars" else frame.column_names
    columns = [frame[n].to_list() if module == "polars" else frame[n].to_pylist() for n in names]
    with contextlib.ExitStack() as stack:
        file = target if hasattr(target, "write") else stack.enter_context(Path(target).open("w", newline=""))
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([_guard(name) for name in names])
        writer.writerows([_guard(value) for value in row] for row in zip(*columns, strict=True))


def write_table(frame: Any, path: Path) -> None:
    """Write a result as CSV or Parquet, whole or not at all."""
    write: Callable[[Path], None]
    if path.suffix.lower() == ".csv":

        def write(temporary: Path) -> None:
            write_csv(frame, temporary)
    else:

        def write(temporary: Path) -> None:
            _write_parquet(frame, temporary)

    with atomic_target(path) as temporary:
        write(temporary)


def _write_parquet(frame: Any, path: Path) -> None:
    module = type(frame).__module__.partition(".")[0]
    if module == "pandas":
        try:
            frame.to_parquet(path, index=False)
        except ImportError:
            raise NeocalcError("writing Parquet with pandas needs pyarrow: pip install pyarrow") from None
    elif module == "polars":
        frame.write_parquet(path)
    else:
        import pyarrow.parquet as pq

        pq.write_table(frame, path)


def write_text(text: str, path: Path) -> None:
    """Write text as UTF-8, whole or not at all."""
    with atomic_target(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
