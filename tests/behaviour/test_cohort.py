"""The law of cohorts: a trader decides alone exactly as it decides in company, whatever the behaviour."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.behaviour.arbitrage import Arbitrage
from abm.behaviour.carry import Carry
from abm.behaviour.hedged import HedgedPair
from abm.behaviour.hedging import Hedging
from abm.behaviour.quoting import MakerState, Purse, Quoting
from abm.behaviour.trend import Trend
from abm.behaviour.value import Value
from abm.behaviour.view import Traders, View
from abm.behaviour.zero_intelligence import ZeroIntelligence
from abm.market.order import ORDER
from tests.behaviour.desk import PRICE, draws, instruments, traders, view

MARKET = instruments(3, asset=[0, 0, 1], venue=[0, 1, 0])
WIDTH = 3
RULES: list[Any] = [
    ZeroIntelligence(),
    Value(common_capital=True),
    Value(common_capital=False),
    Trend(),
    Carry(sizing="equity", deleverage_per_hour=30.0, reentry_per_hour=30.0),
    Carry(sizing="fixed"),
    HedgedPair(),
    Hedging(activity_per_hour=30.0),
    Arbitrage(),
]


def scene(seed: int, k: int) -> tuple[Traders, View]:
    """k traders in a random market; the clocks ring for most of them."""
    rng = np.random.default_rng(seed)

    def lots(low: int, high: int) -> np.ndarray:
        return rng.integers(low, high, (k, WIDTH))

    table = traders(
        k, WIDTH, collateral=rng.integers(1, 2_000_000, k), opening=lots(-100, 100), leverage=rng.uniform(0, 30, k),
        horizon=rng.integers(0, 2, k), opinion=rng.uniform(0.9, 1.1, (k, WIDTH)), discount=rng.uniform(0.02, 0.3, (k, WIDTH)),
        limit=lots(0, 200),
    )  # fmt: skip
    bid = rng.integers(0, 2, WIDTH) * rng.integers(PRICE - 400, PRICE, WIDTH)
    seen = view(
        table, MARKET, step_seconds=float(rng.uniform(5, 600)), position=lots(-100, 100), open_buy=lots(0, 2),
        open_sell=lots(0, 2),
        equity=rng.integers(-500_000, 2_000_000, k), frozen=rng.random((k, WIDTH)) < 0.1, trend=rng.normal(0, 0.02, (2, WIDTH)),
        bid=bid, ask=rng.integers(PRICE - 300, PRICE + 400, WIDTH) + 1, value=rng.uniform(9_000, 11_000, WIDTH),
        volatility_ratio=rng.uniform(0.3, 10, WIDTH), mark=rng.integers(8_000, 12_000, WIDTH), seconds=500.0,
    )  # fmt: skip
    return table, seen


def check(decide: Callable[[np.ndarray], np.ndarray], k: int) -> None:
    """Every trader's orders alone, in reverse company and in a part of the group are those in full company."""
    company = decide(np.arange(k))
    assert company.dtype == ORDER and not company["key"].any() and not company["account"].any()
    for row in range(k):
        assert (decide(np.array([row])) == company[company["trader"] == row]).all()
    odd = decide(np.arange(1, k, 2))
    assert (np.sort(odd, order=ORDER.names) == np.sort(company[company["trader"] % 2 == 1], order=ORDER.names)).all()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 12))
@settings(max_examples=25, deadline=None)
def test_alone_as_in_company(rule: Any, seed: int, k: int) -> None:
    table, seen = scene(seed, k)
    check(lambda rows: rule.decide(seen, rows, draws(table, seed=seed)), k)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_orders_are_well_formed(rule: Any, seed: int) -> None:
    table, seen = scene(seed, 10)
    batch = rule.decide(seen, np.arange(10), draws(table, seed=seed))
    real = batch[batch["kind"] != 4]
    assert (real["lots"] > 0).all() and np.isin(real["side"], (-1, 1)).all()
    assert ((real["tick"] >= 1) & (real["tick"] < MARKET.ladder_ticks[real["instrument"]])).all()
    assert not seen.frozen(np.arange(10))[batch["trader"], batch["instrument"]].any()


@pytest.mark.parametrize("common", [True, False])
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 6))
@settings(max_examples=25, deadline=None)
def test_makers_alone_as_in_company(common: bool, seed: int, k: int) -> None:
    _, seen = scene(seed, k)
    rng = np.random.default_rng(seed)
    shape = (k, WIDTH)
    state = MakerState(
        depth=rng.integers(0, 300, shape), reference=rng.uniform(9_500, 10_500, shape), value=rng.uniform(9_500, 10_500, shape),
        capacity=rng.random((*shape, 2)), until=rng.uniform(0, 700, shape), peak=rng.uniform(0, 2e6, shape),
    )  # fmt: skip
    pool = rng.integers(0, 2, (k, WIDTH)) if common else np.tile(np.arange(WIDTH), (k, 1))
    shared = pool[:, :, None] == pool[:, None, :]
    purse = Purse(*(rng.integers(0, top, shape) for top in (2_000_000, 2_000_000, 20, 20)), shared=shared)

    def quote(rows: np.ndarray) -> tuple[np.ndarray, MakerState]:
        mine, pool = (type(x)(**{name: column[rows] for name, column in vars(x).items()}) for x in (state, purse))
        return Quoting().quote(seen, rows, mine, pool)

    check(lambda rows: quote(rows)[0], k)
    together = quote(np.arange(k))[1]
    for row in range(k):
        for name, column in vars(quote(np.array([row]))[1]).items():
            assert (column[0] == getattr(together, name)[row]).all()
