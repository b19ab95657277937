"""Refuse source files that have grown too long to read in one sitting.

A longer file must say why in its first lines: ``Longer than 500 lines because ...``.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LIMIT = 500
EXCUSE = f"Longer than {LIMIT} lines because"
HEAD_LINES = 20
SUFFIXES = {".css", ".md", ".py", ".pyi", ".rs", ".sh", ".toml"}


def main() -> int:
    """Print the files that are too long and count them as failure."""
    root = Path(__file__).resolve().parents[1]
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    sources = [path for name in listed if (path := root / name).suffix in SUFFIXES and path.is_file()]
    too_long = 0
    for path in sources:
        lines = path.read_text(encoding="utf-8").splitlines()
        if len(lines) > LIMIT and not any(EXCUSE in line for line in lines[:HEAD_LINES]):
            print(f"{path.relative_to(root)}: {len(lines)} lines, over {LIMIT}: split it, or say '{EXCUSE}'")
            too_long += 1
    print(f"{len(sources)} files read, {too_long} too long")
    return int(too_long > 0 or not sources)


if __name__ == "__main__":
    sys.exit(main())
