"""A browser, a server of one's own, and visitors: what the tests in a real browser share."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from abm.view.server import free_port
from tests.small_worlds import world
from tests.view.visitor import Visitor

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or ""
MISSING = [name for name, there in (("playwright", find_spec("playwright")), ("chromium", CHROMIUM)) if not there]
REQUIRED = os.environ.get("CASCADE_BROWSER") == "required"  # then what is missing fails the tests instead of skipping them
SHOTS = "CASCADE_SHOTS"  # environment variable: a directory in which screenshots are kept
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
NO_INTERNET = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Debian's chromium. Closed with its file of tests: the loop that drives it would be in the way of other tests."""
    if MISSING and not REQUIRED:
        pytest.skip(f"not installed: {', '.join(MISSING)}")
    assert not MISSING, f"not installed: {', '.join(MISSING)}"
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def serving(scenario: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process of its own that serves `scenario` on a free port, without the internet; it answers by now."""
    command = [sys.executable, "-u", "run.py", "view", scenario, "--no-browser", "--port", str(free_port("127.0.0.1", 0))]
    with subprocess.Popen(
        command, cwd=ROOT, env=os.environ | NO_INTERNET, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as server:
        try:
            assert server.stdout is not None
            found = re.search(r"http://\S+/", server.stdout.readline())
            assert found
            answered(server, found[0])
            yield server, found[0]
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(timeout=60)
            finally:
                server.kill()


def answered(server: subprocess.Popen[str], url: str) -> None:
    """Return when the server answers."""
    while True:
        try:
            with urlopen(url, timeout=60) as answer:
                assert answer.status == 200
                return
        except ConnectionError:
            assert server.poll() is None, "the server has ended by itself"
        except OSError as error:  # urllib wraps what a server that does not listen yet says
            assert isinstance(getattr(error, "reason", None), ConnectionError), error
            assert server.poll() is None, "the server has ended by itself"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small world as a file: 60 steps, BTC falls by a quarter from step 6 on, somebody is seized."""
    file = tmp_path_factory.mktemp("view") / "small.toml"
    file.write_text(world({"population.crowd.leverage_median": 12.0}).to_toml(), encoding="utf-8")
    return str(file)


@pytest.fixture(scope="module")
def url(chromium: Any, small: str) -> Iterator[str]:
    """Where the small world is served."""
    with serving(small) as (_, address):
        yield address


@pytest.fixture
def visit(chromium: Any) -> Iterator[Callable[[str], Visitor]]:
    """Open pages, each by a visitor of their own; nothing may leave the machine, and nothing may be said on the console."""
    visitors: list[Visitor] = []

    def opened(address: str) -> Visitor:
        context = chromium.new_context(viewport={"width": 1280, "height": 800})
        visitors.append(Visitor(context.new_page(), address))
        return visitors[-1]

    yield opened
    for visitor in visitors:
        visitor.page.context.close()
    for visitor in visitors:
        assert visitor.complaints == []
        assert visitor.hosts() == {"127.0.0.1"}


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    """A directory for screenshots: the one that CASCADE_SHOTS names, or pytest's."""
    directory = Path(os.environ.get(SHOTS) or tmp_path)
    directory.mkdir(parents=True, exist_ok=True)
    return directory
