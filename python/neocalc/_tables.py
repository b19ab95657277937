"""Fleets from files and results to files: CSV, Parquet and HTML by suffix.

Reading guesses nothing: text stays text (an id of 0012 stays 0012, a date is left for the library to
check) and only plain decimals are numbers. Writing is whole or not at all.
"""

from __future__ import annotations

import contextlib
import csv
import itertools
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from neocalc.errors import ConfigError, InputError, Issue, NeocalcError

READ_SUFFIXES = (".csv", ".parquet")
WRITE_SUFFIXES = (".csv", ".parquet", ".html")
_NUMBERS = ("cost", "residual_value", "opening_accumulated", "useful_life_months", "quantity")
# Not \d, which takes any script's digits; no exponent, separator, sign in brackets or underscore.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")
# A spreadsheet takes text that starts so for a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\n", "＝", "＋", "－", "＠")
_ROWS_READ = 256  # at once: so few stay in the cache, which halves the time
_ROWS_WRITTEN = 65_536
_TEXTS_KNOWN = 4_096


def frame_library() -> str:
    """Name the first frame library there is."""
    for name in ("pandas", "polars", "pyarrow"):
        if find_spec(name):
            return name
    raise NeocalcError("files need pandas, polars or pyarrow: pip install pandas")


def suffix_of(path: Path, allowed: tuple[str, ...]) -> str:
    """Return the path's suffix, or say which are understood."""
    suffix = path.suffix.lower()
    if suffix not in allowed:
        raise ConfigError(f"{path}: the suffix must be one of {', '.join(allowed)}")
    return suffix


def read_fleet(path: Path) -> Any:
    """Read a fleet with the first frame library there is: pandas, polars or pyarrow."""
    return read_table(path, _NUMBERS.__contains__)


def read_table(path: Path, is_number: Callable[[str], bool], subject: str = "fleet") -> Any:
    """Read a table; the columns of a CSV that are numbers are told by name."""
    suffix = suffix_of(path, READ_SUFFIXES)
    if not path.exists():
        raise ConfigError(f"{path}: no such file")
    if not path.is_file():
        raise ConfigError(f"{path} is not a regular file")
    library = frame_library()
    return (
        _frame(_csv_columns(path, is_number, subject), library)
        if suffix == ".csv"
        else _read_parquet(path, library)
    )


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
    except Exception as error:  # noqa: BLE001 - pyarrow raises OSError and ValueError, polars its own
        raise NeocalcError(f"{path} is not a readable Parquet file: {error}") from None


