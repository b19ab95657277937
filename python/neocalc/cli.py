"""The command line: ``neocalc demo``, ``neocalc compare``, ``neocalc validate``.

Exit status: 0 ok, 1 bad data, 2 wrong use, 130 after Ctrl-C, 143 after SIGTERM. Results go to stdout or
to the file named, everything else to stderr.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

# Frame libraries and the drawing library are imported by the command that needs them: help is instant.
from neocalc.errors import ConfigError, InputError, NeocalcError

if TYPE_CHECKING:
    from neocalc.report import Comparison

EXIT_OK, EXIT_DATA, EXIT_USAGE, EXIT_INTERRUPTED, EXIT_TERMINATED = 0, 1, 2, 130, 143
_CONVENTIONS = ("full_month", "next_month", "mid_month", "half_year", "actual_days")


class _TerminatedError(BaseException):
    """SIGTERM came: unwind, so that no half-written file stays."""


def _raise_terminated(signum: int, frame: object) -> NoReturn:
    raise _TerminatedError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="neocalc",
        description="Depreciate a GPU fleet under competing useful lives, exact to the cent.",
    )
    parser.add_argument("--json", action="store_true", help="write errors as JSON to stderr")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="CoreWeave, first quarter of 2025: four years against six")
    demo.add_argument("-o", "--output", type=Path, metavar="HTML", help="also write the report here")

    compare = commands.add_parser("compare", help="compare useful lives over a fleet file")
    compare.add_argument("fleet", type=Path, metavar="FLEET", help="fleet as .csv or .parquet")
    compare.add_argument(
        "--years", type=float, nargs="+", required=True, metavar="N", help="lives to compare"
    )
    compare.add_argument("--by", nargs="+", metavar="COLUMN", default=[], help="group by these columns")
    compare.add_argument("--per-asset", action="store_true", help="a row for each asset instead of totals")
    compare.add_argument(
        "--freq", choices=("M", "Q", "Y"), default="Q", help="month, quarter, year (default Q)"
    )
    compare.add_argument(
        "-o", "--output", type=Path, metavar="OUT", help=".csv, .parquet, .html (else stdout)"
    )
    compare.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="COL=VALUE",
        help="only these rows take the compared life, others keep their own; may be repeated",
    )
    compare.add_argument("--convention", choices=_CONVENTIONS, default="full_month")
    compare.add_argument("--rounding", choices=("balance", "level", "none"), default="balance")
    compare.add_argument("--residual-rate", type=float, default=0.0, metavar="FRACTION")
    compare.add_argument("--start", metavar="DATE", help="first day, YYYY-MM-DD")
    compare.add_argument("--end", metavar="DATE", help="last day, YYYY-MM-DD")
    compare.add_argument("--fiscal-year-end", type=int, default=12, metavar="MONTH", help="1 to 12")
    compare.add_argument("--threads", type=int, metavar="N", help="threads to use (default all)")

    validate = commands.add_parser("validate", help="list every problem of a fleet file")
    validate.add_argument("fleet", type=Path, metavar="FLEET", help="fleet as .csv or .parquet")
    for command in (demo, compare, validate):
        command.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return parser


def _where(pairs: Sequence[str]) -> dict[str, list[str]] | None:
    where: dict[str, list[str]] = {}
    for pair in pairs:
        column, equals, value = pair.partition("=")
        if not equals or not column:
            raise ConfigError(f"--where takes COL=VALUE, not {pair!r}")
        where.setdefault(column, []).append(value)
    return where or None


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def coreweave_comparison() -> Comparison:
    """Compute the demonstration from the example: nothing of it but the published figure is given."""
    import neocalc
    from neocalc.examples import coreweave
    from neocalc.report import Published, compare_for_report
    from neocalc.report.comparison import column_values

    fleet = neocalc.load_example("coreweave_2025q1", kind=_frame_library())
    options: dict[str, Any] = {"where": {"asset_class": "technology"}, "convention": "mid_month"}
    start, end = coreweave.QUARTER
    quarter = neocalc.compare_lives(
        fleet, (4, 6), by=["asset_class"], freq="Q", start=start, end=end, columns=["depreciation"], **options
    )
    charges: dict[str, dict[str, float]] = {}
    names = ("asset_class", "policy", "depreciation")
    for key, policy, charge in zip(*(column_values(quarter, name) for name in names), strict=True):
        charges.setdefault(str(key), {})[str(policy)] = float(charge)
    rows, totals = [], {"6y": 0.0, "4y": 0.0}
    for key, (name, _, _, life) in coreweave.CLASSES.items():
        if life is None:
            continue
        totals = {policy: totals[policy] + charges[key][policy] for policy in totals}
        rows.append((name, *(f"{charges[key][policy] / 1e6:,.1f}" for policy in ("6y", "4y")), ""))
    published = coreweave.PUBLISHED_CHARGE_MILLIONS
    six, four = totals["6y"] / 1e6, totals["4y"] / 1e6
    return compare_for_report(
        fleet,
        (4, 6),
        by=["asset_class"],
        end="2031-12-31",  # the last technology equipment is written off under six years by then
        title="CoreWeave property and equipment at 31 March 2025, four years against six",
        assumptions=(
            *coreweave.ASSUMPTIONS,
            "Only technology equipment changes its life; later purchases are left out.",
        ),
        source=coreweave.columns().source,
        published=Published(
            headline="Depreciation of property and equipment, first quarter of 2025, $ million",
            header="Class|At six years|At four years|Published",
            rows=tuple(rows),
            total=("Total", f"{six:,.1f}", f"{four:,.1f}", f"{published:,}"),
            remark=(
                f"{six:,.1f} computed at six years against {published:,} reported ({(six / published - 1) * 100:+.1f} %). "
                "This is an approximate check (kind A): the dates of service and the life of software are not "
                f"published. At four years the same assets cost {four:,.1f}, {(four / six - 1) * 100:+.1f} %."
            ),
        ),
        **options,
    )


def _frame_library() -> str:
    from importlib.util import find_spec

    for name in ("pandas", "polars", "pyarrow"):
        if find_spec(name):
            return name
    raise NeocalcError("this command needs pandas, polars or pyarrow: pip install pandas")


def _demo(args: argparse.Namespace) -> int:
    from neocalc._tables import check_output, write_text

    if args.output is not None:
        check_output(args.output, suffixes=(".html",))
    data = coreweave_comparison()
    published = data.published
    if published is None:  # the demonstration always brings one
        raise NeocalcError("the demonstration has no published figure")
    head = published.header.split("|")
    table = [*published.rows, published.total]
    width = max(len(row[0]) for row in table) + 2
    print(f"{data.title}\n{published.headline}\n")
    print(f"{head[0]:<{width}}" + "".join(f"{name:>15}" for name in head[1:]))
    for row in table:
        if row is published.total:
            print("-" * (width + 15 * (len(head) - 1)))
        print(f"{row[0]:<{width}}" + "".join(f"{value:>15}" for value in row[1:]))
    print(f"\n{published.remark}\n\nAssumptions")
    for line in data.assumptions:
        print(f"- {line}")
    print(f"\nSource: {data.source}")
    if args.output is not None:
        from neocalc.report import render_page

        write_text(render_page(data), args.output)
        print(f"\nReport: {args.output}")
    return EXIT_OK


def _compare(args: argparse.Namespace) -> int:
    import neocalc
    from neocalc._tables import check_output, read_fleet, write_csv, write_table, write_text

    if args.per_asset and args.by:
        raise ConfigError("give --by or --per-asset, not both")
    suffix = check_output(args.output, inputs=(args.fleet,)) if args.output is not None else None
    if args.per_asset and suffix == ".html":
        raise ConfigError("a report shows totals; write rows for each asset to .csv or .parquet")
    if len(set(args.years)) != len(args.years):
        raise ConfigError("--years names a life twice")
    years = [int(year) if year == int(year) else year for year in args.years]
    options: dict[str, Any] = {
        "where": _where(args.where),
        "convention": args.convention,
        "rounding": None if args.rounding == "none" else args.rounding,
        "residual_rate": args.residual_rate,
        "start": args.start,
        "end": args.end,
        "fiscal_year_end": args.fiscal_year_end,
        "threads": args.threads,
    }
    fleet = read_fleet(args.fleet)
    if suffix == ".html":
        from neocalc.report import compare_for_report, render_page

        where = "; only rows with " + ", ".join(args.where) if args.where else ""
        data = compare_for_report(
            fleet,
            years,
            by=args.by,
            title=f"{args.fleet.name}: {' against '.join(f'{year:g}' for year in sorted(years))} years",
            assumptions=(
                f"Straight line, {args.convention.replace('_', ' ')} convention, rounding {args.rounding}{where}.",
                f"Residual value {args.residual_rate * 100:g} % of cost where a row has none of its own.",
                "Assets of the file only: nothing is bought or retired later.",
            ),
            source=args.fleet.name,
            **options,
        )
        write_text(render_page(data), args.output)
        _say(f"wrote {args.output}")
        return EXIT_OK
    by = None if args.per_asset else args.by
    result = neocalc.compare_lives(fleet, years, by=by, freq=args.freq, **options)
    if args.output is None:
        write_csv(result, sys.stdout)
        return EXIT_OK
    write_table(result, args.output)
    _say(f"wrote {args.output}: {len(result):,} rows")
    return EXIT_OK


def _validate(args: argparse.Namespace) -> int:
    import neocalc
    from neocalc._tables import read_fleet, write_csv

    issues = neocalc.validate(read_fleet(args.fleet))
    if len(issues) == 0:
        _say(f"{args.fleet.name}: no problems")
        return EXIT_OK
    write_csv(issues, sys.stdout)
    _say(f"{args.fleet.name}: {len(issues)} problem{'s' if len(issues) != 1 else ''}")
    return EXIT_DATA


def _report_error(error: BaseException, as_json: bool) -> None:
    if not as_json:
        _say(f"neocalc: {error}")
        return
    problem: dict[str, Any] = {"error": type(error).__name__, "message": str(error)}
    if isinstance(error, InputError):
        problem["code"] = error.code
        columns = error.issues.to_dict()
        names = list(columns)
        problem["issues"] = [
            dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)
        ]
    _say(json.dumps(problem, default=str, ensure_ascii=False))


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    Parameters
    ----------
    argv
        Arguments without the program's name; those of the process by default.

    Returns
    -------
    int
        0 ok, 1 bad data, 2 wrong use, 130 after Ctrl-C, 143 after SIGTERM.

    Examples
    --------
    >>> from neocalc.cli import main
    >>> main(["compare", "fleet.xlsx", "--years", "4", "6", "-o", "out.doc"])
    2
    """
    try:
        args = _parser().parse_args(argv)
    except SystemExit as stop:
        return int(stop.code or 0)
    previous = None
    try:
        previous = signal.signal(signal.SIGTERM, _raise_terminated)
    except ValueError:
        pass  # not the main thread: whoever runs it there handles signals
    try:
        command = {"demo": _demo, "compare": _compare, "validate": _validate}[args.command]
        status = command(args)
        sys.stdout.flush()
        return status
    except _TerminatedError:
        return EXIT_TERMINATED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except ConfigError as error:
        _report_error(error, args.json)
        return EXIT_USAGE
    except BrokenPipeError:
        # The reader (head, less) has seen enough; keep Python from complaining once more at exit.
        sys.stdout = open("/dev/null", "w")  # noqa: SIM115
        return EXIT_OK
    except (NeocalcError, OSError) as error:
        _report_error(error, args.json)
        return EXIT_DATA
    finally:
        if previous is not None:
            signal.signal(signal.SIGTERM, previous)
