"""The command line as a user meets it: files in, files out, exit status, signals."""

from __future__ import annotations

import csv
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import neocalc as nc
from neocalc import _tables
from neocalc.cli import main

HEAD = "asset_id,cost,in_service_date,gpu_model\n"


@pytest.fixture(scope="module")
def fleet() -> pd.DataFrame:
    return nc.load_example("gpu_fleet", rows=200)


@pytest.fixture
def fleet_csv(tmp_path: Path, fleet: pd.DataFrame) -> Path:
    path = tmp_path / "fleet.csv"
    fleet.to_csv(path, index=False)
    return path


def as_text(fleet: pd.DataFrame) -> pd.DataFrame:
    """A CSV knows no categories: its keys come in the order of their texts."""
    return fleet.astype(dict.fromkeys(("gpu_model", "site", "asset_class"), str))


def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "neocalc", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **options)


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def said(capsys: pytest.CaptureFixture[str]) -> str:
    out, err = capsys.readouterr()
    assert out == "", "results only go to stdout"
    return err


# What the commands do.


def test_demo_prints_the_published_figure_beside_the_computed(tmp_path: Path) -> None:
    page = tmp_path / "demo.html"
    done = run("demo", "-o", page)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert re.split(r"  +", next(line for line in lines if line.startswith("Technology"))) == [
        "Technology equipment", "414.4", "621.7",
    ]  # fmt: skip
    assert next(line for line in lines if line.startswith("Total")).split() == [
        "Total",
        "442.4",
        "649.7",
        "443",
    ]
    assert "kind A" in done.stdout
    assert "10-Q" in done.stdout
    assert done.stderr == f"wrote {page}\n"
    text = page.read_text(encoding="utf-8")
    assert text.count("<svg viewBox") == 3
    assert run("demo").stdout == done.stdout  # the page is all that -o adds


def test_compare_to_stdout_is_a_clean_csv_of_the_apis_result(fleet_csv: Path, fleet: pd.DataFrame) -> None:
    done = run("compare", fleet_csv, "--years", 4, 6, "--by", "gpu_model", "--freq", "Y")
    assert (done.returncode, done.stderr) == (0, "")
    expected = nc.compare_lives(as_text(fleet), (4, 6), by=["gpu_model"], freq="Y")
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert list(rows[0]) == list(expected.columns)
    assert len(rows) == len(expected)
    for name in ("depreciation", "closing_book_value", "accumulated_depreciation"):
        assert [float(row[name]) for row in rows] == expected[name].to_list()
    assert [row["period_end"] for row in rows] == expected["period_end"].dt.strftime("%Y-%m-%d").to_list()


@pytest.mark.parametrize("source", ["fleet.csv", "fleet.parquet"])
@pytest.mark.parametrize("target", ["out.csv", "out.parquet"])
@pytest.mark.parametrize("grouping", [(), ("--by", "gpu_model", "site"), ("--per-asset",)])
def test_files_hold_the_apis_result(
    tmp_path: Path, fleet: pd.DataFrame, source: str, target: str, grouping: tuple[str, ...]
) -> None:
    path, out = tmp_path / source, tmp_path / target
    fleet.to_csv(path, index=False) if path.suffix == ".csv" else fleet.to_parquet(path)
    assert main(["compare", str(path), "--years", "4", "5.5", *grouping, "-o", str(out)]) == 0
    by = None if grouping == ("--per-asset",) else list(grouping[1:])
    expected = nc.compare_lives(as_text(fleet) if path.suffix == ".csv" else fleet, (4, 5.5), by=by, freq="Q")
    result = pd.read_csv(out, parse_dates=["period_end"]) if out.suffix == ".csv" else pd.read_parquet(out)
    assert list(result.columns) == list(expected.columns)
    assert len(result) == len(expected) > 0
    for name in expected:
        if pd.api.types.is_numeric_dtype(expected[name]):
            assert (result[name].astype(float) == expected[name]).all(), name
        elif name == "period_end":
            assert (result[name] == expected[name]).all()
    keys = [name for name in expected if expected[name].dtype.name in ("category", "str", "object")]
    for name in keys:
        assert result[name].astype(str).to_list() == expected[name].astype(str).to_list(), name


