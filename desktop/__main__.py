"""`python -m desktop`: open the window, or find out whether one can start."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and run. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="nocturne-window", description="The window of Nocturne.")
    parser.add_argument(
        "--home", default="", metavar="DIR", help="folder that holds everything Nocturne keeps"
    )
    parser.add_argument("--folder", default="", metavar="PATH", help="index this folder first")
    parser.add_argument("--ask", default="", metavar="QUESTION", help="ask this first")
    parser.add_argument("--probe", action="store_true", help="only find out whether a window can start")
    parser.add_argument(
        "--report-ready", action="store_true", help="print when the window can be used, then close it"
    )
    chosen = parser.parse_args(arguments)

    from desktop.app import Options, make_app, run

    if chosen.probe:
        make_app()
        return 0
    return run(Options(chosen.home, chosen.folder, chosen.ask, chosen.report_ready))


if __name__ == "__main__":
    sys.exit(main())
