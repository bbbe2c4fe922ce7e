"""The opening: two-sided positions, open interest, buffers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.behaviour.arbitrage import Arbitrage
from abm.behaviour.carry import Carry
from abm.behaviour.hedged import HedgedPair
from abm.behaviour.hedging import Hedging
from abm.behaviour.opening import Assets, Board, buffers, maker_depth, open_traders, share_out
from abm.behaviour.quoting import Quoting
from abm.behaviour.trend import Trend
from abm.behaviour.value import Value
from abm.behaviour.view import Traders
from abm.behaviour.zero_intelligence import ZeroIntelligence
from abm.market.instrument import Instruments
from abm.streams import Streams

CASH_UNIT = 0.001
TICK, LOT = np.array([10.0, 0.4, 0.02, 0.0001]), np.array([0.001, 0.01, 0.1, 10.0])
BASELINE = Assets(
    open_interest=np.array([100e6, 60e6, 30e6, 10e6]),
    leverage_max=np.array([40.0, 25.0, 20.0, 10.0]),
    maintenance_rate=np.array([0.0125, 0.02, 0.025, 0.05]),
    volatility=np.array([0.025, 0.036, 0.044, 0.06]),
    correlation=np.full((4, 4), 0.7) + 0.3 * np.eye(4),
    venue_share=np.array([1.0]),
)


def market(venues: int = 1) -> Instruments:
    """BTC 100,000, ETH 4,000, SOL 200 and ALT 1 USD, each on every venue, at 10,000 ticks."""
    asset, venue = (grid.ravel() for grid in np.meshgrid(np.arange(4), np.arange(venues)))
    return Instruments(
        names=tuple(f"{['BTC', 'ETH', 'SOL', 'ALT'][a]}@{v}" for a, v in zip(asset, venue, strict=True)),
        asset=asset, venue=venue, tick_size=TICK[asset], lot_size=LOT[asset],
        unit=np.rint(TICK * LOT / CASH_UNIT).astype(np.int64)[asset],
        opening_tick=np.full(len(asset), 10_000), ladder_ticks=np.full(len(asset), 40_000),
    )  # fmt: skip


def opened(groups: dict[str, Any], *, seed: int = 3, assets: Assets = BASELINE, venues: int = 1) -> Traders:
    return open_traders(groups, assets=assets, instruments=market(venues), streams=Streams(seed), cash_unit=CASH_UNIT)


def two_venues() -> Assets:
    return Assets(**{**vars(BASELINE), "venue_share": np.array([3.0, 1.0])})


GROUPS: dict[str, Any] = {
    "crowd": Carry(count=800, open_interest_share=0.7, long_share=0.85), "pairs": HedgedPair(count=150, open_interest_share=0.1),
    "hedgers": Hedging(count=300, leverage_max=0.5), "liquidity": ZeroIntelligence(count=50, capital_share=0.05),
    "value": Value(count=40, capital_share=0.15, discount_min=0.02, discount_max=0.30),
    "trend": Trend(count=30, capital_share=0.01), "arbitrage": Arbitrage(count=5, capital_share=0.02),
    "makers": Quoting(count=6, capital_share=0.03, inventory_leverage=3.0),
}  # fmt: skip
BOARD = Board.of(BASELINE, market(), CASH_UNIT)


def test_open_interest_in_lots() -> None:
    # BTC: 100 M / (0.001 x 100,000 = 100 USD a lot) = 1 M lots; ETH 60 M / 40; SOL 30 M / 20; ALT 10 M / 10
    assert BOARD.lots.tolist() == [1_000_000, 1_500_000, 1_500_000, 1_000_000]
    # two venues at 3 : 1
    halves = Board.of(two_venues(), market(2), CASH_UNIT).lots
    assert halves[[0, 4]].tolist() == [750_000, 250_000]


@given(
    seed=st.integers(0, 2**32), crowd=st.integers(0, 60), pairs=st.integers(0, 20), hedgers=st.integers(2, 20),
    venues=st.integers(1, 2), long_share=st.sampled_from([0.0, 0.15, 0.85, 1.0]), share=st.floats(0.0, 1.0),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_every_long_has_its_short_and_open_interest_is_met(
    seed: int, crowd: int, pairs: int, hedgers: int, venues: int, long_share: float, share: float
) -> None:
    assets = two_venues() if venues == 2 else BASELINE
    groups = {
        "crowd": Carry(count=crowd, long_share=long_share, open_interest_share=share),
        "pairs": HedgedPair(count=pairs, open_interest_share=0.3),
        "hedgers": Hedging(count=hedgers),
    }
    table = opened(groups, seed=seed, assets=assets, venues=venues)
    assert (table.opening.sum(axis=0) == 0).all()
    target = Board.of(assets, market(venues), CASH_UNIT).lots
    assert (np.maximum(table.opening, 0).sum(axis=0) == target).all()
    assert ((table.collateral > 0) == (table.opening != 0).any(axis=1)).all()


PROTOTYPE = {"leverage_median": 7.0, "buffer_min": 0.02}


def test_crowded_longs_hold_their_share_and_shorts_follow() -> None:
    table = opened(GROUPS)
    crowd = table.opening[table.rows("crowd")]
    longs = np.maximum(crowd, 0).sum(axis=0)
    assert longs.tolist() == [700_000, 1_050_000, 1_050_000, 700_000]  # 70 % of open interest
    # 85 % of the legs are long: shorts are about 15 / 85 of the longs (heavy tails: by a factor of two)
    assert 0.5 < np.maximum(-crowd, 0).sum() / longs.sum() / (15 / 85) < 2.0
    all_long = opened({**GROUPS, "crowd": Carry(count=800, long_share=1.0)})
    assert (all_long.opening[all_long.rows("crowd")] >= 0).all()


def test_an_owner_holds_one_to_four_assets_on_its_home_venue() -> None:
    table = opened({"crowd": Carry(count=4_000), "hedgers": Hedging()}, assets=two_venues(), venues=2)
    held = table.opening[table.rows("crowd")] != 0
    assert (held[:, :4].any(axis=1) & held[:, 4:].any(axis=1)).sum() == 0
    assert abs(held[:, 4:].any(axis=1).mean() - 0.25) < 0.03  # a quarter at the second venue, sd 0.7 %
    legs = np.bincount(held.sum(axis=1), minlength=5)
    assert legs[1:].min() > 0.2 * 4_000 and legs[1:].max() < 0.3 * 4_000  # equally likely, but for legs below one lot


def test_collateral_is_maintenance_plus_buffer() -> None:
    # leverage 8 for all: 1 / 8 = 12.5 % of gross, whatever the maintenance margin below it
    calm = opened({"crowd": Carry(count=50, leverage_median=8.0, leverage_sigma=0.0), "hedgers": Hedging()})
    rows = calm.rows("crowd")
    assert calm.leverage[rows] == pytest.approx(8.0, rel=1e-6)
    # leverage 1,000 for all: capped by initial margin (here twice maintenance), so the buffer is m, or at least 2 % of gross
    wild = opened({"crowd": Carry(count=50, leverage_median=1_000.0, leverage_sigma=0.0, buffer_min=0.02), "hedgers": Hedging()})
    gross = np.abs(wild.opening[rows]) * BOARD.price
    maintenance = gross @ BASELINE.maintenance_rate
    wanted = maintenance + np.maximum(maintenance, 0.02 * gross.sum(axis=1))
    assert wild.collateral[rows] == pytest.approx(wanted, rel=1e-9, abs=1.5)


def test_collateral_scale_moves_collateral_and_nothing_else() -> None:
    full, half = (opened({"crowd": Carry(count=50, collateral_scale=s), "hedgers": Hedging()}) for s in (1.0, 0.5))
    assert (full.opening == half.opening).all()
    assert half.collateral[:50] == pytest.approx(full.collateral[:50] / 2, abs=1)


def test_buffers_of_a_large_crowd_follow_the_declared_law() -> None:
    """The law, for BTC alone: b = 1 / L - 1.25 %, L log-normal (7, 0.9): P(b < x) = P(Z > ln(1 / (x + 0.0125) / 7) / 0.9)."""
    btc = Assets(**{**vars(BASELINE), "open_interest": np.array([1e9, 0.0, 0.0, 0.0])})
    groups = {"crowd": Carry(count=60_000, legs_max=1, size_quantile=0.0, **PROTOTYPE), "hedgers": Hedging()}
    table = opened(groups, assets=btc)
    found = buffers(table, "crowd", Board.of(btc, market(), CASH_UNIT))
    # ln(1 / 0.0425 / 7) / 0.9 = 1.3470 -> 8.90 %; 0.0625: 0.9185 -> 17.92 %;
    # 0.1125: 0.2654 -> 39.54 %; 0.2125: -0.4412 -> 67.05 %
    assert [found.below[edge] for edge in (0.03, 0.05, 0.10, 0.20)] == pytest.approx([0.0890, 0.1792, 0.3954, 0.6705], abs=0.008)


def test_with_its_leverage_and_buffer_the_crowd_opens_near_its_law() -> None:
    """Median over seeds against 15 / 24 / 44 / 68 % and leverage 5 of one draw of the same heavy-tailed law."""
    drawn = [
        buffers(opened({"crowd": Carry(**PROTOTYPE), "hedgers": Hedging()}, seed=seed), "crowd", BOARD) for seed in range(21)
    ]
    below = np.median([list(b.below.values()) for b in drawn], axis=0)
    assert below == pytest.approx([0.15, 0.24, 0.44, 0.68], abs=0.06)
    assert np.median([b.leverage for b in drawn]) == pytest.approx(5.0, abs=0.6)


def test_pairs_are_hedged_by_beta_or_volatility() -> None:
    for hedge, factor in (("beta", 0.7), ("volatility", 1.0)):
        table = opened({"pairs": HedgedPair(count=40, hedge=hedge, open_interest_share=0.05), "hedgers": Hedging()})
        lots = table.opening[table.rows("pairs")]
        assert ((lots > 0).sum(axis=1) == 1).all() and ((lots < 0).sum(axis=1) == 1).all()
        money, sigma = np.abs(lots) * BOARD.price, BASELINE.volatility
        long, short = lots.argmax(axis=1), lots.argmin(axis=1)
        ratio = money[np.arange(40), short] / money[np.arange(40), long]
        assert ratio == pytest.approx(factor * sigma[long] / sigma[short], rel=0.01)  # whole lots


def test_hedgers_take_the_rest_at_low_leverage() -> None:
    table = opened(GROUPS)
    rows = table.rows("hedgers")
    assert (table.leverage[rows] <= 0.5).all() and table.leverage[rows].max() > 0.4
    assert ((table.opening[rows] >= 0).all(axis=1) | (table.opening[rows] <= 0).all(axis=1)).all()
    with pytest.raises(ValueError, match="hedgers.count must be at least 2"):
        opened({"crowd": Carry(count=5), "hedgers": Hedging(count=0)})


def test_cash_traders_start_flat_within_their_purse() -> None:
    table = opened(GROUPS)
    declared = (("liquidity", 0.05, 1), ("value", 0.15, 1), ("trend", 0.01, 1), ("arbitrage", 0.02, 1), ("makers", 0.03, 3))
    for name, share, stretch in declared:
        rows = table.rows(name)
        assert not table.opening[rows].any()
        assert table.collateral[rows].sum() * CASH_UNIT == pytest.approx(share * 200e6, rel=1e-6)
        limits = (table.limit[rows] * BOARD.price).sum(axis=1)
        assert (limits <= stretch * table.collateral[rows]).all()
        assert limits.sum() == pytest.approx(stretch * table.collateral[rows].sum(), rel=0.05)  # limits are whole lots
    value = table.discount[table.rows("value")]
    assert value.min() >= 0.02 and value.max() < 0.30 and value.mean() == pytest.approx(0.16, abs=0.03)
    assert set(table.horizon[table.rows("trend")]) == {0, 1}


def test_everything_drawn_is_stable_when_the_group_grows() -> None:
    few, many = (opened({**GROUPS, "value": Value(count=k), "trend": Trend(count=k)}) for k in (20, 60))
    for name, column in (("value", "discount"), ("value", "opinion"), ("trend", "horizon")):
        assert (getattr(few, column)[few.rows(name)] == getattr(many, column)[many.rows(name)][:20]).all()
    rest = few.rows("crowd")
    assert (few.opening[rest] == many.opening[rest]).all()


def test_shares_sum_and_follow_the_largest_remainder() -> None:
    assert share_out(10, np.array([1.0, 1.0, 1.0])).tolist() == [4, 3, 3]
    assert share_out(7, np.array([0.5, 0.0, 1.5])).tolist() == [2, 0, 5]  # 1.75 and 5.25
    assert share_out(5, np.zeros(3)).tolist() == [0, 0, 0]


def test_maker_depth_is_a_share_of_open_interest() -> None:
    # 1.5 % of 1,000,000 BTC lots over 6 makers: 2,500 each
    assert maker_depth(np.array([0.015, 0.011, 0.0075, 0.0045]), 6, BOARD)[:, 0].tolist() == [2_500] * 6
