"""`sweep` and `report` with the model: a tiny study from file to figures, and one line for every mistake."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abm.cli import drawing, studied
from abm.cli.main import main
from abm.measures.table import MEASURES
from abm.scenario import Scenario
from abm.study import load
from abm.study.errors import StudyError
from abm.study.frame import failures
from abm.study.store import read_manifest
from abm.task import run

SMALLEST = """
question = "Does the cascade grow with the shock?"
scenario = "baseline"
replications = 2
[axes]
"world.shocks.eth.size" = [-0.01, -0.2]
"""
TINY = f"""{SMALLEST}
[set]
"time.duration" = 180.0
"time.burn_in" = 30.0
"world.shocks.eth.at" = 30.0
"world.shocks.eth.ramp" = 30.0
"""
RULES = """
[[variants.engine]]
name = "as it is"
set = {}
[[variants.engine]]
name = "none"
set = { "venues.main.clearing.liquidation" = "none" }
"""


def written(directory: Path, text: str) -> str:
    """A study file."""
    file = directory / "tiny.toml"
    file.write_text(text)
    return str(file)


def test_a_tiny_study_from_file_to_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = written(tmp_path, "twins = ['no_liquidation']\n" + TINY + RULES), str(tmp_path / "out")
    assert main(["sweep", file, "--out", out, "--jobs", "2", "--limit", "3"]) == 0
    assert "3 of 8 runs" in capsys.readouterr().out
    assert main(["sweep", file, "--out", out, "--jobs", "1"]) == 0
    assert "8 of 8 runs" in capsys.readouterr().out
    frame = load(out)
    assert list(frame.columns[:5]) == ["engine", "world.shocks.eth.size", "replication", "seed", "status"]
    assert (frame["conservation.cash_error"] == 0).all()
    as_it_is = frame[frame["engine"] == "as it is"].set_index(["world.shocks.eth.size", "seed"])
    without = frame[frame["engine"] == "none"].set_index(["world.shocks.eth.size", "seed"])
    # the same seeds: the variant without liquidations is the twin without liquidations, to the last bit
    assert (as_it_is["twins.no_liquidation.fall.ETH"] == without["fall.ETH"]).all()
    assert (as_it_is.loc[-0.2, "liquidations.accounts"] > 0).all()
    assert main(["report", out]) == 0
    names = {path.name for path in (tmp_path / "out" / "report").iterdir()}
    assert names >= {"medians.csv", "paired-engine.csv", "paired-twins.csv", "table-1.csv", "table-1.tex", "lines-1.pdf"}
    before = {name: (tmp_path / "out" / "report" / name).read_bytes() for name in names}
    assert main(["report", out]) == 0
    assert {name: (tmp_path / "out" / "report" / name).read_bytes() for name in names} == before


def test_a_stored_run_is_the_run_of_the_command_it_names(tmp_path: Path) -> None:
    file, out = written(tmp_path, TINY), str(tmp_path / "out")
    assert main(["sweep", file, "--out", out, "--jobs", "1", "--limit", "1"]) == 0
    stored = load(out).iloc[0]
    tree = {"scenario": Scenario.load("baseline").dump(), "twins": (), "measures": ("*",)}
    short = {"time.duration": 180.0, "time.burn_in": 30.0, "world.shocks.eth.at": 30.0, "world.shocks.eth.ramp": 30.0}
    again = run(tree | {"set": short | {"world.shocks.eth.size": -0.01}}, 0)
    assert stored["fall.ETH"] == again["fall.ETH"]


def test_a_dry_run_says_how_many_how_long_and_how_large_and_keeps_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, TINY)
    assert main(["sweep", file, "--out", str(tmp_path / "out"), "--dry-run", "--replications", "50"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("100 runs: 2 points x 50 replications")
    assert "s a run, about" in said
    assert "MB in" in said
    assert not (tmp_path / "out").exists()


def test_a_point_that_fails_while_running_is_replayable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("abm.task.simulate", lambda task: 1 / 0)
    out = tmp_path / "out"
    assert main(["sweep", written(tmp_path, TINY + RULES), "--out", str(out), "--jobs", "1", "--limit", "1"]) == 0
    assert failures(out)["error"].tolist()[0].startswith("ZeroDivisionError")
    said = capsys.readouterr().err
    assert "repeat it: python run.py run baseline --set time.duration=180.0 " in said
    assert said.rstrip().endswith("--set world.shocks.eth.size=-0.01 --seed 0 --no-twins")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SMALLEST.replace("eth.size", "eth.siez"), "unknown key world.shocks.eth.siez"),
        (SMALLEST.replace("-0.2", "-2.0"), "world.shocks.eth.size"),
        (SMALLEST.replace("[-0.01, -0.2]", "[]"), "axes.world.shocks.eth.size: is empty"),
        (SMALLEST.replace("replications = 2", "replications = 0"), "replications: input should be greater than or equal to 1"),
        (SMALLEST.replace('"baseline"', '"baselin"'), "no scenario 'baselin'; did you mean 'baseline'?"),
        ("twins = ['isolate']\n" + SMALLEST, "twins: no twin 'isolate'; did you mean 'isolated'?"),
        ("measures = ['fal.ETH']\n" + SMALLEST, "measures: no measure 'fal.ETH' is kept; did you mean 'fall.ETH'?"),
        ("tables = [{measures = ['fall.DOGE']}]\n" + SMALLEST, "tables.0.measures: no measure 'fall.DOGE'"),
        ("measures = ['fall.*']\ntables = [{measures = ['forced_share']}]\n" + SMALLEST, "'forced_share' is kept"),
        ("design = {kind = 'sobol', points = 3}\n" + SMALLEST, "design: points must be a power of two, was 3"),
        ("question = ", "not valid TOML"),
    ],
)
def test_a_mistake_is_one_line_before_anything_runs(tmp_path: Path, text: str, said: str, capsys: Any) -> None:
    assert main(["sweep", written(tmp_path, text), "--out", str(tmp_path / "out")]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert said in printed.err
    assert printed.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [(["sweep", "crosing"], "no study 'crosing'; did you mean 'crossing'?"), (["report", "."], "holds no study")],
)
def test_what_is_not_there_is_said(words: list[str], said: str, capsys: Any) -> None:
    assert main(words) == 2
    assert said in capsys.readouterr().err


def test_the_scenario_is_sought_beside_the_study(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(Scenario.load("baseline").to_toml())
    file = written(tmp_path, TINY.replace('"baseline"', '"own.toml"').replace("replications = 2", "replications = 1"))
    assert main(["sweep", file, "--out", str(tmp_path / "out"), "--jobs", "1", "--limit", "1"]) == 0
    assert read_manifest(tmp_path / "out")["units"] == {"world.shocks.eth.size": "share of value"}


def test_every_measure_has_its_unit_under_its_full_name() -> None:
    found = studied.measures(Scenario.load("baseline"), ("isolated",))
    assert found["fall.ETH"]["unit"] == "share of opening price"
    assert found["bad_debt.total"]["unit"] == "USD"
    assert found["contagion_matrix.ETH.ALT"]["unit"] == "share per share"
    assert found["excess_fall_over.isolated.BTC"]["worse"] == "higher"
    assert found["attribution.bad_debt.drop.cross_margin.effect"]["unit"] == "USD"
    assert "attribution.lost.BTC.forced" in found
    assert len(found) >= len(MEASURES)


def test_a_value_is_written_as_toml_that_set_understands() -> None:
    from abm.scenario.overrides import parsed

    for value in (0.1, 3, True, "a b", 'a "b"', [1, "x"], {"kind": "tiered", "brackets": [{"up_to": 1e6}]}):
        assert parsed(f"key={studied.toml(value)}") == ("key", value)


def test_the_version_of_the_code_changes_with_what_results_depend_on_only(tmp_path: Path, monkeypatch: Any) -> None:
    for place in ("market/book.py", "figures/style.py"):
        (tmp_path / "abm" / place).parent.mkdir(parents=True)
        (tmp_path / "abm" / place).write_text("a = 1\n")
    monkeypatch.setattr("abm.scenario.files.HOME", tmp_path)
    before = studied.code_version()
    (tmp_path / "abm" / "figures" / "style.py").write_text("a = 2\n")
    assert studied.code_version() == before
    (tmp_path / "abm" / "market" / "book.py").write_text("a = 2\n")
    assert studied.code_version() != before


def test_the_command_that_is_named_repeats_the_run(tmp_path: Path) -> None:
    command = studied.command("baseline", {"venues.main.clearing.liquidation": {"kind": "none"}, "time.duration": 60.0}, 7, ())
    assert command == (
        'python run.py run baseline --set \'venues.main.clearing.liquidation={"kind" = "none"}\' '
        "--set time.duration=60.0 --seed 7 --no-twins"
    )
    assert subprocess.run(["sh", "-c", f"set -- {command}; echo $#"], capture_output=True, text=True, check=True).stdout == "11\n"


def test_reports_of_unfinished_studies_use_what_is_there(tmp_path: Path, capsys: Any) -> None:
    out = str(tmp_path / "out")
    main(["sweep", written(tmp_path, TINY), "--out", out, "--jobs", "1", "--limit", "1"])
    assert main(["report", out]) == 0
    assert "1 finished runs of 2 points" in capsys.readouterr().out
    assert len(pd.read_csv(tmp_path / "out" / "report" / "table-1.csv")) == 1


PAIRS = """
[[figures]]
kind = "frontier"
measures = ["capital_efficiency.collateral_saved", "forced_share"]
[[figures]]
kind = "scatter"
measures = ["reproduction_number.ex_ante", "forced_share"]
"""


def test_one_measure_is_drawn_against_another(tmp_path: Path, capsys: Any) -> None:
    out = str(tmp_path / "out")
    assert main(["sweep", written(tmp_path, TINY + RULES + PAIRS), "--out", out, "--jobs", "1"]) == 0
    assert main(["report", out]) == 0
    assert {"frontier-1.png", "scatter-2.pdf"} <= {path.name for path in (tmp_path / "out" / "report").iterdir()}
    assert drawing.ranked_alike(np.arange(12.0), np.arange(12.0)) == "rank correlation 1.00 [1.00, 1.00] over 12 points"
    assert drawing.ranked_alike(np.arange(2.0), np.arange(2.0)) == "no rank correlation: needs 10 pairs, had 2"


def test_a_measure_that_no_point_has_is_told_in_one_line() -> None:
    table = pd.DataFrame({"rule": ["a", "a"], "measure": ["fall", "gap"], "median": [0.1, np.nan], "low": np.nan, "high": np.nan})
    stored: Any = SimpleNamespace(medians=table, columns=["rule"], named=list, label=str)
    for kind in ("scatter", "frontier"):
        asked: Any = SimpleNamespace(kind=kind, measures=("fall", "gap"))
        with pytest.raises(StudyError, match="no point has both fall and gap"):
            drawing.draw(stored, asked, asked.measures)


def test_a_pattern_of_such_a_figure_means_one_measure(tmp_path: Path, capsys: Any) -> None:
    out = str(tmp_path / "out")
    unclear = PAIRS.replace("capital_efficiency.collateral_saved", "capital_efficiency.*")
    assert main(["sweep", written(tmp_path, TINY + unclear), "--out", out, "--jobs", "1", "--limit", "1"]) == 0
    assert main(["report", out]) == 2
    assert "capital_efficiency.* must mean one stored measure, means capital_efficiency.margin_saved, " in capsys.readouterr().err
