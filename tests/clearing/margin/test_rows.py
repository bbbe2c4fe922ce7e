"""An account's margin is its own: a row asks the same alone as among a million, by every rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abm.clearing.margin.concentration import AddOn
from abm.clearing.margin.dynamic import Dynamic
from abm.clearing.margin.grids import OkxGrid, ParadexGrid
from abm.clearing.margin.half_initial import HalfInitial
from abm.clearing.margin.portfolio import Portfolio
from abm.clearing.margin.terms import Terms
from abm.clearing.margin.tiered import Bracket, Tiered
from abm.clearing.margin.value_at_risk import ValueAtRisk
from abm.kernels.concentration import Pools
from abm.kernels.margin import revalue, revalue_rows

ASSETS = ("BTC", "ETH", "SOL", "BTC")
PRICE = np.array([100_000, 4_000, 200, 99_000])
CORRELATION = np.where(np.eye(4) == 1, 1.0, 0.6)
TERMS = Terms(ASSETS, np.full(4, 20.0), np.array([0.03, 0.04, 0.06, 0.03]), CORRELATION, step_seconds=5.0, cash_units=1.0)
LADDER = tuple(  # more brackets than the kernel tries at once
    Bracket(floor=floor, initial_rate=2 * rate, maintenance_rate=rate)
    for floor, rate in ((0.0, 0.004), (1e6, 0.005), (1e7, 0.01), (1e8, 0.025), (1e9, 0.05), (1e10, 0.1))
)
RULES: dict[str, tuple[Any, int]] = {
    "tiered": (Tiered(brackets={"BTC": LADDER}), 1_000_000),
    "half_initial": (HalfInitial(max_leverage={"SOL": 3.0}), 1_000_000),
    "portfolio": (Portfolio(grid=OkxGrid(), offset=0.5, offset_charge=0.001), 200_000),
    "portfolio, wide": (Portfolio(grid=ParadexGrid()), 200_000),
    "value_at_risk": (ValueAtRisk(), 500_000),
    "dynamic": (Dynamic(base=ValueAtRisk(stressed_weight=0.5)), 500_000),
    "dynamic tiered": (Dynamic(base=Tiered(brackets={"ETH": LADDER})), 1_000_000),
}


COMPILED = hasattr(revalue, "py_func")  # without the compiler a million rows take an hour; some thousands have the same seams


def positions(n: int) -> np.ndarray:
    """Heavy-tailed lots of either sign, a third of them flat; from flat accounts to such in the highest bracket."""
    rng = np.random.default_rng(5)
    lots = (rng.pareto(0.7, (n, 4)) * 10).clip(0, 5e6).astype(np.int64) * rng.choice([-1, 0, 1], (n, 4))
    return np.asfortranarray(lots)


def some(n: int) -> np.ndarray:
    """Rows at the ends, at the seams of blocks of 512 and of 64, and anywhere."""
    seams = np.array([0, 1, 63, 64, 65, 511, 512, 513, n // 2, n - 2, n - 1])
    return np.unique(np.concatenate([seams, np.random.default_rng(6).integers(0, n, 40)]))


@pytest.mark.parametrize("name", RULES)
def test_a_row_asks_the_same_alone_as_among_a_million(name: str) -> None:
    rule, n = RULES[name]
    n = n if COMPILED else 2_000
    state = rule.open(TERMS)
    for index in (np.full(4, 100.0), np.full(4, 97.0)):  # a fall moves the rules that follow the market
        state = rule.advance(state, index)
    held = positions(n)
    together = rule.requirement(held, PRICE, state)
    for row in some(n):
        alone = rule.requirement(np.asfortranarray(held[row : row + 1]), PRICE, state)
        assert (alone.initial[0], alone.maintenance[0]) == (together.initial[row], together.maintenance[row])
    assert (together.maintenance <= together.initial).all()


def test_a_row_is_worth_the_same_alone_as_among_a_million() -> None:
    n = 1_000_000 if COMPILED else 2_000
    held = positions(n)
    brackets = Tiered(brackets={"BTC": LADDER}).tables(ASSETS, max_leverage=20.0, cash_units=1.0, gains_share=0.5)
    cash, rule = np.full((n, 1), 10**9, order="F"), np.zeros(n, dtype=np.int64)
    together = revalue(cash, held, held * 150, PRICE, rule, brackets)
    rows = some(n)
    alone = revalue_rows(rows, cash, held, held * 150, PRICE, rule, brackets)
    for column in ("equity", "collateral", "maintenance"):
        np.testing.assert_array_equal(getattr(alone, column), getattr(together, column)[rows])


def test_the_add_on_of_an_owner_does_not_depend_on_the_others() -> None:
    n = 200_000 if COMPILED else 2_000
    held, rule = positions(n), AddOn(threshold=0.001, scope="all_venues")
    market = (np.array([0, 1, 2, 0]), PRICE, np.array([10**6, 10**6, 10**6, 10**5]))

    def asked(lots: np.ndarray) -> np.ndarray:
        rows = np.arange(len(lots))
        return rule.asked(rows, Pools(rows, np.arange(len(lots) + 1), rows), lots, market)

    together = asked(held)
    for row in some(n):
        np.testing.assert_array_equal(asked(np.asfortranarray(held[row : row + 1]))[0], together[row])
    assert together.any(axis=1).sum() > n // 200