def test_options_reach_the_library(tmp_path: Path, fleet_csv: Path, fleet: pd.DataFrame) -> None:
    out = tmp_path / "out.parquet"
    status = main(
        ["compare", str(fleet_csv), "--years", "4", "6", "--where", "asset_class=technology", "--where", "site=Boden",
         "--where", "site=Dallas", "--convention", "mid_month", "--rounding", "level", "--residual-rate", "0.1",
         "--start", "2024-01-01", "--end", "2026-12-31", "--fiscal-year-end", "6", "--freq", "Y", "--threads", "1",
         "-o", str(out)]
    )  # fmt: skip
    assert status == 1  # rows outside --where have no life of their own
    own = fleet.assign(useful_life_months=60)
    own.to_csv(fleet_csv, index=False)
    status = main(
        ["compare", str(fleet_csv), "--years", "4", "6", "--where", "asset_class=technology", "--where", "site=Boden",
         "--where", "site=Dallas", "--convention", "mid_month", "--rounding", "level", "--residual-rate", "0.1",
         "--start", "2024-01-01", "--end", "2026-12-31", "--fiscal-year-end", "6", "--freq", "Y", "--threads", "1",
         "-o", str(out)]
    )  # fmt: skip
    assert status == 0
    expected = nc.compare_lives(
        own, (4, 6), by=[], freq="Y", where={"asset_class": ["technology"], "site": ["Boden", "Dallas"]},
        convention="mid_month", rounding="level", residual_rate=0.1, start="2024-01-01", end="2026-12-31",
        fiscal_year_end=6,
    )  # fmt: skip
    pd.testing.assert_frame_equal(pd.read_parquet(out), expected, check_categorical=False, check_dtype=False)


def test_report_of_a_file(tmp_path: Path, fleet_csv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "report.html"
    arguments = ["compare", str(fleet_csv), "--years", "6", "4", "--by", "gpu_model", "-o", str(out)]
    assert main(arguments) == 0
    assert said(capsys) == f"wrote {out}\n"
    first = out.read_bytes()
    assert b"fleet.csv: 4 against 6 years" in first
    assert main(arguments) == 0
    assert out.read_bytes() == first


def test_validate_lists_problems_as_csv(tmp_path: Path) -> None:
    path = write(
        tmp_path / "bad.csv", HEAD + "a,100.005,2024-01-01,H100\nb,-5,2024-02-30,H100\nb,7,2024-02-28,H100\n"
    )
    done = run("validate", path)
    assert done.returncode == 1
    codes = {(row["column"], row["code"]) for row in csv.DictReader(done.stdout.splitlines())}
    assert {("cost", "precision"), ("cost", "range"), ("asset_id", "duplicate_id")} <= codes
    assert "problem" in done.stderr
    done = run("validate", write(path, HEAD + "a,100,2024-01-01,H100\n"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "bad.csv: no problems\n")


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_any_frame_library_will_do(
    fleet_csv: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], library: str
) -> None:
    bad = write(fleet_csv.with_name("bad.csv"), HEAD + "a,-5,2024-01-01,H100\n")
    commands = (
        ["demo"],
        ["compare", str(fleet_csv), "--years", "4", "6", "--by", "site", "--freq", "Y"],
        ["compare", str(fleet_csv), "--years", "4", "6", "--per-asset", "--freq", "Y"],
        ["validate", str(bad)],
    )

    def printed() -> list[str]:
        return [f"{main(command)} {capsys.readouterr().out}" for command in commands]

    with_pandas = printed()
    monkeypatch.setattr(_tables, "frame_library", lambda: library)
    for one, other in zip(with_pandas, printed(), strict=True):
        # Labels of a pandas index are no part of the others' frames.
        rows, others = (list(csv.reader(text.splitlines())) for text in (one, other))
        assert [row[:5] for row in rows] == [row[:5] for row in others]


# What they refuse, and how they say so.


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ((), 2, "COMMAND"),
        (("compare",), 2, "FLEET"),
        (("compare", "fleet.csv"), 2, "--years"),
        (("compare", "fleet.csv", "--years", "nan"), 2, "not a number of years"),
        (("compare", "fleet.csv", "--years", "inf"), 2, "not a number of years"),
        (("compare", "fleet.csv", "--years", "four"), 2, "not a number of years"),
        (("compare", "fleet.csv", "--years", "4", "4"), 2, "4"),
        (("compare", "fleet.csv", "--years", "4", "--freq", "W"), 2, "invalid choice"),
        (("compare", "fleet.csv", "--years", "4", "--where", "site"), 2, "COL=VALUE"),
        (("compare", "fleet.csv", "--years", "4", "--by", "site", "--per-asset"), 2, "not both"),
        (("compare", "fleet.csv", "--years", "4", "--residual-rate", "5"), 2, "residual_rate"),
        (("compare", "fleet.csv", "--years", "4", "--by", "sight"), None, "sight"),
        (("compare", "fleet.csv", "--years", "4", "--per-asset", "-o", "r.html"), 2, "totals"),
        (("compare", "fleet.xlsx", "--years", "4"), 2, ".csv, .parquet"),
        (("compare", "nothing.csv", "--years", "4"), 2, "no such file"),
        (("compare", "fleet.csv", "--years", "4", "-o", "out.xlsx"), 2, ".csv, .parquet, .html"),
        (("compare", "fleet.csv", "--years", "4", "-o", "fleet.csv"), 2, "is the input"),
        (("compare", "fleet.csv", "--years", "4", "-o", "no/where.csv"), 2, "not a directory"),
        (("compare", "fleet.csv", "--years", "4", "-o", "x" * 300 + ".csv"), 2, "name too long"),
        (("demo", "-o", "demo.csv"), 2, ".html"),
        (("validate", "."), 2, ".csv, .parquet"),
    ],
)
def test_wrong_use(
    fleet_csv: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    status: int | None,
    words: str,
) -> None:
    monkeypatch.chdir(fleet_csv.parent)
    before = fleet_csv.read_bytes()
    done = main(arguments)
    assert done == status or (status is None and done in (1, 2))
    assert words.lower() in said(capsys).lower()
    assert os.listdir() == ["fleet.csv"]
    assert fleet_csv.read_bytes() == before


