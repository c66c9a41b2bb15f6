"""`nocturne bench ...`: which benchmark is wanted, and of what."""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.errors import EngineError

WHAT = ("speed", "retrieval", "library", "answers", "reading", "training", "personalize")
PARTS = {
    "library": ("search", "indexing", "memory", "deletion", "restart"),
    "answers": ("lines", "folder", "til", "swaps", "injection", "conversations", "follow-up", "overhead"),
}

_DEFAULTS = {
    "part": None,
    "passages": 10_000,
    "files": 2_000,
    "most": None,
    "minutes": 15.0,
    "seed": 1,
    "nights": 1,
}
_PATHS = ("beir", "folder", "questions", "til", "mtrag")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=WHAT)
    parser.add_argument(
        "--beir", metavar="DIR", help="retrieval: a collection in BEIR form, or a folder of some"
    )
    parser.add_argument(
        "--folder",
        metavar="DIR",
        help="reading: read these files; personalize, library, answers: these instead of invented ones",
    )
    parser.add_argument(
        "--questions", metavar="FILE", help="personalize, library, answers: ask these, JSON lines"
    )
    parser.add_argument(
        "--til", metavar="DIR", help="answers: also ask about a copy of github.com/simonw/til"
    )
    parser.add_argument("--mtrag", metavar="DIR", help="answers: also judge conversations in MTRAG-UN form")
    parser.add_argument(
        "--calibrate",
        action="store_true",
        help="answers: fit how lines are weighed, also on --mtrag, and keep it",
    )
    parser.add_argument(
        "--most", type=_number, metavar="N", help="answers: put N questions of a kind to the model (all)"
    )
    parser.add_argument("--part", choices=sum(PARTS.values(), ()), help="library, answers: this alone")
    parser.add_argument(
        "--passages", type=_number, metavar="N", help="library, answers: search so many (10000)"
    )
    parser.add_argument(
        "--files",
        type=_number,
        metavar="N",
        help="library: delete one of so many, be killed among them (2000)",
    )
    parser.add_argument("--minutes", type=float, metavar="M")
    parser.add_argument("--seed", type=int, metavar="N", help="of the invented files")
    parser.add_argument("--nights", type=int, metavar="N", help="personalize: so many, and their spread")
    parser.add_argument("--arms", action="store_true", help="personalize: a night for each source of rows")
    parser.add_argument("--write", metavar="FILE", help="also keep the tables, as a section of this page")
    parser.set_defaults(**_DEFAULTS)


def run(arguments: argparse.Namespace) -> int:
    """Run it. Raises EngineError: usage, path_missing, and what the benchmark raises."""
    from engine.bench import page

    as_json = bool(getattr(arguments, "json", False))
    if arguments.write and as_json:
        raise EngineError("usage", detail="--write keeps tables: leave out --json.")
    for name in _PATHS:
        if (path := getattr(arguments, name)) and not Path(path).exists():
            raise EngineError("path_missing", path=path)
    with page.kept(Path(arguments.write) if arguments.write else None, typed(arguments)):
        return _run(arguments, getattr(arguments, "home", None), as_json)


def typed(arguments: argparse.Namespace) -> str:
    """The command as a person would type it; of paths the names alone, for a page is read elsewhere."""
    words = ["nocturne", "bench", arguments.what]
    for name, default in _DEFAULTS.items():
        if (value := getattr(arguments, name)) != default:
            words += [f"--{name}", f"{value:g}" if isinstance(value, float) else str(value)]
    for name in _PATHS:
        if path := getattr(arguments, name):
            words += [f"--{name}", Path(path).name]
    return " ".join(words + ["--arms"] * arguments.arms + ["--calibrate"] * arguments.calibrate)


def _run(arguments: argparse.Namespace, home: str | None, as_json: bool) -> int:
    folder = Path(arguments.folder).absolute() if arguments.folder else None
    if arguments.part and arguments.part not in PARTS.get(arguments.what, ()):
        raise EngineError("usage", detail=f"{arguments.part} is no part of bench {arguments.what}.")
    if arguments.what == "speed":
        from engine.bench import speed

        return speed.run(home, as_json)
    if arguments.what == "retrieval":
        from engine.bench import retrieval

        if arguments.beir is None:
            raise EngineError("usage", detail="bench retrieval needs --beir DIR.")
        return retrieval.run(home, as_json, arguments.beir)
    if arguments.what == "training":
        from engine.bench import training

        return training.run(home, as_json, arguments.seed)
    if arguments.what == "library":
        from engine.bench import library

        wanted = library.Wanted(folder, arguments.questions, arguments.passages, arguments.files)
        return library.run(home, as_json, wanted, arguments.part)
    if arguments.what == "reading":
        from engine.bench import reading

        if folder is None:
            raise EngineError("usage", detail="bench reading needs --folder DIR.")
        return reading.run(home, as_json, folder)
    if (arguments.folder is None) != (arguments.questions is None):
        raise EngineError("usage", detail="--folder and --questions go together.")
    if arguments.what == "answers":
        return _answers(arguments, home, as_json)
    from engine.bench import personalize

    return personalize.run(
        home,
        as_json,
        arguments.folder,
        arguments.questions,
        arguments.minutes,
        arguments.seed,
        arguments.nights,
        arguments.arms,
    )


def _answers(arguments: argparse.Namespace, home: str | None, as_json: bool) -> int:
    from engine.bench import answers

    if arguments.calibrate and arguments.mtrag is None:
        raise EngineError("usage", detail="--calibrate needs --mtrag DIR.")
    folder, questions, til, mtrag = (
        Path(path).absolute() if (path := getattr(arguments, name)) else None
        for name in ("folder", "questions", "til", "mtrag")
    )
    wanted = answers.Wanted(
        folder,
        questions,
        til,
        mtrag,
        arguments.passages,
        arguments.most,
        arguments.seed,
        arguments.calibrate,
    )
    return answers.run(home, as_json, wanted, arguments.part)


def _number(text: str) -> int:
    if text.isdecimal() and int(text) >= 1:
        return int(text)
    raise argparse.ArgumentTypeError("must be a whole number above 0")
