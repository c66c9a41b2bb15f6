"""What the command line shows: progress, answers, nights and errors, for people or as JSON."""

from __future__ import annotations

import argparse
import codecs
import json
import sys
from typing import TYPE_CHECKING, Any

from engine.errors import PROBLEMS, REASONS, EngineError

if TYPE_CHECKING:
    from engine.api import Engine, Job
    from engine.contracts import Answer, Event, Forgotten, NightReport, Preview


def open_engine(arguments: argparse.Namespace, *, write: bool | None = None) -> Engine:
    """The engine on the home that was asked for."""
    from engine.api import Engine

    return Engine(getattr(arguments, "home", None), write=write, program=f"nocturne {arguments.verb}")


def wants_json(arguments: argparse.Namespace) -> bool:
    return bool(getattr(arguments, "json", False))


def print_error(error: EngineError, as_json: bool) -> None:
    if as_json:
        print_json({"error": {"code": error.code, "message": error.message, "hint": error.hint}})
    else:
        print(f"{error.message}\n{error.hint}", file=sys.stderr)


def print_json(value: Any) -> None:
    # Of all encodings only UTF-8 writes every character, and then surrogates come out as JSON's own escapes.
    plain = codecs.lookup(sys.stdout.encoding or "ascii").name != "utf-8"
    print(json.dumps(value, ensure_ascii=plain), flush=True)


def follow(job: Job[Any], as_json: bool, json_lines: bool = False) -> Any:
    """Show a job's progress until it ends; Ctrl+C cancels it."""
    from engine.wire import event_to_json

    try:
        for event in job.events():
            if json_lines and as_json:
                print_json(event_to_json(event))
            elif not as_json:
                _show(event)
    except KeyboardInterrupt:
        job.cancel()
    finally:
        _status_line("")
    return job.result()


def _show(event: Event) -> None:
    from engine.contracts import FileDone, Notice, Progress
    from engine.notices import NOTICES

    if isinstance(event, Notice):
        _status_line("")
        print(NOTICES[event.code].format(**event.params), file=sys.stderr)
    elif isinstance(event, Progress):
        share = f"{100 * event.done / event.total:.1f} %" if event.total else str(event.done)
        left = f", about {event.seconds_left:.0f} s left" if event.seconds_left is not None else ""
        _status_line(f"{event.phase} {share}{left} {event.current[-60:]}")
    elif isinstance(event, FileDone) and event.reason and event.reason not in {"ignored", "forgotten"}:
        _status_line("")
        print(f"{event.state}: {event.path}: {REASONS[event.reason].message}", file=sys.stderr)


def _status_line(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text[:100]}", end="", file=sys.stderr, flush=True)


def print_preview(found: Preview) -> None:
    print(
        f"{found.files} files; {found.readable} of them ({_size(found.bytes)}) would be read: found by words "
        f"in about {_duration(found.words_seconds)}, also by meaning in about {_duration(found.seconds)}."
    )
    if found.recognise_seconds:
        print(
            f"Recognising text in pictures comes last and takes about {_duration(found.recognise_seconds)}."
        )
    for kind in found.kinds:
        print(f"  {kind.files} {kind.kind} ({_size(kind.bytes)})")
    for left in found.left_out:
        print(f"Left out: {left.files}. {REASONS[left.reason].message}")
        for example in left.examples:
            print(f"  {example.path}" + (f" ({example.detail})" if example.detail else ""))
    if found.large:
        print("`nocturne index` asks before it begins with that much; --yes says so beforehand.")


def may_index(found: Preview, as_json: bool) -> bool:
    """Show what it would be and ask. Raises EngineError(large_folder) where nobody can be asked."""
    if as_json or not sys.stdin.isatty():
        raise EngineError(
            "large_folder",
            files=found.readable,
            size=f"{found.bytes / 1e9:.1f}",
            time=_duration(found.seconds),
        )
    print_preview(found)
    return input("Index them? [y/N] ").strip().lower() in {"y", "yes"}


def _size(count: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def _duration(seconds: float) -> str:
    for unit, length in (("hours", 3600), ("minutes", 60)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(1, round(seconds))} s"


def print_answer(answer: Answer, as_json: bool, with_files: bool = True) -> None:
    from engine.wire import to_json

    if as_json:
        print_json(to_json(answer))
        return
    if answer.abstained:
        print("This is not in your files." if answer.total_files else "I don't know.")
        if not answer.total_files and with_files:
            nothing = PROBLEMS["nothing_indexed"]
            print(f"{nothing.message} {nothing.hint}", file=sys.stderr)
        for near in answer.nearest:
            print(f"  Nearest: {near.path}" + (f", page {near.page}" if near.page else ""))
    else:
        print(answer.answer)
    if answer.source == "general":
        print("(Not from your files: this is the model's general knowledge.)")
    if answer.source == "memory":
        print("(From memory: no file was found that says so.)")
    for citation in answer.citations:
        page = f", page {citation.page}" if citation.page else ""
        mark = "checked" if citation.verified else "NOT supported by it"
        print(f"  [{citation.n}] {citation.path}{page} ({mark}): {' '.join(citation.quote.split())[:160]}")
    if answer.searched_files < answer.total_files:
        print(f"Searched {answer.searched_files} of {answer.total_files} files; `nocturne status` says why.")
    if answer.note:
        print(answer.note, file=sys.stderr)


def print_forgotten(found: Forgotten, as_json: bool) -> int:
    from engine.wire import to_json

    if as_json:
        print_json(to_json(found))
        return 0
    print(f"{found.path}: removed")
    print(f"  {found.files} files from the library")
    print(f"  {found.quotes} quotes and uses from chats; what answers said in their own words stays there")
    print(f"  {found.asked} questions kept for composing")
    print(f"  rows of {len(found.nights)} nights; {len(found.discarded)} unfinished nights were discarded")
    for night in found.stale:
        print(f"The adapter {night} learned from it: `nocturne personalize discard {night}` removes it.")
    if found.still_there:
        print("It still lies in an indexed folder, but is left out from now on; added by itself, it is back.")
    return 0


def print_night(report: NightReport, as_json: bool, extra: dict[str, Any] | None = None) -> int:
    from engine.wire import to_json

    if as_json:
        print_json({**(extra or {}), **to_json(report)})
        return 0
    print(f"{report.id}: {report.state}{', on' if report.active else ''}. {report.reason}")
    if report.stale:
        print("  It learned from a file that is forgotten.")
    for arm, kinds in report.arms.items():
        counts = report.asked.get(arm, {})
        said = (f"{kind} {100 * share:.0f} % of {counts.get(kind, '?')}" for kind, share in kinds.items())
        print(f"  {arm}: {', '.join(said)}")
    for stage, minutes in report.minutes.items():
        print(f"  {stage}: {minutes:.1f} minutes")
    return 0
