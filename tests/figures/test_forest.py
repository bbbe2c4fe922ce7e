"""Who infected whom: the forest, the graph between assets and the frontier show what stands in their tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from abm.figures.forest import forest
from abm.figures.frontier import efficient, frontier
from abm.figures.infection import infection
from abm.figures.tree import infected, largest_tree, parents, places, sales
from abm.measures.genealogy import parents as recorded
from tests.measures.test_genealogy import FOREST

# Alice (account 10, liquidation 0) sold ETH; Bob (11, 1) lost through it and was sold 30 of ETH and 10 of BTC; Carol (12, 2)
# lost through Alice's and Bob's and was not sold; Dan (13, 3) is alone.
LINEAGE = pd.DataFrame(
    [
        (0, "ETH", "outside", -1, 100.0),
        (1, "ETH", "forced", 0, 60.0),
        (1, "BTC", "forced", 0, 20.0),
        (1, "SOL", "forced", 0, -5.0),
        (2, "BTC", "forced", 1, 50.0),
        (2, "BTC", "forced", 0, 30.0),
        (2, "BTC", "quotes", -1, 20.0),
        (3, "SOL", "trades", -1, 10.0),
        (3, "SOL", "forced", 2, 4.0),
    ],
    columns=["liquidation", "instrument", "cause", "parent", "loss"],
)
SEIZURES = pd.DataFrame(
    {
        "step": [1, 2, 3, 4],
        "seconds": [60.0, 120.0, 180.0, 240.0],
        "liquidation": [0, 1, 2, 3],
        "account": [10, 11, 12, 13],
        "instrument": ["ETH", "ETH", "BTC", "SOL"],
        "quantity": [1.0, -2.0, 1.0, 1.0],
        "mark": [10.0, 10.0, 10.0, 10.0],
    }
)
SALES = pd.DataFrame(
    {
        "step": [1, 2, 3, 3],
        "account": [10, 11, 11, 12],
        "instrument": ["ETH@a", "ETH@b", "BTC", "BTC"],
        "filled": [-1.0, -3.0, -1.0, 0.0],
        "value": [10.0, 30.0, 10.0, 0.0],
    }
)
ASSETS = ["BTC", "ETH", "SOL"]


def test_sales_belong_to_the_latest_seizure_of_the_account():
    again = pd.concat([SEIZURES, SEIZURES.iloc[[1]].assign(step=3, liquidation=9)]).sort_values(by="step")
    found = {(n, a): v for n, a, v in sales(again, SALES).itertuples(index=False)}
    assert found == {(0, "ETH"): 10.0, (1, "ETH"): 30.0, (9, "BTC"): 10.0}


def test_losses_through_one_asset_lead_to_what_was_sold():
    found = {(s, t): x for s, t, x in infected(LINEAGE, sales(SEIZURES, SALES)).itertuples(index=False)}
    # Bob: 60 through ETH and 20 through BTC; three quarters of what he was sold was ETH, a quarter BTC
    assert found == pytest.approx({("ETH", "ETH"): 45.0, ("ETH", "BTC"): 15.0, ("BTC", "ETH"): 15.0, ("BTC", "BTC"): 5.0})


def test_the_heaviest_parent_and_the_largest_tree():
    assert parents(LINEAGE).tolist() == [-1, 0, 1, -1]  # Dan lost 4 of 14 through forced orders
    assert largest_tree(parents(LINEAGE)) == [0, 1, 2]
    assert parents(FOREST.frames()["lineage"]).tolist() == recorded(FOREST).tolist()  # the measure says the same


def test_branches_do_not_cross():
    above = pd.Series([-1, 0, 0, 1, 1, 2])
    assert places([0, 1, 2, 3, 4, 5], above) == {3: 0.0, 4: 1.0, 5: 2.0, 1: 0.5, 2: 2.0, 0: 1.25}
    assert places([], above) == {}


def test_nodes_stand_at_their_seizures_and_carry_the_colour_of_their_loss():
    (axes,) = forest(LINEAGE, SEIZURES, ASSETS).axes
    btc, eth, sol = axes.collections
    assert eth.get_offsets().tolist() == [[1.0, 0.0], [2.0, 0.0]] and btc.get_offsets().tolist() == [[3.0, 0.0]]
    assert len(sol.get_offsets()) == 0  # Dan is not of this tree
    assert eth.get_sizes()[1] - 5 == pytest.approx(2 * (eth.get_sizes()[0] - 5))  # Bob held twice as much as Alice
    assert [list(line.get_xdata()) for line in axes.lines] == [[1.0, 2.0], [2.0, 3.0]]
    assert axes.get_title(loc="left") == "3 of 4 liquidations descend from one"


def test_arrows_carry_shares_of_the_losses():
    (axes,) = infection(LINEAGE, SEIZURES, SALES, ASSETS).axes
    told = [text.get_text() for text in axes.texts]
    assert "19" in told  # ETH to BTC and back 15 of 80 each
    assert any("56 % stayed" in text and text.startswith("ETH") for text in told)  # 45 of 80
    empty = infection(LINEAGE.iloc[:1], SEIZURES, SALES, ASSETS)
    assert "no account lost" in empty.get_suptitle()


def test_the_frontier_joins_the_points_that_none_beats():
    benefit, cost = np.array([0.0, 0.1, 0.2, 0.2]), np.array([0.1, 0.3, 0.2, 0.4])
    assert efficient(benefit, cost).tolist() == [0, 2]  # 1 is beaten by 2 in both, 3 by 2 at equal benefit
    rows = [(p, m, v, np.nan, np.nan) for p, b, c in zip("abcd", benefit, cost, strict=True) for m, v in (("x", b), ("y", c))]
    table = pd.DataFrame(rows, columns=["point", "measure", "median", "low", "high"])
    (axes,) = frontier(table, benefit="x", cost="y", labels=("saved, share", "spread, share")).axes
    assert list(axes.lines[0].get_xdata()) == [0.0, 0.2]
    grouped = table.assign(mode=["x"] * 4 + ["y"] * 4, rule=list("rrssrrss"))
    coloured = frontier(grouped, benefit="x", cost="y", labels=("", ""), by=["mode", "rule"])
    assert [text.get_text() for text in coloured.legends[0].get_texts()] == ["x", "y", "r", "s", "not beaten by another"]
    panels = grouped.assign(engine=["p"] * 4 + ["q"] * 4)
    apart = frontier(panels, benefit="x", cost="y", labels=("", ""), by=["mode", "rule", "engine"])
    assert [list(axes.lines[0].get_xdata()) for axes in apart.axes] == [[0.0, 0.1], [0.2]]  # b is not beaten without c
    assert [axes.get_title(loc="left") for axes in apart.axes] == ["p", "q"]
    with pytest.raises(ValueError, match="needs points"):
        frontier(table, benefit="x", cost="z", labels=("", ""))
