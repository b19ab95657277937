"""The command line: ``neocalc demo``, ``compare``, ``validate``, ``covenants``, ``run``.

Exit status: 0 ok, 1 bad data, 2 wrong use (a file that is not there or cannot be written, too), 3 a
default-level covenant is breached, 130 after Ctrl-C, 143 after SIGTERM. Results go to stdout or to the file
named, everything else to stderr.
"""

from __future__ import annotations

import argparse
import codecs
import contextlib
import dataclasses
import io
import json
import math
import os
import signal
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

# Frame libraries and the report are imported by the command that needs them: help is instant.
from neocalc import __version__
from neocalc.errors import ConfigError, InputError, NeocalcError
from neocalc.policies import CONVENTIONS

EXIT_OK, EXIT_DATA, EXIT_USAGE, EXIT_BREACH = 0, 1, 2, 3


def _years(text: str) -> float:
    try:
        years = float(text)
    except ValueError:
        years = math.nan
    if not 0 < years < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of years")
    return int(years) if years == int(years) else years


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="neocalc",
        description="Depreciate a GPU fleet under competing useful lives, exact to the cent.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"neocalc {__version__}")
    parser.add_argument("--json", action="store_true", help="write errors as JSON to stderr")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="CoreWeave, first quarter of 2025: four years against six")
    demo.add_argument("-o", "--output", type=Path, metavar="HTML", help="also write the report here")
    demo.set_defaults(run=_demo)

    compare = commands.add_parser(
        "compare",
        help="compare useful lives over a fleet file",
        epilog="example: neocalc compare fleet.csv --years 4 6 --by gpu_model -o report.html",
    )
    add = compare.add_argument
    add("fleet", type=Path, metavar="FLEET", help="fleet as .csv or .parquet")
    add("--years", type=_years, nargs="+", required=True, metavar="N", help="lives to compare")
    add("--by", nargs="+", metavar="COLUMN", default=[], help="totals by these columns (default: one total)")
    add("--per-asset", action="store_true", help="a row for each asset instead of totals")
    add("--freq", choices=("M", "Q", "Y"), default="Q", help="month, quarter, year (default Q)")
    add("-o", "--output", type=Path, metavar="OUT", help=".csv, .parquet or .html (default: CSV to stdout)")
    add(
        "--where",
        action="append",
        default=[],
        metavar="COL=VALUE",
        help="only these rows take the compared life, others keep their own; may be repeated",
    )
    add("--convention", choices=CONVENTIONS, default="full_month", help="default full_month")
    add("--rounding", choices=("balance", "level", "none"), default="balance", help="default balance")
    add("--residual-rate", type=float, default=0.0, metavar="FRACTION", help="of cost; 5 %% is 0.05")
    add("--start", metavar="DATE", help="first day, YYYY-MM-DD")
    add("--end", metavar="DATE", help="last day, YYYY-MM-DD")
    add("--fiscal-year-end", type=int, default=12, metavar="MONTH", help="1 to 12 (default 12)")
    add("--threads", type=int, metavar="N", help="threads to use (default all)")
    compare.set_defaults(run=_compare)

    validate = commands.add_parser("validate", help="list every problem of a fleet file, as CSV")
    validate.add_argument("fleet", type=Path, metavar="FLEET", help="fleet as .csv or .parquet")
    validate.set_defaults(run=_validate)
    covenants = _covenants_parser(commands)
    run = _run_parser(commands)
    for command in (demo, compare, validate, covenants, run):
        # Also after the command's name; a default here would undo the one before it.
        command.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return parser


