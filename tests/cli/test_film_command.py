"""`film`: from a stored run and from a scenario to a file; every mistake one line, nothing left of what failed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from abm.cli import filming
from abm.cli.main import main
from abm.figures import recording
from abm.measures.summary import summarise
from abm.twins import twin
from tests.small_worlds import played, world

SHORT = ["--fps", "2", "--seconds", "2", "--width", "480"]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stored run with one twin."""
    folder, scenario = tmp_path_factory.mktemp("results") / "small-1", world()
    (folder / "twins" / "no_impact").mkdir(parents=True)
    run = played(scenario)
    run.save(folder)
    played(twin(scenario, "no_impact")).save(folder / "twins" / "no_impact")
    (folder / "summary.json").write_text(json.dumps(summarise(run, {})), encoding="utf-8")
    return folder


@pytest.fixture
def small(tmp_path: Path) -> str:
    file = tmp_path / "small.toml"
    file.write_text(world().to_toml(), encoding="utf-8")
    return str(file)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a refused command line says in its one line."""
    assert main(["film", *arguments]) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    return printed.err


def test_a_stored_run_is_filmed_without_simulating(stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filming, "_simulated", lambda *_: pytest.fail("simulated"))
    out = tmp_path / "deep" / "a.gif"
    assert main(["film", str(stored), "--twin", "no_impact", "--out", str(out), *SHORT]) == 0
    with Image.open(out) as image:
        assert image.size == (480, 270)
        assert image.info["comment"].decode() == f"python run.py film {stored} --twin=no_impact"
    assert list(out.parent.iterdir()) == [out]


def test_a_scenario_is_simulated_and_filmed_beside_its_results(
    small: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: list[Any] = []
    monkeypatch.setattr(filming, "film", lambda tables, summary, **how: shown.append((tables, summary, how)))
    monkeypatch.setattr(filming, "record", lambda moving, rows, path, **how: path.write_bytes(b"film"))
    monkeypatch.setattr(filming, "processors", lambda: 1)
    monkeypatch.chdir(tmp_path)
    assert main(["film", small, "--seed", "3", "--twin", "no_impact", *SHORT]) == 0
    assert capsys.readouterr().out == "results/small-3.gif: 4 pictures, 0.0 MB\n"
    assert (tmp_path / "results" / "small-3.gif").read_bytes() == b"film"
    ((tables, summary, how),) = shown
    same = played(world(), seed=3).frames()
    assert tables["steps"].equals(same["steps"]), "more snapshots change nothing else"
    assert tables["health"]["step"].nunique() > same["health"]["step"].nunique()
    assert summary["seed"] == 3
    assert how["twin"][0] == "no_impact"
    assert "small · seed 3 · scenario " in how["footer"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--out", "a.avi"], "--out a.avi must end in .gif or .mp4"),
        (["--twin", "no_impct"], "--twin: no twin 'no_impct'; did you mean 'no_impact'?"),
        (["--fps", "50", "--seconds", "100"], "--fps 50 for --seconds 100 is 5000 pictures, at most 3000"),
        (["--fps", "0"], "--fps"),
        (["--seed", "x"], "--seed must be a whole number"),
        (["--set", "population.cross_share=2"], "must be in [0, 1], was 2"),
        (["--out", "folder.gif"], "--out folder.gif is a directory, not a file"),
        (["--out", "small.toml/a.gif"], "cannot be written"),
    ],
)
def test_a_mistake_costs_one_line(
    arguments: list[str],
    said: str,
    small: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(filming, "_simulated", lambda *_: pytest.fail("simulated"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.gif").mkdir()
    before = sorted(tmp_path.iterdir())
    assert said in refused(capsys, small, *arguments)
    assert sorted(tmp_path.iterdir()) == before


def test_mistakes_about_a_stored_run(stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "holds no results of a run" in refused(capsys, str(tmp_path))
    assert "--seed and --set have no say" in refused(capsys, str(stored), "--seed", "1")
    assert "holds no twin 'isolated'; known: no_impact" in refused(capsys, str(stored), "--twin", "isolated")
    assert "did you mean 'baseline'?" in refused(capsys, "baselin")


def test_without_ffmpeg_an_mp4_is_refused_at_once(
    small: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(recording, "ffmpeg_is_here", lambda: False)
    monkeypatch.setattr(filming, "_simulated", lambda *_: pytest.fail("simulated"))
    assert "an MP4 needs ffmpeg, which is not installed; install it or give a .gif" in refused(capsys, small, "--out", "a.mp4")


@pytest.mark.parametrize(("stopped", "code"), [(KeyboardInterrupt, 130), (OSError(28, "No space left on device"), 2)])
def test_of_a_film_that_is_not_finished_nothing_is_left(
    stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped: BaseException, code: int,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def breaks(moving: Any, rows: Any, path: Path, **how: Any) -> None:
        path.write_bytes(b"half")
        raise stopped

    monkeypatch.setattr(filming, "record", breaks)
    old = tmp_path / "old.gif"
    old.write_bytes(b"old")
    for out in (old, tmp_path / "deep" / "new.gif"):
        assert main(["film", str(stored), "--out", str(out), *SHORT]) == code
        assert capsys.readouterr().err.splitlines()[-1].startswith(("stopped:", "error: "))
    assert list(tmp_path.iterdir()) == [old]
    assert old.read_bytes() == b"old"


def test_without_a_name_the_film_lies_beside_the_results(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filming, "record", lambda moving, rows, path, **how: path.write_bytes(b"film"))
    assert main(["film", str(stored), *SHORT]) == 0
    assert stored.with_name("small-1.gif").read_bytes() == b"film"
