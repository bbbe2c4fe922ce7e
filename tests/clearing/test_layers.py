"""The layers of a waterfall: their order, their size, and that every unit of a loss is somebody's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from abm.clearing.journal import EventKind
from abm.clearing.layers import DEFAULT
from abm.clearing.ledger import State
from abm.clearing.rulebook import Clearing
from tests.clearing.house_desk import ALICE, BOB, CAROL, Desk

CCP = ("member", "skin_in_the_game", "members_fund", "assessments", "gains_haircut", "socialise")


def layers(*names: Any) -> list[dict[str, Any]]:
    return [name if isinstance(name, dict) else {"kind": name} for name in names]


def alice_owes_50(*others: tuple[int, int], waterfall: tuple[Any, ...], **more: Any) -> Desk:
    """At 80 Alice, long 10 BTC from 100 on 150, owes 50; the others hold (equity, lots of BTC)."""
    position = [[10, 0], *([lots, 0] for _, lots in others)]
    return Desk([150, *(money for money, _ in others)], position, waterfall=layers(*waterfall), **more)


def test_the_default_is_what_crypto_venues_do() -> None:
    assert [layer.kind for layer in DEFAULT] == ["fund", "adl", "socialise"]


def test_the_houses_own_money_pays_in_its_place_and_no_more_than_it_is() -> None:
    desk = alice_owes_50((1_000, 0), waterfall=("skin_in_the_game", "socialise"), skin=30)
    desk.settle(btc=80)
    assert desk.borne() == {"deficit": 50, "fund": 0, "adl": 0, "socialised": 20, "skin_in_the_game": 30}
    assert (desk.equity(desk.skin, 80), desk.equity(BOB, 80)) == (0, 980)
    desk = alice_owes_50((1_000, 0), waterfall=("socialise", "skin_in_the_game"), skin=30)
    desk.settle(btc=80)
    assert desk.borne() == {"deficit": 50, "fund": 0, "adl": 0, "socialised": 50}


def test_a_fund_after_the_skin_takes_the_position_with_nothing_left_to_pay() -> None:
    # 80 are just the margin of 10 lots at 80
    desk = alice_owes_50((500, -10), waterfall=("skin_in_the_game", "fund", "adl"), skin=50, fund=80)
    desk.settle(btc=80)
    assert desk.borne() == {"deficit": 50, "fund": 0, "adl": 0, "socialised": 0, "skin_in_the_game": 50}
    assert (desk.lots(desk.fund), desk.equity(desk.fund, 80)) == ([10, 0], 80)
    # with 79 it cannot: Bob is closed at the mark and loses nothing
    desk = alice_owes_50((500, -10), waterfall=("skin_in_the_game", "fund", "adl"), skin=50, fund=79)
    desk.settle(btc=80)
    assert (desk.lots(BOB), desk.equity(BOB, 80), desk.equity(desk.fund, 80)) == ([0, 0], 700, 79)


def test_a_fund_with_no_adl_after_it_pays_at_once_what_it_has() -> None:
    # 50 + 80 of margin are too much for its 60, which pay the 50 before the skin is asked; the lots come to it at the mark
    desk = alice_owes_50((500, -10), waterfall=("fund", "skin_in_the_game"), skin=30, fund=60)
    desk.settle(btc=80)
    assert desk.borne() == {"deficit": 50, "fund": 50, "adl": 0, "socialised": 0}
    assert (desk.lots(desk.fund), desk.equity(desk.fund, 80)) == ([10, 0], 10)


def test_adl_before_the_fund_spares_the_fund() -> None:
    desk = alice_owes_50((500, -10), waterfall=("adl", "fund", "socialise"), fund=1_000)
    desk.settle(btc=80)
    assert desk.borne() == {"deficit": 50, "fund": 0, "adl": 50, "socialised": 0}


def test_without_a_layer_the_house_itself_pays() -> None:
    desk = alice_owes_50((500, -10), waterfall=(), fund=1_000)
    desk.settle(btc=80)
    assert desk.equity(desk.own, 80) == -50
    assert desk.lots(desk.fund) == [10, 0]
    assert desk.borne() == {"deficit": 50, "fund": 0, "adl": 0, "socialised": 50}


def test_gains_are_cut_in_proportion_and_losers_keep_theirs() -> None:
    # gains at 80: Bob 200, Carol 600; row 3 has none: 50 by 1 : 3 are 12.5 and 37.5, the earlier row gets the odd unit
    desk = alice_owes_50((500, -10), (500, -30), (9_000, 0), waterfall=("gains_haircut", "socialise"))
    desk.settle(btc=80)
    assert [(e.counterparty, e.amount) for e in desk.told(EventKind.GAINS_HAIRCUT)] == [(BOB, 13), (CAROL, 37)]
    assert desk.borne() == {"deficit": 50, "fund": 0, "adl": 0, "socialised": 0, "gains_haircut": 50}


def test_realised_gains_count_and_a_cap_holds_over_all_haircuts() -> None:
    # Bob won 200 on BTC, closed; a tenth may be cut: 20 of Alice's 50, then nothing of what row 3 owes
    rules: dict[str, Any] = {"waterfall": layers({"kind": "gains_haircut", "cap": 0.1})}
    desk = Desk([150, 500, 0, 150], [[10, 0], [-10, 0], [0, 0], [0, 10]], **rules)
    desk.trade(buyer=BOB, seller=desk.outside, lots=10, at=80)
    desk.settle(btc=80)
    assert desk.borne() == {"deficit": 50, "fund": 0, "adl": 0, "socialised": 30, "gains_haircut": 20}
    desk.settle(btc=80, eth=80)
    assert desk.borne() == {"deficit": 50, "fund": 0, "adl": 0, "socialised": 50}
    assert desk.equity(BOB, 80, 80) == 680


def test_payers_pushed_under_their_margin_are_counted() -> None:
    # Bob bought 10 at 80 with 45 and needs 40; he and Carol pay 50 by 45 : 180, so 10 and 40
    desk = Desk([150, 45, 180], [[10, 0], [0, 0], [0, 0]], waterfall=layers("socialise"))
    desk.trade(buyer=BOB, seller=desk.outside, lots=10, at=80)
    desk.settle(btc=80)
    assert desk.equity(BOB, 80) == 35
    assert desk.house.aftermath.counts() == {"hedges_broken": 0, "adl_under": 0, "payers_under": 1}


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"waterfall": layers("fund", "adl", "fund")}, "layers must not repeat, 'fund' occurs twice"),
        ({"waterfall": layers(*["adl"] * 3)}, "layers must not repeat, 'adl' occurs 3 times"),
        ({"waterfall": layers("fund", "assessments")}, "the layer 'assessments' of waterfall needs members.count > 0, was 0"),
        ({"members": {"count": 2}}, r"members.count = 2 needs the layer 'member' in waterfall"),
        ({"fund_groups": [["BTC"]]}, "fund_groups needs fund_scope = 'group', was 'house'"),
        ({"fund_scope": "group", "fund_groups": [["BTC"], ["BTC"]]}, "an asset has one fund, 'BTC' occurs 2 times"),
    ],
)
def test_what_makes_no_sense_is_refused(rules: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Clearing(**rules)


def test_assets_in_no_list_share_a_fund() -> None:
    rules = Clearing(fund_scope="group", fund_groups=(("BTC", "ETH"), ("SOL",)))
    assert [rules.fund_group(name) for name in ("BTC", "ETH", "SOL", "ADA", "XRP")] == [0, 0, 1, 2, 2]


@given(
    st.lists(st.tuples(st.integers(0, 3_000), st.integers(-40, 40), st.integers(-40, 40)), min_size=2, max_size=8),
    st.permutations(["fund", "adl", *CCP]),
    st.integers(0, 8),
    st.sampled_from(["industry", "hyperliquid", "pro_rata_profit", "pro_rata_equity"]),
    st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 300)), min_size=1, max_size=3),
    st.tuples(st.integers(40, 180), st.integers(40, 180), st.integers(0, 500), st.sampled_from(["mark", "bankruptcy"])),
)
@settings(deadline=None, max_examples=200)
def test_in_any_order_all_is_borne_and_nobody_is_asked_for_what_he_has_not(
    accounts: list[tuple[int, int, int]], order: list[str], n: int, adl: str, members: list[tuple[int, int]], more: Any
) -> None:
    btc, eth, money, price = more
    chosen = order[:n] if "member" in order[:n] else ["member", *order[:n]]
    desk = Desk(
        [money for money, _, _ in accounts],
        [[b, e] for _, b, e in accounts],
        waterfall=layers(*chosen),
        adl={"kind": adl, "price": price},
        members=members,
        skin=money,
        fund=money,
    )
    before = [desk.equity(row, btc, eth) for row in range(len(accounts))]
    desk.settle(btc, eth)
    borne = desk.borne()
    assert borne.pop("deficit") == sum(borne.values())
    for row, was in enumerate(before):
        now = desk.equity(row, btc, eth)
        if was < 0:
            assert (now, desk.lots(row), desk.ledger.state[row]) == (0, [0, 0], State.CLOSED)
        else:
            assert 0 <= now <= was
    for row in (*desk.members, *desk.contributions, desk.skin, desk.fund):
        assert desk.equity(row, btc, eth) >= 0
    for entry in desk.told(EventKind.MEMBER_DEFAULT):
        assert (desk.equity(entry.account, btc, eth), desk.lots(entry.account)) == (0, [0, 0])
        assert not (desk.ledger.guarantor == entry.account).any()


def test_default_layers_are_asked_as_they_stand() -> None:
    # the same world with the default spelled out
    told = []
    for rules in ({}, {"waterfall": layers("fund", "adl", "socialise")}):
        desk = Desk([150, 100, 40], [[10, 0], [-6, 0], [0, 0]], fund=100, **rules)
        desk.settle(btc=80)
        told.append((desk.house.journal.entries, desk.ledger.cash.tolist()))
    assert told[0] == told[1]
    assert ALICE == 0 and CAROL == 2
