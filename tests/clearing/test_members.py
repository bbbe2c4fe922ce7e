"""Clearing members: who pays for a client, what a member's default costs the others, and the auction of its portfolio."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abm.clearing.default_auction import NO_BID, NoAuction, Sale, SealedBids
from abm.clearing.journal import EventKind
from abm.clearing.ledger import State
from abm.clearing.members import Members
from tests.clearing.house_desk import ALICE, BOB, CAROL, Desk
from tests.clearing.test_layers import CCP, layers


def ccp(*members: tuple[int, int], others: tuple[tuple[int, int], ...] = ((500, -10),), **more: Any) -> Desk:
    """At 80 Alice, long 10 BTC from 100 on 150, owes 50, and the first of `members` (capital, contribution) is behind her."""
    rules = {"waterfall": layers(*CCP)} | more
    position = [[10, 0], *([lots, 0] for _, lots in others)]
    desk = Desk([150, *(money for money, _ in others)], position, members=members, **rules)
    desk.ledger.guarantor[ALICE] = desk.members[0]
    return desk


def test_a_member_pays_for_its_client_and_takes_the_position() -> None:
    desk = ccp((500, 100), (500, 100))
    desk.settle(btc=80)
    [entry] = desk.told(EventKind.MEMBER_TAKEOVER)
    assert (entry.counterparty, entry.lots, entry.value, entry.amount) == (desk.members[0], 10, 850, 50)
    assert (desk.lots(desk.members[0]), desk.equity(desk.members[0], 80)) == ([10, 0], 450)
    assert desk.borne() == {"deficit": 50, "fund": 0, "adl": 0, "socialised": 0, "member": 50}
    assert desk.told(EventKind.MEMBER_DEFAULT) == []


def test_a_client_without_a_position_is_paid_for_too() -> None:
    desk = ccp((500, 100))
    desk.trade(buyer=desk.outside, seller=ALICE, lots=10, at=80)
    desk.settle(btc=80)
    assert desk.borne() == {"deficit": 50, "fund": 0, "adl": 0, "socialised": 0, "member": 50}
    assert desk.equity(desk.members[0], 80) == 450


def test_a_default_goes_down_the_waterfall_to_the_other_members() -> None:
    desk = ccp((20, 10), (1_000, 15), skin=5)
    desk.settle(btc=80)
    first, second = desk.members
    # Alice's 50: the member's 20, its contribution 10, skin 5, the other's contribution 15. The auction: the other would have
    # a leverage of 800 / 1,000 and asks for 2 % of 800 x 0.8 / 10 = 1.28, so 2; that is called from it, and it has the lots
    assert desk.borne() == {
        "deficit": 52, "fund": 0, "adl": 0, "socialised": 0,
        "member": 30, "skin_in_the_game": 5, "members_fund": 15, "assessments": 2,
    }  # fmt: skip
    [sold] = desk.told(EventKind.MEMBER_AUCTIONED)
    assert (sold.account, sold.counterparty, sold.lots, sold.value) == (first, second, 10, 798)
    assert (desk.equity(first, 80), desk.ledger.state[first]) == (0, State.CLOSED)
    assert (desk.lots(second), desk.equity(second, 80)) == ([10, 0], 1_000)
    assert desk.ledger.guarantor[[ALICE, BOB]].tolist() == [second, second]


def test_calls_stop_at_their_cap_over_all_defaults() -> None:
    layered = layers("member", {"kind": "assessments", "cap": 1.5})
    desk = ccp((0, 0), (1_000, 20), waterfall=layered, club={"auction": {"kind": "none"}})
    desk.settle(btc=80)
    # 1.5 x 20 = 30 are called; the house's own 20 remain
    assert desk.borne() == {"deficit": 50, "fund": 0, "adl": 0, "socialised": 20, "assessments": 30}
    assert desk.house.members.called.tolist() == [0, 30]


def test_a_default_that_exhausts_everything_is_the_houses_own() -> None:
    desk = ccp((20, 10), skin=5, others=(), waterfall=layers(*CCP))
    desk.settle(btc=80)
    # nobody survives to bid or to pay: the lots are with the fund at the mark, of 50 are 30 and 5 borne, 15 the house's
    assert desk.borne() == {"deficit": 50, "fund": 0, "adl": 0, "socialised": 15, "member": 30, "skin_in_the_game": 5}
    assert (desk.lots(desk.fund), desk.equity(desk.own, 80)) == ([10, 0], -15)
    assert desk.ledger.guarantor[ALICE] == -1


def test_two_clients_of_one_member_fail_with_it_and_nobody_is_ported_before() -> None:
    # Alice and Carol owe 50 each; the member has 60 and 10: 30 of 100 are left for the other's contribution
    desk = ccp((60, 10), (1_000, 100), others=((500, -10), (150, 10)))
    desk.ledger.guarantor[CAROL] = desk.members[0]
    desk.settle(btc=80)
    paid = {kind: sum(e.amount for e in desk.told(kind)) for kind in (EventKind.MEMBER_TAKEOVER, EventKind.MEMBER_PAID)}
    assert sorted(paid.values()) == [10, 60]
    # 20 lots at 80: leverage 1.6, 2 % of 1,600 x 0.16 = 5.12, so 6 from the contribution: 36 in all
    assert desk.borne()["members_fund"] == 36
    assert len(desk.told(EventKind.MEMBER_DEFAULT)) == 1


def test_a_member_ruined_by_its_own_book_defaults() -> None:
    # it is long 10 BTC from 100 on 150, without a client in trouble: 50 of it are owed, 10 of them its contribution's
    desk = Desk([1_000], [[0, 0]], members=[(150, 10), (1_000, 100)], waterfall=layers(*CCP), club={"auction": {"kind": "none"}})
    first = desk.members[0]
    desk.trade(buyer=first, seller=desk.outside, lots=10, at=100)
    desk.settle(btc=80)
    assert desk.borne() == {"deficit": 50, "fund": 0, "adl": 0, "socialised": 0, "member": 10, "members_fund": 40}
    assert (desk.lots(desk.fund), desk.lots(first)) == ([10, 0], [0, 0])


def test_a_member_that_is_asked_after_everybody_fails_in_the_same_call() -> None:
    # Alice owes 50 without a position. Everybody pays first: Bob his 15, the member, long 2 BTC from 80, its 20; then its
    # contribution of 10, and 5 are the house's own. Its lots go to the fund's account
    desk = ccp((20, 10), waterfall=layers("socialise", "member"), others=((15, 0),))
    member = desk.members[0]
    desk.trade(buyer=member, seller=desk.outside, lots=2, at=80)
    desk.trade(buyer=desk.outside, seller=ALICE, lots=10, at=80)
    desk.waterfall(btc=80).close([ALICE])
    assert desk.borne() == {"deficit": 50, "fund": 0, "adl": 0, "socialised": 40, "member": 10}
    assert (desk.lots(member), desk.ledger.state[member], desk.lots(desk.fund)) == ([0, 0], State.CLOSED, [2, 0])


def test_without_a_bid_the_portfolio_goes_to_fund_and_adl() -> None:
    # nobody can carry 800 at leverage 0.5: Bob, short, is closed at the mark
    club = {"auction": {"kind": "sealed", "leverage_max": 0.5}}
    desk = ccp((20, 10), (1_000, 20), waterfall=layers("member", "members_fund", "adl"), club=club)
    desk.settle(btc=80)
    assert desk.borne() == {"deficit": 50, "fund": 0, "adl": 0, "socialised": 0, "member": 30, "members_fund": 20}
    assert (desk.lots(BOB), desk.equity(BOB, 80)) == ([0, 0], 700)


def test_who_did_not_bid_pays_first() -> None:
    # the second has 10 of capital and cannot bid, the third bids: at 80 x 10 lots leverage is 0.8 and it asks for 2.
    # Alice's 20 beyond the first member's 30 come before the auction and are shared by 40 : 40; of the 2 after it the second
    # pays all
    for juniorise, paid in ((True, [12, 10]), (False, [11, 11])):
        club = {"auction": {"kind": "sealed", "juniorise": juniorise}}
        desk = ccp((20, 10), (10, 40), (1_000, 40), club=club)
        desk.settle(btc=80)
        spent = [40 - desk.equity(row, 80) for row in desk.contributions[1:]]
        assert spent == paid


def test_bids_by_hand() -> None:
    portfolio, price, rate = np.array([10, 0]), np.array([80, 100]), np.array([0.1, 0.1])
    held = np.array([[0, 0], [-10, 0], [0, 8], [0, 0], [0, 0]])
    equity = np.array([400, 400, 400, 79, 100])
    rule = SealedBids(leverage_max=8.0)
    # 2 % of 800 = 16, x leverage / 8: 2 -> 4; short 10 already: 0 -> 0; 1,600 / 400 = 4 -> 8; 79 cannot margin 80 and its
    # leverage is above 8; 100: just 8 -> 16
    bids = rule.bids(portfolio, held, equity, price=price, rate=rate)
    assert bids.tolist() == [4, 0, 8, NO_BID, 16]
    assert rule.sale(bids) == Sale(winner=1, discount=4)
    assert SealedBids(price="first").sale(bids) == Sale(winner=1, discount=0)
    assert rule.sale(np.array([NO_BID, 7])) == Sale(winner=1, discount=7)
    assert rule.sale(np.array([NO_BID, NO_BID])) is None
    assert SealedBids(juniorise=True).juniors(bids).tolist() == [False, False, False, True, False]


def test_no_auction_has_no_bids() -> None:
    rule, none = NoAuction(), np.zeros(2)
    bids = rule.bids(none, np.zeros((2, 2)), none, price=none, rate=none)
    assert bids.tolist() == [NO_BID, NO_BID]
    assert rule.sale(bids) is None
    assert not rule.juniors(bids).any()


def test_members_are_as_unequal_as_stated() -> None:
    assert Members(count=3, concentration=1.0).split(110).tolist() == [60, 30, 20]  # 1 : 1/2 : 1/3
    assert Members(count=3).split(100).tolist() == [34, 33, 33]
    assert Members().split(100).tolist() == []


def test_larger_members_have_more_clients_and_all_accounts_of_an_owner_have_one() -> None:
    n = 900
    desk = Desk([1] * n, [[0, 0]] * n, members=[(0, 0)] * 3, waterfall=layers(*CCP), club={"concentration": 1.0},
                owner=[row // 2 for row in range(n)])  # fmt: skip
    behind = desk.ledger.guarantor[:n].reshape(-1, 2)
    assert (behind[:, 0] == behind[:, 1]).all()
    share = np.array([np.mean(behind == member) for member in desk.members])
    assert share.tolist() == pytest.approx([6 / 11, 3 / 11, 2 / 11], abs=0.07)  # three standard deviations of 450 draws
    assert (desk.ledger.guarantor[[desk.keeper, desk.fund, *desk.members]] == -1).all()