@pytest.mark.parametrize("kind", ["symlink", "dangling", "fifo", "directory", "device"])
def test_only_regular_files_are_written(
    tmp_path: Path, fleet_csv: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    out, other = tmp_path / "out.csv", write(tmp_path / "other.csv", "keep me")
    if kind == "symlink":
        out.symlink_to(other)
    elif kind == "dangling":
        out.symlink_to(tmp_path / "gone.csv")
    elif kind == "fifo":
        os.mkfifo(out)
    elif kind == "directory":
        out.mkdir()
    else:
        try:
            os.mknod(out, stat.S_IFCHR | 0o666, os.makedev(1, 7))  # /dev/full
        except PermissionError:
            out.symlink_to("/dev/full")
    names = sorted(os.listdir(tmp_path))
    assert main(["compare", str(fleet_csv), "--years", "4", "-o", str(out)]) == 2
    assert re.search("symbolic link|regular file", said(capsys))
    assert sorted(os.listdir(tmp_path)) == names
    assert other.read_text() == "keep me"
    assert main(["compare", str(out), "--years", "4"]) in (1, 2)  # nor is one waited on for reading
    said(capsys)


def test_existing_file_is_replaced_whole(tmp_path: Path, fleet_csv: Path) -> None:
    out = write(tmp_path / "out.csv", "old")
    out.chmod(0o640)
    linked = tmp_path / "linked.csv"
    os.link(out, linked)
    assert main(["compare", str(fleet_csv), "--years", "4", "-o", str(out)]) == 0
    assert out.read_text().startswith("policy,")
    assert stat.S_IMODE(out.stat().st_mode) == 0o640
    assert linked.read_text() == "old"  # the name was replaced, not what stood behind it
    assert sorted(os.listdir(tmp_path)) == ["fleet.csv", "linked.csv", "out.csv"]


def test_new_file_has_the_umasks_mode(tmp_path: Path, fleet_csv: Path) -> None:
    assert run("compare", fleet_csv, "--years", 4, "-o", tmp_path / "o.csv", umask=0o027).returncode == 0
    assert stat.S_IMODE((tmp_path / "o.csv").stat().st_mode) == 0o640


def test_failure_while_writing_leaves_the_old_file(
    tmp_path: Path, fleet_csv: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(frame: object, path: Path) -> None:
        write(path, "half a fi")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_tables, "_write_parquet", full)
    out = write(tmp_path / "out.parquet", "old")
    assert main(["compare", str(fleet_csv), "--years", "4", "-o", str(out)]) == 2
    assert "No space left" in said(capsys)
    assert out.read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == ["fleet.csv", "out.parquet"]


def test_full_standard_output_is_an_error(fleet_csv: Path) -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "neocalc", "compare", str(fleet_csv), "--years", "4"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


def test_reader_that_stops_early_is_no_error(fleet_csv: Path) -> None:
    command = f"set -o pipefail; '{sys.executable}' -m neocalc compare '{fleet_csv}' --years 4 6 --per-asset --freq M | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("asset_id,")


# Files nobody would send on purpose.


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("a,a,b\n1,2,3\n", "twice"),
        (HEAD + "1,100.00,2024-01-01,H100\n2,1,234.56,2024-01-01,H100\n", "line 3 has 5 fields"),
        (HEAD + "1,100.00,2024-01-01,H100\n2,100", "line 3 has 2 fields"),
        (HEAD + '1,100.00,2024-01-01,"H100\n', "unexpected end of data"),
        (HEAD + '1,100.00,2024-01-01,"H1"00\n', "expected after"),
        (HEAD + f"1,100.00,2024-01-01,{'x' * 200_000}\n", "field larger than"),
        (HEAD.encode("utf-16"), "not UTF-8"),
        (HEAD.encode() + b"1,100.00,2024-01-01,\xff\n", "not UTF-8"),
    ],
)
def test_broken_csv_is_refused_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | bytes, words: str
) -> None:
    path = write(tmp_path / "fleet.csv", text)
    assert main(["compare", str(path), "--years", "4"]) == 1
    assert words in said(capsys)


