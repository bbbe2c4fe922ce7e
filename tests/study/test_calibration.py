"""Calibrations of toys: known optima are found, what plays no part is said to be open, and mistakes cost one line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abm.study.axes import Row
from abm.study.calibration import Calibration, Target
from abm.study.errors import StudyError
from abm.study.findings import directions, findings, fit_table, sensitivity_table, words
from abm.study.fitting import Fit, fit

PARAMETERS = {"a": {"range": [0.0, 4.0]}, "b": {"range": [1.0, 100.0], "log": True}}


def asked(method: Any = "smm", parameters: Any = None, **targets: Any) -> Calibration:
    """A calibration of a toy on three seeds; targets by default 3 for y and 10 for z."""
    given = targets or {"y": {"value": 3.0, "standard_error": 0.1}, "z": {"value": 10.0, "standard_error": 1.0}}
    tree = {"question": "?", "scenario": "toy", "replications": 3, "parameters": parameters or PARAMETERS, "method": method}
    return Calibration.of(tree | {"targets": {name: {"source": "by hand"} | target for name, target in given.items()}})


def runs(moments: Callable[[Row, float], dict[str, float | None]]) -> Callable[[Sequence[Row]], pd.DataFrame]:
    """Runs of a toy whose noise is that of the seed, the same at every point; the scenario itself stands at (0, 1)."""
    noise = [-0.05, 0.0, 0.05]

    def done(rows: Sequence[Row]) -> pd.DataFrame:
        shown = [row if row[0] is not None else (0.0, 1.0) for row in rows]
        return pd.DataFrame(
            [{"point": p, "replication": r, **moments(row, noise[r])} for p, row in enumerate(shown) for r in range(3)]
        )

    return done


def straight(row: Row, noise: float) -> dict[str, float | None]:
    """y is a, z is b."""
    return {"y": row[0] + noise, "z": row[1] * (1 + noise)}


def idle(row: Row, noise: float) -> dict[str, float | None]:
    """b plays no part."""
    return {"y": row[0] + noise, "z": 10.0 + noise}


def product(row: Row, noise: float) -> dict[str, float | None]:
    """Only a + log10(b) / 2, which spans 4 and 1, can be told."""
    return {"y": row[0] + np.log10(row[1]) / 2 + noise, "z": 10.0}


def of(fitted: Fit, name: str) -> Any:
    """The row of a parameter."""
    return findings(fitted, {"a": 0.0, "b": 1.0}).set_index("parameter").loc[name]


@pytest.mark.parametrize("method", [{"kind": "smm", "budget": 120}, {"kind": "abc", "budget": 400, "keep": 0.03}])
def test_a_known_optimum_is_found_and_its_interval_covers_it(method: Any) -> None:
    fitted = fit(asked(method), runs(straight))
    assert len(fitted.trials.rows) <= method["budget"]
    assert of(fitted, "a")["best"] == pytest.approx(3.0, abs=0.25)
    assert of(fitted, "b")["best"] == pytest.approx(10.0, rel=0.3)
    for name, truth in (("a", 3.0), ("b", 10.0)):
        row = of(fitted, name)
        assert row["low"] <= truth <= row["high"]
        assert row["finding"] == "identified"
    assert fitted.directions == ()


def test_the_interval_of_a_straight_moment_is_that_of_its_target() -> None:
    # y = a, error 0.1, range 4: in the cube 0.025; the prior of variance 1/12 adds nothing: 1.645 x 0.1 either side
    fitted = fit(asked({"kind": "smm", "budget": 120}), runs(straight))
    row = of(fitted, "a")
    assert row["high"] - row["low"] == pytest.approx(2 * 1.645 * 0.1, rel=0.01)
    assert fitted.slopes is not None
    assert fitted.slopes[0] == pytest.approx([40.0, 0.0])  # 4 of the range over an error of 0.1, and b plays no part in y


@pytest.mark.parametrize("method", [{"kind": "smm", "budget": 60}, {"kind": "abc", "budget": 300, "keep": 0.1}])
def test_a_parameter_that_plays_no_part_is_said_to_be_open(method: Any) -> None:
    fitted = fit(asked(method), runs(idle))
    assert of(fitted, "a")["finding"] == "identified"
    assert of(fitted, "b")["finding"].startswith("not identified")
    assert of(fitted, "b")["spread_left"] == pytest.approx(1.0, abs=0.25)
    assert len(fitted.directions) == 1
    assert "b" in directions(fitted)[0]
    assert any("left open" in line for line in words(fitted, {}))


def test_what_two_parameters_do_together_leaves_a_direction_open() -> None:
    fitted = fit(asked({"kind": "smm", "budget": 60}), runs(product))
    (open_way,) = fitted.directions
    # slopes are 4 and 1 per range over one error: the open way is (1, -4) / sqrt(17)
    assert np.abs(open_way[0]) == pytest.approx([1 / np.sqrt(17), 4 / np.sqrt(17)], abs=1e-6)
    assert open_way[1] == pytest.approx(1.0)


def test_noise_is_no_knowledge() -> None:
    def loud(row: Row, noise: float) -> dict[str, float | None]:  # on every seed b acts with another sign
        return {"y": row[0] + noise, "z": 10.0 + 20 * noise * np.log10(row[1])}

    fitted = fit(asked({"kind": "smm", "budget": 60}), runs(loud))
    assert of(fitted, "b")["finding"].startswith("not identified")


def test_moments_of_the_scenario_itself_and_of_the_best_point_stand_side_by_side() -> None:
    table = fit_table(fit(asked({"kind": "smm", "budget": 60}), runs(straight))).set_index("moment")
    assert table.loc["y", "as_it_is"] == 0.0
    assert table.loc["y", "distance_as_it_is"] == pytest.approx(-30.0)  # 0 against 3 with an error of 0.1
    assert abs(table.loc["y", "distance"]) < 3


def test_sensitivity_is_the_rank_regression_over_the_covering_points() -> None:
    fitted = fit(asked({"kind": "abc", "budget": 101}), runs(straight))
    table = sensitivity_table(fitted).set_index(["parameter", "measure"])["value"]
    assert table["a", "y"] == pytest.approx(1.0, abs=0.02)
    assert table["b", "y"] == pytest.approx(0.0, abs=0.1)


def test_a_point_that_does_not_show_a_fitted_moment_on_every_seed_is_never_best() -> None:
    def sometimes(row: Row, noise: float) -> dict[str, float | None]:
        return {"y": row[0], "z": None if row[0] > 2.0 and noise > 0 else 10.0}

    fitted = fit(asked({"kind": "smm", "budget": 60}), runs(sometimes))
    assert of(fitted, "a")["best"] <= 2.0


def test_a_fit_is_the_same_twice() -> None:
    one, two = (fit(asked({"kind": "smm", "budget": 60}), runs(straight)) for _ in range(2))
    assert one.trials.rows == two.trials.rows


def test_distances_of_bands_and_logarithms() -> None:
    band = Target(band=(1.0, 3.0), source="by hand")
    assert band.distance(np.array([2.0, 3.0, 0.0, np.nan])) == pytest.approx([0.0, 1.0, -2.0, np.nan], nan_ok=True)
    ratio = Target(band=(1.0, 100.0), log=True, source="by hand")  # middle 10, half a width is a factor of 10
    assert ratio.distance(np.array([10.0, 100.0, 0.0])) == pytest.approx([0.0, 1.0, np.nan], nan_ok=True)
    number = Target(value=10.0, standard_error=1.0, log=True, source="by hand")  # error of the logarithm: 1 / 10
    assert number.distance(np.array([10.0 * np.exp(0.2)])) == pytest.approx([2.0])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"parameters": {}}, "parameters: "),
        ({"parameters": {"a": [1, 2]}}, "must have a range"),
        ({"parameters": {"a": {"range": [2, 1]}}}, "must ascend"),
        ({"targets": {}}, "targets: "),
        ({"targets": {"y": {"value": 1.0, "source": "s"}}}, "value and standard_error"),
        ({"targets": {"y": {"band": [2.0, 1.0], "source": "s"}}}, "must ascend"),
        ({"targets": {"y": {"value": 1.0, "standard_error": 1.0}}}, "targets.y.source is missing"),
        ({"targets": {"y": {"band": [1.0, 2.0], "source": "s", "fitted": False}}}, "none is fitted"),
        ({"targets": {"y": {"band": [-1.0, 2.0], "source": "s", "log": True}}}, "above 0"),
        ({"method": {"kind": "smm", "budget": 5}}, "method.budget must be at least"),
        ({"method": "magic"}, "method: "),
        ({"replications": 0}, "replications: "),
        ({"paramters": {}}, "unknown key paramters; did you mean 'parameters'?"),
    ],
)
def test_mistakes_cost_one_line(change: dict[str, Any], said: str) -> None:
    tree = {
        "question": "?",
        "scenario": "toy",
        "replications": 3,
        "parameters": PARAMETERS,
        "targets": {"y": {"band": [1.0, 2.0], "source": "by hand"}},
    }
    with pytest.raises(StudyError) as raised:
        Calibration.of(tree | change, "file.toml")
    assert said in str(raised.value)
    assert str(raised.value).startswith("file.toml: ")
    assert "\n" not in str(raised.value)


def test_a_target_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('question = "?"\ntargets = "none.toml"\n')
    with pytest.raises(StudyError, match=r"none\.toml: cannot be read"):
        Calibration.load(file)
