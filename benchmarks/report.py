"""One line of the report per figure, printed as soon as it is known."""

from __future__ import annotations

from typing import NamedTuple

_WIDTHS = "{:<46} {:>9} {:>11} {:>11} {:>9} {:>9}  {:<4} {}"


class Figure(NamedTuple):
    """What was measured and what it should be.

    ``value`` is what is held against the ``aim`` (at most that), in the ``unit``; None
    when it could not be measured, for the reason in ``remark``. ``ours`` and ``theirs``
    are the medians in seconds behind a ratio. Without an ``aim`` it is for information.
    """

    name: str
    sockets: int
    value: float | None
    unit: str
    aim: float | None = None
    ours: float | None = None
    theirs: float | None = None
    remark: str = ""

    @property
    def verdict(self) -> str:
        """PASS or MISS, ``-`` where there is no aim, ``none`` where there is no value."""
        if self.value is None:
            return "none"
        if self.aim is None:
            return "-"
        return "PASS" if self.value <= self.aim else "MISS"

    def __str__(self) -> str:
        return _WIDTHS.format(
            self.name,
            f"{self.sockets:,}",
            _seconds(self.ours),
            _seconds(self.theirs),
            _amount(self.value, self.unit),
            _amount(self.aim, self.unit),
            self.verdict,
            self.remark,
        ).rstrip()


def heading() -> str:
    """The line above the figures."""
    return _WIDTHS.format(
        "figure", "sockets", "ours", "peer", "figure", "aim", "", "remark"
    ).rstrip()


def summary(figures: list[Figure]) -> str:
    """How many aims were met."""
    verdicts = [figure.verdict for figure in figures if figure.aim is not None]
    counts = [f"{verdicts.count(word)} {word}" for word in ("PASS", "MISS")]
    unmeasured = verdicts.count("none")
    return ", ".join([*counts, f"{unmeasured} not measured"])


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.4f} s"


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    if unit == "rows":
        return f"{value:,.0f}"
    return f"{value:.2f}{unit}" if unit == "x" else f"{value:.2f} {unit}"
