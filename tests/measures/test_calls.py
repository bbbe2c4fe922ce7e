"""Margin calls of a run, counted by hand."""

import pytest

from abm.clearing.journal import EventKind
from abm.measures import calls
from abm.measures.value import Missing
from tests.measures.by_hand import records


def test_calls_are_counted_and_accounts_once():
    asked = ((1, 4, 500), (1, 5, 300), (3, 4, 200))
    made = [{"step": step, "kind": EventKind.CALLED, "account": account, "amount": money} for step, account, money in asked]
    met = [{"step": 2, "kind": EventKind.CALL_MET, "account": 4}]
    run = records(events=[*made, *met], scalars={"calls_value": [0, 800, 0, 200], "topped_up": [0, 0, 450, 0]})
    assert calls.accounts(run) == 2  # 4 and 5
    assert calls.amount(run) == pytest.approx(10.0)  # 1,000 cash units of 0.01
    assert calls.met_share(run) == pytest.approx(1 / 3)
    assert calls.topped_up(run) == pytest.approx(4.5)


def test_without_calls_no_share_was_met():
    assert calls.met_share(records()) == Missing("nobody had a margin call")