@pytest.mark.parametrize(
    "amount",
    ["1 234.56", "1.234,56", "(500)", "5e3", "0x10", "1_000", "１２", "١٢", "NaN", "inf", "$5", "5-", "."],
)
def test_only_plain_decimals_are_amounts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], amount: str
) -> None:
    path = write(tmp_path / "fleet.csv", HEAD + f'1,100.00,2024-01-01,H100\n2,"{amount}",2024-01-01,H100\n')
    assert main(["compare", str(path), "--years", "4"]) == 1
    error = said(capsys)
    assert "'cost'" in error
    assert "first at row 1" in error
    assert "[dtype]" in error


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_reading_guesses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str, end: str
) -> None:
    monkeypatch.setattr(_tables, "frame_library", lambda: library)
    lines = [
        "asset_id,cost,in_service_date,useful_life_months,note",
        '0012,100.10,2024-01-01,,"a, b"',
        "NA,+.50,2024-02-01,60,null",
        "",
        "1e3,22517998136852.47,2024-03-01,72,",
    ]
    path = write(tmp_path / "fleet.csv", "\ufeff" + end.join(lines))
    frame = _tables.read_fleet(path)
    assert type(frame).__module__.partition(".")[0] == library
    table = frame if library == "pyarrow" else pa.table(frame)
    data = table.to_pydict()
    assert data["asset_id"] == ["0012", "NA", "1e3"]
    assert data["cost"] == [100.10, 0.50, 22517998136852.47]
    assert data["in_service_date"] == ["2024-01-01", "2024-02-01", "2024-03-01"]
    assert data["useful_life_months"] == [None, 60.0, 72.0]
    assert data["note"] == ["a, b", "null", None]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + bytes(100) + b"PAR1", b"id,cost\n1,2\n"])
def test_broken_parquet_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    path = write(tmp_path / "fleet.parquet", content)
    assert main(["compare", str(path), "--years", "4"]) == 1
    assert "not a readable Parquet file" in said(capsys)


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "＝1+1", '=HYPERLINK("x")']


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_text_a_spreadsheet_would_run_is_made_text(tmp_path: Path, library: str) -> None:
    columns = {"=key": [*FORMULAS, "H100", None], "amount": [-12.5] * (len(FORMULAS) + 2)}
    frame = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}[library](columns)
    frames = [frame]
    if library == "pandas":
        frames += [frame.astype({"=key": "category"}), frame.astype({"=key": object})]
    for number, each in enumerate(frames):
        path = tmp_path / f"{number}.csv"
        _tables.write_table(each, path)
        with path.open(newline="") as file:
            head, *rows = csv.reader(file)
        assert head == ["'=key", "amount"]
        # A lone \r would end the row for some readers.
        assert [row[0] for row in rows] == [
            *(f"'{text}".replace("\r", "\n") for text in FORMULAS),
            "H100",
            "",
        ]
        assert {row[1] for row in rows} == {"-12.5"}  # a number is no formula


def test_names_from_a_file_do_not_steer_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "fleet.csv", "asset_id,cost,in_service_date\n\x1b[2J,-5,2024-01-01\n")
    assert main(["compare", str(path), "--years", "4"]) == 1
    assert "\x1b" not in said(capsys)


def test_errors_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "fleet.csv", HEAD + "a,-5,2024-01-01,H100\n")
    for arguments in (["--json", "compare"], ["compare", "--json"]):
        assert main([*arguments, str(path), "--years", "4"]) == 1
        problem = json.loads(said(capsys))
        assert (problem["error"], problem["code"]) == ("InputError", "range")
        assert problem["issues"][0]["column"] == "cost"
        assert problem["issues"][0]["rows"] == [0]
    assert main(["--json", "compare", "nothing.csv", "--years", "4"]) == 2
    assert json.loads(said(capsys))["error"] == "ConfigError"


def test_help_and_version_are_instant_and_load_no_frame_library() -> None:
    code = (
        "import sys; from neocalc.cli import main; main(['--help'])\n"
        "assert not {'pandas', 'polars', 'pyarrow', 'narwhals'} & set(sys.modules), sorted(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "compare useful lives" in done.stdout
    assert run("--version").stdout == f"neocalc {nc.__version__}\n"
