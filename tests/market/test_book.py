"""The order book: the rules of the desk by hand, then a thousand random sessions against the plain twin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.kernels import matching
from abm.kernels.matching import by_key
from abm.market.book import Books
from abm.market.instrument import Instruments
from abm.market.order import OFF_GRID, Kind, OrderBatch, Outcome, Reason, no_orders, orders
from tests.naive import NaiveBooks

ALICE, BOB, CAROL, DAVE = range(4)
OPENING = 100


def listed(n: int = 1, ladder_ticks: int = 400, opening: int = OPENING) -> Instruments:
    """`n` instruments that opened at `opening` ticks."""
    ones = np.ones(n, np.int64)
    names = tuple(f"I{i}" for i in range(n))
    return Instruments(names, np.arange(n), 0 * ones, 1.0 * ones, 1.0 * ones, ones, opening * ones, ladder_ticks * ones)


def desk(n_instruments: int = 1, n_accounts: int = 4) -> Books:
    """Empty books; every trader has the account of the same number."""
    return Books(listed(n_instruments), n_accounts)


def order(trader: int, side: int, lots: int, tick: int = 0, **fields: Any) -> OrderBatch:
    """One order of a trader from their own account."""
    return orders(**{"trader": trader, "account": trader, "instrument": 0, "side": side, "lots": lots, "tick": tick} | fields)


def buy(trader: int, lots: int, tick: int = 0, **fields: Any) -> OrderBatch:
    return order(trader, 1, lots, tick, **fields)


def sell(trader: int, lots: int, tick: int = 0, **fields: Any) -> OrderBatch:
    return order(trader, -1, lots, tick, **fields)


def in_turn(*batch: OrderBatch) -> OrderBatch:
    """One batch whose orders act one after the other."""
    joined = np.concatenate(batch)
    joined["key"] = np.arange(len(joined))
    return joined


def prints(execution: Any) -> list[tuple[int, int, int, int]]:
    """(taker, maker, tick, lots) of every fill in order."""
    return [(int(f["taker"]), int(f["maker"]), int(f["tick"]), int(f["lots"])) for f in execution.fills]


def test_numbers_of_kinds_and_outcomes_are_those_of_the_kernel() -> None:
    assert [Kind.LIMIT, Kind.IOC, Kind.MARKET, Kind.CANCEL, Kind.CANCEL_ALL] == [
        matching.LIMIT, matching.IOC, matching.MARKET, matching.CANCEL, matching.CANCEL_ALL
    ]  # fmt: skip
    assert [Outcome.ACCEPTED, Outcome.OFF_LOT, Outcome.OFF_TICK, Outcome.OFF_LADDER, Outcome.OUT_OF_BAND] == [
        matching.ACCEPTED, matching.OFF_LOT, matching.OFF_TICK, matching.OFF_LADDER, matching.OUT_OF_BAND
    ]  # fmt: skip
    assert matching.UNKNOWN_ORDER == Outcome.UNKNOWN_ORDER and matching.OFF_GRID == OFF_GRID


def test_new_books_are_empty_and_last_is_the_opening_price() -> None:
    books = desk(2)
    assert (books.best_bid.tolist(), books.best_ask.tolist(), books.last.tolist()) == ([0, 0], [0, 0], [OPENING, OPENING])
    execution = books.execute(no_orders())
    assert len(execution.fills) == 0 and len(execution.outcome) == 0


def test_the_better_price_is_filled_first() -> None:
    books = desk()
    done = books.execute(in_turn(sell(ALICE, 5, 103), sell(BOB, 5, 101), sell(CAROL, 5, 102), buy(DAVE, 12, 103)))
    assert prints(done) == [(DAVE, BOB, 101, 5), (DAVE, CAROL, 102, 5), (DAVE, ALICE, 103, 2)]  # 12 = 5 + 5 + 2
    assert books.last.tolist() == [103] and books.best_ask.tolist() == [103]
    assert books.resting_lots().tolist() == [[0, 3]]  # 5 - 2 of Alice


def test_at_one_price_the_oldest_order_is_filled_first_and_keeps_its_place_when_filled_in_part() -> None:
    books = desk()
    books.execute(in_turn(buy(ALICE, 5, 99), buy(BOB, 5, 99), buy(CAROL, 5, 99)))
    assert prints(books.execute(sell(DAVE, 3, 99))) == [(DAVE, ALICE, 99, 3)]
    assert prints(books.execute(sell(DAVE, 4, 99))) == [(DAVE, ALICE, 99, 2), (DAVE, BOB, 99, 2)]
    assert prints(books.execute(sell(DAVE, 8, 99))) == [(DAVE, BOB, 99, 3), (DAVE, CAROL, 99, 5)]
    assert books.best_bid.tolist() == [0]


def test_priority_within_a_batch_is_the_key_and_then_the_place() -> None:
    late, early = sell(ALICE, 1, 100, key=7), sell(BOB, 1, 100, key=3)
    tied, tied_too = sell(CAROL, 1, 100, key=5), sell(DAVE, 1, 100, key=5)
    books = Books(listed(), 5)
    books.execute(np.concatenate([late, tied, early, tied_too]))
    assert [maker for _, maker, _, _ in prints(books.execute(buy(4, 4, 100)))] == [BOB, CAROL, DAVE, ALICE]


def test_a_limit_order_trades_at_the_resting_price_and_rests_with_what_is_left() -> None:
    books = desk()
    done = books.execute(in_turn(sell(ALICE, 4, 101), buy(BOB, 10, 105)))
    assert prints(done) == [(BOB, ALICE, 101, 4)]  # not at 105: never through a better price
    assert books.best_bid.tolist() == [105] and books.best_ask.tolist() == [0]
    assert done.order_id[0] > 0 and done.order_id[1] > 0  # Alice's rested when it came; Bob's 6 lots rest
    assert books.resting_orders()[["tick", "lots", "account", "side"]].tolist() == [(105, 6, BOB, 1)]


def test_an_ioc_order_fills_within_its_limit_and_expires() -> None:
    books = desk()
    done = books.execute(in_turn(sell(ALICE, 4, 101), sell(BOB, 4, 104), buy(CAROL, 10, 102, kind=Kind.IOC)))
    assert prints(done) == [(CAROL, ALICE, 101, 4)]
    assert done.expired_lots.tolist() == [0, 0, 6] and done.order_id[2] == -1  # 10 - 4
    assert books.best_bid.tolist() == [0] and books.best_ask.tolist() == [104]


def test_a_market_order_sweeps_the_levels_at_their_own_prices_and_expires() -> None:
    books = desk()
    books.execute(in_turn(buy(ALICE, 2, 99), buy(BOB, 3, 97), buy(CAROL, 4, 50)))
    done = books.execute(sell(DAVE, 20, kind=Kind.MARKET))
    assert prints(done) == [(DAVE, ALICE, 99, 2), (DAVE, BOB, 97, 3), (DAVE, CAROL, 50, 4)]
    assert done.expired_lots.tolist() == [11]  # 20 - 2 - 3 - 4
    assert books.last.tolist() == [50] and books.best_bid.tolist() == [0]


def test_a_market_order_stops_at_the_band() -> None:
    books = desk()
    books.execute(in_turn(buy(ALICE, 2, 99), buy(BOB, 3, 97), sell(CAROL, 1, 103), sell(CAROL, 1, 104)))
    band = np.array([[98, 103]])
    down = books.execute(sell(DAVE, 20, kind=Kind.MARKET), band=band)
    up = books.execute(buy(DAVE, 20, kind=Kind.MARKET), band=band)
    assert prints(down) == [(DAVE, ALICE, 99, 2)] and down.expired_lots.tolist() == [18]
    assert prints(up) == [(DAVE, CAROL, 103, 1)] and up.expired_lots.tolist() == [19]
    assert (books.best_bid.tolist(), books.best_ask.tolist()) == ([97], [104])


def test_a_limit_beyond_the_band_is_refused_and_at_the_band_is_not() -> None:
    band = np.array([[90, 110]])
    done = desk().execute(
        in_turn(buy(ALICE, 1, 111), sell(BOB, 1, 89), buy(ALICE, 1, 89), sell(BOB, 1, 111), buy(ALICE, 1, 111, kind=Kind.IOC)),
        band=band,
    )
    refused, fine = Outcome.OUT_OF_BAND, Outcome.ACCEPTED  # a bid below the band and an offer above it only wait
    assert done.outcome.tolist() == [refused, refused, fine, fine, refused]
    assert desk().execute(in_turn(buy(ALICE, 1, 110), sell(BOB, 1, 90)), band=band).outcome.tolist() == [fine, fine]


def test_a_traders_own_resting_order_is_cancelled_and_the_matching_goes_on() -> None:
    books = desk()
    books.execute(in_turn(sell(ALICE, 5, 101), sell(BOB, 5, 101), sell(ALICE, 7, 102)))
    done = books.execute(buy(ALICE, 6, 102, account=DAVE))  # the same owner from another account
    assert prints(done) == [(DAVE, BOB, 101, 5)]
    assert done.prevented_orders.tolist() == [2] and done.prevented_lots.tolist() == [12]  # 5 + 7
    assert books.best_ask.tolist() == [0] and books.best_bid.tolist() == [102]
    assert books.resting_lots().tolist() == [[1, 0]]  # 6 - 5
    assert books.open_sell.sum() == 0 and books.open_buy[DAVE, 0] == 1
    assert books.execute(sell(BOB, 1, 102)).prevented_orders.tolist() == [0]  # counted per batch


def test_a_cancel_removes_its_order_before_anything_trades() -> None:
    books = desk()
    placed = books.execute(in_turn(sell(ALICE, 5, 101), sell(BOB, 5, 102)))
    cancel = orders(trader=ALICE, instrument=0, side=1, lots=0, kind=Kind.CANCEL, ref=placed.order_id[0])
    done = books.execute(in_turn(buy(CAROL, 5, 102), cancel))  # the cancel stands last and goes first
    assert prints(done) == [(CAROL, BOB, 102, 5)]
    assert done.cancelled_lots.tolist() == [0, 5] and done.outcome.tolist() == [0, 0]
    assert books.open_sell[ALICE, 0] == 0


def test_a_cancel_of_an_order_that_does_not_rest_is_refused() -> None:
    books = desk()
    placed = books.execute(in_turn(sell(ALICE, 5, 101), sell(BOB, 2, 102), buy(CAROL, 5, 101)))
    filled, bobs = placed.order_id[0], placed.order_id[1]

    def cancel(trader: int, ref: int) -> OrderBatch:
        return orders(trader=trader, instrument=0, side=1, lots=0, kind=Kind.CANCEL, ref=ref)

    books.execute(sell(DAVE, 3, 103))  # takes the slot of Alice's filled order
    done = books.execute(
        in_turn(*(cancel(*c) for c in [(ALICE, filled), (DAVE, filled), (ALICE, bobs), (BOB, 0), (BOB, -1), (BOB, 2**62)]))
    )
    assert done.outcome.tolist() == [Outcome.UNKNOWN_ORDER] * 6 and books.resting_lots().tolist() == [[0, 5]]
    twice = books.execute(in_turn(cancel(BOB, bobs), cancel(BOB, bobs)))
    assert twice.outcome.tolist() == [Outcome.ACCEPTED, Outcome.UNKNOWN_ORDER] and twice.cancelled_lots.tolist() == [2, 0]


def test_cancel_all_takes_an_accounts_orders_out_of_one_instrument_or_of_all() -> None:
    books = desk(3)
    for instrument in range(3):
        books.execute(in_turn(*(buy(t, 2 + t, 90 + t, instrument=instrument) for t in (ALICE, BOB, ALICE))))
    one = books.execute(orders(trader=ALICE, account=ALICE, instrument=1, side=1, lots=0, kind=Kind.CANCEL_ALL))
    assert one.cancelled_lots.tolist() == [4]  # 2 + 2
    assert books.open_buy[:2].tolist() == [[4, 0, 4], [3, 3, 3]]
    rest = books.execute(orders(trader=ALICE, account=ALICE, instrument=-1, side=1, lots=0, kind=Kind.CANCEL_ALL))
    none = books.execute(orders(trader=ALICE, account=ALICE, instrument=-1, side=1, lots=0, kind=Kind.CANCEL_ALL))
    assert rest.cancelled_lots.tolist() == [8] and none.cancelled_lots.tolist() == [0] and none.outcome.tolist() == [0]
    assert books.resting_lots().tolist() == [[3, 0]] * 3 and books.best_bid.tolist() == [91] * 3


@pytest.mark.parametrize(
    ("bad", "outcome"),
    [
        (buy(ALICE, 0, 100), Outcome.OFF_LOT),
        (buy(ALICE, OFF_GRID, 100), Outcome.OFF_LOT),
        (sell(ALICE, 0, kind=Kind.MARKET), Outcome.OFF_LOT),
        (buy(ALICE, 1, OFF_GRID), Outcome.OFF_TICK),
        (buy(ALICE, 1, 0), Outcome.OFF_LADDER),
        (sell(ALICE, 1, 400), Outcome.OFF_LADDER),  # ticks 1 .. 399
        (sell(ALICE, 1, -7, kind=Kind.IOC), Outcome.OFF_LADDER),
    ],
)
def test_a_refused_order_leaves_the_book_alone_and_says_why(bad: OrderBatch, outcome: Outcome) -> None:
    books = desk()
    books.execute(in_turn(buy(BOB, 5, 100), sell(CAROL, 5, 101)))
    done = books.execute(bad)
    assert done.outcome.tolist() == [outcome] and len(done.fills) == 0
    assert (done.order_id.tolist(), done.expired_lots.tolist()) == ([-1], [0])
    assert books.resting_lots().tolist() == [[5, 5]]


def test_orders_refused_by_clearing_are_passed_over_and_reported_unchanged() -> None:
    books = desk()
    given_ = np.array([Outcome.UNFUNDED, Outcome.ACCEPTED, Outcome.SEIZED], np.int8)
    done = books.execute(in_turn(sell(ALICE, 1, 99), sell(BOB, 1, 100), sell(-1, 1, 98)), outcome=given_)
    assert done.outcome.tolist() == [Outcome.UNFUNDED, Outcome.ACCEPTED, Outcome.SEIZED]
    assert books.best_ask.tolist() == [100] and given_.tolist() == [Outcome.UNFUNDED, 0, Outcome.SEIZED]


@pytest.mark.parametrize(
    "wrong",
    [
        buy(4, 1, 100),
        buy(-1, 1, 100),
        buy(ALICE, 1, 100, instrument=2),
        buy(ALICE, 1, 100, instrument=-1),
        order(ALICE, 0, 1, 100),
        buy(ALICE, 1, 100, kind=5),
        orders(trader=9, account=9, instrument=-1, side=1, lots=0, kind=Kind.CANCEL_ALL),
    ],
)
def test_an_order_that_names_a_row_that_is_not_is_a_mistake_of_the_caller(wrong: OrderBatch) -> None:
    books = desk(2)
    with pytest.raises(ValueError, match="order 1 of the batch"):
        books.execute(in_turn(buy(BOB, 1, 100), wrong))
    assert books.resting_lots().sum() == 0  # nothing of the batch was done


def test_every_fill_names_order_side_and_both_reasons() -> None:
    done = desk(2).execute(
        in_turn(
            buy(ALICE, 3, 100, instrument=1, reason=Reason.QUOTE),
            sell(BOB, 1, kind=Kind.MARKET, instrument=1, reason=Reason.FORCED),
        )
    )
    fill = done.fills[0]
    assert (fill["instrument"], fill["order"], fill["side"]) == (1, 1, -1)
    assert (fill["taker_reason"], fill["maker_reason"]) == (Reason.FORCED, Reason.QUOTE)


def test_depth_counts_what_rests_within_a_fraction_of_the_reference() -> None:
    books = desk(2)
    books.execute(in_turn(buy(ALICE, 1, 99), buy(ALICE, 2, 98), buy(ALICE, 4, 97), sell(BOB, 8, 102), sell(BOB, 16, 103)))
    assert books.depth(np.array([100, 100]), 0.02).tolist() == [[3, 8], [0, 0]]  # 98 .. 102: 1 + 2 bid, 8 offered
    assert books.depth(np.array([100, 100]), 0.029).tolist() == [[3, 8], [0, 0]]  # 97.1 .. 102.9
    assert books.depth(np.array([98, 98]), 0.01).tolist() == [[2, 0], [0, 0]]  # 97.02 .. 98.98
    assert books.depth(np.array([100, 100]), 5.0).tolist() == [[7, 24], [0, 0]]  # the whole book


def test_depth_profile_and_ladder_run_outward_from_the_best_price() -> None:
    books = desk()
    books.execute(in_turn(buy(ALICE, 1, 99), buy(ALICE, 2, 97), sell(BOB, 8, 102), sell(BOB, 16, 104), sell(BOB, 9, 105)))
    assert books.depth_profile(4).tolist() == [[[1, 0, 2, 0], [8, 0, 16, 9]]]
    assert books.ladder(0, 2)[["tick", "lots", "side"]].tolist() == [(104, 16, -1), (102, 8, -1), (99, 1, 1), (97, 2, 1)]
    assert books.ladder(0, 9)["tick"].tolist() == [105, 104, 102, 99, 97]


def test_the_profile_ends_where_the_ladder_ends() -> None:
    books = desk()
    books.execute(in_turn(buy(ALICE, 3, 2), buy(ALICE, 1, 1), sell(BOB, 4, 398), sell(BOB, 5, 399)))
    assert books.depth_profile(4).tolist() == [[[3, 1, 0, 0], [4, 5, 0, 0]]]


def test_the_next_best_price_is_found_across_a_nearly_empty_ladder() -> None:
    books = Books(listed(ladder_ticks=40_000, opening=10_000), 4)
    books.execute(in_turn(*(sell(ALICE, 1, t) for t in (10_001, 10_032, 11_000, 39_999)), *(buy(BOB, 1, t) for t in (1, 5000))))
    done = books.execute(buy(CAROL, 4, kind=Kind.MARKET))
    assert done.fills["tick"].tolist() == [10_001, 10_032, 11_000, 39_999] and books.best_ask.tolist() == [0]
    assert books.execute(sell(CAROL, 4, kind=Kind.MARKET)).fills["tick"].tolist() == [5000, 1] and books.best_bid.tolist() == [0]


def test_a_ladder_longer_than_the_book_can_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="ladder_ticks must be at most 262144, was 262145"):
        Books(listed(ladder_ticks=262_145), 1)


def test_the_pool_grows_and_gives_slots_back_under_new_ids() -> None:
    books = desk()
    seen: set[int] = set()
    for _ in range(3):
        ids = books.execute(in_turn(*(buy(ALICE, 1, 1 + t % 90) for t in range(1500)))).order_id.tolist()
        assert len(set(ids)) == 1500 and not seen & set(ids)
        assert sorted(ids) == sorted(books.resting_orders(ALICE)["id"].tolist())
        seen |= set(ids)
        books.execute(orders(trader=ALICE, account=ALICE, instrument=0, side=1, lots=0, kind=Kind.CANCEL_ALL))
    assert books.resting_lots().sum() == 0 and len(books.resting_orders()) == 0


def test_a_million_accounts_in_four_instruments_stay_below_150_megabytes() -> None:
    assert Books(listed(4), 10)._accounts.nbytes * 100_000 <= 150e6  # 24 bytes x 4 instruments x 1,000,000 = 96 MB
    assert matching.SLOT.itemsize == 64  # a resting order is one cache line


def test_open_lots_cannot_be_written_from_outside() -> None:
    with pytest.raises(ValueError, match="read-only"):
        desk().open_buy[0, 0] = 1


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 9) | st.integers(2**63 - 4, 2**63 + 4), max_size=200))
@settings(deadline=None, max_examples=60)
def test_keys_are_sorted_with_ties_in_the_given_order(keys: list[int]) -> None:
    rank = by_key(np.array(keys, np.uint64))
    assert rank.tolist() == sorted(range(len(keys)), key=lambda i: (keys[i], i))


class Session:
    """Random orders of four traders with two accounts each, sent to the fast books and to their plain twin."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = np.random.default_rng(seed)
        self.n_books = int(rng.integers(1, 4))
        self.ladder = int(rng.choice([30, 400, 5000]))
        self.opening = self.ladder // 3
        self.reach = int(rng.choice([3, 8, self.ladder // 3]))
        instruments = listed(self.n_books, self.ladder, self.opening)
        self.books = Books(instruments, 8)
        self.naive = NaiveBooks(instruments.opening_tick.tolist(), instruments.ladder_ticks.tolist())
        self.ids: list[tuple[int, int, int]] = [(12345, -5, 0)]  # (fast id, naive id, trader) of all that ever rested
        self.placed = self.ended = 0

    def batch(self) -> tuple[OrderBatch, OrderBatch]:
        """The same orders for both, with the ids each has given."""
        rng, n = self.rng, int(self.rng.integers(0, 40))
        account = rng.integers(0, 8, n)
        drawn = orders(
            trader=account // 2,
            account=account,
            instrument=rng.integers(0, self.n_books, n),
            side=rng.choice([-1, 1], n),
            lots=np.where(rng.random(n) < 0.05, rng.choice([0, OFF_GRID]), rng.integers(1, 9, n)),
            tick=self.opening + rng.integers(-self.reach, self.reach + 1, n),
            kind=rng.choice(5, n, p=[0.5, 0.1, 0.15, 0.2, 0.05]),
            key=rng.integers(0, rng.choice([5, 2**63]), n),
            reason=rng.integers(0, 8, n),
        )
        odd = rng.random(n) < 0.05
        drawn["tick"][odd] = rng.choice([OFF_GRID, 0, self.ladder, self.ladder - 1, 1], odd.sum())
        everywhere = (drawn["kind"] == Kind.CANCEL_ALL) & (rng.random(n) < 0.5)
        drawn["instrument"][everywhere] = -1
        fast, naive = drawn, drawn.copy()
        for i in np.flatnonzero(drawn["kind"] == Kind.CANCEL):
            chosen = self.ids[int(rng.integers(max(0, len(self.ids) - 40), len(self.ids)))]
            fast[i]["ref"], naive[i]["ref"] = chosen[:2]
            if rng.random() < 0.9:
                fast[i]["trader"] = naive[i]["trader"] = chosen[2]
        return fast, naive

    def play(self) -> None:
        """One batch to both, compared in everything."""
        fast, naive = self.batch()
        rng = self.rng
        middle = self.opening + rng.integers(-2, 3, (self.n_books, 1))
        band = middle + np.array([[-self.reach // 2, self.reach // 2]]) if rng.random() < 0.3 else None
        refused = (rng.random(len(fast)) < 0.1).astype(np.int8) * Outcome.UNFUNDED if rng.random() < 0.3 else None
        got, want = self.books.execute(fast, band=band, outcome=refused), self.naive.execute(naive, band, refused)
        assert got.fills.tolist() == [tuple(fill) for fill in sorted(want.fills, key=lambda fill: fill.instrument)]
        assert got.outcome.tolist() == want.outcome
        assert got.expired_lots.tolist() == want.expired_lots and got.cancelled_lots.tolist() == want.cancelled_lots
        assert ((got.order_id != -1) == (np.array(want.order_id, np.int64) != -1)).all()
        assert got.prevented_orders.sum() == want.prevented_orders and got.prevented_lots.sum() == want.prevented_lots
        rested = np.flatnonzero(got.order_id != -1)
        self.ids += [(int(got.order_id[i]), want.order_id[i], int(fast[i]["trader"])) for i in rested]
        accepted = (fast["kind"] < Kind.CANCEL) & (got.outcome == Outcome.ACCEPTED)
        self.placed += int(fast["lots"][accepted].sum())
        self.ended += int(
            2 * got.fills["lots"].sum() + got.expired_lots.sum() + got.cancelled_lots.sum() + got.prevented_lots.sum()
        )
        self.compare_books()

    def compare_books(self) -> None:
        """Best prices, queues, open lots; no crossed book; no lost lot."""
        books, naive = self.books, self.naive.books
        bid, ask = books.best_bid, books.best_ask
        assert bid.tolist() == [b.best(1) for b in naive] and ask.tolist() == [b.best(-1) for b in naive]
        assert books.last.tolist() == [b.last for b in naive]
        assert ((bid < ask) | (bid == 0) | (ask == 0)).all()
        held = [[[self.naive.open_lots(a, i, side) for i in range(self.n_books)] for a in range(8)] for side in (1, -1)]
        assert books.open_buy.tolist() == held[0] and books.open_sell.tolist() == held[1]
        assert books.resting_lots().sum() == books.resting_orders()["lots"].sum() == np.sum(held)
        assert self.placed == self.ended + np.sum(held)  # placed = filled, on both sides + expired + cancelled + resting
        own = {fast: plain for fast, plain, _ in self.ids}
        resting = {own[int(o["id"])]: (o["tick"], o["lots"], o["side"], o["instrument"]) for o in books.resting_orders()}
        assert resting == {o.id: (o.tick, o.lots, o.side, i) for i, b in enumerate(naive) for o in b.orders()}

    def drain(self) -> None:
        """Market orders of a stranger empty both books: every queue must stand in the same order."""
        size = 10**6
        sweep = orders(
            trader=9, account=0, instrument=np.repeat(np.arange(self.n_books), 2), side=np.tile([1, -1], self.n_books),
            lots=size, kind=Kind.MARKET,
        )  # fmt: skip
        got, want = self.books.execute(sweep), self.naive.execute(sweep)
        assert got.fills.tolist() == [tuple(fill) for fill in sorted(want.fills, key=lambda fill: fill.instrument)]
        assert self.books.resting_lots().sum() == 0 and not self.books.best_bid.any() and not self.books.best_ask.any()


def play_sessions(seeds: range) -> None:
    for seed in seeds:
        session = Session(seed)
        for _ in range(8):
            session.play()
        session.drain()


def test_the_book_equals_its_plain_twin_in_a_hundred_sessions() -> None:
    play_sessions(range(100))


@pytest.mark.slow
def test_the_book_equals_its_plain_twin_in_a_thousand_sessions() -> None:
    play_sessions(range(100, 1000))


@given(seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=25)
def test_the_order_in_which_a_batch_is_written_does_not_matter(seed: int) -> None:
    first, second = Session(seed), Session(seed)
    for session in (first, second):
        for _ in range(3):
            session.play()
    batch, _ = first.batch()
    batch["key"] = first.rng.permutation(len(batch))
    shuffle = first.rng.permutation(len(batch))
    straight, mixed = first.books.execute(batch), second.books.execute(batch[shuffle])
    mixed.fills["order"] = shuffle[mixed.fills["order"]]
    assert mixed.fills.tolist() == straight.fills.tolist()
    assert mixed.expired_lots.sum() == straight.expired_lots.sum()
    assert (first.books.open_buy == second.books.open_buy).all() and (first.books.open_sell == second.books.open_sell).all()


@given(seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=25)
def test_a_book_does_not_notice_what_happens_in_another(seed: int) -> None:
    rng = np.random.default_rng(seed)
    busy, quiet = Books(listed(2), 8), Books(listed(2), 8)
    for _ in range(4):
        n = int(rng.integers(1, 60))
        account = rng.integers(0, 8, n)
        batch = orders(
            trader=account, account=account, instrument=rng.integers(0, 2, n), side=rng.choice([-1, 1], n),
            lots=rng.integers(1, 9, n), tick=OPENING + rng.integers(-5, 6, n), kind=rng.choice([0, 0, 0, 2, 4], n),
            key=rng.permutation(n),
        )  # fmt: skip
        mine = batch["instrument"] == 0
        both, alone = busy.execute(batch), quiet.execute(batch[mine])
        place = np.cumsum(mine) - 1
        fills = both.fills[both.fills["instrument"] == 0]
        fills["order"] = place[fills["order"]]
        assert fills.tolist() == alone.fills.tolist()
        assert both.order_id[mine].tolist() == alone.order_id.tolist()  # even the ids
        assert busy.ladder(0, 99).tolist() == quiet.ladder(0, 99).tolist()
