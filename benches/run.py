"""Run the benchmarks and print their tables as Markdown: ``python benches/run.py --help``."""

from __future__ import annotations

import argparse
import sys

import fleet as fleets
from harness import machine, measure, peak_beyond, table


def main() -> None:
    """Parse what to run, run it, print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=("W1a", "W1b", "small"), default=["W1b", "W1a", "small"])
    parser.add_argument(
        "--sizes", nargs="+", type=float, default=[1e3, 1e5, 1e6, 1e7], help="assets (W1a: up to 1e6)"
    )
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    try:
        import small
        import w1
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
    if "small" in args.only:
        peers = small.one_asset_peers()
        measure(peers, max(args.rounds, 7))
        print(table("One asset, 48 rows, nine columns", peers, [peers[0].name]))
        peers = small.thousand_peers()
        measure(peers, max(args.rounds, 7))
        print(table("1,000 assets", peers, [peers[0].name]))


if __name__ == "__main__":
    main()
