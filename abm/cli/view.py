"""The command `view`: the live page of a scenario."""

from __future__ import annotations

import os

import click

from abm.cli.errors import Mistake
from abm.cli.load import load

PORT = 8765


@click.command("view")
@click.argument("scenario", default="baseline")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to serve; 0.0.0.0 lets others on the network in.")
@click.option("--port", type=click.IntRange(1, 65535), default=PORT, show_default=True, help="Another is taken if it is in use.")
@click.option("--no-browser", is_flag=True, help="Open no browser.")
def view(scenario: str, host: str, port: int, no_browser: bool) -> None:
    """Watch SCENARIO (a file, or a name in experiments/) live in the browser."""
    load(scenario)
    from abm.view.server import free_port, serve

    try:
        port = free_port(host, port)
    except OSError as error:
        raise Mistake(f"--host {host} cannot be served: {error.strerror}") from None
    shown = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.name == "nt" or _is_mac())
    serve(scenario, host, port, browser=shown and not no_browser, say=click.echo)


def _is_mac() -> bool:
    return os.uname().sysname == "Darwin" if hasattr(os, "uname") else False
