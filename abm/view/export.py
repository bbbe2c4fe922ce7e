"""What a visitor can take home: the run's tables, its scenario, the command that repeats it, and the drawings."""

from __future__ import annotations

from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

from abm.view.board import board
from abm.view.session import Session


def archive(session: Session) -> bytes:
    """A zip: scenario, command, the run's tables as Parquet (the twin's in a folder), the panels as SVG."""
    packed = BytesIO()
    with session.lock, ZipFile(packed, "w", ZIP_DEFLATED) as zipped:
        zipped.writestr("scenario.toml", session.scenario.to_toml())
        zipped.writestr("command.txt", f"{session.command()}\n{session.tick} of {session.steps} steps\n")
        histories = {"": session.run} | ({f"twin-{session.twin}/": session.other} if session.other else {})
        for folder, history in histories.items():
            if history.model.tick:
                for name, frame in history.model.records().frames().items():
                    zipped.writestr(f"{folder}{name}.parquet", frame.to_parquet(index=False))
        for panel in board(session):
            if panel["html"].startswith("<svg"):
                zipped.writestr(f"figures/{panel['name']}.svg", _alone(panel["html"]))
    return packed.getvalue()


def _alone(drawing: str) -> str:
    """A drawing that stands without the page's style sheet."""
    style = (
        "<style>text{font:10px sans-serif;fill:#222}.head{font-weight:600}.light{fill:#fff}.axis{fill:none;stroke:#555}"
        ".grid{fill:none;stroke:#ddd}.dashed{stroke-dasharray:4 3}.cell{fill:#f2f2f2}.chosen{fill:none;stroke:#222}</style>"
    )
    begin = drawing.index(">") + 1
    head = drawing[:begin].replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    return f"{head}{style}{drawing[begin:]}".replace("var(--ink)", "#222222")
