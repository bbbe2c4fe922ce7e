"""`calibrate` with the model: a tiny calibration from file to figures, continued, and one line for every mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from abm.cli.main import main
from abm.measures.moments import MOMENTS
from abm.scenario import Scenario
from abm.scenario.files import EXPERIMENTS
from abm.study import load
from abm.study.calibration import Calibration

TINY = """
question = "Which correlation?"
scenario = "baseline"
replications = 2
[set]
"world.shocks" = []
"time.duration" = 240.0
"time.burn_in" = 30.0
"population.crowd.count" = 20
[parameters]
"world.fundamentals.correlation" = { range = [0.1, 0.9] }
[targets."moments.spread.BTC"]
value = 2.0
standard_error = 0.5
source = "by hand"
[method]
kind = "smm"
budget = 13
"""


def written(directory: Path, text: str) -> str:
    """A calibration file."""
    file = directory / "tiny.toml"
    file.write_text(text)
    return str(file)


def test_a_tiny_calibration_from_file_to_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = written(tmp_path, TINY), tmp_path / "out"
    assert main(["calibrate", file, "--out", str(out), "--jobs", "1"]) == 0
    said = capsys.readouterr().out
    assert "moments.spread.BTC" in said
    assert "world.fundamentals.correlation" in said
    names = {path.name for path in out.iterdir()}
    assert names >= {"fit.csv", "parameters.csv", "sensitivity.csv", "points.csv", "best.toml", "fit.pdf", "profiles.png"}
    best = pd.read_csv(out / "parameters.csv").set_index("parameter")["best"]["world.fundamentals.correlation"]
    scenario = Scenario.load(out / "best.toml")
    assert scenario.world.fundamentals.correlation == pytest.approx(best)
    assert scenario.world.shocks == ()
    before, runs = (out / "points.csv").read_bytes(), len(load(out))
    assert main(["calibrate", file, "--out", str(out), "--jobs", "1"]) == 0  # nothing is run again, everything comes out again
    assert (out / "points.csv").read_bytes() == before
    assert len(load(out)) == runs


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("moments.spread.BTC", "moments.spred.BTC", "did you mean 'moments.spread.BTC'"),
        ("world.fundamentals.correlation", "world.fundamentals.corelation", "corelation"),
        ("[0.1, 0.9]", "[0.1, 1.9]", "world.fundamentals.correlation"),
        ('"baseline"', '"basline"', "no scenario"),
        ("budget = 13", "budget = 3", "at least 13"),
        ("value = 2.0", "value = ", "not valid TOML"),
    ],
)
def test_mistakes_cost_one_line_before_anything_runs(tmp_path: Path, capsys: Any, old: str, new: str, said: str) -> None:
    file, out = written(tmp_path, TINY.replace(old, new)), tmp_path / "out"
    assert main(["calibrate", file, "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not out.exists()


def test_a_directory_of_somebody_else_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.doc").write_text("mine")
    assert main(["calibrate", written(tmp_path, TINY), "--out", str(tmp_path / "out"), "--jobs", "1"]) == 2
    assert "is not empty and holds no study" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["calm", "october_2025"])
def test_shipped_calibrations_are_sound(name: str) -> None:
    from abm.cli.calibrating import told_subject
    from abm.study.plan import Plan

    file = EXPERIMENTS / f"calibrate_{name}.toml"
    calibration = Calibration.load(file)
    middle = calibration.row([0.5] * len(calibration.parameters))  # type: ignore[arg-type]
    assert len(Plan.of(calibration.study([middle]), told_subject(calibration, file)).rows) == 1
    assert all("2021-05" not in target.source for target in calibration.targets.values())  # the hold-out


def test_every_moment_is_documented() -> None:
    assert all(measure.help and measure.unit for measure in MOMENTS.values())
