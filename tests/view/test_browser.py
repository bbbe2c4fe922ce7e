"""The page in a real browser: it loads without a request that leaves the machine, steps, resets, and tells mistakes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from abm.view.server import free_port

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or ""
MISSING = [name for name, there in (("playwright", find_spec("playwright")), ("chromium", CHROMIUM)) if not there]
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
REQUIRED = os.environ.get("CASCADE_BROWSER") == "required"  # then what is missing fails the tests instead of skipping them
SKIPPED = pytest.mark.skipif(bool(MISSING) and not REQUIRED, reason=f"not installed: {', '.join(MISSING)}")
pytestmark = [pytest.mark.browser, SKIPPED]


@pytest.fixture(name="url", scope="module")
def _url() -> Iterator[str]:
    command = [sys.executable, "-u", "run.py", "view", "--no-browser", "--port", str(free_port("127.0.0.1", 0))]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        found = re.search(r"http://\S+/", server.stdout.readline())
        assert found
        yield found[0]
        server.terminate()


@pytest.fixture(name="chromium", scope="module")
def _chromium() -> Iterator[Any]:
    assert not MISSING, f"not installed: {', '.join(MISSING)}"
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def opened(chromium: Any, url: str) -> Any:
    """A page that shows the board; the server may still be starting."""
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    for _ in range(40):
        try:
            page.goto(url)
            break
        except Exception:  # noqa: BLE001  (refused until the server listens)
            page.wait_for_timeout(500)
    page.wait_for_selector(".cascade-board svg", timeout=30_000)
    return page


def wait_for_step(page: Any, number: int) -> None:
    """Until the key numbers tell this step."""
    page.locator(".key", has_text=f"step{number} of").wait_for(timeout=15_000)


def press(page: Any, name: str) -> None:
    """A button of the side bar."""
    page.get_by_role("button", name=name, exact=True).click()


def test_it_steps_resets_and_asks_nothing_of_the_world(url: str, chromium: Any) -> None:
    page = opened(chromium, url)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    page.wait_for_selector(".cascade-board svg", timeout=30_000)
    press(page, "Step")
    wait_for_step(page, 1)
    other = opened(chromium, url)
    wait_for_step(other, 0)  # a second visitor has a run of their own
    press(page, "To shock")
    wait_for_step(page, 120)
    press(page, "Reset")
    wait_for_step(page, 0)
    hosts = {urlsplit(address).hostname for address in asked if address.startswith(("http", "ws"))}
    assert hosts == {"127.0.0.1"}


def test_a_seed_that_is_none_is_told_on_the_page(url: str, chromium: Any) -> None:
    page = opened(chromium, f"{url}?seed=abc")
    page.get_by_text("seed must be a whole number").wait_for(timeout=15_000)
