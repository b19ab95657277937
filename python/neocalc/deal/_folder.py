"""A deal as a folder: ``deal.toml``, and a CSV or Parquet file for each table."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from neocalc._frames import meant
from neocalc._tables import READ_SUFFIXES, read_table
from neocalc.deal._tables import TABLES, is_number
from neocalc.errors import ConfigError, InputError, Issue, NeocalcError

TERMS_FILE = "deal.toml"
# What may lie beside the tables and is not read.
_IGNORED_SUFFIXES = (".md", ".txt", ".html", ".ipynb")
_SHIPPED = Path(__file__).parents[1] / "examples" / "deals"


def folder_of(name: Any) -> Path:
    """Return the folder that is meant: one of the user's, or one that ships with the wheel."""
    if not isinstance(name, (str, Path)):
        raise ConfigError(f"a deal is a folder or the name of one that ships, not {name!r}")
    path = Path(name)
    if path.is_dir():
        return path
    shipped = _SHIPPED / str(name)
    if (
        isinstance(name, str)
        and "/" not in name
        and "\\" not in name
        and shipped.is_dir()
        and name not in ("", ".", "..")
    ):
        return shipped
    names = ", ".join(shipped_deals()) or "none"
    raise ConfigError(f"{name}: there is no such folder, and no deal of that name ships (there are: {names})")


def shipped_deals() -> list[str]:
    """Return the names of the deals that ship with the wheel."""
    return sorted(path.parent.name for path in _SHIPPED.glob(f"*/{TERMS_FILE}"))


def read_folder(name: Any) -> tuple[dict[str, Any], dict[str, Any], list[Issue], list[str]]:
    """Return the terms and the tables of a folder, what is wrong with its files, and which have no table."""
    folder = folder_of(name)
    document = _read_terms(folder / TERMS_FILE)
    issues: list[Issue] = []
    tables: dict[str, Any] = {}
    named = {name: paths for name in TABLES if (paths := _files(folder, name))}
    known = {path for paths in named.values() for path in paths}
    for path in sorted(folder.iterdir()):
        if path.name == TERMS_FILE or path.name.startswith(".") or path.suffix.lower() in _IGNORED_SUFFIXES:
            continue
        if path not in known:
            name = path.stem.lower()
            hint = meant(path.stem, sorted(TABLES), "tables are")
            if name in TABLES:  # another suffix, in capitals, a folder
                hint = f"a table is a file: {name}.csv or {name}.parquet"
            issues.append(Issue.make(path.name, "unknown_table", hint=hint))
    for table, (path, *more) in named.items():
        if more:
            issues.append(Issue.make(path.name, "duplicate_table", example=f"{path.name}, {more[0].name}"))
            continue
        try:
            tables[table] = read_table(path, is_number(table))
        except InputError as error:
            issues += [_in_file(issue, table) for issue in error.issues]
        except NeocalcError as error:
            said = str(error).removeprefix(str(path)).lstrip(": ")
            issues.append(Issue.make(path.name, "file", example=said))
    return document, tables, issues, [table for table in named if table not in tables]


def _files(folder: Path, table: str) -> list[Path]:
    return [path for suffix in READ_SUFFIXES if (path := folder / f"{table}{suffix}").is_file()]


def _in_file(issue: Issue, table: str) -> Issue:
    from dataclasses import replace

    return replace(issue, column=f"{table}.{issue.column}")


def _read_terms(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ConfigError(f"{path.parent} is no deal: it has no {TERMS_FILE}")
    try:
        # Editors may put a byte order mark before it.
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as error:  # also for keys that stand twice; it says the line
        raise ConfigError(f"{path}: {error}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text") from None
    except ValueError as error:  # a number of thousands of digits, which Python reads no more
        raise ConfigError(f"{path}: {error}") from None
    except RecursionError:
        raise ConfigError(f"{path} is nested too deeply") from None
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
