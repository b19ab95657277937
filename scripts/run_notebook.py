"""Run the cells of a notebook, and write what they show into it: ``run_notebook.py docs/tutorial.ipynb``."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any


def run_cells(notebook: dict[str, Any]) -> list[str]:
    """Run all code cells in one name space, in an empty folder, and return what each shows.

    A cell shows what it prints, and the value of its last line if that is an expression.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
            shown = [_run("".join(cell["source"]), names) for cell in cells]
        finally:
            os.chdir(before)
        return shown


def _run(source: str, names: dict[str, Any]) -> str:
    body = ast.parse(source).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(ast.Module(body, []), "<cell>", "exec"), names)  # noqa: S102 - a page of this project
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)  # noqa: S307 - as above
            if value is not None:
                print(value.to_string() if hasattr(value, "to_string") else value)
    return out.getvalue()


def outputs_of(notebook: dict[str, Any]) -> list[str]:
    """Return what the notebook says that its cells show."""
    return [
        "".join(line for output in cell["outputs"] for line in output["text"])
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    ]


def main(path: Path) -> None:
    """Run a notebook and write the outputs into it."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    shown = iter(run_cells(notebook))
    count = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            count += 1
            text = next(shown)
            cell["execution_count"] = count
            stream = {"name": "stdout", "output_type": "stream", "text": text.splitlines(keepends=True)}
            cell["outputs"] = [stream] if text else []
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
