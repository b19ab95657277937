"""What the documents show runs: every docstring example, every Python block of a page, every link and target."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import neocalc

ROOT = Path(__file__).resolve().parents[1]
FOUND = (*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("docs/*.md"))
PAGES = sorted(page for page in FOUND if ".venv" not in page.parts)
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")


def _run(example: doctest.DocTest) -> None:
    told: list[str] = []
    failed, attempted = doctest.DocTestRunner(optionflags=FLAGS).run(
        example, out=told.append, clear_globs=False
    )
    assert attempted > 0
    assert not failed, "".join(told)


def _modules() -> Iterator[Any]:
    yield neocalc
    for found in pkgutil.walk_packages(neocalc.__path__, "neocalc."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


DOCSTRINGS = [
    example
    for module in _modules()
    for example in doctest.DocTestFinder().find(module, module.__name__)
    if example.examples
]


@pytest.mark.parametrize("example", DOCSTRINGS, ids=lambda example: str(example.name))
def test_docstring(example: doctest.DocTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # an example that writes a file leaves none behind
    _run(example)


def test_the_tour_is_a_docstring_example() -> None:
    assert "neocalc" in {example.name for example in DOCSTRINGS}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_blocks_of_a_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks run from top to bottom in one namespace, as a reader would type them."""
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start(1))
        if ">>>" in block[1]:
            example = doctest.DocTestParser().get_doctest(block[1], names, page.name, str(page), line)
            example.globs = names  # the parser copies them; the next block needs what this one binds
            _run(example)
        else:
            code = compile("\n" * line + block[1], str(page), "exec")
            exec(code, names)  # noqa: S102


def test_the_readme_has_a_tour() -> None:
    blocks = BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert sum(">>>" in block for block in blocks) >= 3


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_targets_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    broken = [link for link in LINK.findall(text) if not (page.parent / link).exists()]
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    unknown = set(re.findall(r"`make ([a-z-]+)`", text)) - targets
    assert (broken, unknown) == ([], set())
