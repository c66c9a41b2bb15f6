"""Bytes become the right text, whatever their encoding, or are called binary."""

from __future__ import annotations

import random

import pytest

from engine.documents.encoding import SAMPLE, decode, looks_like_text
from engine.documents.extract import Unreadable

SENTENCES = {
    "cp1252": "El señor Peña llegó en un avión y pidió un café “solo” – después pagó 5 €.",
    "cp1251": "Съешь же ещё этих мягких французских булок, да выпей чаю.",
    "shift_jis": "これは日本語の文章です。昨日は雨が降りました。",
    "gb18030": "这是一个中文句子，我们明天去北京开会。",
    "big5": "這是一個中文句子，我們明天去台北開會。",
    "euc_kr": "이것은 한국어 문장입니다. 내일 서울에서 만나요.",
    "iso2022_jp": "これは日本語の文章です。昨日は雨が降りました。",
}


@pytest.mark.parametrize("encoding", SENTENCES)
def test_legacy_encodings_are_guessed(encoding: str) -> None:
    text = (SENTENCES[encoding] + "\n") * 20
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be", "utf-32-be"]
)
@pytest.mark.parametrize("text", ["hello wörld, 5 €\nsecond line", "日本語 no text\nwith spaces and lines\n"])
def test_unicode_with_and_without_a_mark(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding)) == text


def test_short_western_text() -> None:
    assert decode("café".encode("cp1252")) == "café"
    assert decode("señor Peña vive en Málaga\n".encode("cp1252")) == "señor Peña vive en Málaga\n"


def test_declared_encoding_wins_over_a_guess_unless_it_is_nonsense() -> None:
    assert decode("# -*- coding: koi8-r -*-\nда".encode("koi8-r")).endswith("да")
    assert decode("charset=hex\nSeñor Peña".encode("cp1252")).endswith("Señor Peña")


def test_newlines() -> None:
    assert decode(b"a\r\nb\rc\n\r\n") == "a\nb\nc\n\n"


def test_one_broken_character_does_not_spoil_a_text() -> None:
    assert "plain words" in decode(b"plain words \xff\xfe\xfd more" * 3)


def test_random_bytes_are_binary() -> None:
    noise = random.Random(7).randbytes(4000)
    for data in (noise, bytes(b or 1 for b in noise), b"text\0text", noise[:2] + bytes(500)):
        with pytest.raises(Unreadable, match="binary"):
            decode(data)


def test_a_sample_may_end_within_a_character() -> None:
    assert looks_like_text(("é" * SAMPLE).encode()[:SAMPLE])
    assert looks_like_text(("x" + "日" * SAMPLE).encode()[:SAMPLE])


def test_a_stray_nul_does_not_make_a_text_binary() -> None:
    log = "a line of a log, café\n" * 200
    assert decode((log + "\0more\n").encode()) == log + "\0more\n"
    assert decode(log.encode() + bytes(4096)) == log  # as a crash leaves it
    assert decode(b"name,city\nAda\0,Oslo\n") == "name,city\nAda\0,Oslo\n"
    long = (log * 40).encode()
    assert len(long) > SAMPLE and looks_like_text((long + b"\0")[:SAMPLE]) and decode(long + b"\0x")


@pytest.mark.parametrize("data", [bytes(4), bytes(5000), bytes(SAMPLE), b"MZ" + bytes(64) + b"\x90\xff"])
def test_nothing_but_nul_is_no_text(data: bytes) -> None:
    with pytest.raises(Unreadable, match="binary"):
        decode(data)
