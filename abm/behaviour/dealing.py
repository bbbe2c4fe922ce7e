"""Options dealers: a fixed book of options whose delta is hedged on the perpetual, which feeds moves back into the price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from abm.behaviour.decision import take
from abm.behaviour.view import Rows, View
from abm.kernels.option import delta
from abm.market.order import OrderBatch, Reason
from abm.record import Record, param

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

DAY = 86_400.0
YEAR_DAYS = 365.0


@dataclass(frozen=True)
class Options:
    """The options of each of k equal dealers; they never trade. Prices are in ticks of the perpetual they are written on."""

    strike: Floats  # (n_instruments, n_strikes)
    lots: Floats  # (n_instruments,), lots of the perpetual that one option per strike stands for; negative if written
    opening: Floats  # (n_instruments,), delta at the opening, lots
    per_percent: Floats  # (n_instruments,), lots, unsigned: what a move of 1 % around the opening price adds to the delta


class Dealing(Record):
    """Dealers who have written (or hold) options on every perpetual and keep their delta near zero by trading it.

    Options lie at strikes around the opening price, in equal numbers; their delta is that of Black & Scholes 1973 at the
    mark, with a volatility that does not move. What a dealer holds should be minus the change of that delta since the
    opening (the opening's own is hedged already, elsewhere). If |gap| leaves the band, half of it is traded per half-life.
    Written options have negative gamma: the hedge buys what rises and sells what falls, and multiplies small moves by
    1 / (1 + impact x gamma). The options are no instruments here and their value is in no account: the hedge alone is
    margined, gains and losses of the options reach neither it nor anybody else. At expiry hedges are closed.
    Not suitable for the question whether a dealer's options and hedge together are solvent. Off: `gamma_share = 0`.
    """

    kind: Literal["dealing"] = "dealing"
    count: int = param(0, unit="dealers", source="default: none", help="Number of dealers, who share the options.", ge=0, le=1000)
    capital_share: float = param(
        0.02, unit="share of open interest", source="choice, swept", help="Joint money behind the hedges.", ge=0
    )
    gamma_share: float = param(
        0.002,
        unit="share of open interest per 1 %",
        source="choice of regime, swept; written gamma as large as the book's depth within 1 % feeds on itself",
        help="Lots by which a move of 1 % around the opening price changes the delta of all dealers' options.",
        ge=0,
        le=1,
    )
    side: Literal["written", "held"] = param(
        "written", unit="choice", source="choice of regime: customers buy options", help="Written is short gamma, held is long."
    )
    strikes_each_side: int = param(
        2, unit="strikes", source="choice", help="Strikes above the opening price, and as many below; one is at it.", ge=0, le=50
    )
    strike_step: float = param(
        0.05, unit="share of opening price", source="choice", help="Distance between strikes.", gt=0, le=0.5
    )
    expiry_days: float = param(
        7.0, unit="days", source="choice of regime: weekly options", help="Time to expiry at the opening.", gt=0, le=365
    )
    implied_ratio: float = param(
        1.0, unit="1", source="choice", help="Implied volatility over the asset's daily volatility.", gt=0, le=20
    )
    band: float = param(
        0.1, unit="share of what 1 % adds", source="choice: a move of 10 bp", help="Gaps of the delta below this are left.", ge=0
    )
    hedge_half_life: float = param(30.0, unit="s", source="choice, swept", help="Half of a gap is traded in this time.", gt=0)
    protection: float = param(0.02, unit="share of price", source="choice", help="Worst price beyond the mid.", ge=0, lt=1)

    def options(self, opening: Ints, interest: Floats, volatility_daily: Floats) -> Options:
        """One dealer's book around `opening` (n_instruments,) ticks.

        `interest` (n_instruments,) lots of one-sided open interest, 0 where there are no options; `volatility_daily`
        (n_instruments,) of the assets.
        """
        place = np.arange(-self.strikes_each_side, self.strikes_each_side + 1)
        strike = np.maximum(opening[:, None] * (1.0 + self.strike_step * place), 1.0)
        unit = Options(strike, np.ones(len(opening)), np.zeros(len(opening)), np.zeros(len(opening)))
        price = opening.astype(np.float64)
        low, at_opening, high = (self._delta(unit, price * move, 0.0, volatility_daily) for move in (0.995, 1.0, 1.005))
        wanted = self.gamma_share * interest / max(self.count, 1)
        sign = -1.0 if self.side == "written" else 1.0
        lots = sign * wanted / np.maximum(high - low, 1e-12)
        return Options(strike, lots, lots * at_opening, wanted)

    def target(self, options: Options, mark: Ints, seconds: float, volatility_daily: Floats) -> Ints:
        """Lots that hedge one dealer's options at `mark` (n_instruments,) ticks, `seconds` after the opening."""
        if seconds >= self.expiry_days * DAY:
            return np.zeros(len(mark), dtype=np.int64)
        change = self._delta(options, mark.astype(np.float64), seconds, volatility_daily) - options.opening
        return np.rint(-change).astype(np.int64)

    def decide(self, view: View, rows: Rows, options: Options, volatility_daily: Floats) -> OrderBatch:
        """IOC orders of dealers `rows` (k,) toward their hedge."""
        gap = self.target(options, view.mark, view.seconds, volatility_daily) - view.position(rows)
        part = np.sign(gap) * np.ceil(np.abs(gap) * view.gain(self.hedge_half_life)).astype(np.int64)
        lots = np.where(np.abs(gap) > self.band * options.per_percent, part, 0)
        return take(view, rows, lots, protection=self.protection, reason=Reason.HEDGE)

    def _delta(self, options: Options, price: Floats, seconds: float, volatility_daily: Floats) -> Floats:
        """(n_instruments,) lots: calls and puts differ by a constant, which the opening takes out, so all count as calls."""
        years = (self.expiry_days - seconds / DAY) / YEAR_DAYS
        volatility = self.implied_ratio * volatility_daily * YEAR_DAYS**0.5
        total = [
            sum(delta(float(p), float(k), years, float(sigma), 0.0, True) for k in strikes)
            for p, sigma, strikes in zip(price, volatility, options.strike, strict=True)
        ]
        return np.asarray(options.lots * np.array(total))
