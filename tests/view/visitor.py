"""Somebody at the page: presses its buttons, reads its numbers, waits for what it says."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

PATIENCE = 120_000  # ms for anything the page is to say; a busy machine takes its time, an idle one answers at once
ATTEMPTS = 8  # at typing, within that patience
BOARD = ".cascade-board[data-measured] .panel-prices svg"  # the server has answered: what was sent before, the page knows


class Visitor:
    """A page that shows the board of `url`, with all that it asked for and all that it complained about."""

    def __init__(self, page: Any, url: str) -> None:
        self.page, self.asked, self.complaints = page, [], []  # type: ignore[var-annotated]
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("websocket", lambda socket: self.asked.append(socket.url))
        page.on("console", lambda message: message.type == "error" and self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(url)
        page.wait_for_selector(BOARD)

    def hosts(self) -> set[str | None]:
        """Everybody that was asked for anything."""
        return {urlsplit(address).hostname for address in self.asked if address.startswith(("http", "ws"))}

    def press(self, name: str) -> None:
        """A button of the side bar."""
        self.button(name).click()

    def button(self, name: str) -> Any:
        """That button."""
        return self.page.get_by_role("button", name=name, exact=True)

    def choose(self, label: str, item: str) -> None:
        """An entry of a list in the side bar."""
        self.page.locator(".v-select", has=self.page.get_by_text(label, exact=True)).click()
        self.page.locator(".menuable__content__active .v-list-item").get_by_text(item, exact=True).click()

    def sow(self, seed: str, said: str) -> None:
        """The seed, edited by hand, once more where a redrawn page has lost the letters, until the page says `said`."""
        from playwright.sync_api import TimeoutError as Silence

        field = self.page.get_by_label("Seed", exact=True)
        for attempt in range(1, ATTEMPTS + 1):
            field.fill("")
            field.fill(seed)
            field.press("Enter")
            try:
                self.page.get_by_text(said).wait_for(timeout=PATIENCE / ATTEMPTS)
                return
            except Silence:
                if attempt == ATTEMPTS:
                    raise

    def slide(self, number: int, key: str) -> None:
        """The slider `number` of the side bar, by a key: Home is its least, End its most."""
        self.page.locator(".v-navigation-drawer [role=slider]").nth(number).press(key)

    def numbers(self) -> dict[str, str]:
        """The key numbers as the page shows them, label -> number."""
        keys = ".map(key => [key.querySelector('span').innerText, key.querySelector('b').innerText])"
        found = self.page.evaluate(f"Object.fromEntries([...document.querySelectorAll('.cascade-board .key')]{keys})")
        assert found
        return dict(found)

    def step(self) -> int:
        """Number of the step shown."""
        return int(self.numbers()["step"].split()[0])

    def wait_for_step(self, number: int) -> None:
        """Until that step is shown, or a later one."""
        read = "parseInt([...document.querySelectorAll('.cascade-board .key')]"
        read += ".find(key => key.querySelector('span').innerText === 'step').querySelector('b').innerText)"
        self.page.wait_for_function(f"{read} >= {number}")

    def wait_for_the_opening(self) -> None:
        """Until the run has begun anew."""
        self.page.locator(".cascade-board .key", has_text=re.compile(r"step\s*0 of")).wait_for()

    def play_to_the_end(self, last: int) -> dict[str, str]:
        """At the fastest; the numbers at the end."""
        self.choose("Speed, steps a second", "200")
        self.press("Play")
        self.wait_for_step(last)
        return self.numbers()
