"""What is computed from a frame: medians, intervals, paired differences, indices. Numbers by hand or from publications."""

from __future__ import annotations

from math import pi
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abm.measures.seeds import statistics
from abm.study import load
from abm.study.analysis import against_twins, medians, paired
from abm.study.errors import StudyError
from abm.study.latex import escaped, wide, write_tex
from abm.study.sensitivity import indices, one_at_a_time
from tests.study.desk import study, swept

ALL = {"range": [-pi, pi]}


def frame(**columns: Any) -> pd.DataFrame:
    """Runs by hand."""
    return pd.DataFrame(columns)


def test_medians_and_quantiles_by_hand() -> None:
    runs = frame(x=["a"] * 3 + ["b"] * 2, y=[3.0, 1.0, 2.0, 10.0, np.nan])
    table = medians(runs, ["x"], ["y"]).set_index("x")
    # of 1, 2, 3: median 2, tenth 1 + 0.2 * (2 - 1), ninetieth 2.8; too few for an interval
    assert table.loc["a", ["count", "median", "p10", "p90"]].tolist() == pytest.approx([3, 2.0, 1.2, 2.8])
    assert table.loc["a", ["low", "high"]].isna().all()
    assert table.loc["b", ["count", "median"]].tolist() == [1, 10.0]


def test_intervals_are_those_of_a_run_over_seeds() -> None:
    rng = np.random.default_rng(1)
    values, others = rng.normal(size=9), rng.normal(size=9)
    table = medians(frame(x=[1] * 9, y=values, z=others, same=[2.0] * 9), ["x"], ["y", "z", "same"]).set_index("measure")
    for name, given in (("y", values), ("z", others)):
        expected = statistics(given.tolist())
        assert table.loc[name, ["median", "p10", "p90", "low", "high"]].tolist() == pytest.approx(
            [expected[key] for key in ("median", "p10", "p90", "low", "high")]
        )
    assert table.loc["same", ["low", "high"]].tolist() == [2.0, 2.0]


def test_differences_are_taken_on_the_same_seed_at_the_same_point() -> None:
    runs = frame(
        rule=["flat"] * 4 + ["tiered"] * 4,
        x=[1, 1, 2, 2] * 2,
        replication=[0, 1] * 4,
        y=[1.0, 5.0, 10.0, 20.0, 2.0, 9.0, 7.0, np.nan],
    )
    table = paired(runs, ["rule", "x"], "rule", ["y"])
    # x = 1: 2 - 1 and 9 - 5, median 2.5, both above; x = 2: 7 - 10 alone
    assert table[["rule", "x", "count", "median", "above", "against"]].to_numpy().tolist() == [
        ["tiered", 1, 2, 2.5, 1.0, "flat"],
        ["tiered", 2, 1, -3.0, 0.0, "flat"],
    ]


def test_a_pair_without_its_first_is_left_out() -> None:
    runs = frame(rule=["flat", "tiered", "tiered"], replication=[0, 0, 1], y=[1.0, 2.0, 9.0])
    assert paired(runs, ["rule"], "rule", ["y"])["count"].tolist() == [1]


def test_differences_against_twins() -> None:
    runs = frame(x=[1, 1, 2], replication=[0, 1, 0], y=[3.0, 5.0, 1.0], **{"twins.calm.y": [1.0, 1.0, 2.0]})
    table = against_twins(runs, ["x"], ["y", "twins.calm.y"])
    assert table[["x", "measure", "median", "above", "against"]].to_numpy().tolist() == [
        [1, "y", 3.0, 1.0, "calm"],
        [2, "y", -1.0, 0.0, "calm"],
    ]


