"""Run the command line as ``python -m neocalc``."""

from __future__ import annotations

import sys

from neocalc.cli import main

if __name__ == "__main__":
    sys.exit(main())
