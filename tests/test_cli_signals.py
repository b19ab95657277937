"""The command line under signals: nothing half-written is left, and nobody else's handlers change."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import neocalc as nc
from neocalc.cli import main


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_leaves_no_partial_file(tmp_path: Path, signum: int, status: int, times: int) -> None:
    path = tmp_path / "fleet.parquet"
    nc.load_example("gpu_fleet", rows=20_000).to_parquet(path)
    out = tmp_path / "out.csv"
    out.write_text("old")
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "neocalc",
            "compare",
            path,
            "--years",
            "4",
            "6",
            "--per-asset",
            "--freq",
            "M",
            "-o",
            out,
        ],
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    # Seconds of writing begin when the temporary file has its first bytes.
    deadline = time.monotonic() + 60
    while not any(file.stat().st_size for file in tmp_path.glob(".neocalc-*")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    for _ in range(times):  # a second one, from an impatient user, interrupts no tidying up
        process.send_signal(signum)
    sent = time.monotonic()
    _, error = process.communicate(timeout=30)
    assert process.returncode == status
    assert time.monotonic() - sent < 5
    assert error == b""
    assert sorted(os.listdir(tmp_path)) == ["fleet.parquet", "out.csv"]
    assert out.read_text() == "old"


def test_ignored_interrupt_stays_ignored(tmp_path: Path) -> None:
    """Under nohup or in the background of a shell, Ctrl-C is meant for others."""
    code = (
        "import os, signal, sys; from neocalc import cli; real = cli._compare\n"
        "def slow(args): os.kill(os.getpid(), signal.SIGINT); return 0\n"
        "cli._compare = slow; sys.exit(cli.main(['compare', 'x.csv', '--years', '4']))"
    )
    for handler, status in ((signal.SIG_IGN, 0), (signal.SIG_DFL, 130)):
        done = subprocess.run(
            [sys.executable, "-c", code],
            preexec_fn=lambda h=handler: signal.signal(signal.SIGINT, h),
            check=False,
        )
        assert done.returncode == status


def test_handlers_are_given_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    main(["compare", "nothing.csv", "--years", "4"])
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
