"""A study is run once, whatever happens on the way: resumed, killed, changed, in one process or in several."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from abm.cli.sweeping import sweep_into
from abm.study import batches, load
from abm.study.errors import StudyError
from abm.study.frame import failures
from abm.study.lock import Lock
from abm.study.plan import Plan
from abm.study.store import read_manifest
from tests.study.desk import lasting, order, study, subject, swept

ROOT = Path(__file__).parents[2]


def same(left: pd.DataFrame, right: pd.DataFrame) -> None:
    """Equal bit for bit, types and order included."""
    pd.testing.assert_frame_equal(left, right, check_exact=True)


def test_a_row_per_point_and_replication_in_the_order_of_the_design(tmp_path: Path) -> None:
    swept(tmp_path)
    frame = load(tmp_path)
    assert list(frame.columns[:4]) == ["x", "replication", "seed", "status"]
    assert list(frame.columns[-2:]) == ["wall_seconds", "host_name"]
    assert frame["x"].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert frame["replication"].tolist() == [0, 1, 2] * 4
    assert (frame["status"] == "done").all()
    assert (frame["square"] - frame["noise"]).round(12).tolist() == [0, 0, 0, 1, 1, 1, 4, 4, 4, 9, 9, 9]


def test_every_point_meets_the_same_seeds(tmp_path: Path) -> None:
    frame = swept(tmp_path, study(seed=40))
    assert frame.groupby("x")["seen"].apply(list).tolist() == [[40, 41, 42]] * 4
    assert frame["seed"].tolist() == frame["seen"].tolist()
    assert frame.groupby("replication")["noise"].nunique().tolist() == [1, 1, 1]
    assert "common random numbers" in read_manifest(tmp_path)["seeds"]


def test_two_processes_give_what_one_gives(tmp_path: Path) -> None:
    same(swept(tmp_path / "one"), swept(tmp_path / "two", jobs=2))


def test_a_limited_sweep_is_continued_and_nothing_is_run_twice(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    asked = study(set={"calls": str(calls)})
    for limit in (5, 5, None, None):
        swept(tmp_path / "out", asked, limit=limit)
    assert Counter(calls.read_text().splitlines()) == {f"{x}.0 {seed}": 1 for x in range(4) for seed in range(3)}
    whole = swept(tmp_path / "whole", study())
    same(lasting(load(tmp_path / "out")), whole)


def test_a_changed_study_runs_only_what_is_new(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    more: dict[str, Any] = {"set": {"calls": str(calls)}}
    swept(tmp_path / "out", study({"x": [0, 1]}, replications=2, **more))
    calls.unlink()
    frame = swept(tmp_path / "out", study({"x": [1, 2]}, replications=3, **more))
    # x = 1 has its seeds 0 and 1; x = 0 is asked for no more
    assert sorted(calls.read_text().splitlines()) == ["1.0 2", "2.0 0", "2.0 1", "2.0 2"]
    assert frame["x"].tolist() == [1, 1, 1, 2, 2, 2]


def test_equal_points_are_run_once_and_read_twice(tmp_path: Path) -> None:
    variants = {"rule": [{"name": "plain", "set": {}}, {"name": "the same", "set": {}}, {"name": "other", "set": {"y": 1}}]}
    frame = swept(tmp_path, study({"x": [1]}, variants=variants))
    assert read_manifest(tmp_path)["sessions"][0]["done"] == 6  # 2 different points x 3
    assert frame["rule"].tolist() == ["plain"] * 3 + ["the same"] * 3 + ["other"] * 3


def test_a_failing_run_is_recorded_with_its_error_and_stops_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = swept(tmp_path, task="failing")
    failed = frame[frame["status"] == "failed"]
    assert failed[["x", "seed"]].to_numpy().tolist() == [[2, 1]]
    assert failed["square"].isna().all()
    assert (frame["status"] == "done").sum() == 11
    (error,) = failures(tmp_path)["error"]
    assert error.startswith("ValueError: x and seed do not agree (toy.py:")
    assert 'repeat it: toy {"x": 2} 1' in capsys.readouterr().err


def test_a_failed_run_is_repeated_only_if_asked_for(tmp_path: Path) -> None:
    swept(tmp_path, task="failing")
    swept(tmp_path, task="failing")
    assert [session["failed"] for session in read_manifest(tmp_path)["sessions"]] == [1, 0]
    swept(tmp_path, task="failing", retry_failed=True)
    assert read_manifest(tmp_path)["sessions"][-1]["failed"] == 1
    assert len(load(tmp_path)) == 12


def test_a_run_that_kills_its_worker_twice_is_recorded_and_takes_nobody_with_it(tmp_path: Path) -> None:
    frame = swept(tmp_path, task="deadly", jobs=2)
    assert frame.loc[frame["status"] == "failed", ["x", "seed"]].to_numpy().tolist() == [[2, 1]]
    (error,) = failures(tmp_path)["error"]
    assert error == "its worker died 2 times (BrokenProcessPool): killed, or out of memory"
    assert (frame["status"] == "done").sum() == 11


def test_a_run_whose_worker_dies_once_is_done_in_a_fresh_pool(tmp_path: Path) -> None:
    frame = swept(tmp_path / "out", study(set={"died": str(tmp_path / "died")}), task="mortal", jobs=2)
    same(frame, swept(tmp_path / "whole"))
    attempts = read_manifest(tmp_path / "out")["attempts"]
    assert attempts
    assert set(attempts.values()) == {2}


def wait_for_another_part(out: Path, running: subprocess.Popen[str]) -> None:
    """Return when the store has a part that it had not, or the process has ended."""
    before, deadline = set(out.glob("parts/*.parquet")), time.monotonic() + 60
    while set(out.glob("parts/*.parquet")) <= before and running.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(("kills", "replications"), [(3, 60), pytest.param(20, 900, marks=pytest.mark.slow)])
def test_a_killed_sweep_is_continued_to_exactly_the_undisturbed_result(tmp_path: Path, kills: int, replications: int) -> None:
    out, total = tmp_path / "out", 4 * replications
    command = "from pathlib import Path; from tests.study.desk import *; import sys, abm.study.store as store;"
    command += "store.SECONDS_LEAST = 0.02; print('begun', flush=True);"
    command += f"swept(Path(sys.argv[1]), study(replications={replications}), 'slow', jobs=2)"
    moments = random.Random(5)
    for kill in range(kills):
        running = subprocess.Popen(
            [sys.executable, "-c", command, str(out)], cwd=ROOT, start_new_session=True, stdout=subprocess.PIPE, text=True
        )
        assert running.stdout is not None
        assert running.stdout.readline() == "begun\n"
        if kill % 2 == 0:  # at work; else anywhere: opening the store, starting the pool, writing
            wait_for_another_part(out, running)
        time.sleep(0.2 * moments.random())
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
    kept = len(load(out))
    assert 0 < kept < total
    frame = swept(out, study(replications=replications), "slow", jobs=2)
    assert read_manifest(out)["sessions"][-1]["done"] == total - kept
    same(frame, swept(tmp_path / "whole", study(replications=replications), "slow", jobs=2))


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes in /proc")
def test_the_processes_of_a_killed_sweep_end_and_its_lock_is_free(tmp_path: Path) -> None:
    command = "from pathlib import Path; from tests.study.desk import *; import sys;"
    command += "swept(Path(sys.argv[1]), study(set={'pids': sys.argv[2]}, replications=30), 'lasting_work', jobs=2)"
    pids = tmp_path / "pids"
    pids.mkdir()
    running = subprocess.Popen([sys.executable, "-c", command, str(tmp_path / "out"), str(pids)], cwd=ROOT)
    deadline = time.monotonic() + 60
    while len(list(pids.iterdir())) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    running.kill()  # it alone
    running.wait()
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{path.name}").exists() for path in pids.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with Lock(tmp_path / "out"):
        pass


def test_an_interrupted_sweep_drains_saves_and_says_how_to_continue(tmp_path: Path) -> None:
    command = "from pathlib import Path; from tests.study.desk import *; import sys, abm.study.store as store;"
    command += "store.SECONDS_LEAST = 0.02; swept(Path(sys.argv[1]), study(replications=3000), 'slow', jobs=2)"
    running = subprocess.Popen(
        [sys.executable, "-c", command, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("parts/*.parquet")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)
    assert "stopping: waiting for the runs under way" in err
    assert "continue: python" in out
    assert "Traceback" not in err
    session = read_manifest(tmp_path)["sessions"][0]
    assert session["done"] == len(load(tmp_path)) < 12_000
    assert session["ended"]


def test_an_interrupt_while_the_server_of_processes_imports_leaves_no_traceback() -> None:
    command = "import signal, sys, time; from abm.study.doors import Local; Local(2, ('pandas',)).reach();"
    command += "signal.signal(signal.SIGINT, lambda *_: sys.exit(3)); print('begun', flush=True); time.sleep(60)"
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    running = subprocess.Popen([sys.executable, "-c", command], cwd=ROOT, start_new_session=True, **pipes)
    assert running.stdout is not None
    assert running.stdout.readline() == "begun\n"
    time.sleep(0.2)  # it is importing now
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does
    _, err = running.communicate(timeout=60)  # until the server has gone too: it holds the pipe
    assert (running.returncode, err) == (3, "")


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_second_interrupt_gives_up_the_runs_under_way_and_keeps_the_others(tmp_path: Path, jobs: int) -> None:
    command = "from pathlib import Path; from tests.study.desk import *; import sys, abm.study.store as store;"
    command += f"store.SECONDS_LEAST = 0.0; swept(Path(sys.argv[1]), study(replications=1), 'stuck', jobs={jobs})"
    running = subprocess.Popen(
        [sys.executable, "-c", command, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("parts/*.parquet")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.3)
    running.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert running.poll() is None  # it waits for the runs under way
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=20)
    assert "1 of 4 runs" in out
    assert "Traceback" not in err
    assert load(tmp_path)["x"].tolist() == [0]


def test_another_version_of_the_code_is_refused_unless_allowed(tmp_path: Path) -> None:
    swept(tmp_path, limit=4)
    with pytest.raises(StudyError, match="holds runs of code 1, this is 2: choose another --out, or --allow-version"):
        swept(tmp_path, code="2")
    frame = swept(tmp_path, code="2", allow_version=True)
    assert frame["code"].value_counts().to_dict() == {"2": 8, "1": 4}


def test_a_foreign_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(StudyError, match="is not empty and holds no study"):
        swept(tmp_path)
    assert (tmp_path / "thesis.tex").exists()


def test_a_truncated_part_is_set_aside_and_its_runs_are_done_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = swept(tmp_path, limit=6)
    swept(tmp_path)
    part = sorted((tmp_path / "parts").glob("*.parquet"))[0]
    part.write_bytes(part.read_bytes()[:-20])
    with pytest.raises(StudyError, match="is damaged; run the sweep again"):
        load(tmp_path)
    frame = swept(tmp_path)
    assert "is damaged: set aside" in capsys.readouterr().err
    assert read_manifest(tmp_path)["sessions"][-1]["done"] == 6
    assert len(frame) == 12
    assert len(whole) == 6


def test_a_byte_that_changed_in_a_measure_is_found_and_its_runs_are_done_again(tmp_path: Path) -> None:
    whole = swept(tmp_path)
    (part,) = (tmp_path / "parts").glob("*.parquet")
    group = pq.ParquetFile(part).metadata.row_group(0)
    chunk = next(group.column(k) for k in range(group.num_columns) if group.column(k).path_in_schema == "m.noise")
    content = bytearray(part.read_bytes())
    content[chunk.data_page_offset + chunk.total_compressed_size - 5] ^= 1
    part.write_bytes(content)
    with pytest.raises(StudyError, match="is damaged; run the sweep again"):
        load(tmp_path)
    same(swept(tmp_path), whole)


def test_a_store_killed_at_its_birth_is_no_foreign_directory(tmp_path: Path) -> None:
    swept(tmp_path / "whole")
    out = tmp_path / "out"
    (out / "parts").mkdir(parents=True)
    (out / "lock").touch()
    (out / "points.parquet").write_bytes((tmp_path / "whole" / "points.parquet").read_bytes())
    (out / "manifest.json.unfinished").write_text("{")
    same(swept(out), lasting(load(tmp_path / "whole")))


def test_small_parts_become_one_and_nothing_is_lost_or_doubled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = swept(tmp_path / "whole", study(replications=10))
    for name, value in {"SECONDS_LEAST": 0.0, "SHARE": 0.0, "MANY": 10}.items():  # a part per run, ten become one
        monkeypatch.setattr(f"abm.study.store.{name}", value)
    out = tmp_path / "out"
    for limit in (12, 15, None):
        swept(out, study(replications=10), limit=limit)
    names = {path.name for path in out.glob("parts/*")}
    assert len(names) == 4  # of 40: one at 10 and after every 9 more, the last time at 37
    same(lasting(load(out)), whole)
    # killed when the merged part was written and the small ones not yet gone
    (out / "parts" / "00000000.parquet").write_bytes((out / "parts" / min(names)).read_bytes())
    same(lasting(load(out)), whole)
    same(lasting(pd.concat(batches(out))).sort_values(["x", "replication"], ignore_index=True), whole)


def test_two_processes_on_one_store_are_refused_and_a_dead_ones_lock_is_not(tmp_path: Path) -> None:
    holder = "from abm.study.lock import Lock; from pathlib import Path; import sys, time\n"
    holder += "with Lock(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    running = subprocess.Popen([sys.executable, "-c", holder, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    assert running.stdout.readline() == "held\n"
    with pytest.raises(StudyError, match=f'is being written by another process .*"pid": {running.pid}'), Lock(tmp_path):
        pass
    running.kill()
    running.wait()
    with Lock(tmp_path):
        pass
    running.stdout.close()


def test_a_store_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StudyError, match="cannot be written: Not a directory"):
        swept(tmp_path / "file" / "out")


def test_nothing_finished_can_be_read_as_an_empty_frame(tmp_path: Path) -> None:
    plan = Plan.of(study(), subject())
    from abm.study.store import Store

    with Store(tmp_path, plan).open() as store:
        store.begin()
    assert len(load(tmp_path)) == 0
    sweep_into(plan, order(tmp_path))
    assert len(load(tmp_path)) == 12


@contextmanager
def disk(place: Path, *options: str) -> Iterator[None]:
    """A small file system in memory at `place`; skips where one cannot be mounted."""
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", ",".join(("size=256k", *options)), "tmpfs", str(place)]
    try:
        mounted = subprocess.run(words, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("mounting a file system needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_said_and_what_was_stored_stays(tmp_path: Path) -> None:
    with disk(tmp_path / "disk"):
        out, filler = tmp_path / "disk" / "out", tmp_path / "disk" / "filler"
        swept(out, limit=6)
        filler.write_bytes(bytes(200_000))
        with pytest.raises(StudyError, match="cannot be written: No space left on device; what was stored before is intact"):
            swept(out, study(replications=1_000))
        assert len(load(out)) == 6
        assert not list(out.rglob("*.unfinished"))
        filler.unlink()
        same(swept(out), swept(tmp_path / "whole"))


def test_a_disk_without_a_byte_left_is_said(tmp_path: Path) -> None:
    with disk(tmp_path / "disk", "nr_inodes=5"):  # itself, out, parts, lock and one more
        with pytest.raises(StudyError, match="cannot be written: No space left on device"):
            swept(tmp_path / "disk" / "out")
        with pytest.raises(StudyError, match="holds no study"):
            load(tmp_path / "disk" / "out")


def test_a_directory_that_cannot_be_written_is_said_though_it_can_be_read(tmp_path: Path) -> None:
    with disk(tmp_path / "disk"):
        out = tmp_path / "disk" / "out"
        whole = swept(out, limit=6)
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path / "disk")], check=True)
        for directory in (out, tmp_path / "disk" / "new"):
            with pytest.raises(StudyError, match=f"--out {directory} cannot be written: Read-only file system"):
                swept(directory)
        same(lasting(load(out)), whole)
