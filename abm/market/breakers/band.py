"""Price band with limit state and pause, as under the US Limit Up - Limit Down plan."""

from __future__ import annotations

from typing import Literal

import numpy as np

from abm.market.breakers.halting import Halting
from abm.market.breakers.watch import Bools, Ints, Quotes, Terms, Window, around, touched
from abm.record import param


class PriceBand(Halting):
    """No trade beyond reference x (1 -+ width); a book that sits at its band for `limit_state` pauses.

    The reference is the mean price of the window, in force once it is `reference_move` away from the last one. While a
    book sits at its band, window and band stand still. Not suitable below one price per step: the window holds the price
    with which each step ended, not every trade.
    """

    kind: Literal["luld"] = "luld"
    width: float = param(
        0.05,
        unit="share of the reference",
        source="LULD plan (luldplan.com): 5 % for Tier 1, 10 % for Tier 2 securities above 3 USD",
        help="Distance of either band from the reference price.",
        gt=0,
        lt=1,
    )
    window: float = param(300.0, unit="s", source="LULD plan: 5 min", help="Time over which the reference is averaged.", gt=0)
    limit_state: float = param(
        15.0, unit="s", source="LULD plan: 15 s", help="Time at the band after which trading pauses.", ge=0
    )
    pause: float = param(300.0, unit="s", source="LULD plan: 5 min", help="Length of the pause.", gt=0)
    reference_move: float = param(
        0.01,
        unit="share of the reference",
        source="LULD plan: the reference changes once the mean is 1 % away",
        help="Smaller moves of the mean leave the reference as it is.",
        ge=0,
        lt=1,
    )
    price: Literal["last", "mid"] = param(
        "last", unit="choice", source="LULD plan: trades", help="What the window averages: last trade or mid of each step."
    )
    beyond: Literal["reprice", "refuse"] = param(
        "reprice",
        unit="choice",
        source="choice of regime; US venues reprice to the band",
        help="Orders priced beyond the band are moved to it or refused.",
    )
    straddle: bool = param(
        False,
        unit="true or false",
        source="choice; the LULD plan leaves a pause in the straddle state to the listing exchange",
        help="Best bid below the lower band or best offer above the upper one counts as sitting at the band.",
    )
    reopening: Literal["open", "stale"] = param(
        "open",
        unit="choice",
        source="choice of regime; under LULD the price of the reopening auction is the new reference",
        help="The first step after a pause has no band and its last mid is the new reference; or the old reference stays.",
    )

    def watch(self, terms: Terms) -> BandWatch:
        """The breaker at work."""
        return BandWatch(self, terms)


class BandWatch:
    """Reference, bands and time at the band of every instrument."""

    def __init__(self, rule: PriceBand, terms: Terms) -> None:
        opening = terms.instruments.opening_tick
        self.reprices = rule.beyond == "reprice"
        self._rule, self._ladder = rule, terms.ladder()
        self._limit, self._pause = terms.steps(rule.limit_state), terms.steps(rule.pause)
        self._window = Window(opening, terms.steps(rule.window))
        self._reference = opening.astype(np.float64)  # ticks; 0 from a pause to the end of the first step after it
        self._at_band = np.zeros(len(opening), dtype=np.int64)  # steps in a row that ended at the band
        self.bands = self._around()

    def advance(self, quotes: Quotes, closed: Bools) -> Ints:
        """A pause begins where the book has sat at its band from the end of one step for `limit_state`."""
        if closed.any():
            self._restart(closed)
        fresh = ~closed & (self._reference == 0)
        at_band = ~closed & self._sits(quotes)
        self._at_band = np.where(at_band, self._at_band + 1, 0)
        price = quotes.last if self._rule.price == "last" else quotes.middle()
        self._window.add(np.where(closed | at_band, 0, np.where(fresh, quotes.middle(), price)))
        mean = self._window.mean
        away = np.abs(mean - self._reference) >= self._rule.reference_move * self._reference
        self._reference = np.where(away & ~closed & ~at_band & (mean > 0), mean, self._reference)
        self.bands = self._around()
        return np.where(self._at_band > self._limit, self._pause, 0)

    def _restart(self, closed: Bools) -> None:
        if self._rule.reopening == "open":
            self._reference[closed] = 0.0
        self._window.restart(closed, np.rint(self._reference).astype(np.int64))
        self._at_band[closed] = 0

    def _sits(self, quotes: Quotes) -> Bools:
        low, high = self.bands.T
        at_band = touched(quotes, self.bands)
        if self._rule.straddle:
            at_band |= ((quotes.bid > 0) & (quotes.bid < low)) | (quotes.ask > high)
        return at_band

    def _around(self) -> Ints:
        width, reference = self._rule.width, self._reference
        bands = around(reference * (1.0 - width), reference * (1.0 + width), self._ladder)
        return np.where(reference[:, np.newaxis] > 0, bands, self._ladder)
