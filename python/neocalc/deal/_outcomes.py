"""What a deal comes to: its frames, under one policy or several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neocalc._options import FREQS, choice
from neocalc.deal._checks import Checks
from neocalc.deal._results import RESULT_FRAMES, Results


@dataclass(frozen=True, eq=False)
class DealResult:
    """A deal that has been run: frames by month, each of the kind that the deal's tables are.

    ``result[name]`` is the frame of that name, `DealResult.frames` lists them, `to_frame` sums months up to
    quarters or years.
    """

    name: str
    policy: str
    currency: str
    published: Any
    sources: Any
    _results: Results

    @property
    def frames(self) -> tuple[str, ...]:
        """Names of the frames."""
        return RESULT_FRAMES

    def __getitem__(self, name: str) -> Any:
        return self.to_frame(name)

    def __getattr__(self, name: str) -> Any:
        if name in RESULT_FRAMES:
            return self.to_frame(name)
        raise AttributeError(name)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *RESULT_FRAMES]

    def to_frame(self, name: str, *, freq: str = "M") -> Any:
        """Return a frame by name.

        Parameters
        ----------
        name
            One of `frames`.
        freq
            ``M``, or for statements and measures ``Q`` and ``Y``: flows are summed, balances are those at the
            end.

        Returns
        -------
        DataFrame or Table
            See `Deal.run`.

        Raises
        ------
        ConfigError
            For a name or a frequency that there is not.
        """
        choice("name", name, RESULT_FRAMES)
        choice("freq", freq, FREQS)
        return self._results.frame(name, freq)

    def report(self, path: Any, *, lives: Mapping[str, DealResult] | None = None) -> None:
        """Write the deal as an HTML page that needs nothing but itself.

        Parameters
        ----------
        path
            A file that ends in ``.html``.
        lives
            Results under several lives beside it, such as `Deal.compare_lives` gives.

        Raises
        ------
        ConfigError
            For a path that cannot be written.
        """
        from neocalc._tables import check_output, write_text
        from neocalc.report import deal_report

        target = Path(path)
        check_output(target, suffixes=(".html",))
        write_text(deal_report(self, lives=lives), target)

    @property
    def equity_is_derived(self) -> bool:
        """Whether the equity at the start is what assets less liabilities leave; else it was told."""
        return self._results.statements.equity_derived

    @property
    def past_due(self) -> Any:
        """What could not be paid, when: rows of ``waterfall`` that are short."""
        return self._results.shortfalls()

    @property
    def checks(self) -> Any:
        """What was computed beside what was published, for the figures of ``published`` that have a kind.

        Kinds: E exact, the inputs suffice; A approximate, a named assumption is needed; F fitted, one
        parameter was chosen so that the figure comes out; L logic only. ``computed`` is null where the deal
        does not know it.
        """
        return Checks(self._results).frame(self.policy)

    @property
    def breached(self) -> bool:
        """Whether a covenant of level ``default`` was breached, or something owed could not be paid."""
        return self._results.breached()


class DealComparison(Mapping[str, DealResult]):
    """Results of one deal under several policies."""

    def __init__(self, results: Mapping[str, DealResult]) -> None:
        self._results = dict(results)

    def __getitem__(self, name: str) -> DealResult:
        return self._results[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._results)

    def __len__(self) -> int:
        return len(self._results)

    def to_frame(self, name: str, *, freq: str = "M") -> Any:
        """Return a frame of each result below the other, with a column ``policy`` before.

        Parameters
        ----------
        name, freq
            As for `DealResult.to_frame`.

        Returns
        -------
        DataFrame or Table
            Of the kind of the deal's tables.
        """
        import narwhals.stable.v2 as nw

        parts = []
        for policy, result in self._results.items():
            part = nw.from_native(result.to_frame(name, freq=freq), eager_only=True)
            parts.append(part.select(nw.lit(policy).alias("policy"), nw.all()))
        return nw.concat(parts, how="vertical").to_native()
