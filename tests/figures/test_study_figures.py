"""Figures of studies draw the numbers of their table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abm.figures.bars import bars
from abm.figures.phase import phase
from abm.figures.response import response
from abm.figures.scatter import scatter
from abm.figures.style import save

TABLE = pd.DataFrame(
    {
        "rule": ["flat", "flat", "tiered", "tiered"],
        "size": [0.1, 0.2, 0.1, 0.2],
        "measure": "fall.BTC",
        "median": [1.0, 2.0, 3.0, 5.0],
        "low": [0.5, np.nan, 2.5, 4.0],
        "high": [1.5, np.nan, 3.5, 7.0],
    }
)


def test_a_line_per_case_at_its_numbers_with_units_on_both_axes() -> None:
    drawn = response(TABLE, ["fall.BTC"], "size", ["rule"], labels={"size": "size, share", "fall.BTC": "fall, share"})
    (axes,) = drawn.axes
    assert [line.get_ydata().tolist() for line in axes.lines if len(line.get_ydata()) == 2 and line.get_linestyle() == "-"] == [
        [1.0, 2.0],
        [3.0, 5.0],
    ]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("size, share", "fall, share")
    assert [text.get_text() for text in drawn.legends[0].get_texts()] == ["flat", "tiered"]
    tiered = axes.collections[1].get_segments()
    assert [segment[:, 1].tolist() for segment in tiered] == [[2.5, 3.5], [4.0, 7.0]]


def test_a_twin_is_a_line_beside_its_run() -> None:
    table = TABLE[TABLE["rule"] == "flat"]
    both = pd.concat([table, table.assign(measure="twins.isolated.fall.BTC", median=[7.0, 8.0])])
    drawn = response(both, ["fall.BTC", "twins.isolated.fall.BTC"], "size")
    (axes,) = drawn.axes
    assert [line.get_ydata().tolist() for line in axes.lines if line.get_linestyle() == "-"] == [[1.0, 2.0], [7.0, 8.0]]
    assert [text.get_text() for text in drawn.legends[0].get_texts()] == ["run", "isolated margin"]
    alone = response(both, ["twins.isolated.fall.BTC"], "size")  # nothing of the run to draw it with
    assert [line.get_ydata().tolist() for line in alone.axes[0].lines if line.get_linestyle() == "-"] == [[7.0, 8.0]]


def test_texts_stand_at_equal_distances() -> None:
    (axes,) = response(TABLE[TABLE["size"] == 0.1], ["fall.BTC"], "rule").axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["flat", "tiered"]
    assert axes.lines[0].get_xdata().tolist() == [0, 1]


def test_a_phase_diagram_has_a_cell_per_pair_numbers_ascending() -> None:
    drawn = phase(TABLE.iloc[::-1].iloc[:3], "fall.BTC", "size", "rule", labels={"fall.BTC": "fall, share"})
    (image,) = drawn.axes[0].images
    # rows as they come: tiered, flat; sizes ascend; the first row of the table (flat, 0.1) was left out
    assert image.get_array().tolist() == [[3.0, 5.0], [None, 2.0]]
    assert drawn.axes[1].get_ylabel() == "fall, share"


def test_a_phase_diagram_has_a_panel_per_other_value_on_one_scale() -> None:
    drawn = phase(TABLE.assign(venues=[1, 1, 1, 1]), "fall.BTC", "size", "venues", ["rule"])
    images = [image for axes in drawn.axes for image in axes.images]
    assert [image.get_array().tolist() for image in images[:2]] == [[[1.0, 2.0]], [[3.0, 5.0]]]
    assert {image.get_clim() for image in images[:2]} == {(1.0, 5.0)}
    assert [axes.get_title(loc="left") for axes in drawn.axes[:2]] == ["flat", "tiered"]


def test_bars_show_value_and_interval_of_each_case() -> None:
    table = TABLE.rename(columns={"median": "value", "rule": "kind"}).assign(case=["a", "b", "a", "b"])
    (axes,) = bars(table, ["fall.BTC"], x="index").axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["a", "b"]
    assert [line.get_xdata().tolist() for line in axes.lines if line.get_marker() in "os"] == [[1.0, 2.0], [3.0, 5.0]]
    assert [segment[:, 0].tolist() for segment in axes.collections[1].get_segments()] == [[2.5, 3.5], [4.0, 7.0]]


def test_a_scatter_sets_one_measure_against_another_with_both_intervals() -> None:
    rows = [("a", "x", 1.0, 0.5, 2.0), ("a", "y", 10.0, np.nan, np.nan), ("b", "x", 3.0, 3.0, 3.0), ("b", "y", 20.0, 18.0, 25.0),
            ("c", "x", 5.0, 4.0, 6.0), ("c", "y", np.nan, np.nan, np.nan)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["point", "measure", "median", "low", "high"])
    (axes,) = scatter(table, across="x", up="y", labels=("ratio", "size"), title="alike").axes
    assert axes.lines[0].get_xydata().tolist() == [[1.0, 10.0], [3.0, 20.0]]  # c has no size
    across, up = (bars.get_segments() for bars in axes.collections)
    assert [segment[:, 0].tolist() for segment in across] == [[0.5, 2.0], [3.0, 3.0]]
    assert [segment[:, 1].tolist() for segment in up] == [[10.0, 10.0], [18.0, 25.0]]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title(loc="left")) == ("ratio", "size", "alike")


def test_without_a_measure_nothing_can_be_drawn() -> None:
    with pytest.raises(ValueError, match="at least one measure"):
        response(TABLE, [], "size")
    with pytest.raises(ValueError, match="at least one measure"):
        bars(TABLE, [], x="index")
    with pytest.raises(ValueError, match="needs rows of fall.ETH"):
        phase(TABLE, "fall.ETH", "size", "rule")


def test_equal_figures_are_equal_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(phase(TABLE, "fall.BTC", "size", "rule"), tmp_path / name)
    for ending in ("pdf", "png"):
        assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()


def test_a_legend_of_long_names_stays_inside_its_figure() -> None:
    rows = [
        {"x": x, "rule": f"a rule whose name is long, as names of rules are, number {k}", "measure": "y", "median": 1.0 * k}
        for k in range(4)
        for x in (1, 2)
    ]
    drawn = response(pd.DataFrame(rows).assign(low=np.nan, high=np.nan), ["y"], "x", ["rule"])
    drawn.canvas.draw()
    (legend,) = drawn.legends
    box, whole = legend.get_window_extent(), drawn.bbox
    assert 0 <= box.x0 < box.x1 <= whole.x1
