"""Halt after a move within a rolling window, as the dynamic circuit breakers of CME."""

from __future__ import annotations

from typing import Literal

import numpy as np

from abm.market.breakers.halting import Halting
from abm.market.breakers.watch import Bools, Ints, Quotes, Terms, Window, around, touched
from abm.record import param


class RollingHalt(Halting):
    """A halt once the price is `move` below the high or above the low of the window; then the window starts anew.

    The limits bind as bands, to which orders beyond them are moved, so that no trade prints further; a trade, offer or bid
    at a limit halts the book with the next step. CME takes the share of the previous settlement, here it is of the high or
    low. Not suitable below one price per step: the window holds the last trade of each step. The first step after a halt
    has no limits, and its last mid begins the window.
    """

    kind: Literal["rolling"] = "rolling"
    move: float = param(
        0.035,
        unit="share of high or low",
        source="CME Group, price limits and circuit breakers: 3.5 % in US equity index futures",
        help="Distance of the limits from high and low of the window.",
        gt=0,
        lt=1,
    )
    window: float = param(
        3600.0, unit="s", source="CME Group FAQ, dynamic circuit breakers: 60 min", help="Length of the rolling window.", gt=0
    )
    halt: float = param(
        120.0, unit="s", source="CME Group FAQ, dynamic circuit breakers: 2 min", help="Length of the halt.", gt=0
    )

    def watch(self, terms: Terms) -> RollingWatch:
        """The breaker at work."""
        return RollingWatch(self, terms)


class RollingWatch:
    """Window and limits of every instrument."""

    reprices = True

    def __init__(self, rule: RollingHalt, terms: Terms) -> None:
        self._move, self._halt, self._ladder = rule.move, terms.steps(rule.halt), terms.ladder()
        self._window = Window(terms.instruments.opening_tick, terms.steps(rule.window))
        self.bands = self._limits()

    def advance(self, quotes: Quotes, closed: Bools) -> Ints:
        """A halt begins where a trade or quote has reached a limit."""
        low, high = self.bands.T
        reached = ~closed & (touched(quotes, self.bands) | (quotes.last <= low) | (quotes.last >= high))
        fresh = self._window.high == 0
        self._window.add(np.where(closed, 0, np.where(fresh, quotes.middle(), quotes.last)))
        if (restarting := closed | reached).any():
            self._window.restart(restarting, np.zeros_like(quotes.last))
        self.bands = self._limits()
        return np.where(reached, self._halt, 0)

    def _limits(self) -> Ints:
        """From `move` below the high to `move` above the low, at least a tick from either."""
        high, low = self._window.high, self._window.low
        lowest = np.minimum(high * (1.0 - self._move), high - 1.0)
        bands = around(lowest, np.maximum(low * (1.0 + self._move), low + 1.0), self._ladder)
        return np.where(high[:, np.newaxis] > 0, bands, self._ladder)
