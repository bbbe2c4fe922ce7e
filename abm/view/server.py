"""The page's own web server, in this process: local unless asked, silent, without a request that leaves the machine."""

from __future__ import annotations

import os
import socket
import threading
import warnings
import webbrowser
from collections.abc import Callable

from abm.view.page_name import OPENING, PAGE

SETTINGS = {
    "SOLARA_APP": PAGE,
    "SOLARA_MODE": "production",  # no watching of files, no reload
    "SOLARA_TELEMETRY_MIXPANEL_ENABLE": "False",
    "SOLARA_ASSETS_FONTAWESOME_ENABLED": "False",
    "SOLARA_KERNEL_CULL_TIMEOUT": "5m",  # how long the run of a lost browser is kept
    "SOLARA_THEME_SHOW_BANNER": "False",
}


def free_port(host: str, wanted: int) -> int:
    """`wanted` if it can be had, else one that is free. OSError if the host is none of this machine's."""
    for port in (wanted, 0):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind((host, port))
            except OSError:
                if port == 0:
                    raise
                continue
            return int(tried.getsockname()[1])
    raise AssertionError("unreachable")


def serve(scenario: str, host: str, port: int, *, browser: bool, say: Callable[[str], None]) -> None:
    """Serve the page until SIGTERM or Ctrl-C; `port` must be free."""
    os.environ.update({OPENING: scenario, **SETTINGS})
    import uvicorn
    from solara.server.starlette import app

    url = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
    warnings.filterwarnings("ignore", message="Cookies with samesite=none")  # nobody puts this page into a frame
    server = uvicorn.Server(uvicorn.Config(app, host=host, port=port, log_level="error", timeout_graceful_shutdown=2))
    say(f"{scenario} at {url}  (Ctrl-C ends it)")
    if browser:
        threading.Timer(1.0, webbrowser.open, args=(url,)).start()
    server.run()
