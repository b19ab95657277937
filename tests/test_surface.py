"""The surface: what is public is documented, what is native is wrapped and stubbed, what is promised is listed."""

from __future__ import annotations

import ast
import importlib.metadata
import inspect
import json
import operator
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import neocalc
from neocalc import _core, financial

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "python" / "neocalc"
PUBLIC = [name for name in neocalc.__all__ if not name.startswith("__")]
FUNCTIONS = [name for name in PUBLIC if inspect.isfunction(getattr(neocalc, name))]
SPREADSHEET = sorted(
    [
        "cumipmt",
        "cumprinc",
        "days360",
        "db",
        "ddb",
        "effect",
        "fv",
        "ipmt",
        "irr",
        "irr_roots",
        "ispmt",
        "mirr",
        "nominal",
        "nper",
        "npv",
        "pmt",
        "ppmt",
        "pv",
        "rate",
        "sln",
        "syd",
        "vdb",
        "xirr",
        "xnpv",
        "yearfrac",
    ]
)
MODULES_OF_RUST = sorted((ROOT / "rust" / "src").rglob("*.rs"))


def _repository() -> list[Path]:
    """Return the files under version control, or about to be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


# --- Python's surface -----------------------------------------------------------------------------------------


def test_public_names_are_those_of_all() -> None:
    visible = {
        name
        for name, value in vars(neocalc).items()
        if not name.startswith("_") and not isinstance(value, ModuleType) and name != "annotations"
    }
    assert visible == set(PUBLIC)
    assert list(neocalc.__all__) == sorted(neocalc.__all__), "__all__ is sorted"
    assert "__version__" in neocalc.__all__


def test_the_version_stands_in_one_place() -> None:
    package = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["package"]
    cargo = package["version"]
    assert neocalc.__version__ == _core.__version__ == importlib.metadata.version("neocalc") == cargo
    assert f"## [{cargo}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for page in ("README.md", "CONTRIBUTING.md"):
        assert f"Rust {package['rust-version']}" in (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_are_documented(name: str) -> None:
    assert len((inspect.getdoc(getattr(neocalc, name)) or "").splitlines()[0]) > 10
    assert f"`{name}" in (ROOT / "README.md").read_text(encoding="utf-8"), "the README lists it"


def test_spreadsheet_functions_are_those_of_all() -> None:
    visible = {name for name, value in vars(financial).items() if inspect.isfunction(value)}
    assert visible == set(SPREADSHEET)
    assert financial.__all__ == SPREADSHEET
    assert neocalc.financial is financial


@pytest.mark.parametrize("name", SPREADSHEET)
def test_spreadsheet_functions_are_listed_with_their_arguments(name: str) -> None:
    parameters = list(inspect.signature(getattr(financial, name)).parameters.values())
    words = [str(p.name) if p.default is p.empty else f"{p.name}={p.default!r}" for p in parameters]
    own = [at for at, p in enumerate(parameters) if p.kind is not p.POSITIONAL_OR_KEYWORD]
    if own:  # as in a cell, in the order of Excel; what Excel does not have is named
        assert all(parameters[at].kind is inspect.Parameter.KEYWORD_ONLY for at in own)
        words.insert(own[0], "*")
    assert f"`{name}({', '.join(words)})`" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [*FUNCTIONS, *(f"financial.{name}" for name in SPREADSHEET)])
def test_functions_have_numpydoc_sections(name: str) -> None:
    function = operator.attrgetter(name)(neocalc)
    doc = inspect.getdoc(function) or ""
    parameters = inspect.signature(function).parameters
    sections = dict(
        zip((parts := re.split(r"^(\w+)\n-{3,}\n", doc, flags=re.MULTILINE))[1::2], parts[2::2], strict=True)
    )
    assert {"Returns", "Examples"} <= set(sections)
    assert ">>> " in sections["Examples"]
    described = re.findall(r"^(\S.*)$", sections.get("Parameters", ""), re.MULTILINE)
    names = {word.strip(" *") for line in described for word in line.split(":")[0].split(",")}
    assert {p for p in parameters if p != "options"} <= names


@pytest.mark.parametrize("name", FUNCTIONS)
def test_data_comes_first_and_the_rest_by_keyword(name: str) -> None:
    parameters = inspect.signature(getattr(neocalc, name)).parameters.values()
    assert sum(p.kind is not p.KEYWORD_ONLY and p.kind is not p.VAR_KEYWORD for p in parameters) <= 2


def test_importing_neocalc_imports_no_frame_library() -> None:
    script = "import json, sys, neocalc; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    loaded = set(json.loads(done.stdout))
    assert not loaded & {"pandas", "polars", "pyarrow", "narwhals", "matplotlib"}
    assert "neocalc" in loaded


def test_every_error_code_is_provoked_by_a_test() -> None:
    tests = "".join(
        path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests").glob("test_bad*.py"))
    )
    missing = [code for code in neocalc.list_error_codes() if not re.search(rf"[\"']{code}[\"']", tests)]
    assert missing == []


# --- the compiled module --------------------------------------------------------------------------------------


def _stubbed() -> dict[str, set[str]]:
    """Return names of the stub: functions and constants with no members, classes with theirs."""
    names: dict[str, set[str]] = {}
    for node in ast.parse((PACKAGE / "_core.pyi").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            names[node.name] = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
        elif isinstance(node, ast.FunctionDef):
            names[node.name] = set()
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            is_alias = isinstance(node.annotation, ast.Name) and node.annotation.id == "TypeAlias"
            if not is_alias:
                names[node.target.id] = set()
    return names


def _members(value: Any) -> set[str]:
    if not inspect.isclass(value):
        return set()
    return {name for name in vars(value) if not name.startswith("_")} | {"__new__"} & set(vars(value))


def test_the_stub_names_what_the_compiled_module_has() -> None:
    native = {
        name: _members(value)
        for name, value in vars(_core).items()
        if (not name.startswith("_") or name == "__version__") and not isinstance(value, ModuleType)
    }
    assert native == _stubbed()


@pytest.mark.parametrize("name", [name for name in vars(_core) if not name.startswith("_")])
def test_what_is_native_is_used(name: str) -> None:
    """Results are made by the core; everything else that it offers has a caller in the package."""
    if name in {"RowsPlan", "Totals", "LoanRowsPlan", "LoanTotals"}:
        with pytest.raises(TypeError):
            getattr(_core, name)()
        return
    sources = (path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    assert any(re.search(rf"\b_core\.{name}\b", source) for source in sources)


# --- Rust -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", MODULES_OF_RUST, ids=lambda path: str(path.relative_to(ROOT / "rust" / "src"))
)
def test_unsafe_code_is_forbidden_outside_the_binding(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    inside = path.relative_to(ROOT / "rust" / "src").parts
    if inside == ("lib.rs",):
        assert "#![deny(unsafe_code)]" in source  # `forbid` would hold for the binding below it too
    elif path.stem.endswith("tests"):
        assert path.with_name(
            f"{path.stem.removesuffix('_tests')}.rs"
        ).exists()  # under its parent's `forbid`
    elif inside[0] != "py":
        assert "#![forbid(unsafe_code)]" in source
    else:
        has_unsafe = re.search(r"^[^/\n]*\bunsafe\b(?!_)", source, re.MULTILINE) is not None
        assert has_unsafe == ("#![allow(unsafe_code)]" in source)
        assert not has_unsafe or "SAFETY" in source


# --- the repository -------------------------------------------------------------------------------------------


def test_no_file_names_a_directory_of_one_machine() -> None:
    places = re.compile(rb"(?<![\w.*/])/(?:work|root|home|Users|mnt)(?:/[\w.-]+)+/?")
    found = {
        str(path.relative_to(ROOT)): match[0].decode()
        for path in _repository()
        if (match := places.search(path.read_bytes()))
    }
    assert found == {}
