"""The directory of results: claimed before simulating, complete or not there at all; strict JSON."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from abm.cli.errors import Mistake
from abm.cli.output import Identity, claim, dumps, write_json
from abm.cli.provenance import provenance
from abm.scenario import Scenario

MINE = Identity("abc", (7,))


def filled(path: Path, identity: Identity = MINE) -> Path:
    """A finished run of `identity` at `path`."""
    said = {"scenario_hash": identity.scenario_hash, "seeds": list(identity.seeds)}
    with claim(path, identity) as claimed:
        write_json(claimed.directory / "provenance.json", said)
        claimed.complete()
    return path


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_new_directory_appears_only_when_complete(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b" / "run"
    with claim(out, MINE) as claimed:
        (claimed.directory / "summary.json").write_text("{}")
        assert not out.exists()
        claimed.complete()
    assert everything(tmp_path) == ["a", "a/b", "a/b/run", "a/b/run/summary.json"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError, OSError])
def test_whatever_stops_a_run_leaves_nothing(tmp_path: Path, stop: type[BaseException]) -> None:
    with pytest.raises(stop), claim(tmp_path / "a" / "run", MINE) as claimed:
        (claimed.directory / "steps.parquet").write_text("half")
        raise stop
    assert everything(tmp_path) == []


def test_an_empty_directory_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert everything(filled(tmp_path / "empty")) == ["provenance.json"]
    assert everything(tmp_path) == ["empty", "empty/provenance.json"]


def test_the_same_run_replaces_itself_and_spares_what_is_not_its_own(tmp_path: Path) -> None:
    out = filled(tmp_path / "run")
    (out / "steps.parquet").write_text("old")
    (out / "notes.md").write_text("mine")
    filled(out)
    assert everything(out) == ["notes.md", "provenance.json"]
    assert everything(tmp_path) == ["run", "run/notes.md", "run/provenance.json"]


@pytest.mark.parametrize("other", [Identity("abc", (8,)), Identity("abd", (7,)), Identity("abc", (7, 8))])
def test_another_run_is_refused_and_stays(tmp_path: Path, other: Identity) -> None:
    out = filled(tmp_path / "run", other)
    with pytest.raises(Mistake, match="holds another run"):
        claim(out, MINE)
    assert Identity.of(out) == other
    assert everything(tmp_path) == ["run", "run/provenance.json"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"scenario_hash": "abc"}', '{"scenario_hash": "abc", "seeds": 7}'])
def test_somebody_elses_directory_is_refused_and_stays(tmp_path: Path, content: str) -> None:
    (tmp_path / "provenance.json").write_text(content)
    with pytest.raises(Mistake, match="is not empty and holds no results"):
        claim(tmp_path, MINE)
    assert everything(tmp_path) == ["provenance.json"]


def test_a_file_and_a_place_below_a_file_are_refused_even_for_root(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(Mistake, match="is a file"):
        claim(tmp_path / "file", MINE)
    with pytest.raises(Mistake, match="cannot be written"):
        claim(tmp_path / "file" / "below" / "run", MINE)
    with pytest.raises(Mistake, match="cannot be written"):
        claim(Path("/proc/nowhere/run"), MINE)
    assert everything(tmp_path) == ["file"]


def test_json_has_no_nan_and_says_why() -> None:
    said = dumps({"fall": {"BTC": np.float64(0.5), "ETH": float("nan")}, "lots": np.array([1, 2]), "rate": float("inf")})
    read = json.loads(said, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert read == {
        "fall": {"BTC": 0.5, "ETH": None},
        "lots": [1, 2],
        "rate": None,
        "unavailable": {"fall.ETH": "not defined in this run", "rate": "not defined in this run"},
    }


def test_a_reason_that_was_given_stays() -> None:
    value = {"fall": {"ETH": float("nan")}, "twins": {"a": {"fall": float("nan"), "unavailable": {"fall": "no shock"}}}}
    read = json.loads(dumps({**value, "unavailable": {"fall": "no trade"}}))
    assert read["unavailable"] == {"fall": "no trade"}


def test_provenance_says_what_is_needed_to_replay() -> None:
    scenario = Scenario.load("baseline")
    said = json.loads(dumps(provenance(scenario, [7])))
    assert (said["scenario"], said["scenario_hash"], said["seeds"]) == ("baseline", scenario.hash(), [7])
    assert said["libraries"]["numpy"] == np.__version__
    assert set(said) >= {"command", "git_commit", "python", "compiled", "cpu_features"}
