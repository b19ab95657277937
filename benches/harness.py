"""Peers timed side by side: every round runs all of them in random order, ratios are taken inside a round."""

from __future__ import annotations

import gc
import os
import platform
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

PACKAGES = ("neocalc", "numpy", "pandas", "polars", "pyarrow", "numba", "pyxirr", "duckdb")


@dataclass
class Peer:
    """One way to do the work, with the check that it did."""

    name: str
    run: Callable[[], Any]
    repeat: int = 1  # calls in one timing, for work of microseconds
    seconds: list[float] = field(default_factory=list)


def measure(peers: list[Peer], rounds: int, *, touch_bytes: int = 0) -> None:
    """Time all peers, each round in another order.

    Virtual machines give memory back to their host when it idles, and the first to touch it again pays. With
    `touch_bytes` so much is touched and freed before every timing, so that nobody pays for the others.
    """
    for peer in peers:
        peer.run()
    for _ in range(rounds):
        for peer in random.sample(peers, len(peers)):
            gc.collect()
            if peer.repeat == 1:
                time.sleep(0.3)  # the threads of the last peer may still be spinning
            if touch_bytes:
                np.empty(touch_bytes // 8).fill(0)
            start = time.perf_counter()
            for _ in range(peer.repeat):
                result = peer.run()
            peer.seconds.append((time.perf_counter() - start) / peer.repeat)
            del result


def table(title: str, peers: list[Peer], against: list[str], note: str = "") -> str:
    """Show medians, and how many times as long as ours each peer takes: the median of the rounds' ratios."""
    by_name = {peer.name: peer for peer in peers}

    def ratio(peer: Peer, name: str) -> float:
        pairs = zip(peer.seconds, by_name[name].seconds, strict=True)
        return statistics.median(theirs / ours for theirs, ours in pairs)

    heads = "".join(f" | times {name}" for name in against)
    lines = [f"### {title}", "", *([note, ""] if note else [])]
    lines += [f"| peer | median ms{heads} |", "|---|--:" + "|--:" * len(against) + "|"]
    for peer in peers:
        ratios = "".join(f" | {ratio(peer, name):.2f}" for name in against)
        lines.append(f"| {peer.name} | {statistics.median(peer.seconds) * 1e3:,.3f}{ratios} |")
    return "\n".join(lines) + "\n"


def machine() -> str:
    """Say what this ran on."""
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="ascii") as lines:
            model = next(
                (line.split(":")[1].strip() for line in lines if line.startswith("model name")), model
            )
    except OSError:
        pass
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} missing")
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}; " + ", ".join(found)


def peak_beyond(run: Callable[[], Any]) -> float | None:
    """Return the peak memory of a call beyond what was resident before it, in MB (Linux)."""
    try:
        gc.collect()
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")  # resets the peak
        before = _status("VmRSS")
        run()
        return (_status("VmHWM") - before) / 1024
    except OSError:
        return None


def _status(key: str) -> int:
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(key + ":"))
