"""The forest of liquidations, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abm.market.causes import Cause
from abm.measures.genealogy import genealogy, graph, losses, parents
from abm.measures.reproduction import by_genealogy
from abm.measures.value import Missing
from abm.records import LINEAGE, Records
from tests.measures.by_hand import records

BTC, ETH = 0, 1


def traced(*rows: tuple[int, int, int, Cause, int, int]) -> Records:
    """Rows of step, liquidation, instrument, cause, parent, loss; liquidation n is of account 10 + n."""
    table = np.zeros(len(rows), LINEAGE)
    for place, (step, number, instrument, cause, parent, loss) in enumerate(rows):
        table[place] = (step, number, 10 + number, instrument, cause, parent, loss)
    return records(lineage=table)


# Alice (0) lost to the outside value; her sale of BTC took 60 of Bob's 80 (1), and 30 of Carol's 100 (2) while Bob's took 50.
FOREST = traced(
    (1, 0, ETH, Cause.OUTSIDE, -1, 100),
    (2, 1, BTC, Cause.FORCED, 0, 70),
    (2, 1, ETH, Cause.FORCED, 0, -10),  # his short gained by her sale
    (2, 1, BTC, Cause.QUOTES, -1, 20),
    (2, 1, ETH, Cause.TRADES, -1, -5),  # a gain is no cause
    (3, 2, BTC, Cause.FORCED, 0, 30),
    (3, 2, BTC, Cause.FORCED, 1, 50),
    (3, 2, ETH, Cause.OUTSIDE, -1, 20),
)


def shares() -> dict[tuple[int, int], float]:
    table = losses(FOREST)
    return {(int(n), int(p)): s for n, p, s in zip(table["liquidation"], table["parent"], table["share"], strict=True) if p >= 0}


def test_shares_of_loss_are_netted_over_legs_and_leave_gains_out():
    assert shares() == {(1, 0): 60 / 80, (2, 0): 30 / 100, (2, 1): 50 / 100}


def test_the_heaviest_parent_where_most_was_lost_through_forced_orders():
    assert parents(FOREST).tolist() == [-1, 0, 1]
    lone = traced((1, 0, ETH, Cause.OUTSIDE, -1, 10), (2, 1, ETH, Cause.FORCED, 0, 4), (2, 1, ETH, Cause.OUTSIDE, -1, 6))
    assert parents(lone).tolist() == [-1, -1]  # 4 of 10: less than half


def test_measures():
    measured = genealogy(FOREST)
    assert measured["liquidations"] == measured["generations"] == measured["largest_tree"] == 3
    assert measured["forced_loss_share"] == 140 / 280  # 60 + 30 + 50 of 100 + 80 + 100
    assert by_genealogy(FOREST) == pytest.approx((0.75 + 0.3 + 0.5) / 3)


def test_parents_that_are_not_named_count_as_offspring_too():
    # half of Bob's loss went through Alice, a quarter through liquidations too small to be told apart
    told = traced((1, 0, ETH, Cause.OUTSIDE, -1, 10), (2, 1, ETH, Cause.FORCED, 0, 2), (2, 1, ETH, Cause.FORCED, -1, 1),
                  (2, 1, ETH, Cause.QUOTES, -1, 1))  # fmt: skip
    assert by_genealogy(told) == (0.5 + 0.25) / 2


def test_as_a_graph():
    forest = graph(FOREST)
    assert forest.nodes[1] == {"account": 11, "seconds": 15.0}  # seized in step 2, which ends at 15 s
    assert {(a, b): w for a, b, w in forest.edges(data="weight")} == {(p, n): share for (n, p), share in shares().items()}


def test_nobody_seized():
    measured: dict[str, Any] = genealogy(traced())
    assert all(isinstance(value, Missing) for value in measured.values())
    assert len(graph(traced())) == 0 and len(parents(traced())) == 0
