"""Admission: what initial margin covers, in order of keys; wallets; the plain twin."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.clearing.admission import Admission, Backing, Reserve, admit, sweep
from abm.clearing.ledger import Ledger, Mode, State
from abm.clearing.margin.tiered import Bracket, Tiered
from abm.kernels import admission as kernel
from abm.market.order import OFF_GRID, Kind, OrderBatch, Outcome, orders
from tests.clearing.test_ledger import instruments
from tests.naive_ledger import NaiveAdmission, NaiveOrder

ALICE, BOB = 0, 1
BTC, ETH = 0, 1
ISOLATED_BTC, ISOLATED_ETH, WALLET, CROSS = 0, 1, 2, 3  # Alice has the first three, Bob the last
PRICE = np.array([100, 200])


class Desk:
    """Alice: isolated BTC and ETH accounts and a wallet; Bob: one cross account. Initial margin 10 %."""

    def __init__(self, cash: list[int], position: Any = None, *, shared_wallet: bool = True, rule: Tiered | None = None) -> None:
        self.ledger = Ledger.open(
            instruments(),
            cash,
            owner=[ALICE, ALICE, ALICE, BOB],
            mode=[Mode.ISOLATED, Mode.ISOLATED, Mode.WALLET, Mode.CROSS],
            position=position,
        )
        self.backing = Backing.of(
            np.array([[ISOLATED_BTC, ISOLATED_ETH], [CROSS, CROSS]]),
            np.array([WALLET, -1]),
            self.ledger,
            shared_wallet=shared_wallet,
        )
        self.buy, self.sell = np.zeros((4, 2), dtype=np.int64), np.zeros((4, 2), dtype=np.int64)
        self.brackets = (rule or Tiered()).tables(["BTC", "ETH"], max_leverage=10, cash_units=1)

    def admit(self, batch: OrderBatch, **more: Any) -> Admission:
        reserve = Reserve(PRICE, np.zeros(4, dtype=np.int64), self.brackets, self.buy, self.sell)
        return admit(batch, self.ledger, self.backing, reserve, **more)


def bob(lots: Any, side: Any = 1, instrument: Any = BTC, **more: Any) -> OrderBatch:
    return orders(trader=BOB, instrument=instrument, side=side, lots=lots, **{"tick": 100, **more})


def outcomes(admission: Admission) -> list[str]:
    return [Outcome(code).name for code in admission.outcome]


def test_kernel_speaks_the_codes_of_the_market() -> None:
    assert [Kind.LIMIT, Kind.IOC, Kind.MARKET, Kind.CANCEL, Kind.CANCEL_ALL] == [
        kernel.LIMIT, kernel.IOC, kernel.MARKET, kernel.CANCEL, kernel.CANCEL_ALL,
    ]  # fmt: skip
    names = ["ACCEPTED", "UNFUNDED", "NOTHING_TO_REDUCE", "SEIZED", "UNDER_CALL", "NOT_HELD"]
    assert [Outcome[name] for name in names] == [
        kernel.ACCEPTED, kernel.UNFUNDED, kernel.NOTHING_TO_REDUCE, kernel.SEIZED, kernel.UNDER_CALL, kernel.NOT_HELD,
    ]  # fmt: skip
    assert (State.CALLED, State.LIQUIDATING) == (kernel.CALLED, kernel.LIQUIDATING)


def test_orders_count_by_key() -> None:
    # 100 of cash carry 1,000 of notional: 10 lots of BTC; the key decides who comes first
    admission = Desk([0, 0, 0, 100]).admit(bob([6, 5, 4], key=[1, 3, 2]))
    assert outcomes(admission) == ["ACCEPTED", "UNFUNDED", "ACCEPTED"]
    assert admission.batch["account"].tolist() == [CROSS] * 3


def test_buys_and_sells_do_not_add() -> None:
    # worst of 10 bought or 10 sold is 10
    assert outcomes(Desk([0, 0, 0, 100]).admit(bob([10, 10, 1], [1, -1, -1]))) == ["ACCEPTED", "ACCEPTED", "UNFUNDED"]


def test_instruments_of_a_cross_account_add() -> None:
    # 5 BTC ask 50, 3 ETH 60
    assert outcomes(Desk([0, 0, 0, 100]).admit(bob([5, 3], instrument=[BTC, ETH]))) == ["ACCEPTED", "UNFUNDED"]


def test_resting_orders_are_reserved_and_cancels_release() -> None:
    desk = Desk([0, 0, 0, 100])
    desk.buy[CROSS, BTC] = 8
    assert outcomes(desk.admit(bob([3]))) == ["UNFUNDED"]
    two = bob([3, 0], kind=[Kind.LIMIT, Kind.CANCEL], key=[1, 2])
    assert outcomes(desk.admit(two, released=np.array([0, 1]))) == ["ACCEPTED", "ACCEPTED"]
    whole = bob([10, 0], kind=[Kind.LIMIT, Kind.CANCEL_ALL], key=[1, 2])
    assert outcomes(desk.admit(whole)) == ["ACCEPTED", "ACCEPTED"]


def test_a_poor_account_may_reduce_but_not_flip() -> None:
    # long 5 BTC, worth nothing more than the position costs: equity 20 against 50 of initial margin
    desk = Desk([0, 0, 0, 20], [[0, 0], [0, 0], [-5, 0], [5, 0]])
    assert outcomes(desk.admit(bob([3, 2, 1], -1, key=[1, 2, 3]))) == ["ACCEPTED", "ACCEPTED", "UNFUNDED"]
    desk.sell[CROSS, BTC] = 4
    assert outcomes(desk.admit(bob([2], -1))) == ["UNFUNDED"]  # 4 rest already


def test_reduce_only_is_cut_to_the_position() -> None:
    desk = Desk([0, 0, 0, 20], [[0, 0], [0, 0], [-5, 0], [5, 0]])
    admission = desk.admit(bob([3, 9, 1, 2], [-1, -1, -1, 1], reduce_only=1, key=[1, 2, 3, 4]))
    assert outcomes(admission) == ["ACCEPTED", "ACCEPTED", "NOTHING_TO_REDUCE", "NOTHING_TO_REDUCE"]
    assert admission.batch["lots"][:2].tolist() == [3, 2]


@pytest.mark.parametrize("state", [State.LIQUIDATING, State.CLOSED])
def test_seized_accounts_may_only_cancel(state: State) -> None:
    desk = Desk([0, 0, 0, 10**6], [[0, 0], [0, 0], [-5, 0], [5, 0]])
    desk.ledger.state[CROSS] = state
    batch = bob([1, 1, 0], [1, -1, 1], kind=[Kind.LIMIT, Kind.LIMIT, Kind.CANCEL_ALL], reduce_only=[0, 1, 0])
    assert outcomes(desk.admit(batch)) == ["SEIZED", "SEIZED", "ACCEPTED"]


def test_called_accounts_may_only_reduce() -> None:
    # long 5 BTC on a million: margin is no matter, the call is
    desk = Desk([0, 0, 0, 10**6], [[0, 0], [0, 0], [-5, 0], [5, 0]])
    desk.ledger.state[CROSS] = State.CALLED
    batch = bob([1, 3, 3, 2, 0], [1, -1, -1, -1, 1], key=[1, 2, 3, 4, 5], kind=[Kind.LIMIT] * 4 + [Kind.CANCEL_ALL])
    # a buy adds; 3 of 5 are sold; 3 more might flip; 2 more close
    assert outcomes(desk.admit(batch)) == ["UNDER_CALL", "ACCEPTED", "UNDER_CALL", "ACCEPTED", "ACCEPTED"]
    assert outcomes(desk.admit(bob([9], -1, reduce_only=1))) == ["ACCEPTED"]


def test_a_called_isolated_account_draws_nothing_from_its_wallet() -> None:
    desk = Desk([10, 0, 100, 0])
    desk.ledger.state[ISOLATED_BTC] = State.CALLED
    batch = orders(trader=ALICE, instrument=[BTC, ETH], side=1, lots=[5, 3], tick=100, key=[1, 2])
    assert outcomes(desk.admit(batch)) == ["UNDER_CALL", "ACCEPTED"]
    assert desk.ledger.cash[:, 0].tolist() == [10, 60, 40, 0]  # ETH asks 60


def test_orders_off_the_grid_are_the_venues_to_refuse() -> None:
    batch = bob([OFF_GRID, 10**6, 10], tick=[100, OFF_GRID, 100])
    assert outcomes(Desk([0, 0, 0, 100]).admit(batch)) == ["ACCEPTED"] * 3


def test_isolated_accounts_draw_what_they_lack_from_the_wallet() -> None:
    desk = Desk([10, 0, 100, 0])
    batch = orders(trader=ALICE, instrument=[BTC, ETH, BTC], side=1, lots=[5, 3, 1], tick=100, key=[1, 2, 3])
    admission = desk.admit(batch)
    # BTC asks 50 and has 10: draws 40; ETH asks 60 and draws the other 60; nothing is left for 10 more
    assert outcomes(admission) == ["ACCEPTED", "ACCEPTED", "UNFUNDED"]
    assert admission.batch["account"].tolist() == [ISOLATED_BTC, ISOLATED_ETH, ISOLATED_BTC]
    assert desk.ledger.cash[:, 0].tolist() == [50, 60, 0, 0]
    desk.ledger.assert_conserved()


def test_without_a_shared_wallet_each_account_stands_alone() -> None:
    desk = Desk([10, 0, 100, 0], shared_wallet=False)
    assert outcomes(desk.admit(orders(trader=ALICE, instrument=BTC, side=1, lots=[1, 1], tick=100))) == ["ACCEPTED", "UNFUNDED"]
    assert desk.ledger.cash[:, 0].tolist() == [10, 0, 100, 0]


def test_sweep_returns_the_cash_of_flat_accounts() -> None:
    desk = Desk([30, 40, 5, 7])
    desk.sell[ISOLATED_ETH, ETH] = 1
    swept = sweep(desk.ledger, desk.backing, desk.buy, desk.sell)
    assert (swept.source.tolist(), swept.amount.tolist()) == ([ISOLATED_BTC], [30])
    assert desk.ledger.cash[:, 0].tolist() == [0, 40, 35, 7]


DYADIC = [(0, 1 / 16, 1 / 32), (300, 1 / 8, 1 / 16), (900, 1 / 4, 1 / 8), (1_500, 1 / 2, 1 / 4)]
RULE = Tiered(
    brackets={a: tuple(Bracket(floor=float(f), initial_rate=i, maintenance_rate=m) for f, i, m in DYADIC) for a in ("BTC", "ETH")}
)
ORDERS = st.lists(
    st.tuples(
        st.sampled_from([ALICE, BOB]),
        st.integers(0, 1),
        st.sampled_from([-1, 1]),
        st.integers(1, 12),
        st.integers(0, 3),
        st.sampled_from(["order", "order", "order", "reduce", "cancel_all"]),
    ),
    min_size=1,
    max_size=60,
)


@given(ORDERS, st.lists(st.integers(-8, 8), min_size=8, max_size=8), st.lists(st.integers(0, 4), min_size=16, max_size=16),
       st.lists(st.integers(0, 800), min_size=4, max_size=4), st.booleans(), st.integers(0, 5), st.integers(0, 5))  # fmt: skip
@settings(deadline=None, max_examples=200)
def test_equals_the_plain_twin(
    wishes: list[Any], held: list[int], resting: list[int], equity: list[int], shared: bool, seized: int, called: int
) -> None:
    position = np.array(held).reshape(4, 2)
    position[WALLET] = -(position.sum(axis=0) - position[WALLET])
    desk = Desk(equity, position, shared_wallet=shared, rule=RULE)
    desk.buy, desk.sell = np.array(resting).reshape(2, 4, 2)
    if called < 4:
        desk.ledger.state[called] = State.CALLED
    if seized < 4:
        desk.ledger.state[seized] = State.LIQUIDATING
    trader, instrument, side, lots, key, what = (list(column) for column in zip(*wishes, strict=True))
    kinds = [Kind.CANCEL_ALL if w == "cancel_all" else Kind.LIMIT for w in what]
    batch = orders(
        trader=trader, instrument=instrument, side=side, lots=lots, key=key, kind=kinds, tick=100,
        reduce_only=[w == "reduce" for w in what],
    )  # fmt: skip
    twin = NaiveAdmission(
        price=PRICE.tolist(),
        ladder=[[(Fraction(f), Fraction(i)) for f, i, _ in DYADIC]] * 2,
        equity=desk.ledger.equity(PRICE).tolist(),
        position=position.tolist(),
        buys=desk.buy.tolist(),
        sells=desk.sell.tolist(),
        wallet=[WALLET, WALLET, -1, -1] if shared else [-1] * 4,
        seized=[row == seized for row in range(4)],
        called=[row == called for row in range(4)],
    )
    rows = [[ISOLATED_BTC, ISOLATED_ETH], [CROSS, CROSS]]
    expected = twin.run(
        [
            NaiveOrder(n, key[n], rows[t][j], j, side[n], lots[n], what[n] == "cancel_all", what[n] == "reduce")
            for n, (t, j) in enumerate(zip(trader, instrument, strict=True))
        ]
    )
    admission = desk.admit(batch)
    assert outcomes(admission) == [expected[n][0] for n in range(len(batch))]
    assert admission.batch["lots"].tolist() == [expected[n][1] for n in range(len(batch))]
    draws = admission.draws
    assert sorted(zip(draws.source, draws.target, draws.amount, strict=True)) == sorted(twin.draws)
    assert desk.ledger.equity(PRICE).tolist() == twin.equity
    desk.ledger.assert_conserved()


def test_few_orders_among_many_accounts_are_judged_alike() -> None:
    # one order revalues its own account and wallet only; the same order among many revalues all
    n = 400
    rng = np.random.default_rng(3)
    ledger = Ledger.open(instruments(), rng.integers(0, 60, 2 * n), owner=np.tile(np.arange(n), 2), mode=np.repeat([0, 3], n))
    backing = Backing.of(np.repeat(np.arange(n)[:, None], 2, axis=1), np.arange(n) + n, ledger)
    none = np.zeros((2 * n, 2), dtype=np.int64)
    brackets = Tiered().tables(["BTC", "ETH"], max_leverage=10, cash_units=1)
    reserve = Reserve(PRICE, np.zeros(2 * n, dtype=np.int64), brackets, none, none)
    batch = orders(trader=np.arange(n), instrument=BTC, side=1, lots=rng.integers(1, 12, n), tick=100)
    alone = [int(admit(batch[[i]], ledger, backing, reserve).outcome[0]) for i in range(20)]
    fresh = Ledger.open(instruments(), np.random.default_rng(3).integers(0, 60, 2 * n), owner=ledger.owner, mode=ledger.mode)
    together = admit(batch, fresh, backing, reserve).outcome
    assert alone == together[:20].tolist()
    assert {0, int(Outcome.UNFUNDED)} == set(together.tolist())
