"""Market makers, by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from abm.behaviour.quoting import MakerState, Purse, Quoting, optimal_spread, reservation
from abm.market.order import Kind, Reason
from tests.behaviour.desk import PRICE, traders, view

ONE = np.array([0])
CAPITAL = 10_000_000
# Two levels: all of 100 lots at 0.9 %, the edge of 1 %, and at exponent 1 100 x 5 / 0.9 - 100 = 456 more at 5 %
RULE = Quoting(
    levels=2, depth_exponent=1.0, reach=0.05, half_spread=0.0003, volatility_exponent=0.5, initial_rate=0.05,
    skew_half_spreads=10.0, refill_half_life=30.0, mid_half_life=30.0, value_half_life=300.0, fill_response=0.0,
    bleed_seconds=1800.0, withdraw_volatility=8.0, drawdown_max=0.3, margin_min=1.5, return_seconds=300.0,
)  # fmt: skip
MAX = traders(1, limit=[[1_000, 1_000]], collateral=[CAPITAL])
FRESH = MakerState.at_opening(np.array([[100, 100]]), np.array([PRICE, PRICE]))


COMMON, SPLIT = np.ones((1, 2, 2), dtype=bool), np.eye(2, dtype=bool)[None]  # which legs one pool of money backs


def purse(*, equity: Any = CAPITAL, bought: Any = 0, sold: Any = 0, shared: Any = COMMON) -> Purse:
    equity, opening, bought, sold = (np.broadcast_to(np.asarray(x), (1, 2)).copy() for x in (equity, CAPITAL, bought, sold))
    return Purse(equity=equity, opening=opening, bought=bought, sold=sold, shared=shared)


def ladder(rule: Quoting = RULE, state: MakerState = FRESH, pool: Purse | None = None, **seen: Any) -> list[tuple[str, int, int]]:
    """(side, lots, tick) of the quotes in BTC."""
    batch, _ = rule.quote(view(MAX, **{"step_seconds": 30.0, **seen}), ONE, state, pool or purse())
    mine = batch[(batch["instrument"] == 0) & (batch["kind"] == Kind.LIMIT)]
    return [("BID" if o["side"] > 0 else "ASK", int(o["lots"]), int(o["tick"])) for o in mine]


CALM = [("BID", 100, 9_910), ("ASK", 100, 10_090), ("BID", 456, 9_500), ("ASK", 456, 10_500)]


def test_reservation_and_spread_of_the_paper() -> None:
    # s = 100, q = 3, gamma = 0.1, sigma = 2, T - t = 0.5: 100 - 3 x 0.1 x 4 x 0.5 = 99.4
    assert reservation(np.array(100.0), np.array(3.0), 0.1, 2.0, 0.5) == pytest.approx(99.4)
    # gamma sigma^2 T + (2 / gamma) ln(1 + gamma / k) = 0.4 + 20 ln(1.0666...) = 0.4 + 1.29077 at k = 1.5
    assert optimal_spread(0.1, 2.0, np.array(1.0), 1.5) == pytest.approx(1.690770, abs=1e-6)


def test_a_calm_ladder() -> None:
    assert ladder() == CALM
    batch, _ = RULE.quote(view(MAX, open_buy=[[5, 0]]), ONE, FRESH, purse())
    assert (batch[0]["kind"], batch[0]["instrument"]) == (Kind.CANCEL_ALL, 0)
    assert (batch["reason"][1:] == Reason.QUOTE).all()


def test_depth_within_one_percent_is_what_was_declared() -> None:
    deep = Quoting(levels=12, half_spread=0.0003, reach=0.05)
    assert deep.profile()[deep.levels // 2 - 1] == 1.0 and deep.distances()[deep.levels // 2 - 1] == pytest.approx(0.009)
    near = [lots for side, lots, tick in ladder(deep) if side == "BID" and tick >= 9_900]
    assert sum(near) == 100
    assert (np.diff(deep.distances()) > 0).all() and deep.distances()[[0, -1]] == pytest.approx([0.0003, 0.05])


def test_volatility_widens_and_thins() -> None:
    # ratio 4: size 4 ** -0.5 = 1/2; the half-spread 3 bp x 4 is still inside the first level
    halves = [("BID", 50, 9_910), ("ASK", 50, 10_090), ("BID", 228, 9_500), ("ASK", 228, 10_500)]
    assert ladder(volatility_ratio=[4.0, 1.0]) == halves
    touch = [tick for side, _, tick in ladder(Quoting(half_spread=0.0003), volatility_ratio=[4.0, 1.0]) if side == "BID"]
    assert max(touch) == 9_988  # 10,000 x (1 - 0.0012)


def test_fills_eat_the_ladder_from_the_inside_and_it_grows_back() -> None:
    # 60 of 556 bought: after 0 s of recovery 40 are left at the first bid; after one half-life 30 are missing: 70
    assert ladder(pool=purse(bought=[60, 0]))[:2] == [("BID", 40, 9_910), ("ASK", 100, 10_090)]
    _, state = RULE.quote(view(MAX, step_seconds=30.0), ONE, FRESH, purse(bought=[60, 0]))
    assert state.capacity[0, 0] == pytest.approx([1 - 60 / (500 / 0.9), 1.0])
    assert ladder(state=state, step_seconds=30.0)[0] == ("BID", 70, 9_910)
    half = ladder(state=RULE.quote(view(MAX, step_seconds=15.0), ONE, state, purse())[1], step_seconds=15.0)
    assert half[0] == ("BID", 70, 9_910)  # two halves of a half-life are one


def test_refill_does_not_depend_on_the_step() -> None:
    def after(step_seconds: float) -> float:
        state = replace(FRESH, capacity=np.zeros((1, 2, 2)))
        for _ in range(int(60 / step_seconds)):
            _, state = RULE.quote(view(MAX, step_seconds=step_seconds), ONE, state, purse())
        return float(state.capacity[0, 0, 0])

    assert [after(1.0), after(5.0), after(30.0)] == pytest.approx([0.75] * 3)  # two half-lives


def test_a_full_inventory_shifts_the_quotes_by_ten_half_spreads_and_closes_one_side() -> None:
    # 10 x 3 bp of 10,000 = 30 ticks: centre 9,970; asks at 9,970 x 1.009 = 10,059.7 -> 10,060; x 1.05 -> 10,469
    quotes = ladder(position=[[1_000, 0]], pool=purse(equity=50_000_000))
    # 1,000 x 30 s / 1,800 s = 16.7 -> 17 lots bleed at the centre
    assert quotes == [("ASK", 17, 9_970), ("ASK", 100, 10_060), ("ASK", 456, 10_469)]


def test_size_follows_free_capital_of_all_instruments_in_common() -> None:
    # 500 ETH bind 5 % of 5,000,000 = 250,000; equity 5,250,000: free 5,000,000 of 10,000,000: half the ladder in BTC too
    seen = {"position": [[0, 500]]}
    assert ladder(pool=purse(equity=5_250_000), **seen)[0] == ("BID", 50, 9_910)
    assert ladder(pool=purse(equity=[CAPITAL, 5_250_000], shared=SPLIT), **seen) == CALM


def test_without_free_capital_only_the_inventory_is_offered() -> None:
    # 100 of a limit of 1,000 held: a tenth of the ladder, 10 + 46 lots, and no bid; 30 / 1,800 of 100 -> 2 bleed at 9,997
    # the inventory of 1,000,000 binds 5 %: 50,000, which is all there is
    seen = {"pool": purse(equity=[50_000, CAPITAL], shared=SPLIT), "position": [[100, 0]]}
    rule = RULE.model_copy(update={"drawdown_max": 1.0})
    assert ladder(rule, **seen) == [("ASK", 2, 9_997)]  # less than 1.5 x bound: withdrawn, still bleeding
    rule = rule.model_copy(update={"margin_min": 0.0})
    assert ladder(rule, **seen) == [("ASK", 2, 9_997), ("ASK", 10, 10_087), ("ASK", 46, 10_497)]


def test_reference_follows_fills_at_once_mid_and_value_with_their_half_lives() -> None:
    # mid 9,800 after one half-life of 30 s: 9,900; the value, 10,000, pulls 1 - 2^(-0.1) = 6.7 % of the way back: 9,906.7
    _, state = RULE.quote(view(MAX, step_seconds=30.0, bid=[9_799, 9_999], ask=[9_801, 10_001]), ONE, FRESH, purse())
    assert state.reference[0] == pytest.approx([9_906.697, 10_000.0], abs=0.01)
    # net 50 bought of a depth of 100 at 0.5 %: 10,000 x (1 - 0.0025) = 9,975 before any time passes
    rule = RULE.model_copy(update={"fill_response": 0.005})
    _, state = rule.quote(view(MAX, step_seconds=1e-9), ONE, FRESH, purse(bought=[60, 0], sold=[10, 0]))
    assert state.reference[0] == pytest.approx([9_975.0, 10_000.0])


def test_the_reference_moves_with_news_of_the_value_at_once() -> None:
    # value +2 %: 10,200; no time passes, so mid and level of the value pull nothing
    _, state = RULE.quote(view(MAX, step_seconds=1e-9, value=np.array([10_200.0, 10_000.0])), ONE, FRESH, purse())
    assert state.reference[0] == pytest.approx([10_200.0, 10_000.0])
    assert state.value[0].tolist() == [10_200.0, 10_000.0]


def test_withdraws_on_volatility_returns_after_a_delay_and_stays_as_long() -> None:
    wild = {"volatility_ratio": [9.0, 1.0]}
    batch, state = RULE.quote(view(MAX, seconds=1_000.0, **wild), ONE, FRESH, purse())
    assert set(batch["instrument"]) == {1}  # ETH is calm
    assert state.until[0].tolist() == [1_300.0, 0.0]
    assert ladder(state=state, seconds=1_299.0) == []
    assert ladder(state=state, seconds=1_300.0) == CALM
    assert len(ladder(state=state, seconds=1_599.0, **wild)) == 4  # back, however wild, for as long as it was away
    assert ladder(state=state, seconds=1_600.0, **wild) == []


def test_makers_come_back_one_after_the_other() -> None:
    three = traders(3, limit=np.full((3, 2), 1_000), collateral=np.full(3, CAPITAL))
    state = MakerState.at_opening(np.full((3, 2), 100), np.array([PRICE, PRICE]))
    pool = Purse(*(np.full((3, 2), x) for x in (1, CAPITAL, 0, 0)), shared=np.ones((3, 2, 2), dtype=bool))
    state = replace(state, peak=np.full((3, 2), float(CAPITAL)))
    _, away = RULE.quote(view(three, seconds=0.0), np.arange(3), state, pool)
    # 300 s x (0.5 + 1/6, 0.5 + 3/6, 0.5 + 5/6)
    assert away.until[:, 0] == pytest.approx([200.0, 300.0, 400.0])


def test_withdraws_after_a_drawdown_and_its_peak_starts_anew() -> None:
    _, rich = RULE.quote(view(MAX), ONE, FRESH, purse())
    batch, hurt = RULE.quote(view(MAX, seconds=5.0), ONE, rich, purse(equity=6_900_000))  # -31 %
    assert len(batch) == 0 and (hurt.peak == 6_900_000).all()
    # 69 % of the capital: 69 lots at the edge
    assert ladder(state=hurt, pool=purse(equity=6_900_000), seconds=305.0)[0] == ("BID", 69, 9_910)


def test_losses_in_one_account_stay_there_when_capital_is_split() -> None:
    _, rich = RULE.quote(view(MAX), ONE, FRESH, purse(shared=SPLIT))
    poor = purse(equity=[CAPITAL, 1], shared=SPLIT)
    assert ladder(state=rich, pool=poor, position=[[0, 500]], volatility_ratio=[1.0, 50.0]) == CALM


def test_frozen_makers_do_not_quote() -> None:
    assert ladder(frozen=[[True, False]]) == []


def test_levels_come_in_two_halves() -> None:
    with pytest.raises(ValidationError, match="levels must be even"):
        Quoting(levels=5)


@given(
    position=st.integers(-1_500, 1_500), reference=st.floats(1.0, 39_999.0), ratio=st.floats(0.1, 12.0),
    capacity=st.floats(0.0, 1.0), equity=st.integers(-1_000_000, 20_000_000),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_quotes_never_cross_leave_the_ladder_or_break_the_limit(
    position: int, reference: float, ratio: float, capacity: float, equity: int
) -> None:
    state = replace(FRESH, reference=np.full((1, 2), reference), capacity=np.full((1, 2, 2), capacity))
    seen = {"position": [[position, 0]], "volatility_ratio": [ratio, 1.0], "step_seconds": 1.0}
    quotes = ladder(Quoting(fill_response=0.0), state, purse(equity=equity), **seen)
    bids, asks = ([(lots, tick) for side, lots, tick in quotes if side == name] for name in ("BID", "ASK"))
    assert all(lots > 0 and 1 <= tick < 40_000 for lots, tick in bids + asks)
    if bids and asks:
        assert max(tick for _, tick in bids) < min(tick for _, tick in asks)
    bleed = -(-abs(position) // 1_800)
    assert sum(lots for lots, _ in bids) <= max(1_000 - position, 0) + bleed
    assert sum(lots for lots, _ in asks) <= max(1_000 + position, 0) + bleed


def test_noise_flow_in_a_calm_market_pays_the_maker() -> None:
    """Random takers of 1 lot, the value a random walk: the maker earns its spread (median over seeds at least 0)."""
    gains = [_calm_hour(seed) for seed in range(5)]
    assert np.median(gains) >= 0


def _calm_hour(seed: int) -> int:
    """Profit in cash units of one maker in one instrument, 720 steps of 5 s, 6 random takers per minute."""
    rng, rule = np.random.default_rng(seed), Quoting()
    table = traders(1, 1, limit=[[500]], collateral=[CAPITAL])
    state = MakerState.at_opening(np.array([[150]]), np.array([PRICE]))
    cash, held, value, bought, sold, touch = 0, 0, float(PRICE), 0, 0, (PRICE - 3, PRICE + 3)
    for step in range(720):
        value *= 1.0 + 0.025 / np.sqrt(17_280) * rng.standard_normal()  # 2.5 % a day
        equity = CAPITAL + cash + held * PRICE
        pool = Purse(*(np.full((1, 1), x) for x in (equity, CAPITAL, bought, sold)), shared=np.ones((1, 1, 1), dtype=bool))
        seen = view(table, step_seconds=5.0, seconds=5.0 * step, value=np.array([value]), position=[[held]],
                    bid=[touch[0]], ask=[touch[1]])  # fmt: skip
        batch, state = rule.quote(seen, ONE, state, pool)
        bought = sold = 0
        best = {side: batch[(batch["side"] == side) & (batch["kind"] == Kind.LIMIT)] for side in (1, -1)}
        touch = (int(best[1]["tick"].max()), int(best[-1]["tick"].min()))
        for _ in range(rng.poisson(0.5)):
            if rng.random() < 0.5:
                bought, held, cash = bought + 1, held + 1, cash - touch[0]
            else:
                sold, held, cash = sold + 1, held - 1, cash + touch[1]
    return int(cash + held * value)
