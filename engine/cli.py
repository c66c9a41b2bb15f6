"""`nocturne ...`: a thin shell over Engine. It opens the window by starting a process, never by import.

Nothing heavy is imported before a verb runs: `nocturne --help` loads argparse and little else.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from engine import library_commands, terminal
from engine.bench import command
from engine.errors import BUG, CANCELLED, Cancelled, EngineError
from engine.terminal import open_engine, wants_json

if TYPE_CHECKING:
    from datetime import datetime

    from engine.contracts import Answer

Arguments = argparse.Namespace

_CANCELLED = {
    "error": {
        "code": "cancelled",
        "message": "Stopped.",
        "hint": "What was done is kept; run it again.",
    }
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise EngineError("usage", detail=message[:1].upper() + message[1:] + ".")


def build_parser() -> argparse.ArgumentParser:
    """The whole command line. `--home` and `--json` work before and after the verb."""
    shared = _Parser(add_help=False)
    # SUPPRESS: a sub-parser's default would overwrite what was given before the verb.
    shared.add_argument(
        "--home", metavar="DIR", default=argparse.SUPPRESS, help="where Nocturne keeps its data"
    )
    shared.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="machine-readable output"
    )
    parser = _Parser(
        prog="nocturne",
        parents=[shared],
        description="Your files by day, your model by night. Nothing leaves this computer. "
        "Without a command, the window opens.",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="COMMAND", parser_class=_Parser)

    def verb(name: str, run: Callable[[Arguments], int], text: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, parents=[shared], help=text, description=text)
        made.set_defaults(run=run)
        return made

    verb("try", _try, "ask a first question of the sample folder, in a home of its own")
    index = verb(
        "index", library_commands.index, "add folders or files, and bring the index in step with them"
    )
    index.add_argument("paths", nargs="*", metavar="PATH", help="none: every folder added so far")
    index.add_argument("--yes", action="store_true", help="do not ask first, however much it is")
    preview = verb(
        "preview",
        library_commands.preview,
        "see what indexing would mean: files, kinds, what is left out, time",
    )
    preview.add_argument("paths", nargs="+", metavar="PATH")
    preview.add_argument("--ignore", action="append", metavar="PATTERN", help="as if this was left out")
    verb("watch", library_commands.watch, "keep the index in step with the folders until Ctrl+C")
    folders = verb(
        "folders",
        library_commands.folders,
        "list, add, remove folders; choose what is left out or learned from",
    )
    folders.add_argument("action", choices=["list", "add", "remove", "set"], nargs="?", default="list")
    folders.add_argument("path", nargs="?", metavar="PATH")
    folders.add_argument("--yes", action="store_true", help="add: do not ask first")
    folders.add_argument("--learn", choices=["on", "off"], help="set: nights may learn from it")
    folders.add_argument(
        "--ignore", action="append", metavar="PATTERN", help="set: leave out, as in a .gitignore; repeatable"
    )
    folders.add_argument("--unignore", action="append", metavar="PATTERN", help="set: drop such a pattern")
    folders.add_argument("--gitignore", choices=["on", "off"], help="set: follow its .gitignore files")
    forget = verb(
        "forget",
        library_commands.forget,
        "remove a file's influence everywhere; the file itself is not touched",
    )
    forget.add_argument("path", metavar="PATH")
    verb("status", library_commands.status, "what is indexed, what is not and why, models, nights")
    retry = verb("retry", library_commands.retry, "read again what failed or was skipped")
    retry.add_argument("path", nargs="?", metavar="PATH")
    search = verb("search", library_commands.search, "find passages")
    search.add_argument("query", metavar="QUERY")
    search.add_argument("-k", type=_count, default=10, metavar="N", help="how many passages (10)")
    search.add_argument("--folder", metavar="PATH", help="only below this folder")
    search.add_argument(
        "--kind", metavar="KIND", help="only files of this kind: pdf, table, markdown, csv, ..."
    )
    search.add_argument("--since", type=_day, metavar="DATE", help="only files changed since, as 2026-05-01")
    search.add_argument("--sections", action="store_true", help="whole sections instead of passages")
    ask = verb("ask", _ask, "answer a question from the files")
    ask.add_argument("question", metavar="QUESTION")
    ask.add_argument("--chat", metavar="ID", help="go on with a chat; 'new' begins one")
    ask.add_argument("--folder", metavar="PATH", help="only from files below this folder")
    ask.add_argument("--no-files", action="store_true", help="answer from the model alone")
    ask.add_argument("--adapter", metavar="ID", help="with this night's adapter; 'none' is the base")
    ask.add_argument("--max-tokens", type=_count, default=256, metavar="N")
    chats = verb("chats", _chats, "list the chats")
    chats.add_argument("--limit", type=_count, default=100, metavar="N")
    vote = verb("vote", _vote, "say whether an answer was good")
    vote.add_argument("message", metavar="MESSAGE")
    vote.add_argument("vote", choices=["up", "down"])
    vote.add_argument("--better", default="", metavar="TEXT", help="what it should have said")
    night = verb(
        "personalize", _personalize, "teach the model your files overnight; switched on only if it helps"
    )
    night.add_argument(
        "action",
        choices=["start", "status", "pause", "resume", "cancel", "list", "show", "use", "discard"],
        nargs="?",
        default="status",
    )
    night.add_argument(
        "night", nargs="?", metavar="ID", help="for show, use and discard; `use none` is the base"
    )
    night.add_argument("--minutes", type=float, default=15.0, metavar="M", help="how long it may take (15)")
    models = verb("models", _models, "list the models")
    models.add_argument("action", choices=["list"], nargs="?", default="list")
    bench = verb("bench", command.run, "measure this install; both sides of each comparison in one run")
    command.add_arguments(bench)
    verb("doctor", _doctor, "check machine and install")
    return parser


def _count(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= 100_000:
        return int(text)
    raise argparse.ArgumentTypeError("must be a whole number between 1 and 100000")


def _day(text: str) -> datetime:
    from datetime import datetime

    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError as error:
        raise argparse.ArgumentTypeError("must be a date like 2026-05-01") from error


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code of DESIGN's contract and prints no traceback for a mistake."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["worker"]:
        return _worker(words[1:])
    as_json = "--json" in words
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name in another script must not end the program
            stream.reconfigure(errors="backslashreplace")
    try:
        arguments = build_parser().parse_args(words)
        run: Callable[[Arguments], int] = getattr(arguments, "run", _window)
        return run(arguments)
    except SystemExit as done:  # --help
        return int(done.code or 0)
    except EngineError as error:
        terminal.print_error(error, as_json)
        return error.exit_code
    except (Cancelled, KeyboardInterrupt):
        if as_json:
            terminal.print_json(_CANCELLED)
        return CANCELLED
    except BrokenPipeError:
        # The reader of our output went away (`| head`); the interpreter must not complain at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        traceback.print_exc()
        terminal.print_error(EngineError("bug", detail=type(error).__name__, log="above, on stderr"), as_json)
        return BUG


def _worker(words: Sequence[str]) -> int:
    """A frozen program has one executable for all of its processes: this word makes it a worker."""
    from engine.paths import Home
    from engine.workers.main import boot

    boot(words[0], Home(Path(words[1])))
    return 0


# ---- verbs -------------------------------------------------------------------------------------


def _window(arguments: Arguments) -> int:
    """Open the window and stay until it is closed."""
    import subprocess

    from engine.workers import doctor, launch

    problem = doctor.window_problem()
    if problem is not None:
        raise EngineError("no_window", detail=problem)
    home = getattr(arguments, "home", None)
    return subprocess.run(launch.window_command(["--home", home] if home else []), check=False).returncode


def _try(arguments: Arguments) -> int:
    """The main job on the sample folder: in the window, or here if no window can start."""
    import subprocess

    from engine.paths import find_home
    from engine.workers import doctor, launch
    from resources import resource

    question = "When does the lease end?"
    sample = str(resource("sample"))
    home = getattr(arguments, "home", None) or str(find_home().root.with_name("nocturne-try"))
    problem = doctor.window_problem()
    if problem is None:
        words = ["--home", home, "--folder", sample, "--ask", question]
        return subprocess.run(launch.window_command(words), check=False).returncode
    arguments.home = home
    if not wants_json(arguments):
        print(f"The window cannot start here ({problem}), so here it is in the terminal.\n")
        print(f"Indexing the sample folder {sample}")
    with open_engine(arguments, write=True) as engine:
        terminal.follow(engine.index([sample]), wants_json(arguments))
        if not wants_json(arguments):
            print(f"Question: {question}\n")
        answer: Answer = terminal.follow(engine.ask(question), wants_json(arguments))
    terminal.print_answer(answer, wants_json(arguments))
    if answer.stopped:
        return CANCELLED
    if not wants_json(arguments):
        print("\nNow yours: nocturne index FOLDER, then nocturne ask QUESTION")
    return 0


def _ask(arguments: Arguments) -> int:
    with open_engine(arguments) as engine:
        job = engine.ask(
            arguments.question,
            arguments.chat,
            folder=arguments.folder,
            files=not arguments.no_files,
            max_tokens=arguments.max_tokens,
            adapter=arguments.adapter,
        )
        answer: Answer = terminal.follow(job, wants_json(arguments))
    terminal.print_answer(answer, wants_json(arguments), not arguments.no_files)
    return CANCELLED if answer.stopped else 0


def _chats(arguments: Arguments) -> int:
    from engine.wire import to_json

    with open_engine(arguments, write=False) as engine:
        chats = engine.chats(arguments.limit)
    if wants_json(arguments):
        terminal.print_json({"chats": to_json(chats)})
    for chat in [] if wants_json(arguments) else chats:
        print(f"{chat.id}  {chat.updated}  {chat.title}")
    return 0


def _vote(arguments: Arguments) -> int:
    with open_engine(arguments, write=True) as engine:
        engine.vote(arguments.message, arguments.vote, arguments.better)
    if wants_json(arguments):
        terminal.print_json({"message": arguments.message, "vote": arguments.vote})
    return 0


def _personalize(arguments: Arguments) -> int:
    from engine.wire import to_json

    action, night = arguments.action, arguments.night
    if action in {"show", "use", "discard"} and not night:
        raise EngineError("usage", detail=f"`personalize {action}` needs the ID of a night.")
    if not 0.5 <= arguments.minutes <= 24 * 60:
        raise EngineError("usage", detail="--minutes must be between 0.5 and 1440.")
    if action in {"start", "resume"}:
        with open_engine(arguments, write=True if action == "start" else None) as engine:
            if not engine.writable:  # another process runs the night: it only has to go on
                return terminal.print_night(engine.steer_night("resume"), wants_json(arguments))
            job = engine.personalize(arguments.minutes) if action == "start" else engine.resume_night(night)
            report = terminal.follow(job, wants_json(arguments), json_lines=True)
        return terminal.print_night(report, wants_json(arguments), {"event": "done"})
    with open_engine(arguments, write=action in {"use", "discard"}) as engine:
        if action == "use":
            engine.use_adapter(None if night == "none" else night)
        elif action == "discard":
            engine.discard_night(night)
        elif action in {"pause", "cancel"}:
            return terminal.print_night(engine.steer_night(action), wants_json(arguments))
        elif action == "show":
            return terminal.print_night(engine.night(night), wants_json(arguments))
        nights = engine.nights()
    if wants_json(arguments):
        terminal.print_json({"nights": to_json(nights)})
    for report in [] if wants_json(arguments) else nights:
        print(f"{report.id}  {report.state}{', on' if report.active else ''}  {report.reason}")
    return 0


def _models(arguments: Arguments) -> int:
    from engine.wire import to_json

    with open_engine(arguments, write=False) as engine:
        models = engine.models()
    if wants_json(arguments):
        terminal.print_json({"models": to_json(models)})
    for model in [] if wants_json(arguments) else models:
        print(f"{model.id}  {model.kind}  {model.state}  {model.path}")
    return 0


def _doctor(arguments: Arguments) -> int:
    from engine.wire import to_json

    with open_engine(arguments, write=False) as engine:
        checks = engine.doctor()
    if wants_json(arguments):
        terminal.print_json({"checks": to_json(checks)})
    for check in [] if wants_json(arguments) else checks:
        print(f"{'ok  ' if check.ok else 'FAIL'} {check.name}: {check.detail}")
        if not check.ok:
            print(f"     {check.hint}")
    essential = [check for check in checks if check.name not in {"window", "personalize", "adapter"}]
    return 0 if all(check.ok for check in essential) else 4
