"""What houses ask of positions at the opening, before there are accounts: of legs that back each other, and of each alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.clearing.margin.rule import opened
from abm.clearing.margin.terms import Terms
from abm.clearing.margin.tiered import Requirement
from abm.clearing.rulebook import Clearing
from abm.kernels.margin import Brackets, initial_margin, leg_margin, revalue
from abm.market.instrument import Instruments
from abm.scenario import Scenario

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Asked:
    """The margin rules of all houses at the opening; `lots` are (k, n_instruments), money is cash units."""

    instruments: Instruments
    rules: list[Clearing]  # one per venue, and the prime house if there is one
    brackets: Brackets
    state: list[Any]  # of each house's margin rule, None where brackets say everything

    @classmethod
    def of(cls, scenario: Scenario, instruments: Instruments, rules: list[Clearing], brackets: Brackets) -> Asked:
        terms = terms_of(scenario, instruments)
        return cls(instruments, rules, brackets, [opened(rule.margin, terms) for rule in rules])

    @property
    def price(self) -> Ints:
        """Cash units per lot at the opening, (n_instruments,)."""
        return self.instruments.opening_tick * self.instruments.unit

    def together(self, lots: Ints, house: int = 0) -> Requirement:
        """Margin of all legs as one account of `house`, (k,); what admits orders, the brackets, is in the initial one."""
        held, rule = np.asfortranarray(lots), np.full(len(lots), house, dtype=np.int64)
        cash = np.zeros((len(lots), 1), dtype=np.int64, order="F")
        initial = initial_margin(held, self.price, rule, self.brackets)
        if self.state[house] is None:
            return Requirement(initial, revalue(cash, held, held, self.price, rule, self.brackets).maintenance)
        own = self._by_rule(lots, house)
        return Requirement(np.maximum(initial, own.initial), own.maintenance)

    def apart(self, lots: Ints) -> Requirement:
        """Margin of legs that are accounts by themselves, each asked by the house of its venue, summed, (k,)."""
        legs = [self.together(self._leg(lots, i), int(house)) for i, house in enumerate(self.instruments.venue)]
        return Requirement(*np.sum(legs, axis=0))

    def large(self, lots: Ints, interest: Ints) -> Ints:
        """Maintenance margin on top for size, (k, n_instruments), where `interest` (n_instruments,) lots are open.

        Houses look at owners, so it is the same for legs together and apart.
        """
        added = np.zeros_like(lots)
        for house in range(int(self.instruments.venue.max()) + 1):
            here = self.instruments.venue == house
            added[:, here] = self.rules[house].concentration.opening(lots, interest, self.instruments)[:, here]
        return added

    def alone(self, lots: Ints) -> tuple[Floats, Ints]:
        """Initial and maintenance margin of every perpetual as the only one, (k, n_instruments) each, without what is asked
        for size.

        Initial margin of brackets is that of the first one, so that it splits money by notional where leverage is equal.
        """
        venue, columns = self.instruments.venue, np.arange(len(self.instruments))
        initial = np.abs(lots) * (self.price * self.brackets.initial_rate[venue, columns, 0])
        maintenance = np.zeros_like(lots)
        for house in range(int(venue.max()) + 1):
            here = venue == house
            if self.state[house] is None:
                maintenance[:, here] = leg_margin(lots, self.price, self.brackets, house)[:, here]
                continue
            for i in np.flatnonzero(here & ~self.instruments.is_spot):
                initial[:, i], maintenance[:, i] = self._by_rule(self._leg(lots, int(i)), house)
        return initial, maintenance

    def _by_rule(self, lots: Ints, house: int) -> Requirement:
        """By a margin rule that brackets do not state, (k,)."""
        perpetuals = self.instruments.perpetuals
        held = np.asfortranarray(lots[:, perpetuals])
        found: Requirement = self.rules[house].margin.requirement(held, self.price[perpetuals], self.state[house])
        return found

    def _leg(self, lots: Ints, leg: int) -> Ints:
        return np.where(np.arange(lots.shape[1]) == leg, lots, 0)


def terms_of(scenario: Scenario, instruments: Instruments) -> Terms:
    """What margin rules are told about the instruments: the perpetuals alone, as tokens have haircuts."""
    rows = instruments.asset[instruments.perpetuals]
    assets = [scenario.assets[row] for row in rows]
    correlation = scenario.world.fundamentals.matrix(len(scenario.assets))
    return Terms(
        assets=tuple(asset.name for asset in assets),
        max_leverage=np.array([asset.max_leverage for asset in assets]),
        volatility=np.array([asset.volatility_daily for asset in assets]),
        correlation=correlation[np.ix_(rows, rows)],
        step_seconds=scenario.time.step_seconds,
        cash_units=1.0 / scenario.money.cash_unit,
    )
