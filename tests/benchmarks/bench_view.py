"""The live page in chromium: how often it is drawn anew, what a drawing costs, and whether memory stays flat.

Run from the root of the project: python tests/benchmarks/bench_view.py [draw] [rate] [memory]
Needs chromium and playwright. The baseline has 2,120 accounts; all panels are on, the window is 1280 x 800.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from abm.view.board import Wish, board  # noqa: E402
from abm.view.server import free_port  # noqa: E402
from abm.view.session import Session  # noqa: E402

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
NEAR, CASCADE = 150, 260  # steps: forced trades of the baseline fall between
PART = 1.0  # seconds of one measurement of the rate
STEPS, RESETS = 5000, 20
COUNT = """() => {
  if (window.shown) return;
  window.shown = new Set();  // times of painted frames in which the step had changed
  new MutationObserver(() => requestAnimationFrame((now) => window.shown.add(now)))
    .observe(document.querySelector(".panel-numbers"), { childList: true, subtree: true });
}"""


def draw() -> None:
    """Time of drawing all panels in the server, every step from shortly before the cascade to its end."""
    print("drawing all panels of one step in the server, ms (wall: what the machine's other work leaves)")
    for name in ("none", "isolated"):
        session, cost, wall = Session("baseline"), [], []
        session.pair(name)
        while session.tick < CASCADE:
            session.step()
            begin, begin_wall = process_time(), perf_counter()
            size = sum(map(len, board(session, Wish()).values()))
            if session.tick > NEAR:
                cost.append(1e3 * (process_time() - begin))
                wall.append(1e3 * (perf_counter() - begin_wall))
        told = f"processor median {np.median(cost):.1f}, p95 {np.quantile(cost, 0.95):.1f}"
        print(f"  twin {name:9} {told}; wall median {np.median(wall):.1f}, p95 {np.quantile(wall, 0.95):.1f}; {size:,} letters")


def rate(page: Any, server: int) -> None:
    """Updates that the browser painted while steps run through the cascade, one step each."""
    print("updates painted, one step each, near and in the cascade")
    for name in ("none", "isolated"):
        reset(page)
        choose(page, "Twin", name)
        choose(page, "Speed, steps a second", "200")
        play_to(page, NEAR)
        choose(page, "Speed, steps a second", "30")
        page.evaluate(COUNT)
        painted, used = [], []
        press(page, "Play")
        while step_of(page) < CASCADE:
            before = progress(page, server)
            page.wait_for_timeout(1e3 * PART)
            clock, fresh, own, theirs = progress(page, server) - before
            painted.append(fresh / clock)
            used.append((1e3 * own / max(fresh, 1), 1e3 * theirs / max(fresh, 1)))
        press(page, "Pause")
        own, theirs = np.median(used, axis=0)
        told = f"{np.median(painted):.1f} a second (median of {len(painted)} parts of {PART:g} s)"
        print(f"  twin {name:9} {told}; processor ms an update: server {own:.0f}, browser {theirs:.0f}", flush=True)


def progress(page: Any, server: int) -> np.ndarray:
    """Clock, updates painted, processor seconds of server and of browser, so far."""
    return np.array([perf_counter(), page.evaluate("window.shown.size"), seconds(server), browser_seconds(server)])


def memory(page: Any, server: int) -> None:
    """What server and page hold in one long run, and over resets."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable")
    print(f"memory over {STEPS:,} steps and {RESETS} resets")
    print(f"{'':18} {'server MB':>10} {'page heap MB':>13} {'DOM nodes':>10} {'listeners':>10}")
    choose(page, "Twin", "none")
    choose(page, "Speed, steps a second", "200")
    for goal in range(500, STEPS + 1, 500):
        play_to(page, goal)
        held(devtools, server, f"step {step_of(page):,}")
    for number in range(1, RESETS + 1):
        reset(page)
        play_to(page, 60)
        if number % 4 == 0:
            held(devtools, server, f"reset {number}")


def held(devtools: Any, server: int, label: str) -> None:
    """One line, after the page's garbage is collected."""
    devtools.send("HeapProfiler.collectGarbage")
    found = {metric["name"]: metric["value"] for metric in devtools.send("Performance.getMetrics")["metrics"]}
    resident = int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{server}/status").read_text())[1]) / 1024  # type: ignore[index]
    heap = found["JSHeapUsedSize"] / 2**20
    print(f"{label:18} {resident:10.0f} {heap:13.1f} {found['Nodes']:10.0f} {found['JSEventListeners']:10.0f}", flush=True)


def press(page: Any, name: str) -> None:
    """A button of the side bar."""
    page.get_by_role("button", name=name, exact=True).click()


def choose(page: Any, label: str, value: str) -> None:
    """An entry of a list of the side bar."""
    page.locator(".v-select", has_text=label).first.click()
    page.locator(".menuable__content__active .v-list-item", has_text=re.compile(rf"^\s*{value}\s*$")).first.click()
    page.wait_for_timeout(500)


def reset(page: Any) -> None:
    """Back to the opening."""
    press(page, "Reset")
    page.locator(".key", has_text=re.compile("step0 of")).wait_for(timeout=60_000)


def step_of(page: Any) -> int:
    """The step that the page shows."""
    return int(re.search(r"step\s*(\d+) of", page.locator(".panel-numbers").inner_text())[1])  # type: ignore[index]


def play_to(page: Any, step: int) -> None:
    """Play until at least this step is shown, then pause."""
    press(page, "Play")
    while step_of(page) < step:
        page.wait_for_timeout(50)
    if page.get_by_role("button", name="Pause", exact=True).count():
        press(page, "Pause")
    page.get_by_role("button", name="Play", exact=True).wait_for(timeout=60_000)


def seconds(process: int) -> float:
    """Processor time of one process."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def browser_seconds(server: int) -> float:
    """Processor time of all descendants of this process but the server: the browser and what drives it."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(entry.parent.name)] = int(entry.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue  # it has ended
    family = {os.getpid()}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(seconds(process) for process in family - {os.getpid(), server} if Path(f"/proc/{process}/stat").exists())


@contextmanager
def served(scenario: str) -> Iterator[tuple[str, int]]:
    """Our own server: its address and process."""
    command = [sys.executable, "-u", "run.py", "view", scenario, "--no-browser", "--port", str(free_port("127.0.0.1", 8791))]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        try:
            yield re.search(r"http://\S+/", server.stdout.readline())[0], server.pid  # type: ignore[index]
        finally:
            server.terminate()


def main(wanted: list[str]) -> None:
    """Print the tables."""
    if "draw" in wanted:
        draw()
    if not {"rate", "memory"} & set(wanted):
        return
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        long = Path(folder) / "long.toml"
        base = ROOT / "experiments" / "baseline.toml"
        long.write_text(f'base = "{base}"\nname = "long"\n[time]\nduration = {5.0 * (STEPS + 100)}\n', encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for name, scenario, measure in (("rate", "baseline", rate), ("memory", str(long), memory)):
            if name in wanted:
                with served(scenario) as (url, process):
                    measure(opened(browser, url), process)
        browser.close()


def opened(browser: Any, url: str) -> Any:
    """A page that shows the board; the server may still be starting."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    for _ in range(60):
        try:
            page.goto(url)
            break
        except Exception:  # noqa: BLE001  (refused until the server listens)
            page.wait_for_timeout(500)
    page.wait_for_selector(".cascade-board svg", timeout=60_000)
    return page


if __name__ == "__main__":
    main(sys.argv[1:] or ["draw", "rate", "memory"])
