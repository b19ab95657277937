"""The tutorial notebook runs from an empty folder, and shows what it says that it shows."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_tutorial_shows_what_it_says() -> None:
    spec = importlib.util.spec_from_file_location("run_notebook", ROOT / "scripts" / "run_notebook.py")
    assert spec is not None
    assert spec.loader is not None
    runner = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(runner)
    notebook = json.loads((ROOT / "docs" / "tutorial.ipynb").read_text(encoding="utf-8"))
    said = runner.outputs_of(notebook)
    assert runner.run_cells(notebook) == said
    assert any("covenants tested" in text for text in said), "it ends in a certificate"
