"""Figures show the numbers they are given: lines, bars, cells and edges are read back from the drawn objects."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from abm.figures.cascade import cascade
from abm.figures.columns import change, low_step
from abm.figures.draw import contagion_rows, draw_all, figures, load, redraw
from abm.figures.health import health
from abm.figures.losses import borne_by, losses
from abm.figures.matrix import matrix
from abm.figures.prices import prices
from abm.figures.reproduction import WAYS, reproduction
from abm.measures.summary import summarise
from tests.measures.by_hand import instruments, records

SHOCK = {"assets": ["ETH"], "start_seconds": 5.0, "end_seconds": 10.0}
CRASH = {"mark": {"ETH": [10_000, 9_000, 8_000, 9_000]}, "value": {"ETH": [10_000.0, 9_000.0, 9_000.0, 9_000.0]}}
TWIN = {"mark": {"ETH": [10_000, 9_000, 9_000, 9_000]}, "value": CRASH["value"]}


def steps(columns, **more):
    return records(columns=columns, **more).frames()["steps"]


def line(axes, label):
    (found,) = [drawn for drawn in axes.lines if drawn.get_label() == label]
    return found


def panel(figure, title):
    (found,) = [axes for axes in figure.axes if axes.get_title(loc="left") == title]
    return found


def nothing_overlaps(figure):
    """No axes, with their labels and titles, reach into one another or into the legend below."""
    figure.canvas.draw()
    boxes = [axes.get_tightbbox() for axes in figure.axes] + [legend.get_window_extent() for legend in figure.legends]
    apart = [
        a.x1 <= b.x0 + 1 or b.x1 <= a.x0 + 1 or a.y1 <= b.y0 + 1 or b.y1 <= a.y0 + 1
        for i, a in enumerate(boxes)
        for b in boxes[:i]
    ]
    inside = all(box.x0 >= -1 and box.x1 <= figure.bbox.x1 + 1 and box.y0 >= -1 and box.y1 <= figure.bbox.y1 + 1 for box in boxes)
    return all(apart) and inside


def test_prices_are_percent_changes_of_the_mark_against_time_in_minutes():
    figure = prices({"run": steps(CRASH), "no_liquidation": steps(TWIN)}, SHOCK)
    eth = panel(figure, "ETH (shocked)")
    run = line(eth, "run")
    assert run.get_xdata() == pytest.approx([5 / 60, 10 / 60, 15 / 60, 20 / 60])
    assert run.get_ydata() == pytest.approx([0.0, -10.0, -20.0, -10.0])
    assert line(eth, "no liquidation").get_ydata() == pytest.approx([0.0, -10.0, -10.0, -10.0])
    assert line(panel(figure, "BTC"), "run").get_ydata() == pytest.approx([0.0] * 4)
    (shade,) = eth.patches
    assert (shade.get_x(), shade.get_x() + shade.get_width()) == pytest.approx((5 / 60, 10 / 60))
    assert nothing_overlaps(figure)


def test_two_venues_are_drawn_as_their_mean():
    table = instruments(("BTC", "ETH@alpha", "ETH@beta"), (0, 1, 1))
    frame = steps({"mark": {"ETH@alpha": [10_000, 8_000, 8_000, 8_000]}}, table=table)
    assert change(frame, "ETH") == pytest.approx([0.0, -10.0, -10.0, -10.0])  # mean of -20 % and 0 %


def test_the_cascade_shows_depth_and_forced_volume_in_currency():
    columns = {
        "depth_bid": {"ETH": [100, 100, 40, 100]},
        "depth_bid_low": {"ETH": [100, 100, 10, 100]},
        "forced_value": {"ETH": [0, 0, 500_000, 0]},
        "adl": {"ETH": [0, 0, 20, 0]},
    }
    figure = cascade(steps(columns), SHOCK)
    top, bottom = panel(figure, "ETH"), figure.axes[3]
    # 100 lots of 0.1 at 1,000 = 10 k USD; BTC, 100 lots of 0.001 at 100,000, the same
    assert line(top, "bids").get_ydata() == pytest.approx([10.0, 10.0, 4.0, 10.0])
    assert figure.axes[0].get_ylabel() == "depth within 1 %, k USD"
    heights = [patch.get_height() for patch in bottom.containers[0]]
    assert heights == pytest.approx([0.0, 0.0, 5.0, 0.0])  # 500,000 cash units of 0.01
    assert [patch.get_height() for patch in bottom.containers[1]] == pytest.approx([0.0, 0.0, 2.0, 0.0])  # 2 ETH at 1,000
    assert [patch.get_y() for patch in bottom.containers[1]] == pytest.approx(heights)  # stacked on the forced orders
    assert figure.axes[2].get_ylabel() == "closed per 5 s, k USD"
    assert nothing_overlaps(figure)


def test_a_long_run_is_summed_into_bars_without_losing_volume():
    n = 721  # 13 steps a bar, the last bar shorter
    forced = np.random.default_rng(1).integers(0, 1_000, n)
    figure = cascade(records(n, columns={"forced_value": {"ETH": forced}}).frames()["steps"])
    bars = figure.axes[3].containers[0]
    assert len(bars) == 56  # ceil(721 / 13)
    assert sum(bar.get_height() for bar in bars) == pytest.approx(forced.sum() * 0.01)  # a bar holds at most 130 USD
    assert figure.axes[2].get_ylabel().startswith("closed per 65 s, USD")


def test_a_calm_run_draws_an_empty_cascade():
    figure = cascade(steps({}))
    assert all(bar.get_height() == 0 for bar in figure.axes[3].containers[0])
    assert figure.axes[3].get_ylim() == (0.0, 1.0)


def test_the_matrix_prints_percent_and_leaves_the_own_asset_out_of_the_colours():
    figure = matrix({"BTC": {"BTC": 1.0, "ETH": 0.034}, "ETH": {"BTC": 0.0, "ETH": None}})
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.texts] == ["100", "3.4", "0", "–"]
    coloured = axes.images[0].get_array()
    assert np.ma.getmaskarray(np.ma.masked_invalid(coloured)).tolist() == [[True, False], [False, True]]
    assert axes.images[0].get_clim() == pytest.approx((0.0, 3.4))
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["BTC", "ETH"]
    assert nothing_overlaps(figure)
    with pytest.raises(ValueError, match="at least one row"):
        matrix({})


def test_health_draws_the_last_snapshot_before_the_shock_the_nearest_to_the_low_and_the_last():
    frame = pd.DataFrame(
        {
            "seconds": np.repeat([60.0, 120.0, 180.0, 240.0], 2),
            "low": [-0.1, 0.0] * 4,
            "high": [0.0, 0.1] * 4,
            "notional": [0.0, 1e6, 1e6, 2e6, 3e6, 4e6, 5e6, 6e6],
        }
    )
    figure = health(frame, before=130.0, low=170.0)
    drawn = {patch.get_label(): patch.get_data() for patch in figure.axes[0].patches if patch.get_label()}
    assert {name: list(data.values) for name, data in drawn.items()} == {
        "before the shock (2 min)": [1.0, 2.0],
        "at the low (3 min)": [3.0, 4.0],
        "at the end (4 min)": [5.0, 6.0],
    }
    assert drawn["at the end (4 min)"].edges.tolist() == [-10.0, 0.0, 10.0]
    assert nothing_overlaps(figure)
    with pytest.raises(ValueError, match="at least one snapshot"):
        health(frame[:0], before=0.0, low=0.0)


def test_losses_are_stacked_by_bearer_and_a_twin_without_any_says_zero():
    bad = {"insurance_fund": 2e6, "keeper": 0.0, "adl": 3e6, "socialised": 0.0, "uncollected": 0.0}
    figure = losses({"run": bad, "no_shock": dict.fromkeys(bad, 0.0)})
    (axes,) = figure.axes
    fund, adl = axes.containers
    assert [(bar.get_x(), bar.get_width()) for bar in fund] == [(0.0, 2.0), (0.0, 0.0)]
    assert [(bar.get_x(), bar.get_width()) for bar in adl] == [(2.0, 3.0), (0.0, 0.0)]
    assert [text.get_text() for text in axes.texts] == ["5", "0"]
    assert nothing_overlaps(figure)


def test_no_loss_at_all_still_draws():
    (axes,) = losses({"run": dict.fromkeys(("insurance_fund", "keeper", "adl", "socialised", "uncollected"), 0.0)}).axes
    assert [text.get_text() for text in axes.texts] == ["0"]


def family():
    calm = records(shocked=(), shock_step=None, shock_steps=0, twin="no_shock")
    return records(columns=CRASH), {"no_shock": calm, "no_liquidation": records(columns=TWIN, twin="no_liquidation")}


def test_a_single_shocked_asset_has_a_row_for_the_run_and_each_twin_that_was_shocked():
    run, twins = family()
    rows = contagion_rows(summarise(run, twins))
    assert list(rows) == ["ETH, run", "ETH, no liquidation"]  # nothing was forced on the twin no_shock
    assert rows["ETH, run"]["ETH"] == pytest.approx(2.0)  # 20 % over a forced 10 %
    matrix_of_run = summarise(run, twins, {"BTC": records(columns={"value": {"BTC": [9_000.0] * 4}}, shocked=(0,))})
    assert list(contagion_rows(matrix_of_run)) == ["BTC", "ETH"]


def test_twins_that_were_not_run_are_not_drawn():
    run, _ = family()
    summary = summarise(run, {}, expected=("no_shock", "no_liquidation"))
    assert list(borne_by(summary)) == ["run"]
    drawn = figures({"run": run.frames()}, summary)
    assert sorted(drawn) == ["cascade", "losses", "prices"]  # no health snapshot, no row of the contagion matrix


def test_stored_results_are_redrawn_to_the_same_pixels(tmp_path):
    run, twins = family()
    summary = summarise(run, twins)
    (tmp_path / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    run.save(tmp_path)
    for name, twin in twins.items():
        (tmp_path / "twins" / name).mkdir(parents=True)
        twin.save(tmp_path / "twins" / name)
    (tmp_path / "drawn").mkdir()
    frames = {"run": run.frames(), **{name: twin.frames() for name, twin in twins.items()}}
    drawn = draw_all(frames, summary, tmp_path / "drawn")
    again = redraw(tmp_path)
    assert sorted(path.name for path in drawn) == ["cascade.png", "contagion.png", "losses.png", "prices.png"]
    assert set(load(tmp_path)) == {"run", "no_shock", "no_liquidation"}
    before = {path.name: path.read_bytes() for path in drawn}
    assert {path.name: path.read_bytes() for path in again} == before


def test_the_low_is_that_of_the_shocked_assets():
    frame = steps({"mark": {"ETH": [10_000, 9_900, 9_500, 9_800], "BTC": [10_000, 9_000, 9_900, 9_900]}})
    assert low_step(frame, ["ETH"]) == 2
    assert low_step(frame, []) == 1  # without a shock: the mean of all assets, -5.5 % in step 1


def test_figures_need_no_pyplot_and_no_model():
    code = (
        "import sys, abm.figures.draw; print(sorted(m for m in sys.modules if m in ('matplotlib.pyplot', 'mesa', 'abm.records')))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_three_reproduction_numbers_and_their_gap_have_a_dot_per_seed_and_a_bar():
    columns = {"twins": [0.5, 0.6, 0.7], "genealogy": [0.6, 0.8, 0.7], "ex_ante": [np.nan] * 3, "gap": [0.1, 0.2, 0.0]}
    seeds = pd.DataFrame({f"reproduction_number.{way}": values for way, values in columns.items()})
    told = {way: {"median": float(np.median(values)), "low": None, "high": None} for way, values in columns.items()}
    told["gap"] |= {"low": 0.0, "high": 0.2}
    figure = reproduction(seeds, told)
    (axes,) = figure.axes
    dots = [scattered.get_offsets()[:, 0].tolist() for scattered in axes.collections if len(scattered.get_offsets()) == 3]
    assert dots == [columns["twins"], columns["genealogy"], columns["gap"]]
    assert [text.get_text() for text in axes.texts] == ["not available"]
    assert [bar.get_segments()[0][:, 0].tolist() for bar in axes.collections if hasattr(bar, "get_segments")][-1] == [0.0, 0.2]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [said for said, _ in WAYS.values()]
    assert nothing_overlaps(figure)
