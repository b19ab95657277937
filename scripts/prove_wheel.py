"""Build the wheel, audit it, and run the package's tour from it on every CPython of this machine.

One wheel must serve all: stable ABI of CPython 3.11, glibc of manylinux_2_17 (zig links against the old
symbols), and small. Each Python gets a clean environment outside the repository, so that nothing but the
wheel can be imported. Nothing is skipped in silence: a Python that cannot be tried is a failure.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
MAX_BYTES = 3_000_000
POLICY = "manylinux_2_17" if sys.platform == "linux" else ""
TAG = "-cp311-abi3-"
INSIDE = ("neocalc/__init__.py", "neocalc/_core.pyi", "neocalc/py.typed", ".dist-info/licenses/LICENSE")

ASK = """
import json, platform, sys, sysconfig
print(json.dumps({
    "version": platform.python_version(), "implementation": sys.implementation.name,
    "recent": sys.version_info >= (3, 11), "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "virtual": sys.prefix != sys.base_prefix,
}))
"""

TRY = """
import sys, time
start = time.perf_counter()
import neocalc
import_ms = (time.perf_counter() - start) * 1e3
loaded = {"pandas", "polars"} & set(sys.modules)
assert not loaded, f"import neocalc loads {loaded}"
import doctest, json, numpy, pandas
tour = doctest.DocTestParser().get_doctest(neocalc.__doc__, {}, "neocalc", neocalc.__file__, 0)
runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
failed, attempted = runner.run(tour, out=sys.stderr.write)
assert attempted > 0, "the tour has no example"
assert not failed, f"{failed} of the tour's {attempted} examples failed"
print(json.dumps({"examples": attempted, "import_ms": round(import_ms), "numpy": numpy.__version__,
                  "pandas": pandas.__version__, "file": neocalc.__file__, "neocalc": neocalc.__version__}))
"""


def run(*command: str | Path, **options: Any) -> str:
    """Run a command and return what it prints; its complaints go to the terminal."""
    done: subprocess.CompletedProcess[str] = subprocess.run(
        [str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True, **options
    )
    return done.stdout


def build(out: Path) -> Path:
    """Build into an empty directory and return the one wheel."""
    policy = ["--zig", "--compatibility", POLICY] if POLICY else []
    tools = Path(sys.executable).parent  # maturin finds zig, a Python package, on the PATH only
    env = os.environ | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    run(tools / "maturin", "build", "--release", "--locked", "--out", out, *policy, cwd=ROOT, env=env)
    (wheel,) = out.glob("*.whl")
    return wheel


def audit(wheel: Path) -> None:
    """Check name, size, contents and that only symbols of the stable ABI are used."""
    size = wheel.stat().st_size
    if TAG not in wheel.name or POLICY not in wheel.name:
        raise SystemExit(f"{wheel.name}: expected {TAG.strip('-')} and {POLICY}")
    if size >= MAX_BYTES:
        raise SystemExit(f"{wheel.name}: {size:,} bytes, must be below {MAX_BYTES:,}")
    names = zipfile.ZipFile(wheel).namelist()
    missing = [wanted for wanted in INSIDE if not any(name.endswith(wanted) for name in names)]
    if missing:
        raise SystemExit(f"{wheel.name}: without {', '.join(missing)}")
    report = json.loads(run(Path(sys.executable).parent / "abi3audit", "--strict", "--report", wheel))
    (extensions,) = (spec["wheel"] for spec in report["specs"].values())
    if [extension["result"]["is_abi3"] for extension in extensions] != [True]:
        raise SystemExit(f"{wheel.name}: abi3audit says {json.dumps(extensions)}")
    print(f"{wheel.name}\n  {size:,} bytes, {len(names)} files, abi3audit: no violation")


def pythons() -> dict[str, Path]:
    """Find every CPython from 3.11 with the default ABI: one per version, by PATH, then pyenv."""
    places = [Path(part) for part in os.environ.get("PATH", "").split(os.pathsep) if part]
    candidates = [path for place in places for path in sorted(place.glob("python3*")) if "-" not in path.name]
    candidates += sorted((Path.home() / ".pyenv" / "versions").glob("*/bin/python"))
    found: dict[str, Path] = {}
    for path in candidates:
        if not os.access(path, os.X_OK):
            continue
        answer = subprocess.run([str(path), "-I", "-c", ASK], capture_output=True, text=True, check=False)
        if answer.returncode:
            continue  # a shim of a version that is not switched on; its real file is found elsewhere
        facts = json.loads(answer.stdout)
        if (
            facts["implementation"] != "cpython"
            or not facts["recent"]
            or facts["free_threaded"]
            or facts["virtual"]
        ):
            continue
        found.setdefault(facts["version"], path)
    return found


def prove(python: Path, wheel: Path, place: Path) -> dict[str, Any]:
    """Install the wheel into a new environment and run the tour there."""
    run(python, "-m", "venv", "--without-pip", place)
    inside = place / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", inside, "install", "--quiet", f"{wheel}[pandas]")
    facts: dict[str, Any] = json.loads(run(inside, "-I", "-c", TRY, cwd=place))
    if not facts["file"].startswith(str(place)):
        raise SystemExit(f"{python} imported {facts['file']}, not the wheel")
    run(place / "bin" / "neocalc", "demo", "-o", "demo.html", cwd=place)
    return facts


def main() -> int:
    """Build, audit, try everywhere, and print a table."""
    with tempfile.TemporaryDirectory(prefix="neocalc-wheel-") as temporary:
        out = Path(temporary)
        wheel = build(out / "wheel")
        audit(wheel)
        rows, failures = [], 0
        for version, python in sorted(
            pythons().items(), key=lambda item: tuple(map(int, item[0].split(".")[:2]))
        ):
            print(f"  trying {python}", flush=True)
            try:
                facts = prove(python, wheel, out / f"python-{version}")
                cells = (
                    facts["numpy"],
                    facts["pandas"],
                    f"{facts['import_ms']} ms",
                    f"{facts['examples']} ran",
                )
            except subprocess.CalledProcessError as error:
                failures += 1
                cells = ("-", "-", "-", f"FAILED: {Path(error.cmd[0]).name} ended with {error.returncode}")
            rows.append((version, *cells))
        head = ("Python", "numpy", "pandas", "import", "tour")
        widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
        print()
        for row in (head, tuple("-" * width for width in widths), *rows):
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if not rows:
            raise SystemExit("no CPython from 3.11 found to try the wheel on")
        if failures == 0:
            DIST.mkdir(exist_ok=True)
            shutil.copy(wheel, DIST)
            print(f"\nproven on {len(rows)}: dist/{wheel.name}")
        return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
