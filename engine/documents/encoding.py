"""Bytes to text: byte order mark, then UTF-8, then what the file declares, then an educated guess."""

from __future__ import annotations

import codecs
import re
import unicodedata

from engine.documents.extract import Unreadable, unix_newlines

SAMPLE = 1 << 16  # bytes that a guess looks at
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with the same two bytes
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(rb"""(?i)(?:charset|encoding|coding)\s*[:=]\s*["']?([a-z0-9_.:-]{3,20})""")
_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f\b\x0e\x0f\x1b")) + b"\x7f"
_USUAL = ("cp1252", "cp1250", "cp1251")  # short texts fit many encodings equally well: most common first
_WIDE = ["utf_16", "utf_16_le", "utf_16_be", "utf_32", "utf_32_le", "utf_32_be"]  # tested for before
_MAX_NUL = 0.1  # of what is UTF-8 and has no other control characters: some programs end fields with NUL
_MAX_CONTROL = 0.02  # random bytes have 0.1; text has none, save for a stray one in an old log


def decode(data: bytes) -> str:
    """The text of `data` with \\n as its only newline. Raises Unreadable("binary")."""
    return unix_newlines(_decode(data))


def looks_like_text(head: bytes) -> bool:
    """Whether the beginning of a file of unknown kind is text."""
    try:
        decode(head)
    except Unreadable:
        return False
    return True


def _decode(data: bytes) -> str:
    for mark, name in _BOMS:
        if data.startswith(mark):
            return data.decode(name, errors="replace")
    sample = data[:SAMPLE]
    if b"\0" in data:
        return _wide(data, sample)
    if _has_controls(sample):
        raise Unreadable("binary")
    if b"\x1b" not in sample:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            # The beginning of a longer file may end within a character.
            if len(data) == SAMPLE and error.start >= SAMPLE - 3:
                return data.decode("utf-8", errors="replace")
    declared = _DECLARED.search(data[:2048])
    if declared and not declared[1].lower().startswith(b"utf"):  # every UTF has been ruled out by now
        try:
            return data.decode(declared[1].decode("ascii"))
        except (LookupError, UnicodeError):
            pass  # what a file says of itself is often wrong: guess instead
    return data.decode(_guess(sample), errors="replace")


def _has_controls(sample: bytes) -> bool:
    return len(sample) - len(sample.translate(None, _CONTROL)) > _MAX_CONTROL * len(sample)


def _wide(data: bytes, sample: bytes) -> str:
    """Text with NUL bytes: UTF-32 or UTF-16 without a mark, or UTF-8 with a stray one; else it is no text."""
    for name in ("utf-32-le", "utf-32-be"):
        try:
            text = data.decode(name)  # strict: almost no other data passes, save that of nothing but NUL
        except UnicodeDecodeError:
            continue
        if _is_written(text[:SAMPLE]):
            return text
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    name = "utf-16-le" if odd > even else "utf-16-be"
    # Spaces and line breaks alone give one NUL in twenty on one side and none on the other.
    if len(data) % 2 == 0 and max(even, odd) > len(sample) // 50 and min(even, odd) * 20 <= max(even, odd):
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            raise Unreadable("binary") from None
        if _is_written(text[:SAMPLE]):
            return text
    return _with_stray_nul(data, sample)


def _with_stray_nul(data: bytes, sample: bytes) -> str:
    """A log that a crash has left with blocks of NUL at its end, or with one amidst its lines, is text."""
    written = data.rstrip(b"\0")
    if not written or written.count(0) > _MAX_NUL * len(written) or _has_controls(sample.replace(b"\0", b"")):
        raise Unreadable("binary")
    try:
        return written.decode("utf-8")  # no guess: other encodings fit any bytes
    except UnicodeDecodeError as error:
        if len(data) == SAMPLE and error.start >= SAMPLE - 3:
            return written.decode("utf-8", errors="replace")
        raise Unreadable("binary") from None


def _is_written(text: str) -> bool:
    """Whether these are characters people write: a pair of arbitrary bytes often is none at all."""
    odd = sum(unicodedata.category(character) in ("Cc", "Cn", "Co") for character in text)
    return odd - sum(text.count(space) for space in "\n\r\t\f") <= _MAX_CONTROL * len(text)


def _guess(sample: bytes) -> str:
    from charset_normalizer import from_bytes

    if len(sample) == SAMPLE:  # an end within a character would rule out the true encoding
        sample = sample[: sample.rfind(b"\n") + 1] or sample
    matches = from_bytes(sample, cp_exclusion=_WIDE)
    best = matches.best()
    if best is None:
        return _USUAL[0]
    quality = (best.chaos, best.coherence)
    tied = {name for m in matches if (m.chaos, m.coherence) == quality for name in m.could_be_from_charset}
    return next((name for name in _USUAL if name in tied), best.encoding)
