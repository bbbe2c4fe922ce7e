"""A film shows after each row what had happened by then: numbers are read back from the drawn objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch
from PIL import Image

from abm.figures import recording
from abm.figures.film import Film, film, pictures
from abm.figures.recording import record
from tests.figures.test_figures import nothing_overlaps
from tests.figures.test_forest import LINEAGE, SEIZURES
from tests.measures.by_hand import records

SHOCK = {"assets": ["ETH"], "start_seconds": 5.0, "end_seconds": 10.0}
SUMMARY = {"shock": SHOCK, "currency": "USD", "depth_within": 0.01}
COLUMNS = {
    "mark": {"ETH": [10_000, 9_000, 8_000, 9_000]},
    "forced_value": {"ETH": [0, 200_000, 0, 300_000], "BTC": [0, 100_000, 0, 0]},  # cash units of 0.01
    "depth_bid": {"ETH": [100, 100, 40, 100]},
}
TWIN = ("no_liquidation", records(columns={"mark": {"ETH": [10_000, 9_500, 9_500, 9_500]}}).frames()["steps"])
EVENTS = pd.DataFrame({"step": [1, 1, 2], "kind": ["entered", "closed", "entered"], "account": [7, 7, 7]})
HEALTH = pd.DataFrame(
    {
        "step": [0, 0, 0, 2, 2, 2],
        "low": [-0.1, 0.0, 0.1] * 2,
        "high": [0.0, 0.1, 0.2] * 2,
        "notional": [0, 9e3, 5e3, 4e3, 2e3, 1e3],
    }
)


def tables(**more: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Four steps of 5 s by hand; one account seized in the second."""
    empty = {"health": HEALTH.iloc[:0], "lineage": LINEAGE.iloc[:0], "seizures": SEIZURES.iloc[:0]}
    return {"steps": records(columns=COLUMNS).frames()["steps"], "events": EVENTS, **empty, **more}


def panel(figure: Figure, title: str) -> Any:
    """The axes whose title begins so."""
    (found,) = [axes for axes in figure.axes if axes.get_title(loc="left").startswith(title)]
    return found


def numbers(drawn: Film) -> dict[str, str]:
    """The key numbers, label -> number."""
    texts = [text.get_text() for text in drawn.figure.axes[0].texts]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def heights(axes: Any) -> list[list[float]]:
    """Of the filled steps: what each adds."""
    found = [patch.get_data() for patch in axes.patches if isinstance(patch, StepPatch) and patch.get_fill()]
    return [(data.values - (0.0 if data.baseline is None else data.baseline)).tolist() for data in found]


def test_the_first_and_the_last_picture_are_the_first_and_the_last_step() -> None:
    drawn = film(tables(), SUMMARY, twin=TWIN)
    drawn.show(0)
    assert numbers(drawn)["time"] == "0:05"
    assert numbers(drawn)["forced trades"] == "0 USD"
    assert numbers(drawn)["deepest fall"] == "none"
    assert numbers(drawn)["accounts seized"] == "0"
    drawn.show(3)
    assert numbers(drawn)["time"] == "0:20"
    assert numbers(drawn)["forced trades"] == "6 k USD"  # 600,000 cash units of 0.01
    assert numbers(drawn)["deepest fall"] == "ETH 20.0 %"  # not the last, -10 %, but the deepest so far
    assert numbers(drawn)["accounts seized"] == "1", "seized twice, counted once"
    drawn.show(1)  # going back is possible
    assert numbers(drawn)["deepest fall"] == "ETH 10.0 %"


def test_marks_grow_with_the_row_beside_those_of_the_twin() -> None:
    drawn = film(tables(), SUMMARY, twin=TWIN)
    axes = panel(drawn.figure, "change of mark")
    assert axes.get_xlim() == pytest.approx((0.0, 20 / 60))
    limits = axes.get_ylim()
    assert limits[0] < -20.0
    drawn.show(2)
    btc, eth, _, twin_of_eth = [line for line in axes.lines if line.get_marker() == "None"]
    assert eth.get_xdata() == pytest.approx([5 / 60, 10 / 60, 15 / 60])
    assert eth.get_ydata() == pytest.approx([0.0, -10.0, -20.0])
    assert btc.get_ydata() == pytest.approx([0.0, 0.0, 0.0])
    assert twin_of_eth.get_ydata() == pytest.approx([0.0, -5.0, -5.0])
    assert axes.get_ylim() == limits, "the axes stay"


def test_forced_trades_are_stacked_and_their_last_bar_grows() -> None:
    drawn = film(tables(), SUMMARY)
    axes = panel(drawn.figure, "forced trades per 5 s, k USD")
    drawn.show(1)
    assert heights(axes) == [pytest.approx([0.0, 1.0, 0.0, 0.0]), pytest.approx([0.0, 2.0, 0.0, 0.0])]
    drawn.show(3)
    assert heights(axes) == [pytest.approx([0.0, 1.0, 0.0, 0.0]), pytest.approx([0.0, 2.0, 0.0, 3.0])]


