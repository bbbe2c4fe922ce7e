"""The lock of a store: held by one process, let go by the system when that process dies however it dies."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from abm.study.errors import StudyError

NAME = "lock"


class Lock:
    """One writer at a time in a directory; StudyError on entering where another one is."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / NAME
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        self._file = self.path.open("a+", encoding="utf-8")
        try:
            _hold(self._file)
        except (BlockingIOError, PermissionError):  # Windows says the latter
            self._file.seek(0)
            told = self._file.read().strip()
            self._file.close()
            raise StudyError(f"{self.path.parent} is being written by another process {told}; wait for it or stop it") from None
        self._file.truncate(0)
        self._file.write(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}))
        self._file.flush()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file is not None:
            self._file.truncate(0)
            self._file.close()


def _hold(file: IO[str]) -> None:
    """Lock an open file until it is closed; OSError at once if another process holds it."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        return
    fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
