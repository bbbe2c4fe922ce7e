"""The server as a process: it serves on this machine, takes another port, and ends without leaving a child."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from time import sleep
from urllib.request import urlopen

import pytest

from abm.view.server import free_port

ROOT = Path(__file__).parents[2]


def test_a_taken_port_is_left_alone() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port("127.0.0.1", port) != port


def test_it_starts_serves_and_ends_on_sigterm() -> None:
    command = [sys.executable, "-u", "run.py", "view", "--no-browser", "--port", str(free_port("127.0.0.1", 0))]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as server:
        try:
            assert server.stdout is not None
            found = re.search(r"http://127\.0\.0\.1:\d+/", server.stdout.readline())
            assert found
            for _ in range(200):
                try:
                    with urlopen(found[0], timeout=20) as answer:
                        assert answer.status == 200
                        assert b"solara" in answer.read()
                    break
                except OSError:
                    assert server.poll() is None, "the server has ended by itself"
                    sleep(0.1)
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=20)
        finally:
            if server.poll() is None:
                server.kill()
    with pytest.raises(ProcessLookupError):  # nobody of its group is left behind
        os.killpg(server.pid, 0)
