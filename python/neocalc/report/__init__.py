"""Reports: one HTML file that opens without a network."""

from __future__ import annotations

from neocalc.report.certificate import covenant_certificate
from neocalc.report.comparison import Comparison, Published, compare_for_report
from neocalc.report.deal_page import deal_report
from neocalc.report.page import render_page

__all__ = [
    "Comparison",
    "Published",
    "compare_for_report",
    "covenant_certificate",
    "deal_report",
    "render_page",
]
