"""Build what ships from the seed: `python -m lab.world FOLDER` writes FOLDER/suites and FOLDER/tasks."""

from __future__ import annotations

import sys
from pathlib import Path

from lab.world.suites import build_suites
from lab.world.tasks import build_tasks


def main(argv: list[str]) -> None:
    folder = Path(argv[0] if argv else "data")
    for path in (*build_suites(folder / "suites"), *build_tasks(folder / "tasks")):
        print(path)


if __name__ == "__main__":
    main(sys.argv[1:])
