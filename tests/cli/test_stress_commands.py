"""The commands `stress` and `attribute`: files, table, figure, one line for every mistake."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from abm.cli.main import main
from tests.small_worlds import world

SMALL = {"time.duration": 150.0, "world.shocks.fall.size": -0.25}


@pytest.fixture
def scenario(tmp_path: Path) -> str:
    path = tmp_path / "small.toml"
    path.write_text(world(SMALL).to_toml(), encoding="utf-8")
    return str(path)


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def test_a_stress_test_leaves_table_figure_and_data(scenario: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    command = ["stress", scenario, "--assets", "BTC,BTC+ETH", "--sizes", "-0.2", "--seeds", "1", "--jobs", "1"]
    said = told(capsys, *command, "--out", str(out))
    assert "BTC+ETH -20 %" in said
    assert "the ex-ante spectral radius" in said
    names = {path.name for path in out.iterdir()}
    assert names == {"scenario.toml", "provenance.json", "stress.json", "stress.csv", "stress.parquet", "figures"}
    assert (out / "figures" / "stress.png").read_bytes().startswith(b"\x89PNG")
    stored = json.loads((out / "stress.json").read_text())
    joint = stored["cells"][1]
    assert joint["assets"] == ["BTC", "ETH"]
    assert joint["measures"]["excess_fall_of_others"]["median"] is None
    reasons = stored["unavailable"]
    assert reasons["cells.1.measures.excess_fall_of_others.median"] == "every asset is shocked"
    assert reasons["cells.0.measures.accounts.low"] == "defined in 1 of 1 seeds, an interval needs 6"
    table = pd.read_parquet(out / "stress.parquet")
    row = table[(table["assets"] == "BTC") & (table["measure"] == "accounts")]
    assert row["median"].item() == stored["cells"][0]["measures"]["accounts"]["median"]
    assert len(pd.read_csv(out / "stress.csv")) == len(table)
    assert main([*command, "--sizes", "-0.1", "--out", str(out)]) == 2  # another grid does not replace it
    assert "holds another run" in capsys.readouterr().err


def test_an_attribution_leaves_table_figure_and_data(scenario: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    command = ["attribute", scenario, "--channels", "cross_margin,impact", "--measure", "forced_share", "--jobs", "1"]
    said = told(capsys, *command, "--design", "factorial", "--seeds", "2", "--out", str(out))
    assert "cross margin × impact" in said
    stored = json.loads((out / "attribution.json").read_text())
    for seed in range(2):
        parts = [found["by_seed"][seed] for found in stored["effects"]["effect"].values()]
        shares = [found["by_seed"][seed] for found in stored["effects"]["shapley"].values()]
        assert sum(parts) == pytest.approx(stored["total"]["by_seed"][seed], abs=1e-12)
        assert sum(shares) == pytest.approx(stored["total"]["by_seed"][seed], abs=1e-12)
    assert stored["total"]["low"] is None
    assert stored["unavailable"]["total.low"] == "an interval needs 6 seeds, there are 2"
    assert len(pd.read_parquet(out / "attribution.parquet")) == 5  # three effects, two Shapley values


def test_json_is_one_object_and_equal_for_equal_runs(scenario: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["attribute", scenario, "--channels", "impact", "--measure", "accounts", "--jobs", "1", "--json"]
    first, second = (json.loads(told(capsys, *command, "--out", str(tmp_path / name))) for name in ("one", "two"))
    assert first.pop("provenance")["seeds"] == [0]
    second.pop("provenance")
    first.pop("timing")
    second.pop("timing")
    assert first == second
    assert first["unavailable"]["effects.drop.impact.share.low"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["stress", "--assets", "BTX"], "--assets: no asset 'BTX' in baseline; did you mean 'BTC'?"),
        (["stress", "--sizes", "-0.1,x"], "--sizes must be numbers separated by commas, was '-0.1,x'"),
        (["stress", "--sizes", "0.1"], "--sizes must be in (-1, 0), was 0.1"),
        (["stress", "--sizes", "nan"], "--sizes must be in (-1, 0), was nan"),
        (["stress", "--sizes", "-1"], "--sizes must be in (-1, 0), was -1"),
        (["stress", "--correlations", "-0.9"], "correlation of 4 assets must be in"),
        (["stress", "--transmissions", "2"], "transmission must be in [0, 1], was 2"),
        (["stress", "--tolerance", "0"], "--tolerance must be in (0, 1), was 0"),
        (["stress", "--seeds", "0"], "--seeds must be a whole number from 1"),
        (["stress", "--set", "world.shocks=[]"], "world.shocks is empty, add one"),
        (["stress", "nowhere"], "no scenario 'nowhere'"),
        (["attribute", "--channels", "cross_margins"], "--channels: no channel 'cross_margins'; did you mean 'cross_margin'?"),
        (
            ["attribute", "--design", "shapley", "--channels", "cross_margin,impact,adl,pairs,value_capital"],
            "--design shapley takes at most 4 channels (2^n runs per seed), were 5; use add_drop",
        ),
        (["attribute", "--design", "shaply"], "--design: no design 'shaply'; did you mean 'shapley'?"),
        (["attribute", "--measure", "falls"], "--measure: no measure 'falls'"),
        (["attribute", "--set", "world.shocks=[]"], "--measure excess_fall needs an asset that is shocked"),
        (["attribute", "--seeds", "x"], "--seeds must be a whole number from 1"),
    ],
)
def test_a_mistake_costs_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert said in printed.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["stress", "attribute"])
def test_a_foreign_directory_is_refused_before_simulating(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"abm.cli.{command}_publish.simulate", lambda job: pytest.fail("simulated"))
    (tmp_path / "diary.txt").write_text("mine")
    assert main([command, "--out", str(tmp_path)]) == 2
    assert "holds no results" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]
