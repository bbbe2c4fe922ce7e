"""Auto-deleveraging: who is closed against a bankrupt account, in which order, and what it costs them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.clearing.adl import HyperliquidRanking, IndustryRanking, NoAdl, ProRataEquity
from abm.clearing.journal import EventKind
from abm.clearing.ledger import State
from tests.clearing.house_desk import ALICE, BOB, BTC, CAROL, DAVE, ETH, Desk


def bankrupt_alice(*others: tuple[int, int], alice: tuple[int, int] = (150, 10), **rules: object) -> Desk:
    """Alice and others with (equity, lots of BTC) at 100; an account without money can take part in nothing."""
    return Desk([alice[0], *(money for money, _ in others)], [[alice[1], 0], *([lots, 0] for _, lots in others)], **rules)


def test_the_score_is_profit_share_times_leverage_and_losers_come_last() -> None:
    profit, cost = np.array([200, 200, -100, -100]), np.array([-1_000, -1_000, -700, -700])
    notional, equity = np.array([800, 800, 800, 800]), np.array([400, 1_600, 400, 1_600])
    score = IndustryRanking().score(profit, cost, notional, equity)
    # profits: 0.2 x 2 and 0.2 x 0.5; losses: -1/7 / 2 and -1/7 / 0.5, so the loser with less leverage is the last of all
    assert score.tolist() == pytest.approx([0.4, 0.1, -1 / 14, -2 / 7])


def test_the_queue_is_the_ranking() -> None:
    # at 80 all shorts of 10 lots from 100 have won 200: Bob on 300, Carol on 1,200, Dave bought in at 70 and lost 100
    desk = bankrupt_alice((100, -10), (1_000, -10), (1_000, 0))
    desk.trade(buyer=desk.outside, seller=DAVE, lots=10, at=70)
    queue = desk.waterfall(btc=80).queue
    assert queue.candidates(BTC, -1)[::-1] == [BOB, CAROL, DAVE]
    assert queue.candidates(BTC, +1)[::-1] == []  # Alice is bankrupt; those of other houses do not count


def test_the_bankrupt_ends_at_zero_and_both_sides_shrink_alike() -> None:
    desk = bankrupt_alice((100, -10), (1_000, -10))
    desk.settle(btc=80)
    # Alice: 150 - 10 x 20 = -50; Bob, first in the queue, hands over all 10 lots and pays 50 of his 300
    assert (desk.equity(ALICE, 80), desk.lots(ALICE)) == (0, [0, 0])
    assert (desk.equity(BOB, 80), desk.lots(BOB)) == (250, [0, 0])
    assert (desk.equity(CAROL, 80), desk.lots(CAROL)) == (1_200, [-10, 0])
    assert desk.ledger.state[ALICE] == State.CLOSED
    [entry] = desk.told(EventKind.ADL)
    # Alice sells 10 lots at 85: 80 and her deficit of 5 per lot
    assert (entry.lots, entry.value, entry.amount) == (10, 850, 50)
    assert desk.borne() == {"deficit": 50, "fund": 0, "adl": 50, "socialised": 0}


def test_a_deficit_is_shared_by_lots_to_the_unit() -> None:
    desk = bankrupt_alice((100, -10), (1_000, -10), alice=(230, 15))
    desk.settle(btc=80)
    # Alice: 230 - 15 x 20 = -70 over 15 lots; Bob takes 10: 46.67, Carol 5: 23.33; the larger remainder gets the odd unit
    assert [entry.amount for entry in desk.told(EventKind.ADL)] == [47, 23]
    assert [desk.lots(row)[BTC] for row in (ALICE, BOB, CAROL)] == [0, 0, -5]


def test_nobody_pays_more_than_all_he_has() -> None:
    desk = bankrupt_alice((0, -10), (1_000, -10), alice=(0, 10))
    desk.ledger.transfer(BOB, desk.outside, 80)  # Bob is left with 200 - 80 = 120 of the 200 that Alice lacks
    desk.settle(btc=80)
    # Alice lacks 200, 20 per lot: Bob can bear 120 / 20 = 6 lots, Carol takes the other 4
    assert [(entry.counterparty, entry.lots, entry.amount) for entry in desk.told(EventKind.ADL)] == [
        (BOB, 6, 120),
        (CAROL, 4, 80),
    ]
    assert (desk.equity(BOB, 80), desk.lots(BOB)) == (0, [-4, 0])


def test_a_short_is_closed_against_longs() -> None:
    desk = Desk([150, 100], [[-10, 0], [10, 0]])
    desk.settle(btc=120)
    # Alice: 150 - 200 = -50; Bob, up 200, sells his 10 lots at 115 instead of 120
    [entry] = desk.told(EventKind.ADL)
    assert (entry.lots, entry.value, entry.amount) == (-10, -1_150, 50)
    assert (desk.equity(ALICE, 120), desk.equity(BOB, 120)) == (0, 250)


def test_every_leg_is_closed_with_its_part_of_the_deficit() -> None:
    # Alice is long 10 BTC and 30 ETH; both at 80: 700 - 40 x 20 = -100, by notional 25 and 75
    desk = Desk([700, 500, 500], [[10, 30], [-10, 0], [0, -30]])
    desk.settle(btc=80, eth=80)
    assert [(entry.instrument, entry.counterparty, entry.amount) for entry in desk.told(EventKind.ADL)] == [
        (BTC, BOB, 25),
        (ETH, CAROL, 75),
    ]
    assert desk.equity(ALICE, 80, 80) == 0


def test_own_accounts_seized_and_bankrupt_holders_are_passed_over() -> None:
    # row 1 is Alice's too; Carol is seized (40 < 5 % of 800), Dave bankrupt; only row 4 can be deleveraged
    desk = Desk(
        [150, 500, 0, 0, 500],
        [[10, 0], [-10, 0], [-10, 0], [-10, 0], [-10, 0]],
        owner=[ALICE, ALICE, CAROL, DAVE, 4],
    )
    desk.ledger.transfer([CAROL, DAVE], desk.outside, [165, 201])  # of the 200 each has won
    assert desk.seize(btc=80) == [ALICE, CAROL, DAVE]
    desk.resolve(btc=80)
    first = desk.told(EventKind.ADL)
    assert {entry.counterparty for entry in first if entry.account == ALICE} == {4}
    assert desk.lots(1) == [-10, 0]
    assert desk.lots(CAROL) == [-10, 0]


def test_without_candidates_the_fund_keeps_the_lots_and_the_loss_is_socialised() -> None:
    desk = bankrupt_alice((1_000, 0), (3_000, 0))
    desk.settle(btc=80)
    # nobody of the house is short: the fund takes 10 lots at the mark; Bob and Carol pay 50 by 1,000 : 3,000, so 12.5 and
    # 37.5, and of two equal remainders the earlier row gets the unit
    assert desk.told(EventKind.ADL) == []
    assert desk.lots(desk.fund) == [10, 0]
    assert desk.equity(desk.fund, 80) == 0
    assert [(entry.counterparty, entry.amount) for entry in desk.told(EventKind.SOCIALISED)] == [(BOB, 13), (CAROL, 37)]
    assert desk.equity(ALICE, 80) == 0


def test_no_adl_means_no_adl() -> None:
    desk = bankrupt_alice((100, -10), adl=NoAdl())
    desk.settle(btc=80)
    assert desk.told(EventKind.ADL) == []
    # the fund has the long at 80, Bob keeps his short and, alone, pays the 50
    assert (desk.lots(desk.fund), desk.lots(BOB), desk.equity(BOB, 80)) == ([10, 0], [-10, 0], 250)


def test_the_hyperliquid_index_is_price_ratio_times_leverage() -> None:
    profit, cost = np.array([200, 200, -100]), np.array([1_000, -1_000, 1_000])
    score = HyperliquidRanking().score(profit, cost, np.array([1_200, 800, 900]), np.array([400, 400, 400]))
    # long 100 -> 120: 1.2 x 3; short 100 -> 80: 1 / 0.8 x 2; long 100 -> 90: 0.9 x 2.25
    assert score.tolist() == pytest.approx([3.6, 2.5, 2.025])


def test_hyperliquid_ranks_by_leverage_where_the_industry_ranks_by_profit() -> None:
    # at 80: Bob sold 10 at 100 and has 1,000: 1.25 x 0.8 = 1, and 0.2 x 0.8 = 0.16; Carol sold 10 at 82 and has 400:
    # 82/80 x 2 = 2.05, and 20/820 x 2 = 0.049
    for rule, first in (("hyperliquid", CAROL), ("industry", BOB)):
        desk = bankrupt_alice((800, -10), (380, 0), adl={"kind": rule})
        desk.trade(buyer=desk.outside, seller=CAROL, lots=10, at=82)
        assert desk.waterfall(btc=80).queue.candidates(BTC, -1)[-1] == first


def test_pro_rata_by_profit_closes_all_winners_at_once() -> None:
    # profits at 80: Bob 10 x 20 = 200, Carol 30 x 20 = 600, Dave, who sold at 80, none: 10 lots by 1 : 3 are 2.5 and 7.5, the
    # earlier row gets the odd lot; the haircut is the deficit of 50, 5 per lot
    desk = bankrupt_alice((500, -10), (500, -30), (500, 0), adl={"kind": "pro_rata_profit"})
    desk.trade(buyer=desk.outside, seller=DAVE, lots=10, at=80)
    desk.settle(btc=80)
    assert [(e.counterparty, e.lots, e.amount) for e in desk.told(EventKind.ADL)] == [(BOB, 3, 15), (CAROL, 7, 35)]
    assert desk.borne() == {"deficit": 50, "fund": 0, "adl": 50, "socialised": 0}
    assert [desk.lots(row)[BTC] for row in (ALICE, BOB, CAROL, DAVE)] == [0, -7, -23, -10]


def test_pro_rata_by_equity_spares_nobody() -> None:
    # equities at 80: Bob 300, Carol 700, Dave 600 - 100 = 500: 10 lots by 3 : 7 : 5 are 2, 4.67 and 3.33
    desk = bankrupt_alice((100, -10), (100, -30), (600, 0), adl=ProRataEquity())
    desk.trade(buyer=desk.outside, seller=DAVE, lots=10, at=70)
    desk.settle(btc=80)
    assert [(e.counterparty, e.lots, e.amount) for e in desk.told(EventKind.ADL)] == [(BOB, 2, 10), (CAROL, 5, 25), (DAVE, 3, 15)]


def test_what_one_cannot_bear_in_a_pro_rata_goes_to_the_others() -> None:
    # Alice lacks 200 on 10 lots, 20 per lot: Bob, with 200 - 160 = 40 left, can bear 2 of the 5 lots that are his part
    desk = bankrupt_alice((0, -10), (1_000, -10), alice=(0, 10), adl={"kind": "pro_rata_profit"})
    desk.ledger.transfer(BOB, desk.outside, 160)
    desk.settle(btc=80)
    assert [(e.counterparty, e.lots, e.amount) for e in desk.told(EventKind.ADL)] == [(BOB, 2, 40), (CAROL, 8, 160)]
    assert desk.equity(BOB, 80) == 0


@pytest.mark.parametrize("rule", ["industry", "hyperliquid", "pro_rata_profit", "pro_rata_equity"])
def test_at_the_mark_the_winners_keep_their_money_and_later_layers_pay(rule: str) -> None:
    # Bob's short is closed at 80; of the 50 Bob and Carol pay 20 and 30 by 400 : 600, as everybody
    desk = bankrupt_alice((200, -10), (600, 0), adl={"kind": rule, "price": "mark"})
    desk.settle(btc=80)
    [entry] = desk.told(EventKind.ADL)
    assert (entry.counterparty, entry.lots, entry.value, entry.amount) == (BOB, 10, 800, 0)
    assert desk.borne() == {"deficit": 50, "fund": 0, "adl": 0, "socialised": 50}
    assert (desk.equity(BOB, 80), desk.equity(CAROL, 80)) == (380, 570)


@pytest.mark.parametrize("rule", ["industry", "hyperliquid", "pro_rata_profit", "pro_rata_equity"])
@pytest.mark.parametrize("why", ["own", "seized", "bankrupt"])
def test_where_no_holder_may_be_closed_the_loss_goes_on(rule: str, why: str) -> None:
    # Bob has 700 on 10 short lots at 80: he is Alice's other account, or left with 39 (less than 40 margin) or with -1
    owner = [ALICE, ALICE if why == "own" else BOB, CAROL]
    desk = Desk([150, 500, 1_000], [[10, 0], [-10, 0], [0, 0]], owner=owner, adl={"kind": rule})
    desk.ledger.transfer(BOB, desk.outside, {"own": 0, "seized": 661, "bankrupt": 701}[why])
    desk.settle(btc=80)
    assert not any(e.account == ALICE for e in desk.told(EventKind.ADL))
    # the fund's account has the lots, at the mark; Alice's 50, and Bob's 1, are everybody's
    assert desk.borne() == {"deficit": 50 + (why == "bankrupt"), "fund": 0, "adl": 0, "socialised": 50 + (why == "bankrupt")}
    assert desk.lots(desk.fund) == [0 if why == "bankrupt" else 10, 0]  # it keeps Bob's short beside Alice's long


def test_what_deleveraging_breaks_is_counted() -> None:
    # Bob is short 10 BTC and long 52 ETH: 100 + 200 = 300 is just his margin of 5 % of 800 + 5,200; without the short and 50
    # poorer he has 250 and needs 260
    desk = Desk([150, 100], [[10, 0], [-10, 52]])
    desk.settle(btc=80)
    assert desk.house.aftermath.counts() == {"hedges_broken": 1, "adl_under": 1, "payers_under": 0}
    # with legs on one side only there was no hedge, and with 251 nothing is missing
    desk = Desk([150, 101], [[10, 0], [-10, -50]])
    desk.settle(btc=80)
    assert desk.house.aftermath.counts() == {"hedges_broken": 0, "adl_under": 0, "payers_under": 0}


@given(
    st.lists(st.tuples(st.integers(0, 3_000), st.integers(-40, 40), st.integers(-40, 40)), min_size=2, max_size=8),
    st.integers(40, 180),
    st.integers(40, 180),
    st.sampled_from(["notional", "loss", "margin"]),
    st.sampled_from(["industry", "hyperliquid", "pro_rata_profit", "pro_rata_equity", "none"]),
    st.integers(0, 500),
)
@settings(deadline=None, max_examples=150)
def test_every_default_ends_at_zero_and_is_paid_to_the_unit(
    accounts: list[tuple[int, int, int]], btc: int, eth: int, deficit_by: str, adl: str, fund: int
) -> None:
    desk = Desk(
        [money for money, _, _ in accounts],
        [[b, e] for _, b, e in accounts],
        fund=fund,
        deficit_by=deficit_by,
        adl={"kind": adl},
    )
    before = [desk.equity(row, btc, eth) for row in range(len(accounts))]
    desk.settle(btc, eth)
    borne = desk.borne()
    assert borne["deficit"] == borne["fund"] + borne["adl"] + borne["socialised"]
    for row, was in enumerate(before):
        now = desk.equity(row, btc, eth)
        if was < 0:
            assert now == 0
            assert desk.lots(row) == [0, 0]
            assert desk.ledger.state[row] == State.CLOSED
        else:
            assert 0 <= now <= was  # pays from what it has, and nobody gains by a default
    for entry in desk.told(EventKind.ADL):  # both sides lose the same lots, the loser pays
        assert entry.amount >= 0
        assert before[entry.counterparty] > 0 > before[entry.account]