def _covenants_parser(commands: Any) -> Any:
    covenants: argparse.ArgumentParser = commands.add_parser(
        "covenants",
        help="test covenants on measures; exit status 3 where one of default level is breached",
        epilog="example: neocalc covenants measures.csv covenants.csv -o tests.csv",
    )
    add = covenants.add_argument
    add("measures", type=Path, metavar="MEASURES", help="entity_id, period_end and amounts, .csv or .parquet")
    add("covenants", type=Path, metavar="COVENANTS", help="one row for each covenant and step")
    add("-o", "--output", type=Path, metavar="OUT", help=".csv or .parquet, or a certificate as .html")
    for name, what in (
        ("cures", "equity cures"),
        ("waivers", "waivers"),
        ("cross-default", "who follows whom"),
    ):
        add(f"--{name}", type=Path, metavar="FILE", help=f"a table of {what}")
    add(
        "--freq", choices=("M", "Q", "H", "Y"), default="Q", help="of the measures (default Q; H: half-years)"
    )
    add("--fiscal-year-end", type=int, default=12, metavar="MONTH", help="1 to 12 (default 12)")
    add("--start", metavar="DATE", help="first test date, YYYY-MM-DD")
    add("--end", metavar="DATE", help="last test date, YYYY-MM-DD")
    add("--amounts", choices=("major", "minor"), default="major", help="dollars or cents (default major)")
    add("--minor-units", type=int, default=2, metavar="N", help="decimals of the currency (default 2)")
    add("--entity", metavar="ID", help="whose certificate")
    add("--currency", metavar="CODE", help="in which currency, where the entity has several")
    add("--date", metavar="DATE", help="of which test date (default the last)")
    add("--threads", type=int, metavar="N", help="threads to use (default all)")
    covenants.set_defaults(run=_covenants)
    return covenants


def _run_parser(commands: Any) -> Any:
    run: argparse.ArgumentParser = commands.add_parser(
        "run",
        help="run a deal; exit status 3 where a covenant of default level is breached or a payment fails",
        epilog="example: neocalc run coreweave-2025q1 --years 4 5 6 -o report.html",
    )
    add = run.add_argument
    add("deal", metavar="DEAL", help="a folder with deal.toml and tables, or the name of a deal that ships")
    add("--years", type=_years, nargs="+", metavar="N", help="run it under these useful lives as well")
    add("-o", "--output", type=Path, metavar="HTML", help="write the report here")
    add("--frame", metavar="NAME", help="instead of the summary print a frame as CSV, such as cashflow")
    add("--freq", choices=("M", "Q", "Y"), default="M", help="of that frame (default M)")
    run.set_defaults(run=_run)
    return run


def _where(pairs: Sequence[str]) -> dict[str, list[str]] | None:
    where: dict[str, list[str]] = {}
    for pair in pairs:
        column, equals, value = pair.partition("=")
        if not equals or not column:
            raise ConfigError(f"--where takes COL=VALUE, not {pair!r}")
        where.setdefault(column, []).append(value)
    return where or None


def _say(text: str) -> None:
    # A name or an id from a file must not steer the terminal.
    print("".join(c if c.isprintable() or c == "\n" else "?" for c in text), file=sys.stderr)


_PLAIN = {"\u2212": "-", "\u2013": "-", "\u00d7": "x", "\u00f7": "/", "\u00a0": " ", "\u202f": " "}
_PLAIN |= {"\u20ac": "EUR ", "\u00a3": "GBP ", "\u00a5": "JPY "}