def test_sobol_indices_of_the_ishigami_function_are_the_analytic_ones(tmp_path: Path) -> None:
    asked = study(
        {"a": ALL, "b": ALL, "c": ALL}, design={"kind": "sobol", "points": 2048}, replications=1
    )
    swept(tmp_path, asked, "ishigami")
    found = indices(asked, load(tmp_path, numbered=True), ["y"])
    pd.testing.assert_frame_equal(found, indices(asked, load(tmp_path, numbered=True), ["y"]), check_exact=True)
    table = found.set_index(["index", "parameter"])
    # Ishigami & Homma 1990, a = 7, b = 0.1: D = a^2/8 + b pi^4/5 + b^2 pi^8/18 + 1/2
    d = 49 / 8 + 0.1 * pi**4 / 5 + 0.01 * pi**8 / 18 + 0.5
    d1, d2, d13 = 0.5 * (1 + 0.1 * pi**4 / 5) ** 2, 49 / 8, 8 * 0.01 * pi**8 / 225
    expected = {
        ("first_order", "a"): d1 / d,
        ("first_order", "b"): d2 / d,
        ("first_order", "c"): 0.0,
        ("total", "a"): (d1 + d13) / d,
        ("total", "b"): d2 / d,
        ("total", "c"): d13 / d,
    }
    for key, value in expected.items():
        row = table.loc[key]
        assert row["low"] <= value <= row["high"], key
        assert row["value"] == pytest.approx(value, abs=0.05), key


def test_morris_finds_slopes_and_the_parameter_that_plays_no_part(tmp_path: Path) -> None:
    asked = study({name: {"range": [0, 2]} for name in "abc"}, design={"kind": "morris", "trajectories": 4}, replications=1)
    swept(tmp_path, asked, "linear")
    table = indices(asked, load(tmp_path, numbered=True), ["y", "constant"])
    assert set(table["measure"]) == {"y"}  # what does not vary has no indices
    found = table.pivot(index="parameter", columns="index", values="value")
    # effects per unit of the cube, whose side is 2: 3 x 2 and 1 x 2, the same everywhere
    assert found["mu_star"].to_dict() == pytest.approx({"a": 6.0, "b": 2.0, "c": 0.0})
    assert found["sigma"].abs().max() < 1e-9


def test_rank_regression_tells_sign_and_weight(tmp_path: Path) -> None:
    asked = study({name: {"range": [0, 2]} for name in "abc"}, design={"kind": "latin_hypercube", "points": 100}, replications=1)
    swept(tmp_path, asked, "linear")
    found = indices(asked, load(tmp_path, numbered=True), ["y"]).set_index("parameter")
    assert found.loc["a", "low"] > 0.8
    assert found.loc["b", "high"] < -0.2
    assert found.loc["c", "low"] < 0.0 < found.loc["c", "high"]


def test_indices_need_every_point(tmp_path: Path) -> None:
    asked = study({"a": ALL, "b": ALL, "c": ALL}, design={"kind": "sobol", "points": 4}, replications=1)
    swept(tmp_path, asked, "ishigami", limit=15)
    with pytest.raises(StudyError, match="indices need all 20 points of the design, 5 have no finished run"):
        indices(asked, load(tmp_path, numbered=True), ["y"])


def test_one_at_a_time_is_told_against_the_scenario_as_it_is(tmp_path: Path) -> None:
    asked = study({"x": [0, 2], "y": [5]}, design="one_at_a_time")
    swept(tmp_path, asked)
    table = one_at_a_time(asked, load(tmp_path, numbered=True), ["square"])
    assert table[["parameter", "value", "count"]].to_numpy().tolist() == [["x", "0", 3], ["x", "2", 3], ["y", "5", 3]]
    assert table["median"].tolist() == pytest.approx([0.0, 4.0, 0.0])


def test_a_table_for_a_paper(tmp_path: Path) -> None:
    given = pd.DataFrame(
        {"rule": ["a_b", "a_b"], "measure": ["y", "z"], "median": [0.12345, np.nan], "low": [0.1, np.nan], "high": [0.2, np.nan]}
    )
    table = wide(given, ["rule"], ["y", "z"])
    assert table.to_numpy().tolist() == [["a_b", "0.123 [0.1, 0.2]", "–"]]
    write_tex(table, tmp_path / "t.tex", caption="50 %", heads={"y": "y, USD", "z": "z"})
    text = (tmp_path / "t.tex").read_text()
    assert r"a\_b & 0.123 [0.1, 0.2] & -- \\" in text
    assert r"\begin{tabular}{lrr}" in text
    assert r"\caption{50 \%}" in text
    assert escaped("a\\b") == r"a\textbackslash{}b"
