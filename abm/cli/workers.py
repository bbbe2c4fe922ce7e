"""Worker processes of this machine: what they import, begun as early as a command can."""

from __future__ import annotations

PRELOAD = ("abm.task", "abm.model")  # imported once, by the server that worker processes are forked from


def begin(jobs: int, cluster: str | None = None) -> None:
    """Let that server import while this process reads its study: the first result comes about two seconds sooner."""
    from abm.study.doors import door

    if cluster is None:
        door(jobs, None, PRELOAD).reach()
