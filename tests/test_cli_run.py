"""``neocalc run``: the answer on stdout, the page in a file, the exit status."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest

from neocalc.cli import main

TERMS = """
[deal]
name = "SPV"
start = 2025-01-01
end = 2025-03-31
[opening]
cash = {cash}
[books.4y]
method = "straight_line"
years = 4
"""
TABLES = {
    "assets": "asset_id,cost,in_service_date,facility_id\nA,480,2024-01-01,loan\n",
    "facilities": "facility_id,start_date,term_months,principal,annual_rate,profile\n"
    "loan,2024-12-31,24,240,0.12,level_principal\n",
    "covenants": "covenant_id,entity_id,metric,threshold,level\nLTV,loan,ltv,{limit},default\n",
}


def folder(path: Path, cash: float = 1000, limit: float = 0.9) -> Path:
    (path / "deal.toml").write_text(TERMS.format(cash=cash), encoding="utf-8")
    for name, text in TABLES.items():
        (path / f"{name}.csv").write_text(text.format(limit=limit), encoding="utf-8")
    return path


def test_the_question_in_one_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "report.html"
    assert main(["run", "coreweave-2025q1", "--years", "6", "4", "5", "-o", str(page)]) == 0
    lines = capsys.readouterr().out.splitlines()
    operating = next(line.split() for line in lines if line.startswith("Operating result  "))
    assert operating == ["Operating", "result", "−234.133", "−109.802", "−26.914", "−27.470", "A"]
    net = next(line.split() for line in lines if line.startswith("Net property and equipment  "))
    assert net[-3:] == ["14,202.874", "14,210.992", "A"]
    assert any(line.startswith("Collateral cover") and "1.17x" in line and "1.25x" in line for line in lines)
    assert page.read_text(encoding="utf-8").count("<svg") == 3


@pytest.mark.parametrize(
    ("cash", "limit", "status"),
    [
        (1000, 0.9, 0),
        (1000, 0.5, 3),
        (5, 0.9, 3),
    ],  # 210 owed of 330 in March is 0.64; 5 of cash pay no instalment
)
def test_exit_status(
    tmp_path: Path, cash: float, limit: float, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(folder(tmp_path, cash, limit))]) == status
    said = capsys.readouterr().out.splitlines()[0]
    words = {
        0: "no covenant is breached",
        3: "a covenant is breached" if cash > 5 else "not all that is owed can be paid",
    }
    assert words[status] in said


def test_names_that_would_steer_a_terminal_are_shown_without_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = folder(tmp_path)
    text = TABLES["covenants"].format(limit=0.9).replace("LTV,", "LTV\x1b[2J,")
    (at / "covenants.csv").write_text(text, encoding="utf-8")
    assert main(["run", str(at)]) == 0
    said = capsys.readouterr().out
    assert "LTV?[2J of loan" in said
    assert "\x1b" not in said


def test_a_frame_as_csv(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["run", str(folder(tmp_path)), "--frame", "property", "--freq", "Q", "--years", "3", "4"]) == 0
    )
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["policy"], float(row["depreciation"])) for row in rows] == [("3y", 40.0), ("4y", 30.0)]


def test_wrong_use_and_bad_data(tmp_path: Path) -> None:
    assert main(["run", "no-such-deal"]) == 2
    assert main(["run", "nebius-2025", "-o", "deal.pdf"]) == 2
    assert main(["run", "nebius-2025", "--frame", "profits"]) == 2
    path = folder(tmp_path)
    (path / "assets.csv").write_text("asset_id,cost,in_service_date\nA,-480,2024-01-01\n", encoding="utf-8")
    assert main(["run", str(path)]) == 1


def test_a_terminal_without_the_signs_is_told_in_plain_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minus that an encoding lacks stays a minus: Windows' own has none of the long ones."""
    for encoding in ("ascii", "cp1252"):
        stream = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(stream, encoding=encoding, write_through=True))
        assert main(["run", "coreweave-2025q1", "--years", "4"]) == 0
        said = stream.getvalue().decode(encoding)
        assert any(line.split()[:3] == ["Operating", "result", "-234.133"] for line in said.splitlines())
        assert "?" not in said


def test_who_does_not_listen_changes_neither_page_nor_status(tmp_path: Path) -> None:
    at, page = str(folder(tmp_path, limit=0.5)), tmp_path / "page.html"
    command = [sys.executable, "-m", "neocalc", "run", at, "--frame", "waterfall", "-o", str(page)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as deaf:
        assert deaf.stdout is not None
        deaf.stdout.close()
        assert deaf.wait(60) == 3
    assert page.read_text(encoding="utf-8").endswith("</html>\n")
    close = (
        "import os, sys; os.close(1); os.close(2); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    found = subprocess.run([sys.executable, "-c", close, *command[1:5]], check=False, timeout=60)
    assert found.returncode == 3
