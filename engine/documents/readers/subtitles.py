"""Subtitles (.srt, .vtt): a line for every sentence or turn of a speaker, with the time it begins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from itertools import pairwise

from engine.documents.extract import Draft, Writer
from engine.documents.readers import plain

_CUE = re.compile(
    r"^[ \t]*((?:\d+:)?\d{1,2}:\d{2})[.,]\d{1,3}[ \t]*-->[ \t]*((?:\d+:)?\d{1,2}:\d{2})[.,]\d{1,3}.*$",
    re.MULTILINE,
)
_VOICE = re.compile(r"<v(?:\.[\w.]+)?[ \t]+([^<>]+)>")
_TAG = re.compile(r"</?[A-Za-z\d][^<>]*>|\{\\[^{}]*\}")
_TITLE = re.compile(r"WEBVTT[ \t]+(?:-[ \t]*)?(\S.*)")
_END = re.compile(r"[.!?…。！？][\"'”’)\]♪]*$")
_LONG = 200  # code points after which a line ends even within a sentence
_PAUSE = 5  # seconds

Cue = tuple[int, int, str, str]  # begin and end in seconds, speaker, text


def read(text: str) -> Draft:
    writer = Writer()
    begin = end = 0
    speaker = ""
    said: list[str] = []

    def write() -> None:
        if said:
            who = f"{speaker}: " if speaker else ""
            writer.block(f"[{_clock(begin)}] {who}{' '.join(said)}", "\n")
            said.clear()

    last = ""
    for cue_begin, cue_end, who, words in _cues(text):
        whole = _END.search(said[-1]) or sum(map(len, said)) > _LONG if said else None
        if whole or who != speaker or cue_begin > end + _PAUSE:
            write()
        if not said:
            begin, speaker = cue_begin, who
        end = cue_end
        # Captions made by machines repeat the last line while the next one appears.
        for line in words.split("\n"):
            if line != last:
                said.append(line)
                last = line
    write()
    draft = writer.draft()
    if not draft.text:
        return plain.read(text)
    title = _TITLE.match(text)
    draft.title = title[1].strip() if title else ""
    return draft


def _cues(text: str) -> Iterator[Cue]:
    """A cue's text goes to the next blank line; what stands outside of cues is for programs."""
    for match, following in pairwise([*_CUE.finditer(text), None]):
        assert match is not None
        body = text[match.end() : following.start() if following else len(text)].partition("\n\n")[0]
        voice = _VOICE.search(body)
        lines = (" ".join(line.split()) for line in unescape(_TAG.sub("", body)).split("\n"))
        words = "\n".join(line for line in lines if line)
        if words:
            yield _seconds(match[1]), _seconds(match[2]), voice[1].strip() if voice else "", words


def _seconds(clock: str) -> int:
    total = 0
    for part in clock.split(":"):
        total = total * 60 + int(part)
    return total


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
