"""Bad debt, who bore it, and the makers."""

import pytest

from abm.clearing.journal import EventKind
from abm.measures.conservation import conservation
from abm.measures.interest import open_interest_drop
from abm.measures.losses import aftermath, bad_debt, maker_profit, makers_withdrawn, unallocated_loss, uncollected
from abm.measures.value import Missing
from tests.measures.by_hand import instruments, records

NONE = dict.fromkeys(("member", "skin_in_the_game", "members_fund", "assessments", "gains_haircut"), 0.0)


def test_every_part_of_a_deficit_has_its_bearer():
    run = records(
        scalars={
            "deficit": [0, 1_000, 500, 0],
            "by_fund": [0, 600, 0, 0],
            "by_keeper": [0, 100, 0, 0],
            "by_adl": [0, 300, 400, 0],
            "by_socialised": [0, 0, 100, 0],
        }
    )
    told = {"total": 15.0, "insurance_fund": 6.0, "keeper": 1.0, "adl": 7.0, "socialised": 1.0}  # 0.01 per cash unit
    expected = NONE | told
    assert bad_debt(run) == pytest.approx(expected)
    assert unallocated_loss(run) == 0


def test_a_cash_unit_that_nobody_bore_is_seen():
    run = records(scalars={"deficit": [0, 1_000, 0, 0], "by_fund": [0, 999, 0, 0]})
    assert unallocated_loss(run) == 1


def test_makers_earn_from_the_opening_on():
    run = records(scalars={"maker_equity": [450, 300, 200, 380]})  # 500 at the opening
    assert maker_profit(run) == pytest.approx(-1.20)
    assert makers_withdrawn(records(scalars={"withdrawn_makers": [0, 2, 5, 1]})) == 5


def test_layers_of_a_clearing_house_are_told_by_events():
    kinds = (EventKind.MEMBER_TAKEOVER, EventKind.MEMBER_PAID, EventKind.SKIN_PAID, EventKind.CONTRIBUTED, EventKind.ASSESSED)
    paid = [*zip(kinds, (100, 20, 30, 40, 50), strict=True), (EventKind.GAINS_HAIRCUT, 60), (EventKind.CLOSED, 300)]
    events = [{"step": 1, "kind": kind, "account": 1, "amount": amount} for kind, amount in paid]
    run = records(scalars={"deficit": [0, 300, 0, 0]}, events=events)
    borne = {"member": 1.2, "skin_in_the_game": 0.3, "members_fund": 0.4, "assessments": 0.5, "gains_haircut": 0.6}
    assert {name: bad_debt(run)[name] for name in borne} == pytest.approx(borne)
    assert unallocated_loss(run) == 0
    assert aftermath(run) == {"hedges_broken": 0, "adl_under": 0, "payers_under": 0}


def test_what_was_not_collected_is_no_bad_debt():
    run = records(uncollected=250)
    assert uncollected(run) == 2.5
    assert bad_debt(run)["total"] == 0.0


def test_open_interest_drop_is_to_the_lowest_after_the_shock():
    run = records(columns={"open_interest": {"ETH": [900, 800, 600, 700], "BTC": [1_000, 1_000, 1_100, 1_100]}})
    assert open_interest_drop(run, 1) == pytest.approx([0.0, 1 / 3])  # 900 before the shock, 600 at the lowest
    assert open_interest_drop(run, 0) == pytest.approx([0.0, 0.4])  # 1,000 at the opening


def test_open_interest_of_two_venues_is_added():
    table = instruments(("BTC", "ETH@alpha", "ETH@beta"), (0, 1, 1))
    moved = {"ETH@alpha": [1_000, 500, 500, 500], "ETH@beta": [1_000, 1_500, 1_500, 1_500]}
    assert open_interest_drop(records(columns={"open_interest": moved}, table=table), 1)[1] == 0.0


def test_no_open_interest_has_no_drop():
    run = records(columns={"open_interest": {"ETH": [0, 0, 0, 0]}})
    assert open_interest_drop(run, 1)[1] == Missing("there was no open interest before the shock")


def test_conservation_is_passed_on_in_whole_units():
    assert conservation(records(conservation={"cash_error": 0, "lots_error": -3})) == {"cash_error": 0, "lots_error": -3}
