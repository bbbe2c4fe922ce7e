"""The tutorials of the README are followed to the letter: their files written, their commands run, on a shorter market.

A tutorial begins with `<!-- tutorial: name -->` and ends at the next heading; a block after `<!-- file: name -->` is that file,
a block of `sh` is run where the files are.
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import NamedTuple

import pytest

from abm.cli.main import main

TEXTS = [Path(__file__).parents[1] / "README.md"]
EXPECTED = {"own margin rule", "own liquidation policy", "own behaviour", "own book"}
SHORT = ("time.duration=120.0", "time.burn_in=30.0", "world.shocks.eth.at=30.0", "world.shocks.eth.ramp=30.0")


class Tutorial(NamedTuple):
    files: dict[str, str]
    commands: list[list[str]]  # what stands after `python run.py`


def tutorials() -> dict[str, Tutorial]:
    found: dict[str, Tutorial] = {}
    for text in (path.read_text(encoding="utf-8") for path in TEXTS):
        for name, body in re.findall(r"<!-- tutorial: (.+?) -->\n(.*?)(?=\n#+ |\Z)", text, re.S):
            assert name not in found, f"two tutorials are called {name}"
            files = dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", body, re.S))
            assert len(files) == body.count("<!-- file:"), f"{name}: a file without its block"
            lines = [line for block in re.findall(r"```sh\n(.*?)```", body, re.S) for line in block.splitlines() if line]
            assert all(line.startswith("python run.py ") for line in lines), f"{name}: commands are those of run.py"
            found[name] = Tutorial(files, [shlex.split(line)[2:] for line in lines])
    return found


FOUND = tutorials()


def test_every_tutorial_is_there_with_files_and_commands() -> None:
    assert set(FOUND) == EXPECTED
    assert all(tutorial.files and tutorial.commands for tutorial in FOUND.values())


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_the_tutorial_works_as_it_stands(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for file, text in FOUND[name].files.items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    for command in FOUND[name].commands:
        short = [part for change in SHORT for part in ("--set", change)] if command[0] == "run" else []
        extra = ["--no-twins", "--jobs", "1", "--json"] if command[0] == "run" else []
        assert main([*command, *short, *extra]) == 0, capsys.readouterr().err
    results = sorted(tmp_path.glob("results/*"))
    assert len(results) == sum(command[0] == "run" for command in FOUND[name].commands)
    for directory in results:
        summary = json.loads((directory / "summary.json").read_text(encoding="utf-8"))
        assert summary["conservation"] == {"cash_error": 0, "lots_error": 0}
        assert main(["validate", str(directory / "scenario.toml")]) == 0  # results replay from where they lie


def test_the_rule_of_the_tutorial_is_the_one_that_runs(tmp_path: Path) -> None:
    """A tutorial that was quietly ignored would pass above: each changes what comes out."""
    from abm.scenario import Scenario
    from tests.small_worlds import fingerprint, played

    short = dict(change.split("=") for change in SHORT)
    base = Scenario.load("baseline").with_({key: float(value) for key, value in short.items()})
    plain = fingerprint(played(base))
    for name, tutorial in FOUND.items():
        folder = tmp_path / name
        folder.mkdir()
        for file, text in tutorial.files.items():
            (folder / file).write_text(text, encoding="utf-8")
        mine = Scenario.load(folder / "mine.toml").with_({key: float(value) for key, value in short.items()})
        assert fingerprint(played(mine)) != plain, name
