"""Numbers of a summary as they are said: one run's value, or the median over seeds with its interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Write = Callable[[float], str]


@dataclass(frozen=True)
class Reading:
    """A number, with the 95 % interval of the median where there are seeds enough for one."""

    value: float
    low: float | None = None
    high: float | None = None

    def said(self, write: Write, unit: str = "") -> str:
        """In words: "2.1 %", or "2.1 % [1.4, 3.0]"."""
        unit = f" {unit}" if unit else ""
        return f"{write(self.value)}{unit}{self.interval(write)}"

    def interval(self, write: Write) -> str:
        """ " [1.4, 3.0]", or nothing where there is none or it has no width as written."""
        if self.low is None or self.high is None or write(self.low) == write(self.value) == write(self.high):
            return ""
        return f" [{write(self.low)}, {write(self.high)}]"

    def lost(self) -> Reading:
        """One minus it: of a share that is left, the share that is gone."""
        turned = self.negative()
        if turned.low is None or turned.high is None:
            return Reading(1.0 + turned.value)
        return Reading(1.0 + turned.value, 1.0 + turned.low, 1.0 + turned.high)

    def negative(self) -> Reading:
        """Minus it: of a profit, the loss."""
        if self.low is None or self.high is None:
            return Reading(-self.value)
        return Reading(-self.value, -self.high, -self.low)


class Readings:
    """A summary, read by dotted names; over seeds where the summary has them."""

    def __init__(self, summary: Mapping[str, Any]) -> None:
        self.summary = summary
        self.seeds = int(summary["seeds"]["count"]) if "seeds" in summary else 1
        self._tree = summary["seeds"] if self.seeds > 1 else summary
        self.assets: list[str] = list(summary["assets"])
        self.shocked: list[str] = list(summary["shock"]["assets"]) if summary["shock"] else []
        self.currency = str(summary["currency"])

    def read(self, name: str) -> Reading | None:
        """The number under a dotted name, None where it is not available."""
        leaf: Any = self._tree
        for part in name.split("."):
            if not isinstance(leaf, Mapping) or part not in leaf:
                return None
            leaf = leaf[part]
        if isinstance(leaf, Mapping):
            return None if leaf["median"] is None else Reading(leaf["median"], leaf["low"], leaf["high"])
        return None if leaf is None else Reading(float(leaf))

    def largest(self, name: str) -> tuple[str, Reading] | None:
        """The asset with the largest available value under `name`."""
        found = [(asset, reading) for asset in self.assets if (reading := self.read(f"{name}.{asset}")) is not None]
        return max(found, key=lambda pair: pair[1].value) if found else None


def percent(share: float) -> str:
    """0.0213 -> "2.1"; two digits where it is small, none from 100 on, and never "-0"."""
    value = 100.0 * share
    if abs(value) >= 99.95:
        return f"{value:.0f}"
    text = f"{value:.1f}" if abs(value) >= 0.95 or value == 0.0 else f"{value:.2f}"
    return "0.00" if text == "-0.00" else text


def times(factor: float) -> str:
    """1.5 -> "1.50"."""
    return f"{factor:.2f}"


def whole(number: float) -> str:
    """1234.0 -> "1,234"; a median of an even number of counts keeps its half."""
    return f"{number:,.0f}" if number == round(number) else f"{number:,.1f}"


def money(amount: float) -> str:
    """1234567.0 -> "1.23 M"."""
    for scale, letter in ((1e9, " bn"), (1e6, " M"), (1e3, " k")):
        if abs(amount) >= 0.9995 * scale:
            return f"{amount / scale:.3g}{letter}"
    return f"{amount:.3g}" if amount else "0"
