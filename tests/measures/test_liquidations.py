"""What was liquidated, counted by hand."""

import pytest

from abm.clearing.journal import EventKind
from abm.measures.liquidations import (
    accounts,
    accounts_by_asset,
    forced_share,
    healthy_closed_share,
    notional,
    off_book,
    stopped_share,
)
from abm.measures.value import Missing
from tests.measures.by_hand import instruments, records

BTC, ETH = 0, 1


def slice_order(account, instrument, filled, value=0, healthy=0, step=2):
    return {"step": step, "account": account, "instrument": instrument, "filled": filled, "value": value, "healthy": healthy}


def test_an_account_that_enters_twice_is_one_account():
    entered = [{"step": s, "kind": EventKind.ENTERED, "account": a} for s, a in ((1, 4), (2, 5), (3, 4))]
    other = [{"step": 3, "kind": EventKind.RECOVERED, "account": 6}]
    assert accounts(records(events=[*entered, *other])) == 2


def test_accounts_by_asset_need_a_fill():
    run = records(
        liquidations=[
            slice_order(4, ETH, -10),
            slice_order(4, ETH, -10, step=3),
            slice_order(5, ETH, 3),
            slice_order(4, BTC, -1),
            slice_order(6, BTC, 0),  # the book had nothing for it
        ]
    )
    assert accounts_by_asset(run).tolist() == [1, 2]


def test_notional_is_the_value_of_forced_fills_in_currency_summed_over_venues():
    table = instruments(("BTC", "ETH@alpha", "ETH@beta"), (0, 1, 1))
    run = records(columns={"forced_value": {"ETH@alpha": [0, 100, 200, 0], "ETH@beta": [0, 0, 50, 0]}}, table=table)
    assert notional(run) == pytest.approx([0.0, 3.5])  # 350 cash units of 0.01


def test_adl_and_takeovers_are_at_the_mark_of_their_step():
    run = records(columns={"adl": {"ETH": [0, 0, 30, 10]}, "mark": {"ETH": [10_000, 9_000, 8_000, 9_000]}})
    # 30 lots x 8,000 ticks + 10 x 9,000 = 330,000 cash units of 0.01
    assert off_book(run, "adl") == pytest.approx([0.0, 3_300.0])
    assert off_book(run, "takeover").tolist() == [0.0, 0.0]


def test_forced_share_is_over_the_open_interest_at_opening_prices():
    run = records(columns={"forced_value": {"ETH": [0, 150_000, 50_000, 0]}})
    # 200,000 over 2 instruments x 1,000 lots x 10,000 ticks = 20,000,000 cash units
    assert forced_share(run) == pytest.approx(0.01)


def test_stopped_share_is_at_the_mark_of_their_step():
    run = records(columns={"stopped": {"ETH": [0, 10, 15, 0]}, "mark": {"ETH": [10_000, 8_000, 8_000, 8_000]}})
    # 25 lots x 8,000 ticks = 200,000 over 20,000,000 cash units
    assert stopped_share(run) == pytest.approx(0.01)


def test_healthy_share_is_weighted_by_value():
    run = records(liquidations=[slice_order(4, ETH, -1, value=300), slice_order(4, BTC, -1, value=100, healthy=1)])
    assert healthy_closed_share(run) == 0.25


def test_nothing_closed_by_force_has_no_healthy_share():
    assert healthy_closed_share(records()) == Missing("no position was closed by force")
    unfilled = records(liquidations=[slice_order(4, ETH, 0, healthy=1)])
    assert healthy_closed_share(unfilled) == Missing("no position was closed by force")
