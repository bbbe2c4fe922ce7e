"""Market-wide halts on a fall of the whole venue, as in US equity markets."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from pydantic import model_validator

from abm.market.breakers.halting import Halting
from abm.market.breakers.watch import Bools, Floats, Ints, Quotes, Terms
from abm.record import param

FOR_EVER = 2**62  # steps
ROUNDING = 1e-9  # of the index: a fall by exactly a level reaches it


class MarketWide(Halting):
    """Every book of the venue halts when an index of its last trades has fallen by 7, 13 or 20 % since the opening.

    index = sum of weight x last / opening over the venue's instruments. Each level halts once; the third for the rest of
    the run. A fall through several levels in one step counts as the deepest. Coordinated, all venues halt.
    """

    kind: Literal["market_wide"] = "market_wide"
    first: float = param(0.07, unit="share of the opening", source="NYSE Rule 7.12: 7 %", help="Level 1.", gt=0, lt=1)
    second: float = param(0.13, unit="share of the opening", source="NYSE Rule 7.12: 13 %", help="Level 2.", gt=0, lt=1)
    third: float = param(
        0.20, unit="share of the opening", source="NYSE Rule 7.12: 20 %, for the rest of the day", help="Level 3.", gt=0, lt=1
    )
    halt: float = param(900.0, unit="s", source="NYSE Rule 7.12: 15 min", help="Length of a halt at levels 1 and 2.", gt=0)
    weights: Literal["open_interest", "equal"] = param(
        "open_interest",
        unit="choice",
        source="choice; the S&P 500 weighs by capitalisation",
        help="Weights of the instruments in the index: open interest at the opening, or equal.",
    )

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if not self.first < self.second < self.third:
            raise ValueError(f"levels must rise, first < second < third, were {self.first:g}, {self.second:g}, {self.third:g}")
        return self

    def watch(self, terms: Terms) -> MarketWatch:
        """The breaker at work."""
        return MarketWatch(self, terms)


class MarketWatch:
    """One index per venue and the levels it has reached."""

    reprices = False

    def __init__(self, rule: MarketWide, terms: Terms) -> None:
        self._venue, self._opening = terms.instruments.venue, terms.instruments.opening_tick
        self._levels = np.array([rule.first, rule.second, rule.third])
        self._lengths = np.array([terms.steps(rule.halt), terms.steps(rule.halt), FOR_EVER])
        self._weight = self._weights(terms.interest if rule.weights == "open_interest" else np.zeros(len(self._venue)))
        self._reached = np.zeros(int(self._venue.max()) + 1, dtype=np.int64)  # (n_venues,), levels that have halted
        self.bands = terms.ladder()

    def advance(self, quotes: Quotes, closed: Bools) -> Ints:
        """A halt begins on venues whose index is at a level that it had not reached."""
        weighed = self._weight * (quotes.last / self._opening)
        index = np.bincount(self._venue, weights=weighed)
        level = (self._levels <= (1.0 - index)[:, np.newaxis] + ROUNDING).sum(axis=1)  # (n_venues,)
        length = np.where(level > self._reached, self._lengths[np.maximum(level, 1) - 1], 0)
        self._reached = np.maximum(self._reached, level)
        return np.asarray(length[self._venue])

    def _weights(self, interest: Floats) -> Floats:
        """`interest` (n_instruments,) as shares of its venue's; equal shares where there is none."""
        total = np.bincount(self._venue, weights=interest)[self._venue]
        number = np.bincount(self._venue)[self._venue]
        return np.where(total > 0, interest / np.where(total > 0, total, 1.0), 1.0 / number)
