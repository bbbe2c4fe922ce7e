"""The command line: what is printed where, exit codes, and one line for every mistake."""

from __future__ import annotations

import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from abm.cli import run as run_module
from abm.cli.errors import Mistake
from abm.cli.main import main
from abm.cli.output import Claim
from abm.cli.run import Job, chosen_seeds, default_out, execute
from abm.scenario import Scenario, files

ROOT = Path(__file__).parents[2]


def mistake(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a refused command line says: exactly one line on stderr, nothing on stdout, exit code 2."""
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1
    return printed.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rum"], "no such command 'rum'"),
        (["rum"], "Did you mean 'run'?"),
        (["zzz"], "Known: run, sweep, report, stress, attribute, calibrate, explain, compare, view, film, list, show, params,"),
        (["run", "--sed", "1"], "--seed"),
        (["run", "baselin"], "no scenario 'baselin'; did you mean 'baseline'?"),
        (["run", "--seed", "abc"], "--seed must be a whole number from 0 to 2^63 - 1, was 'abc'"),
        (["run", "--seed", "-1"], "--seed must be a whole number from 0 to 2^63 - 1, was '-1'"),
        (["run", "--seed", "1.0"], "was '1.0'"),
        (["run", "--seed", str(2**63)], "--seed must be"),
        (["run", "--seeds", "0"], "--seeds must be a whole number from 1 to 2^63 - 1, was '0'"),
        (["run", "--seed", "1", "--seeds", "2"], "exclude each other"),
        (["run", "--twins", "isolate"], "--twins: no twin 'isolate'; did you mean 'isolated'?"),
        (["run", "--twins", "isolated", "--no-twins"], "exclude each other"),
        (["run", "--jobs", "0"], "--jobs must be a whole number from 1"),
        (["run", "--matrix", "--set", "world.shocks=[]"], "--matrix needs a shock"),
        (["run", "--set", "population.cross_share=2"], "baseline, --set: population.cross_share must be in [0, 1], was 2"),
        (["run", "--set", "population.cross_share"], "--set must be KEY=VALUE"),
        (["run", "--set", "world.path.file=nowhere.csv"], "nowhere.csv: cannot be read"),
        (["--seed", "x"], "--seed must be"),  # options without a command are those of `run`
        (["show"], "missing argument"),
        (["show", "baseline", "extra"], "extra"),
        (["params", "population.cros_share"], "did you mean 'population.cross_share'?"),
        (["validate"], "missing argument"),
    ],
)
def test_a_mistake_costs_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in mistake(capsys, *arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_not_ours_is_refused_before_simulating(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("abm.cli.publish.simulate", lambda job: pytest.fail("simulated"))
    (tmp_path / "diary.txt").write_text("mine")
    assert "is not empty and holds no results" in mistake(capsys, "run", "--out", str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]


def test_show_prints_the_complete_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "null", "--set", "population.cross_share=0.25"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert tomllib.loads(printed.out) == Scenario.load("null").with_({"population.cross_share": 0.25}).dump()


def test_params_lists_value_unit_bounds_and_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["params", "population.cross_share"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "population.cross_share = 1  [share of traders, [0, 1], default 1]"
    assert "Source: " in second


def test_list_names_scenarios_and_questions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    named = [line for line in lines if line.startswith("  ")]
    assert {"baseline", "null", "october_2025", "two_venues", "million", "crossing"} <= {line.split()[0] for line in named}
    assert all(line.rstrip().endswith("?") for line in named)
    assert [line for line in lines if line not in named] == ["scenarios:", "studies (sweep; calibrate):"]


def test_validate_says_one_line_per_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("name = 'bad'\n")
    assert main(["validate", "baseline", str(bad), "null"]) == 2
    printed = capsys.readouterr()
    assert printed.out == "ok: baseline\nok: null\n"
    assert printed.err.count("\n") == 1
    assert str(bad) in printed.err


def test_validate_refuses_a_layer_that_repeats(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text('base = "baseline.toml"\n[venues.main.clearing]\nwaterfall = ["fund", "adl", "fund"]\n')
    bad.with_name("baseline.toml").write_text(files.locate("baseline").read_text())
    assert main(["validate", str(bad)]) == 2
    said = capsys.readouterr().err
    assert "venues.main.clearing.waterfall: layers must not repeat, 'fund' occurs twice" in said
    assert said.count("\n") == 1


def test_seeds_of_a_job() -> None:
    assert chosen_seeds(None, None) == (0,)
    assert chosen_seeds(0, None) == (0,)
    assert chosen_seeds(7, None) == (7,)
    assert chosen_seeds(None, 3) == (0, 1, 2)
    with pytest.raises(Mistake):
        chosen_seeds(0, 1)


def test_names_of_result_directories() -> None:
    scenario = Scenario.load("null")
    assert default_out(scenario, (7,), changed=False) == "results/null-7"
    assert default_out(scenario, (0, 1, 2), changed=False) == "results/null-3-seeds"
    assert default_out(scenario, (7,), changed=True) == f"results/null-7-{scenario.hash()[:8]}"


def job(out: Path) -> Job:
    return Job(Scenario.load("null"), seeds=(7,), twins=(), matrix=False, jobs=1, out=out, as_json=False)


def test_a_job_is_simulated_and_published_into_its_claim(tmp_path: Path) -> None:
    def publish(asked: Job, runs: Any, claimed: Claim) -> None:
        (claimed.directory / "summary.json").write_text(runs)
        claimed.complete()

    execute(job(tmp_path / "run"), simulate=lambda asked: f"seeds {asked.seeds}", publish=publish)
    assert (tmp_path / "run" / "summary.json").read_text() == "seeds (7,)"


def test_ctrl_c_says_one_line_and_leaves_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(asked: Job, simulate: Any, publish: Any) -> None:
        execute(asked, simulate=lambda _: (_ for _ in ()).throw(KeyboardInterrupt), publish=lambda a, runs, c: list(runs))

    monkeypatch.setattr(run_module, "execute", stopped)
    assert main(["run", "null", "--out", str(tmp_path / "run")]) == 130
    assert capsys.readouterr().err.splitlines()[-1].startswith("stopped: nothing was kept")
    assert list(tmp_path.iterdir()) == []


def test_help_imports_nothing_heavy() -> None:
    """What makes `run.py --help` fast; the time itself is measured elsewhere."""
    code = (
        "import sys; from abm.cli.main import main; code = main(['--help']); "
        "heavy = {'numpy', 'pandas', 'mesa', 'numba', 'pydantic', 'rich', 'matplotlib'} & set(sys.modules); "
        "sys.exit(code or ','.join(heavy) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "validate" in done.stdout


def test_run_py_exits_with_the_code_of_the_command(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, ROOT / "run.py", "rum"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("signal_sent", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_leaves_nothing_behind(tmp_path: Path, signal_sent: signal.Signals) -> None:
    command = [sys.executable, str(ROOT / "run.py"), "run", "baseline", "--out", str(tmp_path / "here"), "--jobs", "2"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    running.stderr.readline()  # it has begun
    running.send_signal(signal_sent)
    assert running.wait(timeout=60) == 130
    assert "stopped" in running.stderr.read()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_seeds_are_kept_one_by_one_and_their_figures_drawn_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, short = str(tmp_path / "out"), [f"time.{key}" for key in ("duration=120", "burn_in=30")]
    short += ["world.shocks.eth.at=30", "world.shocks.eth.ramp=30"]
    sets = [word for text in short for word in ("--set", text)]
    assert main(["run", "baseline", "--seeds", "2", "--twins", "no_liquidation", "--jobs", "1", "--out", out, *sets]) == 0
    assert "attribution: through what liquidated accounts had lost" in capsys.readouterr().out
    stored = pd.read_parquet(tmp_path / "out" / "seeds.parquet")
    assert stored["seed"].tolist() == [0, 1]
    assert (stored["liquidations.accounts"] > 0).all()
    told = stored["reproduction_number.genealogy"] - stored["reproduction_number.twins"]
    assert told.tolist() == pytest.approx(stored["reproduction_number.gap"].tolist())
    drawn = tmp_path / "out" / "figures" / "reproduction.png"
    before = drawn.read_bytes()
    drawn.unlink()
    assert main(["report", out]) == 0
    assert "reproduction.png" in capsys.readouterr().out
    assert drawn.read_bytes() == before