def _plainly(error: UnicodeError) -> tuple[str, int]:
    """Write what an encoding lacks in plain characters: a sign must not become a question mark."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_PLAIN.get(c, "?") for c in error.object[error.start : error.end]), error.end


def _demo(args: argparse.Namespace) -> int:
    from neocalc._tables import check_output, frame_library, write_text
    from neocalc.examples import coreweave
    from neocalc.report import demo, render_page

    if args.output is not None:
        check_output(args.output, suffixes=(".html",))
    fleet = demo.coreweave_fleet(frame_library())
    published = demo.coreweave_published(fleet)
    if args.output is not None:
        write_text(render_page(demo.coreweave_comparison(fleet)), args.output)
    table = (published.header, *published.rows, published.total)
    width = max(len(row[0]) for row in table) + 2
    lines = [(row[0].ljust(width) + "".join(cell.rjust(15) for cell in row[1:])).rstrip() for row in table]
    lines.insert(-1, "-" * max(map(len, lines)))
    print(f"{demo.TITLE}\n{published.headline}\n", *lines, "", textwrap.fill(published.remark, 100), sep="\n")
    assumptions = (f"- {line}" for line in demo.ASSUMPTIONS)
    print("\nAssumptions", *assumptions, f"\nSource: {coreweave.SOURCE}", sep="\n")
    _say(f"wrote {args.output}" if args.output else "neocalc demo -o report.html draws it")
    return EXIT_OK


def _compare(args: argparse.Namespace) -> int:
    import neocalc
    from neocalc._tables import check_output, read_fleet, write_csv, write_table, write_text

    if args.per_asset and args.by:
        raise ConfigError("give --by or --per-asset, not both")
    suffix = check_output(args.output, inputs=(args.fleet,)) if args.output is not None else None
    if args.per_asset and suffix == ".html":
        raise ConfigError("a report shows totals; write rows for each asset to .csv or .parquet")
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
        convention = args.convention.replace("_", " ")
        data = compare_for_report(
            fleet,
            args.years,
            by=args.by,
            title=f"{args.fleet.name}: {' against '.join(f'{year:g}' for year in sorted(args.years))} years",
            assumptions=(
                f"Straight line, {convention} convention, rounding {args.rounding}{where}.",
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
    result = neocalc.compare_lives(fleet, args.years, by=by, freq=args.freq, **options)
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
    _say(f"{args.fleet.name}: {len(issues)} problem{'s' if len(issues) != 1 else ''}; row 0 is the first")
    return EXIT_DATA


# Columns of covenants and of what bears on them that are numbers.
_TERM_NUMBERS = frozenset(
    (
        "threshold", "at_risk_below", "window_periods", "springing_above", "cures_allowed", "cures_per_year",
        "cures_in_a_row", "cure_amount_cap", "grace_days", "amount", "above",
    )
)  # fmt: skip


_COVENANT_OPTIONS = ("freq", "fiscal_year_end", "amounts", "minor_units", "threads")


def _amounts_named(terms: Any, cross_default: Any) -> Callable[[str], bool]:
    """Tell the columns of the measures that are amounts; all others may hold what they like."""
    from neocalc.metrics import METRICS
    from neocalc.report.comparison import column_values

    named = {"total_debt"}
    for metric in METRICS.values():
        named.update(*(variant.measures for variant in metric.variants()))
    for table, column in ((terms, "springing_measure"), (cross_default, "measure")):
        if table is not None and column in _columns(table):
            named.update(column_values(table, column))
    return named.__contains__


def _columns(table: Any) -> list[str]:
    return list(getattr(table, "column_names", None) or table.columns)


def _covenants(args: argparse.Namespace) -> int:
    import numpy as np

    import neocalc
    from neocalc._tables import check_output, read_table, write_csv, write_table, write_text
    from neocalc.report.comparison import column_values

    beside = {"cures": args.cures, "waivers": args.waivers, "cross_default": args.cross_default}
    inputs = [args.measures, args.covenants, *(path for path in beside.values() if path is not None)]
    suffix = check_output(args.output, inputs=tuple(inputs)) if args.output is not None else None
    chosen = (args.entity, args.currency, args.date)
    if suffix != ".html" and any(one is not None for one in chosen):
        raise ConfigError("--entity, --currency and --date choose a certificate: write it to .html")
    terms = read_table(args.covenants, _TERM_NUMBERS.__contains__, "covenants")
    options: dict[str, Any] = {
        name: None if path is None else read_table(path, _TERM_NUMBERS.__contains__, name)
        for name, path in beside.items()
    }
    measures = read_table(args.measures, _amounts_named(terms, options["cross_default"]), "measures")
    options |= {name: getattr(args, name) for name in _COVENANT_OPTIONS}
    result = neocalc.check_covenants(measures, terms, start=args.start, end=args.end, **options)
    status, level = column_values(result, "status"), column_values(result, "level")
    breached = sum(s == "breach" and at == "default" for s, at in zip(status, level, strict=True))
    args.status = EXIT_BREACH if breached else EXIT_OK
    if suffix == ".html":
        from neocalc.report import covenant_certificate

        dates = column_values(result, "period_end")
        if not dates:
            raise ConfigError("no test is due: there is nothing to certify")
        date = args.date if args.date is not None else np.datetime64(max(dates))
        known = (
            column_values(result, "entity_id")
            if args.entity is not None and "entity_id" in _columns(result)
            else []
        )
        # A file may have numbers for ids; the command line has only text.
        entity = next((one for one in known if str(one) == args.entity), args.entity)
        page = covenant_certificate(
            measures,
            terms,
            period_end=date,
            entity_id=entity,
            currency=args.currency,
            source=args.measures.name,
            **options,
        )
        write_text(page, args.output)
    elif args.output is None:
        write_csv(result, sys.stdout)
    else:
        write_table(result, args.output)
    if args.output is not None:
        _say(f"wrote {args.output}")
    undecided = sum(one in ("insufficient_data", "unknown", "undefined") for one in status)
    told = f"; {undecided:,} could not be tested" if undecided else ""
    _say(f"{len(result):,} tests, {breached:,} default-level breaches{told}")
    return int(args.status)


def _run(args: argparse.Namespace) -> int:
    import neocalc
    from neocalc._tables import check_output, write_csv, write_text
    from neocalc.report.deal_page import deal_report, headline
    from neocalc.report.deal_summary import summarise
    from neocalc.report.deal_text import summary_lines

    if args.output is not None:
        check_output(args.output, suffixes=(".html",))
    deal = neocalc.load_deal(args.deal)
    result = deal.run()
    lives = deal.compare_lives(years=sorted(args.years)) if args.years else None
    shown = None if args.frame is None else (lives or result).to_frame(args.frame, freq=args.freq)
    # What goes to a reader who may leave comes last: neither the page nor the status hangs on it.
    args.status = EXIT_BREACH if result.breached else EXIT_OK
    if args.output is not None:
        write_text(deal_report(result, lives=lives), args.output)
        _say(f"wrote {args.output}")
    if shown is not None:
        write_csv(shown, sys.stdout)
    else:
        summary = summarise(result, lives)
        print(headline(summary), "", *summary_lines(summary), sep="\n")
    return int(args.status)


def _report_error(error: BaseException, as_json: bool) -> None:
    if not as_json:
        _say(f"neocalc: {error}")
        return
    problem: dict[str, Any] = {"error": type(error).__name__, "message": str(error)}
    if isinstance(error, InputError):
        problem["code"] = error.code
        problem["issues"] = [dataclasses.asdict(issue) for issue in error.issues]
    _say(json.dumps(problem, default=str, ensure_ascii=True))


@contextlib.contextmanager
def _stoppable() -> Iterator[list[int]]:
    """Turn SIGINT and SIGTERM into KeyboardInterrupt, so that no half-written file stays; list them."""
    came: list[int] = []

    def stop(signum: int, _frame: object) -> None:
        came.append(signum)
        if len(came) == 1:  # a second one must not cut the cleaning short
            raise KeyboardInterrupt

    previous: dict[int, Any] = {}
    try:
        for signum in map(int, (signal.SIGINT, signal.SIGTERM)):
            # Under nohup or in the background a signal may be ignored on purpose.
            if signal.getsignal(signum) is not signal.SIG_IGN:
                with contextlib.suppress(ValueError):  # not the main thread: whoever runs it handles signals
                    previous[signum] = signal.signal(signum, stop)
        yield came
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    Parameters
    ----------
    argv
        Arguments without the program's name; those of the process by default.

    Returns
    -------
    int
        0 ok, 1 bad data, 2 wrong use, 3 a covenant of default level is breached, 130 after
        Ctrl-C, 143 after SIGTERM.

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
    if sys.stdout is None or sys.stderr is None:  # closed by whoever started this
        with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.ExitStack() as stack:
            if sys.stdout is None:
                stack.enter_context(contextlib.redirect_stdout(nowhere))
            if sys.stderr is None:
                stack.enter_context(contextlib.redirect_stderr(nowhere))
            return main(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        codecs.register_error("neocalc", _plainly)
        sys.stdout.reconfigure(errors="neocalc")
    with _stoppable() as came:
        try:
            status: int = args.run(args)
            sys.stdout.flush()
            return status
        except KeyboardInterrupt:
            return 128 + (came[0] if came else signal.SIGINT)
        except BrokenPipeError:
            # The reader (head, less) has seen enough; keep Python from complaining once more at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return int(getattr(args, "status", EXIT_OK))
        except (ConfigError, OSError) as error:
            _report_error(error, args.json)
            return EXIT_USAGE
        except NeocalcError as error:
            _report_error(error, args.json)
            return EXIT_DATA
