"""The shipped studies: every point is a scenario, every measure exists, and a shortened run of each goes through."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from abm.cli.main import main
from abm.study import load

STUDIES = sorted((Path(__file__).parents[1] / "experiments" / "studies").glob("*.toml"))
SHORT = {"time.duration": 60.0, "time.burn_in": 20.0, "world.shocks.eth.at": 20.0, "world.shocks.eth.ramp": 20.0}
QUICKER = [word for key, value in SHORT.items() for word in ("--set", f"{key}={value}")]


def quick(study: Path) -> bool:
    """One study is run with the quick tests."""
    return study.stem in ("margin_rules",)


@pytest.mark.parametrize(
    "study", [pytest.param(s, id=s.stem, marks=() if quick(s) else pytest.mark.slow) for s in STUDIES]
)
def test_a_limited_run_and_its_report(study: Path, tmp_path: Path) -> None:
    """All points are checked before the first one runs; two runs are enough for tables and figures."""
    out = str(tmp_path / "out")
    assert main(["sweep", str(study), "--out", out, "--jobs", "1", "--limit", "2", *QUICKER]) == 0
    frame = load(out)
    assert (frame["status"] == "done").sum() == 2
    assert (frame["unallocated_loss"].dropna() == 0).all() and (frame["conservation.lots_error"].dropna() == 0).all()
    if "design" not in tomllib.loads(study.read_text(encoding="utf-8")):  # indices need the whole design
        assert main(["report", out]) == 0
        assert list((tmp_path / "out" / "report").glob("*-1*.png"))


def test_the_studies_are_told_in_the_experiments() -> None:
    told = (Path(__file__).parents[1] / "experiments" / "README.md").read_text(encoding="utf-8")
    assert [file.stem for file in STUDIES if f"studies/{file.name}" not in told] == []