def _csv_columns(
    path: Path, is_number: Callable[[str], bool], subject: str
) -> dict[str, npt.NDArray[np.float64] | list[str | None]]:
    """Read a CSV into columns, strictly: readers of frames pad, cut or guess where a row is broken."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = next(reader, [])
            twice = sorted({name for name in header if header.count(name) > 1})
            if twice:
                raise InputError([Issue.make(name, "duplicate_column") for name in twice], subject=subject)
            if not header:
                raise NeocalcError(f"{path} is empty")
            columns: list[list[str | None]] = [[] for _ in header]
            # One string for equal texts: sites, classes and dates repeat.
            known: dict[str, str | None] = {"": None}
            rows = _full_rows(reader, len(header), path)
            while batch := list(itertools.islice(rows, _ROWS_READ)):
                for column, cells in zip(columns, zip(*batch, strict=True), strict=True):
                    column += [known.setdefault(cell, cell) for cell in cells]
                if len(known) > _TEXTS_KNOWN:
                    known = {"": None}
        except UnicodeDecodeError:
            raise NeocalcError(f"{path} is not UTF-8 text; save it as CSV UTF-8") from None
        except csv.Error as error:
            raise NeocalcError(f"{path}: line {reader.line_num} is not CSV: {error}") from None
    problems: list[Issue] = []
    result: dict[str, npt.NDArray[np.float64] | list[str | None]] = {}
    for name, values in zip(header, columns, strict=True):
        result[name] = _floats(name, values, problems) if is_number(name) else values
    if problems:
        raise InputError(problems, n_rows=len(columns[0]), subject=subject)
    return result


def _full_rows(reader: Any, width: int, path: Path) -> Iterator[list[str]]:
    for row in reader:
        if len(row) == width:
            yield row
        elif row:  # a blank line is no row
            raise NeocalcError(
                f"{path}: line {reader.line_num} has {len(row)} fields where the header has {width}; "
                "is the file cut off, or does a field hold a comma and no quotes?"
            )


def _floats(name: str, values: list[str | None], problems: list[Issue]) -> npt.NDArray[np.float64]:
    """Read plain decimals, each as the double nearest to it, empty cells as NaN; note all other cells."""
    plain = _NUMBER.fullmatch
    bad = [i for i, text in enumerate(values) if text is not None and not plain(text)]
    if bad:
        example = str(values[bad[0]])
        hint = "write plain decimals such as 1234.56"
        problems.append(Issue.make(name, "dtype", n_bad=len(bad), rows=bad[:5], example=example, hint=hint))
        return np.empty(0)
    return np.array([np.nan if text is None else float(text) for text in values], dtype=np.float64)


def _frame(columns: dict[str, npt.NDArray[np.float64] | list[str | None]], library: str) -> Any:
    if library == "pandas":
        import pandas as pd

        text = {name: pd.array(v, dtype="str") for name, v in columns.items() if isinstance(v, list)}
        return pd.DataFrame({**columns, **text})
    if library == "polars":
        import polars as pl

        table = pl.DataFrame(
            {name: pl.Series(v, dtype=pl.String) if isinstance(v, list) else v for name, v in columns.items()}
        )
        return table.with_columns(pl.selectors.float().fill_nan(None))
    import pyarrow as pa

    return pa.table(
        {
            name: pa.array(v, type=pa.string()) if isinstance(v, list) else pa.array(v, from_pandas=True)
            for name, v in columns.items()
        }
    )


def check_output(
    path: Path, *, inputs: tuple[Path, ...] = (), suffixes: tuple[str, ...] = WRITE_SUFFIXES
) -> str:
    """Refuse a target that could lose data, before any work is done; return its suffix."""
    suffix = suffix_of(path, suffixes)
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise ConfigError(f"{path.parent} is not a directory") from None
        return suffix
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from None
    if stat.S_ISLNK(mode):
        raise ConfigError(f"{path} is a symbolic link; name the file itself")
    if not stat.S_ISREG(mode):
        raise ConfigError(f"{path} is not a regular file")
    if any(source.exists() and source.samefile(path) for source in inputs):
        raise ConfigError(f"{path} is the input; write somewhere else")
    return suffix


@contextlib.contextmanager
def atomic_target(path: Path) -> Iterator[Path]:
    """Give a path beside the target that takes its place when all went well, and is gone when not."""
    temporary = path.with_name(f".neocalc-{os.getpid()}-{secrets.token_hex(4)}{path.suffix}")
    try:
        # Exclusive: nothing there is followed or overwritten.
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
        temporary.replace(path)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror or error}") from None
    finally:
        # Also on Ctrl-C and SIGTERM; after the replacement there is nothing left to remove.
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _guard(value: Any) -> Any:
    """Put an apostrophe before text that a spreadsheet would run; numbers stay what they are."""
    if not isinstance(value, str):
        return value
    if "\r" in value:  # which csv leaves unquoted beside \n line ends, and readers take for one
        value = value.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{value}" if value.startswith(_FORMULA_STARTS) else value


def write_csv(frame: Any, target: Path | IO[str]) -> None:
    """Write a result as CSV."""
    if type(frame).__module__.partition(".")[0] == "pandas":
        _guarded(frame).to_csv(target, index=False, lineterminator="\n", date_format="%Y-%m-%d")
        return
    arrow = hasattr(frame, "column_names")
    names = frame.column_names if arrow else frame.columns
    batches = frame.to_batches(max_chunksize=_ROWS_WRITTEN) if arrow else frame.iter_slices(_ROWS_WRITTEN)
    with contextlib.ExitStack() as stack:
        file: Any = target
        if isinstance(target, Path):
            file = stack.enter_context(target.open("w", newline="", encoding="utf-8"))
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(map(_guard, names))
        for batch in batches:
            columns = batch.to_pydict().values() if arrow else batch.to_dict(as_series=False).values()
            writer.writerows(map(_guard, row) for row in zip(*columns, strict=True))


def _guarded(frame: Any) -> Any:
    import pandas as pd

    guarded = frame.copy(deep=False)
    for name, dtype in frame.dtypes.items():
        if isinstance(dtype, pd.CategoricalDtype):
            labels = [_guard(label) for label in dtype.categories]
            if labels != list(dtype.categories):
                guarded[name] = guarded[name].astype(object).map(_guard)
        elif pd.api.types.is_object_dtype(dtype) or pd.api.types.is_string_dtype(dtype):
            guarded[name] = guarded[name].astype(object).map(_guard)
    guarded.columns = [_guard(name) for name in guarded.columns]
    return guarded


def write_table(frame: Any, path: Path) -> None:
    """Write a result as CSV or Parquet, whole or not at all."""
    write: Callable[[Any, Path], None] = write_csv if path.suffix.lower() == ".csv" else _write_parquet
    with atomic_target(path) as temporary:
        write(frame, temporary)


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
        temporary.write_text(text, encoding="utf-8", newline="\n")
