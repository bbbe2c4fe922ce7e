"""The same study through a real Dask scheduler with workers in processes of their own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from abm.study import load
from abm.study.errors import StudyError
from tests.study.desk import study, swept

ROOT = Path(__file__).parents[2]

pytest.importorskip("distributed", reason="needs the extra `cluster`")


def start(*words: str) -> subprocess.Popen[bytes]:
    """A Dask process that can import the tasks."""
    command = [sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:]]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@contextmanager
def cluster(directory: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]], subprocess.Popen[bytes]]]:
    """A scheduler and two workers of one thread on 127.0.0.1: address, workers, scheduler."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    processes = [start("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")]
    try:
        workers = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(directory)]
        processes += [start("worker", address, *workers) for _ in range(2)]
        wait_for_workers(address, 2)
        yield address, processes[1:], processes[0]
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()


def wait_for_workers(address: str, count: int) -> None:
    """Return when so many have joined."""
    from distributed import Client

    with Client(address, timeout=30, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=60)


@pytest.mark.slow
def test_a_cluster_gives_what_one_process_gives_though_a_worker_is_killed(tmp_path: Path) -> None:
    asked = study(replications=150)
    with cluster(tmp_path / "dask") as (address, workers, _):
        quiet = swept(tmp_path / "quiet", asked, "slow", cluster=address)
        victim = threading.Timer(1.0, lambda: workers[0].send_signal(signal.SIGKILL))
        victim.start()
        disturbed = swept(tmp_path / "disturbed", asked, "slow", cluster=address)
        assert workers[0].wait(timeout=30) == -signal.SIGKILL
    alone = swept(tmp_path / "alone", asked, "slow")
    pd.testing.assert_frame_equal(quiet, alone, check_exact=True)
    pd.testing.assert_frame_equal(disturbed, alone, check_exact=True)


@pytest.mark.slow
def test_a_scheduler_that_dies_is_said_and_what_was_done_is_kept(tmp_path: Path) -> None:
    asked = study(replications=150)
    with cluster(tmp_path / "dask") as (address, _, scheduler):
        swept(tmp_path / "out", asked, "slow", cluster=address, limit=100)
        threading.Timer(0.7, scheduler.kill).start()
        with pytest.raises(StudyError, match="the workers cannot go on: their scheduler is gone; what was done is stored"):
            swept(tmp_path / "out", asked, "slow", cluster=address)
    assert 100 <= len(load(tmp_path / "out")) < 600
    continued = swept(tmp_path / "out", asked, "slow")
    pd.testing.assert_frame_equal(continued, swept(tmp_path / "alone", asked, "slow"), check_exact=True)


def test_an_address_without_a_scheduler_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("abm.study.doors.CONNECT_SECONDS", 0.5)
    begun = time.monotonic()
    with pytest.raises(StudyError, match=r"--cluster tcp://127.0.0.1:9: no Dask scheduler answers"):
        swept(tmp_path / "out", cluster="tcp://127.0.0.1:9")
    assert not (tmp_path / "out").exists()
    assert time.monotonic() - begun < 30
