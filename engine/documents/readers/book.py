"""EPUB: the chapters of a book in reading order, each read as the web page it is."""

from __future__ import annotations

import re
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import Any

from engine.documents.encoding import decode
from engine.documents.extract import Draft, Unreadable, Writer, one_line
from engine.documents.readers import html
from engine.documents.readers.package import ANY, Package, local_name, open_zip

_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_METADATA = {"creator": "author", "date": "date", "language": "language", "subject": "subject"}
_FONTS = frozenset(("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"))  # no protection


def read(path: Path) -> Draft:
    """Raises Unreadable("damaged" | "password" | "too_large"), zipfile and lxml errors."""
    with open_zip(path) as archive:
        return _read(Package(archive))


def _read(package: Package) -> Draft:
    if _is_locked(package):
        raise Unreadable("password", "copy protection")
    container = package.xml("META-INF/container.xml")
    root = next(container.iter(f"{ANY}rootfile"), None) if container is not None else None
    name = root.get("full-path") or "" if root is not None else ""
    book = package.xml(name)
    if book is None:
        raise Unreadable("damaged", "no table of its parts")
    items = {item.get("id"): item for item in book.iter(f"{ANY}item")}
    order = [items[key] for entry in book.iter(f"{ANY}itemref") if (key := entry.get("idref")) in items]
    titles = _titles(package, name, list(items.values()))
    writer = Writer()
    for item in order:
        part = _target(name, item.get("href") or "")
        # The book's own list of its chapters comes first in many books and tells nothing they do not.
        if part not in package.names or "nav" in (item.get("properties") or "").split():
            continue
        chapter = html.read(decode(package.data(part)))
        has_headings = any(mark.headings for mark in chapter.marks)
        title = titles.get(part, "")
        writer.insert(chapter, (title,) if title and not has_headings else ())
    metadata: dict[str, str] = {}
    title = ""
    for element in next(book.iter(f"{ANY}metadata"), ()):
        text = one_line(element.text or "") if isinstance(element.tag, str) else ""
        if local_name(element) == "title":
            title = title or text
        elif text and (key := _METADATA.get(local_name(element))):
            metadata[key] = f"{metadata[key]}, {text}" if key in metadata else text
    return writer.draft(title, None, metadata)


def _titles(package: Package, book: str, items: list[Any]) -> dict[str, str]:
    """Part -> the name that the book's table of contents gives it."""
    found: dict[str, str] = {}
    for item in items:
        is_list = "nav" in (item.get("properties") or "").split()
        if not is_list and item.get("media-type") != "application/x-dtbncx+xml":
            continue
        part = _target(book, item.get("href") or "")
        contents = package.xml(part)
        for entry in contents.iter(f"{ANY}a", f"{ANY}navPoint") if contents is not None else ():
            link, label = entry.get("href") or "", " ".join(entry.itertext())
            if local_name(entry) == "navPoint":
                content, text = entry.find(f"{ANY}content"), entry.find(f"{ANY}navLabel")
                link = content.get("src") or "" if content is not None else ""
                label = " ".join(text.itertext()) if text is not None else ""
            found.setdefault(_target(part, link), one_line(label))
    return found


def _target(part: str, link: str) -> str:
    path = _ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), link.partition("#")[0].encode())
    return normpath(join(dirname(part), path.decode("utf-8", "replace")))


def _is_locked(package: Package) -> bool:
    """Whether more than fonts is encrypted."""
    rules = package.xml("META-INF/encryption.xml")
    methods = rules.iter(f"{ANY}EncryptionMethod") if rules is not None else ()
    return any(
        method.get("Algorithm") not in _FONTS and local_name(method.getparent()) == "EncryptedData"
        for method in methods
    )