def test_depth_is_in_percent_of_what_it_was_before_the_shock() -> None:
    drawn = film(tables(), SUMMARY)
    drawn.show(3)
    _, eth = panel(drawn.figure, "bids within 1 %").lines
    # a minute is longer than the run: medians of all steps so far, of lots at their marks
    worth = np.array([100 * 1_000.0, 100 * 900.0, 40 * 800.0, 100 * 900.0])
    medians = [np.median(worth[: k + 1]) for k in range(4)]
    assert eth.get_ydata() == pytest.approx([100 * m / worth[0] for m in medians])


def test_accounts_stand_where_the_latest_snapshot_had_them() -> None:
    drawn = film(tables(health=HEALTH), SUMMARY)
    axes = panel(drawn.figure, "leveraged accounts")
    drawn.show(1)
    assert heights(axes) == [pytest.approx([0.0, 0.0, 0.0]), pytest.approx([0.0, 9.0, 5.0])]  # k USD: below the line, above
    drawn.show(2)
    assert heights(axes) == [pytest.approx([4.0, 0.0, 0.0]), pytest.approx([0.0, 2.0, 1.0])]


def test_the_forest_grows_by_who_has_been_seized() -> None:
    drawn = film(tables(lineage=LINEAGE, seizures=SEIZURES), SUMMARY)
    nodes, edges = panel(drawn.figure, "liquidations").collections
    seen = []
    for row in range(4):
        drawn.show(row)
        seen.append((len(nodes.get_offsets()), len(edges.get_segments())))
    assert seen == [(0, 0), (1, 0), (2, 1), (3, 2)]  # seized in steps 1, 2, 3 (and 4); Bob under Alice, Carol under Bob
    times = np.asarray(nodes.get_offsets())[:, 0]
    assert times == pytest.approx([1.0, 2.0, 3.0])


def test_nothing_overlaps_and_what_was_not_recorded_is_said() -> None:
    for more in ({}, {"health": HEALTH, "lineage": LINEAGE, "seizures": SEIZURES}):
        drawn = film(tables(**more), SUMMARY, twin=TWIN, footer="small, seed 1")
        drawn.show(3)
        assert nothing_overlaps(drawn.figure)
    said = [text.get_text() for axes in film(tables(), SUMMARY).figure.axes for text in axes.texts]
    assert "no snapshots were recorded" in said
    film(tables(), SUMMARY | {"shock": None}).show(3)


def test_pictures_run_from_the_first_step_to_the_last_and_rest_there() -> None:
    steps = records(100, columns={"forced_value": {"ETH": [0] * 50 + [10] * 10 + [0] * 40}}).frames()["steps"]
    rows = pictures(steps, fps=10, seconds=5.0)
    assert (len(rows), rows[0], rows[-1]) == (50, 0, 99)
    assert (np.diff(rows) >= 0).all()
    assert (rows[-11:] == 99).all(), "a second of the end"
    assert (rows[-12] < 99).all()
    slowly = np.isin(rows, np.arange(50, 60)).sum()
    assert slowly == pytest.approx(0.55 * 40, abs=2)  # half of the moving ones, and a tenth of the other half
    even = pictures(steps, fps=10, seconds=5.0, even=True)
    assert np.isin(even, np.arange(50, 60)).sum() == pytest.approx(4, abs=1)
    assert len(pictures(steps, fps=1, seconds=0.5)) == 2


def test_a_gif_has_every_picture_and_its_length(tmp_path: Path) -> None:
    seen: list[int] = []
    drawn = film(tables(), SUMMARY)
    record(drawn, [0, 1, 2, 3], tmp_path / "a.gif", fps=15, width=480, comment="how", done=lambda: seen.append(1))
    with Image.open(tmp_path / "a.gif") as image:
        assert (image.n_frames, image.size, image.info["comment"]) == (4, (480, 270), b"how")
        lengths = []
        for k in range(4):
            image.seek(k)
            lengths.append(image.info["duration"])
        assert lengths == [70, 60, 70, 70]  # ms, in hundredths of a second: 4/15 s = 0.27
        assert image.convert("RGB").getpixel((0, 269)) == (255, 255, 255)
    assert len(seen) == 4


@pytest.mark.slow
@pytest.mark.skipif(not recording.ffmpeg_is_here(), reason="needs ffmpeg")
def test_an_mp4_is_written_and_an_interrupted_one_ends_its_ffmpeg(tmp_path: Path) -> None:
    drawn = film(tables(), SUMMARY)
    record(drawn, [0, 1, 2, 3], tmp_path / "a.mp4", fps=10, width=640)
    assert (tmp_path / "a.mp4").read_bytes()[4:8] == b"ftyp"

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record(drawn, [0, 1], tmp_path / "b.mp4", fps=10, width=640, done=stop)
