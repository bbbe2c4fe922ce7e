"""Limit prices of forced orders."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abm.clearing.liquidation.limit import reach
from abm.clearing.rules import Position, bankruptcy_price
from tests.clearing.liquidation.seized_accounts import PRICE, seized

FREE = np.zeros(2)


def test_a_share_of_the_mark_or_none() -> None:
    account = seized([10, -4], 50)
    assert reach("share", 0.02, account, FREE).tolist() == [[0.02, 0.02]]
    assert reach("none", 0.02, account, FREE).tolist() == [[1.0, 1.0]]


@pytest.mark.parametrize(("fee", "price"), [(0.0, 95.0), (0.01, 950 / 9.9)])
def test_one_long_is_at_its_bankruptcy_price(fee: float, price: float) -> None:
    # 10 x 100 with 50 left: 10 p - 950 = fee x 10 p
    [[distance, _]] = reach("bankruptcy", 0.02, seized([10, 0], 50), np.array([fee, 0.0])).tolist()
    assert 100 * (1 - distance) == pytest.approx(price)
    # entered at 110 with 150 in the wallet
    position = Position(asset="BTC", size=10, entry=110, mark=100, fee_rate=fee)
    assert bankruptcy_price(150, [position], "BTC") == pytest.approx(price)


@pytest.mark.parametrize(("fee", "price"), [(0.0, 105.0), (0.01, 1_050 / 10.1)])
def test_one_short_is_at_its_bankruptcy_price(fee: float, price: float) -> None:
    # -10 x 100 with 50 left: 1,050 - 10 p = fee x 10 p
    [[distance, _]] = reach("bankruptcy", 0.02, seized([-10, 0], 50), np.array([fee, 0.0])).tolist()
    assert 100 * (1 + distance) == pytest.approx(price)


def test_several_positions_share_what_is_left_by_notional() -> None:
    # 45 over 1,000 + 500: 3 % of each, to 97 and 51.5; 30 + 15 are lost
    assert reach("bankruptcy", 0.02, seized([10, -10], 45), FREE).tolist() == [[0.03, 0.03]]


def test_gains_that_do_not_count_as_collateral_can_be_lost_too() -> None:
    assert reach("bankruptcy", 0.02, seized([10, 0], 20, net=np.array([50])), FREE)[0, 0] == 0.05


def test_fees_that_exceed_what_is_left_ask_for_more_than_the_mark() -> None:
    # 4 left of 1,000 and a fee of 1 %: 996 / 9.9 = 100.6
    [[distance, _]] = reach("bankruptcy", 0.02, seized([10, 0], 4), np.array([0.01, 0.0])).tolist()
    assert 100 * (1 - distance) == pytest.approx(996 / 9.9)


legs = st.integers(-200, 200)


@given(st.tuples(legs, legs).filter(any), st.integers(0, 2_000), st.sampled_from([0.0, 0.0004, 0.02]))
def test_closed_at_its_limits_an_account_is_left_with_nothing(position: tuple[int, int], equity: int, fee: float) -> None:
    account = seized(position, equity)
    distance = reach("bankruptcy", 0.02, account, np.full(2, fee))[0]
    lots = np.array(position)
    price = PRICE * (1 - np.sign(lots) * distance)
    loss = float(lots @ (PRICE - price) + fee * np.abs(lots) @ price)
    assert loss == pytest.approx(equity, abs=1e-9)
