"""Reports: one HTML file that opens without a network."""

from __future__ import annotations

from neocalc.report.comparison import Comparison, Published, compare_for_report
from neocalc.report.page import render_page

__all__ = ["Comparison", "Published", "compare_for_report", "render_page"]
