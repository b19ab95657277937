"""Run the benchmarks and print their tables as Markdown: ``python benches/run.py --help``."""

from __future__ import annotations

import argparse
import sys
from typing import Any

import fleet as fleets
from harness import Peer, machine, measure, peak_beyond, table

KINDS = ("W1b", "W1a", "W2b", "W2a", "W2f", "draws", "W3", "W4", "W5", "small")


def main() -> None:
    """Parse what to run, run it, print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument(
        "--sizes", nargs="+", type=float, default=[1e3, 1e5, 1e6, 1e7], help="assets (W1a: up to 1e6)"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pandas", action="store_true", help="pandas at full size too (W3: 10 GB, minutes)")
    args = parser.parse_args()
    try:
        import small
        import w1
        import w2
        import w3
        import w4
        import w5
    except ImportError as error:
        sys.exit(f"the benchmarks need what they compare with: {error}; pip install --group bench")

    print(f"`python benches/run.py {' '.join(sys.argv[1:])}`  \n{machine()}\n")
    for size in (int(size) for size in args.sizes):
        if not {"W1a", "W1b"} & set(args.only):
            break
        fleet = fleets.make(size)
        if "W1b" in args.only:
            w1.check_totals(fleet)
            peers = w1.totals_peers(fleet)
            measure(peers, args.rounds)
            peaks = ", ".join(
                f"{rounding} {peak:,.0f} MB"
                for rounding in ("level", "balance")
                if (peak := peak_beyond(w1.neocalc_totals(fleet, rounding))) is not None
            )
            print(
                table(
                    f"W1b, {size:,} assets",
                    peers,
                    ["neocalc level", "neocalc balance"],
                    f"Peak beyond the input: {peaks}.",
                )
            )
        if "W1a" in args.only and size <= 10**6:
            w1.check_rows(fleet)
            peers = w1.rows_peers(fleet)
            measure(peers, args.rounds, touch_bytes=size * fleets.LIVES[0] * 24)
            print(
                table(
                    f"W1a, {size:,} assets x {fleets.LIVES[0]} months charged of {fleets.MONTHS}",
                    peers,
                    ["neocalc level", "neocalc balance"],
                )
            )
        del fleet
    for size in (int(size) for size in args.sizes):
        if {"W2a", "W2b", "W2f"} & set(args.only):
            loans_of(w2, size, args)
    if "draws" in args.only:
        run = w2.draws_of(10**5)
        peers = [Peer("neocalc", run)]
        measure(peers, args.rounds)
        note = f"Peak beyond the input: {peak_beyond(run) or 0:,.0f} MB."
        print(table("100,000 delayed-draw facilities of 10 draws, totals by month", peers, [], note))
    for size in (int(size) for size in args.sizes):
        if "W4" in args.only and 10**4 <= size <= 10**6:
            eventful = w4.make(size)
            w4.check(w4.make(10_000))
            # A million assets would take pandas 25 GB.
            peers = w4.peers(eventful, pandas=size <= 10**5)
            measure(peers, args.rounds)
            peak = peak_beyond(lambda work=eventful: w4.by_neocalc(work))
            asset_month = min(peers[0].seconds) / (size * w4.MONTHS) * 1e9
            note = f"Peak beyond the input: {peak or 0:,.0f} MB; {asset_month:.1f} ns an asset-month at best."
            title = f"W4, {size:,} assets, {2 * size:,} events, {w4.GROUPS} groups x {w4.MONTHS} months"
            print(table(title, peers, [peers[0].name], note))
    for size in (int(size) for size in args.sizes):
        if "W3" in args.only and 10**5 <= size <= 10**6:
            # The long form of 40 million rows takes pandas 10 GB.
            facilities = 100 if size == 10**5 else 1000
            cube = w3.make(facilities, size // facilities)
            peers, wrong = w3.peers(cube, pandas=args.pandas or size <= 10**5)
            measure(peers, args.rounds)
            peak = peak_beyond(lambda run=peers[0].run: run())
            note = (
                f"First breaches that are wrong: {', '.join(f'{name} {n:,}' for name, n in wrong.items())}. "
                f"Peak beyond the input: {peak or 0:,.0f} MB."
            )
            scenarios = size // facilities
            title = f"W3, {facilities:,} facilities x {w3.QUARTERS} quarters x {scenarios:,} scenarios"
            print(table(title, peers, [peers[0].name], note))
            del cube, peers
        if "W5" in args.only and size <= 10**6:
            streams = w5.make(size)
            w5.check(streams)
            peers = w5.peers(streams)
            measure(peers, args.rounds)
            title = f"W5, {size:,} streams, {len(streams.frame):,} flows"
            print(table(title, peers, [peers[0].name, peers[1].name]))
    if "small" in args.only:
        peers = small.one_asset_peers()
        measure(peers, max(args.rounds, 7))
        print(table("One asset, 48 rows, nine columns", peers, [peers[0].name]))
        peers = small.thousand_peers()
        measure(peers, max(args.rounds, 7))
        print(table("1,000 assets", peers, [peers[0].name]))


def loans_of(w2: Any, size: int, args: argparse.Namespace) -> None:
    """Loan books of one size."""
    book = w2.make(size)
    ours = ["neocalc cents", "neocalc unrounded"]
    if "W2b" in args.only:
        w2.check_ladder(book)
        peers = w2.ladder_peers(book)
        measure(peers, args.rounds)
        note = f"Peak beyond the input: {peak_beyond(peers[0].run) or 0:,.0f} MB."
        print(table(f"W2b, {size:,} loans to a ladder by month", peers, ours, note))
    if size > 10**6:
        return
    payments = int(book.count.sum())
    if {"W2a", "W2f"} & set(args.only):
        w2.check_rows(book)
    for kind, made in (("W2a", w2.rows_peers), ("W2f", w2.floating_peers)):
        if kind in args.only:
            peers = made(book)
            measure(peers, args.rounds, touch_bytes=payments * 48)
            print(table(f"{kind}, {size:,} loans, {payments:,} payments", peers, ours))


if __name__ == "__main__":
    main()
