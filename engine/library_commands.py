"""The commands about the library: index, preview, folders, forget, status, retry, search."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine import terminal
from engine.errors import CANCELLED, REASONS, Cancelled, EngineError
from engine.terminal import open_engine, wants_json

if TYPE_CHECKING:
    from engine.api import Engine, Job

Arguments = argparse.Namespace


def index(arguments: Arguments) -> int:
    with open_engine(arguments, write=True) as engine:
        return _add(engine, arguments.paths, arguments)


def preview(arguments: Arguments) -> int:
    from engine.contracts import FolderRules
    from engine.wire import to_json

    with open_engine(arguments, write=False) as engine:
        rules = FolderRules(tuple(arguments.ignore)) if arguments.ignore else None
        found = terminal.follow(engine.preview(arguments.paths, rules), wants_json(arguments))
    if wants_json(arguments):
        terminal.print_json(to_json(found))
    else:
        terminal.print_preview(found)
    return 0


def _add(engine: Engine, paths: Sequence[str], arguments: Arguments) -> int:
    """Index `paths`; what is new and large only after asking."""
    new = [path for path in paths if engine.is_new(path)]
    if new and not arguments.yes:
        found = terminal.follow(engine.preview(new), wants_json(arguments))
        if found.large and not terminal.may_index(found, wants_json(arguments)):
            return CANCELLED
    return _run_index(engine.index(paths), arguments)


def retry(arguments: Arguments) -> int:
    with open_engine(arguments, write=True) as engine:
        return _run_index(engine.retry(arguments.path), arguments)


def _run_index(job: Job[Any], arguments: Arguments) -> int:
    from engine.wire import to_json

    summary = terminal.follow(job, wants_json(arguments), json_lines=True)
    if wants_json(arguments):
        terminal.print_json({"event": "done", **to_json(summary)})
        return 0
    print(
        f"{summary.files} files: {summary.indexed} indexed, {summary.skipped} skipped, "
        f"{summary.failed} failed; {summary.passages} passages in {summary.seconds:.1f} s."
    )
    if summary.skipped + summary.failed:
        print("`nocturne status` says why, file by file.")
    return 0


def watch(arguments: Arguments) -> int:
    """Keep the index in step until Ctrl+C."""
    from queue import SimpleQueue

    from engine.contracts import Notice
    from engine.notices import NOTICES

    jobs: SimpleQueue[Job[Any] | Notice] = SimpleQueue()
    with open_engine(arguments, write=True) as engine:
        jobs.put(engine.index())
        engine.watch(jobs.put, jobs.put)
        try:
            while True:
                found = jobs.get()
                if isinstance(found, Notice):
                    print(NOTICES[found.code].format(**found.params), file=sys.stderr)
                else:
                    _run_index(found, arguments)
        except (KeyboardInterrupt, Cancelled):
            return 0


def folders(arguments: Arguments) -> int:
    if arguments.action != "list" and not arguments.path:
        raise EngineError("usage", detail=f"`folders {arguments.action}` needs a PATH.")
    chosen = (arguments.learn, arguments.ignore, arguments.unignore, arguments.gitignore)
    if arguments.action == "set" and not any(chosen):
        raise EngineError(
            "usage", detail="`folders set PATH` needs --learn, --ignore, --unignore or --gitignore."
        )
    if arguments.action == "list":
        with open_engine(arguments, write=False) as engine:
            return _print_folders(engine, arguments)
    with open_engine(arguments, write=True) as engine:
        if arguments.action == "add":
            return _add(engine, [arguments.path], arguments)
        if arguments.action == "remove":
            engine.remove_folder(arguments.path).result()
        else:
            _set_folder(engine, arguments)
        return _print_folders(engine, arguments)


def _set_folder(engine: Engine, arguments: Arguments) -> None:
    from engine.contracts import FolderRules

    if arguments.ignore or arguments.unignore or arguments.gitignore:
        rules = engine.rules(arguments.path)
        kept = [pattern for pattern in rules.ignore if pattern not in (arguments.unignore or ())]
        added = [pattern for pattern in arguments.ignore or () if pattern not in kept]
        uses = arguments.gitignore == "on" if arguments.gitignore else rules.gitignore
        engine.set_rules(arguments.path, FolderRules((*kept, *added), uses))
    if arguments.learn:
        engine.set_learn(arguments.path, arguments.learn == "on")


def _print_folders(engine: Engine, arguments: Arguments) -> int:
    from engine.wire import to_json

    folders = engine.folders()
    if wants_json(arguments):
        terminal.print_json({"folders": to_json(folders)})
    for folder in [] if wants_json(arguments) else folders:
        learn = ", nights may learn from it" if folder.learn else ""
        print(f"{folder.path}: {folder.words + folder.meaning} of {folder.files} files searchable{learn}")
        if folder.rules.ignore:
            print(f"  left out: {' '.join(folder.rules.ignore)}")
        if not folder.rules.gitignore:
            print("  its .gitignore files are not followed")
    return 0


def forget(arguments: Arguments) -> int:
    with open_engine(arguments, write=True) as engine:
        found = terminal.follow(engine.forget(arguments.path), wants_json(arguments))
    return terminal.print_forgotten(found, wants_json(arguments))


def status(arguments: Arguments) -> int:
    from engine.notices import NOTICES
    from engine.wire import to_json

    with open_engine(arguments, write=False) as engine:
        status = engine.status()
    if wants_json(arguments):
        terminal.print_json(to_json(status))
        return 0
    counts = status.coverage
    print(f"Home: {status.home}")
    print(
        f"Files: {counts.files}; {counts.indexed} searchable by words, {counts.meaning} also by meaning, "
        f"{counts.skipped} skipped, {counts.failed} failed, {counts.waiting} waiting."
    )
    if counts.remaking:
        new = counts.remaking
        done = new.meaning + new.skipped + new.failed
        print(f"{NOTICES['index_beside']} Done: {done} of {new.files} files.")
    if counts.recognised or counts.scans:
        print(
            f"Pictures of text: {counts.recognised} files recognised, {counts.scans} waiting "
            f"with {counts.scanned_pages} pages."
        )
    if counts.hidden:
        print(f"Hidden text (invisible on the page) was left out of {counts.hidden} files.")
    if counts.reasons:
        print("Left out: " + ", ".join(f"{files} {reason}" for reason, files in counts.reasons.items()))
    for problem in status.problems:
        reason = REASONS.get(problem.reason, REASONS["unknown"])
        detail = f" ({problem.detail})" if problem.detail else ""
        print(f"  {problem.state}: {problem.path}{detail}: {reason.message} {reason.hint}")
    for notice in status.notices:
        print(f"Note: {notice}")
    if status.adapter and not status.notices:
        print(f"Adapter: {status.adapter} answers.")
    for model in status.models:
        print(f"Model: {model.name} ({model.kind}, {model.licence}): {model.state}")
    return 0


def search(arguments: Arguments) -> int:
    from engine.wire import to_json

    with open_engine(arguments, write=False) as engine:
        reply = terminal.follow(
            engine.search(
                arguments.query,
                arguments.k,
                arguments.folder,
                kind=arguments.kind,
                since=arguments.since,
                sections=arguments.sections,
            ),
            wants_json(arguments),
        )
    if wants_json(arguments):
        terminal.print_json(to_json(reply))
        return 0
    for found in reply.results:
        page = f", page {found.page}" if found.page else ""
        print(f"{found.rank}. {found.path}{page}  {found.heading}\n   {' '.join(found.text.split())[:200]}")
    for file in reply.unread:
        print(
            f"-  {file.path}  {file.modified[:10]}\n   Only its name is known: {REASONS[file.reason].message}"
        )
    print(f"Searched {reply.searched_files} of {reply.total_files} files in {reply.ms:.0f} ms.")
    return 0
