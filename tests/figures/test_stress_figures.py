"""Heat maps and bars show the numbers they are given."""

import numpy as np
import pandas as pd
import pytest

from abm.figures.attribution import attribution
from abm.figures.stress import PANELS, stress
from tests.figures.test_figures import nothing_overlaps

CELLS = pd.DataFrame(
    [
        {"place": place, "size": size, "measure": measure, "median": median}
        for measure in PANELS
        for place, size, median in (("BTC", -0.1, 0.02), ("BTC", -0.2, 0.05), ("BTC+ETH", -0.1, None), ("BTC+ETH", -0.2, 0.5))
    ]
)


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_a_heat_map_has_its_numbers_in_its_cells():
    figure = stress(CELLS.assign(median=CELLS["median"].astype(float)))
    excess, forced, accounts, debt = figure.axes
    assert texts(excess) == texts(forced) == ["2", "5", "–", "50"]  # percent
    assert texts(accounts) == ["0.02", "0.05", "–", "0.5"]
    assert debt.get_title(loc="left") == "bad debt, USD"
    assert [label.get_text() for label in forced.get_xticklabels()] == ["-10", "-20"]
    assert [label.get_text() for label in forced.get_yticklabels()] == ["BTC", "BTC+ETH"]
    assert np.asarray(excess.images[0].get_array(), dtype=float)[0] == pytest.approx([2.0, 5.0])
    assert nothing_overlaps(figure)


def test_bars_are_shares_in_percent_with_their_intervals():
    effects = pd.DataFrame(
        {
            "kind": ["shapley", "shapley"],
            "channel": ["cross_margin", "pairs"],
            "share": [0.75, 0.25],
            "low": [0.5, np.nan],
            "high": [0.9, np.nan],
        }
    )
    figure = attribution(effects, measure="excess_fall")
    (axes,) = figure.axes
    assert [bar.get_width() for bar in axes.patches] == [75.0, 25.0]
    (lines,) = axes.collections
    assert [segment[:, 0].tolist() for segment in lines.get_segments()] == [[50.0, 90.0]]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cross margin", "pairs"]
    assert nothing_overlaps(figure)


@pytest.mark.parametrize("draw", [stress, lambda frame: attribution(frame, measure="x")])
def test_nothing_to_draw_is_refused(draw):
    with pytest.raises(ValueError, match="was given none"):
        draw(pd.DataFrame())
