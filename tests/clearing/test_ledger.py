"""The ledger: every verb conserves cash and lots, and equals the plain twin."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.clearing.ledger import FeeSchedule, Ledger
from abm.market.instrument import Instruments
from abm.market.order import FILL, Reason
from tests.naive_ledger import NaiveAccount, NaiveLedger

ALICE, BOB, FEES, FUND = 0, 1, 2, 3
BTC, ETH = 0, 1


def instruments(unit: tuple[int, ...] = (1, 2)) -> Instruments:
    n = len(unit)
    return Instruments(
        names=("BTC", "ETH", "SOL")[:n],
        asset=np.arange(n),
        venue=np.zeros(n, dtype=np.int64),
        tick_size=np.ones(n),
        lot_size=np.ones(n),
        unit=np.array(unit),
        opening_tick=np.full(n, 100),
        ladder_ticks=np.full(n, 400),
    )


def fees(taker: float = 0.0, maker: float = 0.0, liquidation: float = 0.0) -> FeeSchedule:
    return FeeSchedule.flat(2, taker=taker, maker=maker, liquidation=liquidation, fee_account=FEES, fund_account=FUND)


def fill(side: int, lots: int, tick: int, instrument: int = BTC, reason: Reason = Reason.VOLUNTARY) -> np.ndarray:
    """Alice takes from Bob."""
    one = np.zeros(1, dtype=FILL)
    one["side"], one["lots"], one["tick"], one["instrument"] = side, lots, tick, instrument
    one["taker"], one["maker"], one["taker_reason"] = ALICE, BOB, reason
    return one


def two_traders() -> Ledger:
    return Ledger.open(instruments(), [1_000, 1_000, 0, 0])


def test_cash_pays_the_full_value() -> None:
    ledger = two_traders()
    ledger.settle(fill(+1, 3, 100, ETH), fees())
    # 3 lots x 100 ticks x 2 units = 600
    assert ledger.cash[[ALICE, BOB], 0].tolist() == [400, 1_600]
    assert ledger.position[[ALICE, BOB], ETH].tolist() == [3, -3]
    # at 110 ticks the long is worth 660: Alice 400 + 660, Bob 1600 - 660
    assert ledger.equity(np.array([100, 110 * 2]))[[ALICE, BOB]].tolist() == [1_060, 940]


def test_fees_go_to_their_accounts() -> None:
    ledger = two_traders()
    ledger.settle(fill(-1, 5, 100, reason=Reason.FORCED), fees(taker=0.01, maker=-0.002, liquidation=0.02))
    # value 500: taker 5, rebate 1 to the maker, liquidation fee 10 to the fund
    assert ledger.cash[:, 0].tolist() == [1_000 + 500 - 5 - 10, 1_000 - 500 + 1, 5 - 1, 10]
    ledger.settle(fill(-1, 5, 100), fees(liquidation=0.02))
    assert ledger.cash[FUND, 0] == 10  # voluntary: no liquidation fee
    ledger.assert_conserved()


def test_fees_round_half_to_even() -> None:
    ledger = two_traders()
    ledger.settle(fill(+1, 1, 2), fees(taker=0.25, maker=0.75))
    # 0.5 -> 0 and 1.5 -> 2
    assert ledger.cash[:, 0].tolist() == [998, 1_000, 2, 0]


def test_average_cost_through_reduction_and_flip() -> None:
    ledger = two_traders()
    ledger.settle(fill(+1, 2, 100), fees())
    ledger.settle(fill(+1, 1, 103), fees())
    assert ledger.cost[ALICE, BTC] == 303
    ledger.settle(fill(-1, 1, 110), fees())
    # a third of the cost, 101, leaves; realised 110 - 101
    assert (ledger.cost[ALICE, BTC], ledger.realised[ALICE, BTC]) == (202, 9)
    ledger.settle(fill(-1, 5, 90), fees())
    # closes 2 at 90: 180 - 202; opens a short of 3 at 90
    assert (ledger.position[ALICE, BTC], ledger.cost[ALICE, BTC], ledger.realised[ALICE, BTC]) == (-3, -270, 9 - 22)
    assert (ledger.cost[BOB, BTC], ledger.realised[BOB, BTC]) == (270, 13)


def test_takeover_of_a_short() -> None:
    ledger = two_traders()
    ledger.settle(fill(-1, 3, 100), fees())  # Alice is short 3 at 300, cash 1300
    ledger.takeover(ALICE, FUND, BTC, -3, -330)
    # the source pays the target 330 for taking the short
    assert ledger.cash[:, 0].tolist() == [970, 700, 0, 330]
    assert ledger.position[:, BTC].tolist() == [0, 3, 0, -3]
    assert (ledger.realised[ALICE, BTC], ledger.cost[FUND, BTC]) == (-30, -330)


def test_transfers_deposits_and_withdrawals() -> None:
    ledger = two_traders()
    ledger.transfer(ALICE, [BOB, BOB, FUND], [10, 20, 5])  # repeated rows add up
    ledger.deposit([ALICE, BOB], 100)
    ledger.withdraw(BOB, 40)
    assert ledger.cash[:, 0].tolist() == [1_000 - 35 + 100, 1_000 + 30 + 100 - 40, 0, 5]
    assert (ledger.deposited.tolist(), ledger.withdrawn.tolist()) == ([200], [40])
    ledger.assert_conserved()
    with pytest.raises(ValueError, match="withdraw must be >= 0, was -1"):
        ledger.withdraw(BOB, -1)
    with pytest.raises(ValueError, match="amount must be whole numbers"):
        ledger.transfer(ALICE, BOB, 1.5)


def test_opening_positions_cost_their_value() -> None:
    ledger = Ledger.open(instruments(), [500, 800], position=[[3, -1], [-3, 1]])
    # Alice: long 3 x 100, short 1 x 100 x 2
    assert ledger.cash[:, 0].tolist() == [500 - 300 + 200, 800 + 300 - 200]
    assert ledger.equity(np.array([100, 200])).tolist() == [500, 800]
    with pytest.raises(ValueError, match=r"must sum to \[0, 0\] lots, were \[1, 0\]"):
        Ledger.open(instruments(), [500], position=[[1, 0]])


def test_a_lost_unit_is_named() -> None:
    ledger = two_traders()
    ledger.cash[BOB, 0] -= 1
    assert ledger.conservation() == {"cash_error": 1, "lots_error": 0}
    with pytest.raises(AssertionError, match="cash of currency 0 must sum to 2000 .* over 4 accounts, was 1999"):
        ledger.assert_conserved()
    ledger.cash[BOB, 0] += 1
    ledger.position[BOB, ETH] += 2
    with pytest.raises(AssertionError, match="positions in ETH must sum to 0 lots over 4 accounts, was 2"):
        ledger.assert_conserved()


def test_currencies_and_issued_lots() -> None:
    # ETH is spot, 7 lots exist; BTC settles in the second currency
    ledger = Ledger.open(
        instruments(), [[900, 50], [500, 60]], position=[[0, 3], [0, 4]], issued=[0, 7], currency=[1, 0]
    )
    assert ledger.cash.tolist() == [[900 - 600, 50], [500 - 800, 60]]
    ledger.takeover(1, 0, BTC, 1, 30)
    assert ledger.cash.tolist() == [[300, 20], [-300, 90]]
    ledger.assert_conserved()


events = st.lists(
    st.tuples(
        st.sampled_from(["fill", "transfer", "takeover"]),
        st.integers(0, 3),
        st.integers(0, 3),
        st.integers(0, 1),
        st.integers(-30, 30),
        st.integers(1, 199),
        st.sampled_from([Reason.VOLUNTARY, Reason.FORCED]),
    ),
    max_size=40,
)


@given(events)
@settings(deadline=None, max_examples=150)
def test_equals_the_plain_twin_and_conserves(events: list[tuple]) -> None:
    taker, maker, liquidation = Fraction(1, 64), Fraction(-1, 256), Fraction(3, 128)  # exact in binary
    ledger = Ledger.open(instruments(), [1_000, 1_000, 0, 0, 0, 0])
    schedule = FeeSchedule.flat(
        2, taker=float(taker), maker=float(maker), liquidation=float(liquidation), fee_account=4, fund_account=5
    )
    twin = NaiveLedger([1, 2], [NaiveAccount(1_000), NaiveAccount(1_000), *(NaiveAccount() for _ in range(4))])
    for verb, a, b, instrument, lots, number, reason in events:
        if verb == "transfer":
            ledger.transfer(a, b, lots)
            twin.transfer(a, b, lots)
        elif lots and verb == "takeover":
            ledger.takeover(a, b, instrument, lots, lots * number + number)
            twin.takeover(a, b, instrument, lots, lots * number + number)
        elif lots:
            one = fill(1 if lots > 0 else -1, abs(lots), number, instrument, reason)
            one["taker"], one["maker"] = a, b
            ledger.settle(one, schedule)
            value = twin.fill(a, b, instrument, lots=lots, tick=number)
            twin.fee(a, 4, taker, value)
            twin.fee(b, 4, maker, value)
            if reason == Reason.FORCED:
                twin.fee(a, 5, liquidation, value)
        ledger.assert_conserved()
    for row, account in enumerate(twin.accounts):
        assert ledger.cash[row, 0] == account.cash
        for j in (BTC, ETH):
            assert ledger.position[row, j] == account.position.get(j, 0)
            assert ledger.cost[row, j] == account.cost.get(j, 0)
            assert ledger.realised[row, j] == account.realised.get(j, 0)
            if account.position.get(j, 0) == 0:
                assert ledger.cost[row, j] == 0
