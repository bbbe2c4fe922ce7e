"""Published and hand-calculated examples of margin, liquidation, deleveraging and loss sharing, in real units."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from abm.clearing.rules import (
    Bracket,
    DeribitGrid,
    Holder,
    Layer,
    Market,
    OkxGrid,
    Option,
    ParadexGrid,
    Portfolio,
    Position,
    SpanGrid,
    Weights,
    account_health,
    adl_allocate,
    adl_ranking,
    bankruptcy_price,
    liquidation_price,
    maintenance_margin,
    portfolio_margin,
    socialise,
    waterfall,
)


def perp(asset: str, size: float, entry: float, mark: float | None = None, **terms: Any) -> Position:
    return Position(asset=asset, size=size, entry=entry, mark=entry if mark is None else mark, **terms)


# Binance FAQ "How to calculate the liquidation price of USD-margined futures contracts", worked example of two longs
WALLET = 1_535_443.01
ETH = perp("ETH", 3_683.979, 1_456.84, 1_335.18, maintenance_rate=0.10, maintenance_amount=135_365.0)
BTC = perp("BTC", 109.488, 32_481.98, 31_967.27, maintenance_rate=0.025, maintenance_amount=16_300.0)


@pytest.mark.parametrize(
    ("asset", "mode", "published"),
    [("ETH", "cross", 1_153.26), ("BTC", "cross", 26_316.89), ("ETH", "isolated", 1_114.78), ("BTC", "isolated", 18_778.73)],
)
def test_liquidation_prices_that_binance_publishes(asset: str, mode: Any, published: float) -> None:
    assert round(liquidation_price(WALLET, [ETH, BTC], asset, mode), 2) == published


def test_terms_of_the_published_example() -> None:
    assert round(BTC.profit, 2) == -56_354.57  # published unrealised profit of BTC
    assert round(ETH.profit, 2) == -448_192.89
    assert round(BTC.maintenance, 5) == 71_200.81144  # 109.488 x 31,967.27 x 2.5 % - 16,300, published
    assert round(ETH.maintenance, 3) == 356_512.508  # 3,683.979 x 1,335.18 x 10 % - 135,365, published


def test_hyperliquid_formula_gives_the_same_price() -> None:
    # Hyperliquid docs: price - side x margin available / size / (1 - l x side), l = 1 / maintenance leverage
    long = perp("SOL", 100.0, 150.0, 140.0, maintenance_rate=1 / 40)  # 20x: maintenance leverage 40
    available = 2_000 - 1_000 - 14_000 / 40  # wallet 2,000, loss 100 x 10, maintenance 350: 650
    assert liquidation_price(2_000, [long], "SOL") == pytest.approx(140 - 650 / 100 / (1 - 1 / 40), rel=1e-12)  # 133.3333
    short = perp("SOL", -100.0, 150.0, 160.0, maintenance_rate=1 / 40)
    available = 2_000 - 1_000 - 16_000 / 40  # 600
    assert liquidation_price(2_000, [short], "SOL") == pytest.approx(160 + available / 100 / (1 + 1 / 40), rel=1e-12)


def test_isolated_long_at_ten_times_with_and_without_a_fee() -> None:
    # 1 BTC at 20,000, margin 2,000, rate 0.5 %: P with 2,000 + (P - 20,000) = 0.005 P: 18,000 / 0.995 = 18,090.45
    assert liquidation_price(2_000, [perp("BTC", 1.0, 20_000.0, maintenance_rate=0.005)], "BTC", "isolated") == pytest.approx(
        18_000 / 0.995, rel=1e-12
    )
    # OKX adds the taker fee to the rate, here 0.05 %: 18,000 / 0.9945
    charged = perp("BTC", 1.0, 20_000.0, maintenance_rate=0.005, fee_rate=0.0005)
    assert liquidation_price(2_000, [charged], "BTC", "isolated") == pytest.approx(18_000 / 0.9945, rel=1e-12)
    assert bankruptcy_price(2_000, [charged], "BTC", "isolated") == pytest.approx(18_000 / 0.9995, rel=1e-12)
    assert bankruptcy_price(2_000, [perp("BTC", 1.0, 20_000.0)], "BTC", "isolated") == 18_000  # entry x (1 - 1/10)
    assert bankruptcy_price(2_000, [perp("BTC", -1.0, 20_000.0)], "BTC", "isolated") == 22_000  # entry x (1 + 1/10)


def test_bankruptcy_prices_that_bybit_publishes() -> None:
    # Help page on auto-deleveraging: long 100 at 500, margin 1,000 and wallet 100: (50,000 - 1,000 - 100) / 100 = 489
    assert bankruptcy_price(1_100, [perp("ABC", 100.0, 500.0, 400.0)], "ABC") == pytest.approx(489, rel=1e-12)
    # The same, inverse: 5,000 contracts at 7,890.08, 50x: 7,890.08 x 50 / 51 = 7,735.372549
    long = perp("BTC", 5_000.0, 7_890.08, kind="inverse")
    assert round(bankruptcy_price(5_000 / 7_890.08 / 50, [long], "BTC", "isolated"), 6) == 7_735.372549
    # Help page on inverse contracts: 10,000 at 8,000 in cross margin with 0.5 BTC, fee 0.075 %: 5,718.57
    crossed = perp("BTC", 10_000.0, 8_000.0, kind="inverse", fee_rate=0.00075)
    assert round(bankruptcy_price(0.5, [crossed], "BTC"), 2) == 5_718.57


def test_inverse_liquidation_price() -> None:
    # Bybit's formula: size x (1 + rate) / (size / entry x (1 + 1 / leverage)): 60,000 x 1.005 / (1.2 x 1.1) = 45,681.8182
    long = perp("BTC", 60_000.0, 50_000.0, kind="inverse", maintenance_rate=0.005)
    assert liquidation_price(0.12, [long], "BTC", "isolated") == pytest.approx(60_000 * 1.005 / 1.32, rel=1e-12)
    # short: 60,000 x (1 - 0.005) / (1.2 x 0.9)
    short = perp("BTC", -60_000.0, 50_000.0, kind="inverse", maintenance_rate=0.005)
    assert liquidation_price(0.12, [short], "BTC", "isolated") == pytest.approx(60_000 * 0.995 / 1.08, rel=1e-12)


SIZES = st.floats(-50, 50).filter(lambda size: abs(size) > 0.1)
PRICES = st.floats(10, 1_000)


@st.composite
def accounts(draw: st.DrawFn) -> list[Position]:
    return [
        perp(
            name,
            draw(SIZES),
            draw(PRICES),
            draw(PRICES),
            maintenance_rate=draw(st.floats(0, 0.2)),
            maintenance_amount=draw(st.floats(0, 5)),
            fee_rate=draw(st.floats(0, 0.01)),
        )
        for name in ("A", "B", "C")[: draw(st.integers(1, 3))]
    ]


@given(accounts(), st.floats(0, 20_000))
@settings(deadline=None, max_examples=200)
def test_at_its_price_equity_is_maintenance_and_at_the_other_nothing(book: list[Position], wallet: float) -> None:
    def at(price: float) -> tuple[float, float, float]:
        moved = [book[0].model_copy(update={"mark": price}), *book[1:]]
        equity = wallet + sum(p.profit for p in moved)
        return equity, sum(p.maintenance for p in moved), moved[0].notional * moved[0].fee_rate

    scale = wallet + sum(p.notional + abs(p.size) * p.entry for p in book)
    if (price := liquidation_price(wallet, book, "A")) > 0:
        equity, maintenance, _ = at(price)
        assert equity == pytest.approx(maintenance, abs=1e-9 * (scale + abs(book[0].size) * price))
    if (price := bankruptcy_price(wallet, book, "A")) > 0:
        equity, _, fee = at(price)
        assert equity == pytest.approx(fee, abs=1e-9 * (scale + abs(book[0].size) * price))


def test_no_price_liquidates_a_long_that_is_paid_in_full() -> None:
    assert liquidation_price(30_000, [perp("BTC", 1.0, 20_000.0, maintenance_rate=0.005)], "BTC") == 0


def test_an_asset_that_is_not_held() -> None:
    with pytest.raises(ValueError, match=r"asset must be one of the positions' \['BTC', 'ETH'\], was SOL"):
        liquidation_price(1, [ETH, BTC], "SOL")


def test_maintenance_margin_by_brackets() -> None:
    # CVCUSDT, Binance announcement: 1 % to 5,000, 2.5 % to 25,000, 5 % to 100,000
    pairs = [(0.0, 0.01), (5_000.0, 0.025), (25_000.0, 0.05)]
    assert maintenance_margin(4_000, pairs) == pytest.approx(40)  # 4,000 x 1 %
    assert maintenance_margin(-20_000, pairs) == pytest.approx(425)  # 50 + 15,000 x 2.5 %: 20,000 x 2.5 % - 75
    assert maintenance_margin(60_000, pairs) == pytest.approx(2_300)  # 60,000 x 5 % - 700, 700 = 75 + 25,000 x 2.5 %
    records = [Bracket(floor=f, initial_rate=1.0, maintenance_rate=r) for f, r in pairs]
    assert maintenance_margin(60_000, records) == maintenance_margin(60_000, pairs)
    with pytest.raises(ValidationError, match="floor must be above 5000, was 400"):
        maintenance_margin(1, [(0.0, 0.01), (5_000.0, 0.02), (400.0, 0.03)])


# Portfolio margin

MARKET = Market(prices={"BTC": 100_000.0, "ETH": 4_000.0})


def test_span_array_of_a_future() -> None:
    # McMillan, Options as a Strategic Investment, ch. 34: S&P future, 20 points x 500 = 10,000; extreme counts 7,000
    rule = Portfolio(grid=SpanGrid(price_range=0.05))  # 20 points of 400
    found = portfolio_margin([perp("SPX", 500.0, 400.0)], Market(prices={"SPX": 400.0}), rule)
    published = [0, 0, 3_330, 3_330, -3_330, -3_330, 6_670, 6_670, -6_670, -6_670]
    published += [10_000, 10_000, -10_000, -10_000, 7_000, -7_000]
    np.testing.assert_allclose(np.round(found.values, -1), published, atol=1e-9)
    assert (round(found.worst, 6), round(found.maintenance, 6), round(found.initial, 6)) == (10_000, 10_000, 11_000)


def test_deribit_contingencies_as_published() -> None:
    rule = Portfolio(grid=DeribitGrid())
    # "long 100 BTC in future A and short 100 in future B: 1 % x 100 BTC is added"
    hedged = portfolio_margin([perp("BTC", 100.0, 1e5), perp("BTC", -100.0, 1e5)], MARKET, rule)
    assert hedged.worst == 0 and hedged.maintenance == pytest.approx(1 * 100_000)
    # "in strike X call +10 and put -20: net short 10, thus 10 x 0.01 BTC is added"
    call = Option(asset="BTC", size=10.0, strike=1e5, days=30.0, volatility=0.5, right="call")
    put = Option(asset="BTC", size=-20.0, strike=1e5, days=30.0, volatility=0.5, right="put")
    free = Portfolio(grid=DeribitGrid(short_charge=0.0))
    charged = portfolio_margin([call, put], MARKET, rule).maintenance - portfolio_margin([call, put], MARKET, free).maintenance
    assert charged == pytest.approx(0.1 * 100_000)


@pytest.mark.parametrize(("days", "shift"), [(30.0, 0.38), (15.0, 2**0.30 * 0.38)])  # Deribit's own two examples
def test_deribit_volatility_moves_as_published(days: float, shift: float) -> None:
    held = Option(asset="BTC", size=-1.0, strike=1e5, days=days, volatility=0.5, right="call")
    only = {"scenarios": [{"price": 0.0, "volatility": 1.0}, {"price": 1.0}, {"price": -1.0}]}
    found = portfolio_margin([held], MARKET, Portfolio.model_validate({"grid": {"kind": "deribit", **only}}))
    years = days / 365
    # at the money without interest C = S (2 N(sd / 2) - 1) with sd = volatility x sqrt(years)
    now, then = (1e5 * math.erf(v * math.sqrt(years) / 2 / math.sqrt(2)) for v in (0.5, 0.5 * (1 + shift)))
    assert found.values[0] == pytest.approx(now - then, rel=1e-9)


def test_paradex_minimum_and_half_maintenance() -> None:
    rule = Portfolio(grid=ParadexGrid())
    naked = portfolio_margin([perp("BTC", 1.0, 1e5)], MARKET, rule)
    assert (naked.initial, naked.maintenance) == pytest.approx((16_000, 8_000))  # -16 % in full beats -33 % x 0.36 = 11.88 %
    short = portfolio_margin([perp("BTC", -1.0, 1e5)], MARKET, rule)
    assert short.initial == pytest.approx(16_000)  # +16 % in full beats +50 % x 0.24, +100 % x 0.12 and +500 % x 0.024: 12 %
    hedged = portfolio_margin([perp("BTC", 1.0, 1e5), perp("BTC", -0.5, 1e5)], MARKET, rule)
    assert hedged.initial == pytest.approx(8_000)  # the scan of the net; minimum 0.5 x 1 % + 0.5 x 2 % of 100,000 is 1,500
    flat = portfolio_margin([perp("BTC", 1.0, 1e5), perp("BTC", -1.0, 1e5)], MARKET, rule)
    assert flat.initial == pytest.approx(1_000)  # 1 % of the hedged delta
    assert len(rule.grid.scenarios) == 24


def test_okx_extreme_move_counts_half_and_majors_have_their_range() -> None:
    found = portfolio_margin([perp("BTC", 1.0, 1e5)], MARKET, Portfolio(grid=OkxGrid()))
    assert found.maintenance == pytest.approx(12_000)  # 12 %; the extreme is 24 % of which half: the same
    other = portfolio_margin([perp("DOGE", 1_000.0, 0.2)], Market(prices={"DOGE": 0.2}), Portfolio(grid=OkxGrid()))
    assert other.maintenance == pytest.approx(50)  # 25 % of 200


def test_a_long_option_asks_its_premium_at_most_and_a_covered_call_less_than_its_legs() -> None:
    bought = Option(asset="BTC", size=1.0, strike=1e5, days=10.0, volatility=0.6, right="put")
    premium = 1e5 * math.erf(0.6 * math.sqrt(10 / 365) / 2 / math.sqrt(2))
    assert 0 < portfolio_margin([bought], MARKET).maintenance < premium
    written = Option(asset="BTC", size=-1.0, strike=1.1e5, days=30.0, volatility=0.6, right="call")
    spot = Position(asset="BTC", size=1.0, entry=9e4, mark=1e5, kind="spot")
    both, legs = portfolio_margin([spot, written], MARKET), [portfolio_margin([leg], MARKET) for leg in (spot, written)]
    assert both.maintenance < legs[0].maintenance < legs[0].maintenance + legs[1].maintenance
    np.testing.assert_allclose(both.values, legs[0].values + legs[1].values)


def test_offset_between_underlyings() -> None:
    pair = [perp("BTC", 1.0, 1e5), perp("ETH", -20.0, 4_000.0)]  # long 100,000, short 80,000, both ranges 10 %
    for offset, expected in ((0.0, 18_000), (1.0, 2_800), (0.5, 10_400)):  # sum; 2,000 netted + 1 % of 80,000; midway
        found = portfolio_margin(pair, MARKET, Portfolio(offset=offset))
        assert found.maintenance == pytest.approx(expected)
        assert found.worst == pytest.approx(2_000)
    assert found.by_asset["BTC"].min() == pytest.approx(-10_000) and found.by_asset["ETH"].min() == pytest.approx(-8_000)


def test_portfolio_margin_of_nothing_and_of_what_it_does_not_take() -> None:
    assert portfolio_margin([], MARKET).initial == 0
    with pytest.raises(ValueError, match=r"market.prices must name SOL, has \['BTC', 'ETH'\]"):
        portfolio_margin([perp("SOL", 1.0, 150.0)], MARKET)
    with pytest.raises(ValueError, match="BTC is inverse"):
        portfolio_margin([perp("BTC", 1.0, 1e5, kind="inverse")], MARKET)


# Health


def test_health_weighs_assets_and_debts() -> None:
    weights = {"SOL": Weights(asset=0.9, liability=1.1), "BTC": Weights(asset=0.95, liability=1.05)}
    prices = {"SOL": 100.0, "BTC": 50_000.0}
    health = account_health({"USDC": -500.0, "SOL": 10.0}, [], prices, weights)
    # 10 x 100 x 0.9 - 500 = 400; ratio 900 / 500 - 1
    assert health.value == pytest.approx(400) and health.ratio == pytest.approx(0.8)
    health = account_health({"USDC": 3_000.0, "SOL": -5.0}, [perp("BTC", 0.1, 48_000.0, 50_000.0)], prices, weights)
    # quote 3,000 - 4,800 = -1,800; BTC 0.1 x 50,000 x 0.95 = 4,750; SOL 5 x 100 x 1.1 = 550
    assert (health.assets, health.liabilities) == pytest.approx((4_750, 2_350))
    assert account_health({"USDC": 10.0}, [], {}, {}).ratio == math.inf
    with pytest.raises(ValueError, match="prices must name ETH"):
        account_health({"ETH": 1.0}, [], prices, weights)


# Deleveraging and loss sharing

SHORTS = [
    Holder(name="Alice", size=-10.0, entry=120.0, mark=100.0, equity=500.0),  # profit 200 / 1,200, leverage 1,000 / 500
    Holder(name="Bob", size=-5.0, entry=110.0, mark=100.0, equity=50.0),  # profit 50 / 550, leverage 500 / 50
    Holder(name="Carol", size=-20.0, entry=95.0, mark=100.0, equity=400.0),  # loss 100 / 1,900, leverage 2,000 / 400
]


def test_industry_ranking() -> None:
    queue = adl_ranking(SHORTS)
    assert [place.name for place in queue] == ["Bob", "Alice", "Carol"]
    # 1/11 x 10, 1/6 x 2, -1/19 / 5
    assert [place.score for place in queue] == pytest.approx([10 / 11, 1 / 3, -1 / 95])


def test_hyperliquid_ranking() -> None:
    queue = adl_ranking(SHORTS, "hyperliquid")
    # (entry / mark) x (notional / equity): 1.1 x 10, 0.95 x 5, 1.2 x 2
    assert [(place.name, round(place.score, 9)) for place in queue] == [("Bob", 11.0), ("Carol", 4.75), ("Alice", 2.4)]
    long = Holder(name="Dan", size=2.0, entry=80.0, mark=100.0, equity=100.0)
    assert adl_ranking([long], "hyperliquid")[0].score == pytest.approx(1.25 * 2)  # (100 / 80) x (200 / 100)
    with pytest.raises(ValueError, match=r"rule must be one of \['hyperliquid', 'industry'\], was alphabet"):
        adl_ranking(SHORTS, "alphabet")


def test_a_ranking_closes_sizes_in_its_order() -> None:
    assert adl_allocate(8.0, SHORTS, "industry") == {"Alice": 3.0, "Bob": 5.0, "Carol": 0.0}
    assert adl_allocate(8.0, SHORTS, "hyperliquid") == {"Alice": 0.0, "Bob": 5.0, "Carol": 3.0}
    assert adl_allocate(40.0, SHORTS, "industry") == {"Alice": 10.0, "Bob": 5.0, "Carol": 20.0, "": 5.0}


def test_a_size_is_closed_pro_rata_and_nobody_gives_more_than_he_holds() -> None:
    assert adl_allocate(8.0, SHORTS, "pro_rata_profit") == {"Alice": 6.4, "Bob": 1.6, "Carol": 0.0}  # 200 : 50
    # 13 by 4 : 1 would be 10.4 and 2.6, Alice has 10
    assert adl_allocate(13.0, SHORTS, "pro_rata_profit") == {"Alice": 10.0, "Bob": 3.0, "Carol": 0.0}
    assert adl_allocate(20.0, SHORTS, "pro_rata_profit") == {"Alice": 10.0, "Bob": 5.0, "Carol": 0.0, "": 5.0}
    assert adl_allocate(19.0, SHORTS, "pro_rata_equity") == {"Alice": 10.0, "Bob": 1.0, "Carol": 8.0}  # 500 : 50 : 400
    assert adl_allocate(8.0, SHORTS, "none") == {"Alice": 0.0, "Bob": 0.0, "Carol": 0.0, "": 8.0}


def test_a_deficit_pro_rata_to_profit_or_equity() -> None:
    assert adl_allocate(100, SHORTS, "profit") == {"Alice": 80.0, "Bob": 20.0, "Carol": 0.0}  # 200 : 50
    assert adl_allocate(95, SHORTS, "equity") == {"Alice": 50.0, "Bob": 5.0, "Carol": 40.0}  # 500 : 50 : 400
    assert adl_allocate(300, SHORTS, "profit") == {"Alice": 200.0, "Bob": 50.0, "Carol": 0.0, "": 50.0}


def test_losses_are_socialised_in_whole_units() -> None:
    assert socialise(10, [50, 30, 0, -5]).tolist() == [6, 4, 0, 0]  # 6.25 and 3.75: the larger remainder gets the unit
    assert socialise(100, [30, 20]).tolist() == [30, 20]


@given(st.integers(0, 10**9), st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=8))
@settings(deadline=None, max_examples=100)
def test_socialised_shares_sum_to_the_loss_and_nobody_gives_more_than_he_won(loss: int, gains: list[int]) -> None:
    shares, won = socialise(loss, gains), np.maximum(gains, 0)
    assert shares.sum() == min(loss, won.sum()) and (shares >= 0).all() and (shares <= won).all()


CLEARING_HOUSE = [
    Layer(name="margin of the defaulter", funds=100),
    Layer(name="its share of the fund", funds=20),
    Layer(name="skin in the game", funds=30),
    Layer(name="members' fund", funds={"A": 60, "B": 30, "C": 10}),
    Layer(name="assessments", funds={"A": 60, "B": 30, "C": 10}),
]


def test_waterfall_of_a_clearing_house() -> None:
    paid = waterfall(200, CLEARING_HOUSE)
    # 100 + 20 + 30, then 50 of the members' 100: 30, 15, 5
    assert list(paid.by_layer.values()) == [100, 20, 30, 50, 0]
    assert paid.by_member["members' fund"] == {"A": 30, "B": 15, "C": 5}
    assert paid.unallocated == 0
    assert waterfall(400, CLEARING_HOUSE).unallocated == 50  # the layers hold 350


def test_layers_that_repeat_or_owe() -> None:
    with pytest.raises(ValueError, match="waterfall: layers must not repeat, 'skin in the game' occurs twice"):
        waterfall(1, [*CLEARING_HOUSE, CLEARING_HOUSE[2]])
    with pytest.raises(ValidationError, match="waterfall.fund.funds must be >= 0, was -1"):
        Layer(name="fund", funds=-1)


@given(st.integers(0, 10**12), st.lists(st.integers(0, 10**11), max_size=6))
@settings(deadline=None, max_examples=100)
def test_every_unit_of_a_loss_is_borne_or_named(loss: int, funds: list[int]) -> None:
    paid = waterfall(loss, [Layer(name=str(k), funds=sum_) for k, sum_ in enumerate(funds)])
    assert sum(paid.by_layer.values()) + paid.unallocated == loss
    spent = [paid.by_layer[str(k)] for k in range(len(funds))]
    assert all(later == 0 or earlier == full for earlier, later, full in zip(spent, spent[1:], funds, strict=False))
