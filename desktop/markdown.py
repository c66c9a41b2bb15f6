"""Markdown of an answer into blocks the window can draw. No word of the source is lost, nothing is loaded.

HTML stays literal text, pictures become their alternative text, and only http, https and mailto are links.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

SAFE_SCHEMES = ("http://", "https://", "mailto:")
_MARKER = re.compile(r"\[(\d{1,3})\]")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Run:
    """A stretch of text in one look. `cite` is the number of a `[n]` marker."""

    text: str
    bold: bool = False
    italic: bool = False
    strike: bool = False
    code: bool = False
    href: str = ""
    cite: int | None = None


@dataclass(frozen=True)
class Prose:
    """A paragraph, heading or rule. `indent` counts the lists around it, `marker` is its bullet or number."""

    runs: tuple[Run, ...]
    kind: Literal["paragraph", "heading", "rule"] = "paragraph"
    level: int = 0
    indent: int = 0
    quote: int = 0
    marker: str = ""


@dataclass(frozen=True)
class Code:
    text: str
    language: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of cells, the header first; every row has as many cells as the header."""

    rows: tuple[tuple[tuple[Run, ...], ...], ...]


Block = Prose | Code | Table


def blocks(source: str) -> list[Block]:
    """All blocks of a finished text."""
    return [block for _line, group in _groups(source.replace("\r", "")) for block in group]


class Stream:
    """Markdown that is still being written: closed blocks never change again, only the tail does."""

    def __init__(self) -> None:
        self._tail = ""

    def add(self, text: str) -> tuple[list[Block], list[Block]]:
        """(blocks closed by `text`, blocks of the open tail as they look now)."""
        self._tail += text.replace("\r", "")
        groups = _groups(self._tail)
        whole_lines = self._tail.count("\n")
        # A block is closed once a next one has begun on a line that can no longer grow into something else.
        begun = [index for index, (line, _group) in enumerate(groups) if line < whole_lines]
        cut = begun[-1] if begun else 0
        if cut:
            lines = self._tail.split("\n")
            self._tail = "\n".join(lines[groups[cut][0] :])
        closed = [block for _line, group in groups[:cut] for block in group]
        return closed, [block for _line, group in groups[cut:] for block in group]


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    class AnyTarget(MarkdownIt):
        """Unsafe targets are shown as text by `_runs`, where nothing of them is lost."""

        def validateLink(self, url: str) -> bool:
            return True

    parser = AnyTarget("commonmark", {"html": False}).enable(["table", "strikethrough"])
    # "[1]: see the report" would vanish as a link definition.
    parser.disable("reference")
    parser.inline.ruler.before("emphasis", "literal", _literal)
    return parser


def _literal(state: StateInline, silent: bool) -> bool:
    """No emphasis: the stars of 2*3*4, which would read 234, and underscores.

    Names of files and of code hold those, and `__init__.py` would read init.py; models write stars.
    """
    mark = state.src[state.pos]
    if mark != "_" and not re.fullmatch(r"\d\*\d", state.src[max(0, state.pos - 1) : state.pos + 2]):
        return False
    if not silent:
        state.pending += mark
    state.pos += 1
    return True


def _groups(source: str) -> list[tuple[int, list[Block]]]:
    """(first line, blocks) of every top-level construct."""
    groups: list[tuple[int, list[Block]]] = []
    tokens = _parser().parse(source)
    lines = source.split("\n")
    start = 0
    for index, token in enumerate(tokens):
        if token.level == 0 and token.nesting <= 0:
            span = tokens[start].map or [0, 0]
            drawn = list(_flatten(tokens[start : index + 1]))
            if any(isinstance(block, Table) for block in drawn):
                drawn = _or_literal(drawn, lines[span[0] : span[1]])
            groups.append((span[0], drawn))
            start = index + 1
    return groups


def _or_literal(drawn: list[Block], lines: Sequence[str]) -> list[Block]:
    """The blocks, or the source as it is where Markdown's table rules drop a cell."""
    shown = {word for block in drawn for word in _WORD.findall(plain(block))}
    if shown.issuperset(_WORD.findall("\n".join(lines))):
        return drawn
    return [Code("\n".join(lines).rstrip("\n"))]


def _flatten(tokens: Sequence[Token]) -> Iterator[Block]:
    """Nested containers into a flat list of leaves that remember how deep they were."""
    lists = quotes = 0
    marker = ""
    index = 0
    while index < len(tokens):
        token = tokens[index]
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                if marker:  # an item that begins with a list has no text of its own
                    yield Prose((), indent=lists, quote=quotes, marker=marker)
                    marker = ""
                lists += 1
            case "bullet_list_close" | "ordered_list_close":
                lists -= 1
            case "list_item_open":
                marker = f"{token.info}{token.markup}" if token.info else "•"
            case "list_item_close":
                if marker:
                    yield Prose((), indent=lists, quote=quotes, marker=marker)
                marker = ""
            case "blockquote_open":
                quotes += 1
            case "blockquote_close":
                quotes -= 1
            case "inline":
                opened = tokens[index - 1]
                prose = Prose(_runs(token.children or []), indent=lists, quote=quotes, marker=marker)
                if opened.type == "heading_open":
                    prose = replace(prose, kind="heading", level=int(opened.tag[1:]))
                yield prose
                marker = ""
            case "hr":
                yield Prose((), kind="rule", indent=lists, quote=quotes)
            case "fence" | "code_block":
                if marker:
                    yield Prose((), indent=lists, quote=quotes, marker=marker)
                    marker = ""
                yield Code(token.content.removesuffix("\n"), token.info.strip())
            case "table_open":
                end = next(at for at in range(index, len(tokens)) if tokens[at].type == "table_close")
                yield _table(tokens[index:end])
                index = end
        index += 1


def _table(tokens: Sequence[Token]) -> Table:
    rows: list[list[tuple[Run, ...]]] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(_runs(token.children or []))
    return Table(tuple(tuple(row) for row in rows))


def _runs(tokens: Sequence[Token]) -> tuple[Run, ...]:
    runs: list[Run] = []
    look = Run("")
    inert = ""
    for token in tokens:
        match token.type:
            case "strong_open" | "strong_close":
                look = replace(look, bold=token.nesting == 1)
            case "em_open" | "em_close":
                look = replace(look, italic=token.nesting == 1)
            case "s_open" | "s_close":
                look = replace(look, strike=token.nesting == 1)
            case "link_open":
                target, title = str(token.attrs.get("href", "")), str(token.attrs.get("title", ""))
                safe = target.lower().startswith(SAFE_SCHEMES)
                look = replace(look, href=target if safe else "")
                inert = " ".join(part for part in (f" ({target})", title) if part)
            case "link_close":
                look = replace(look, href="")
                if not (runs and inert.startswith(f" ({runs[-1].text})")):  # an autolink already shows it
                    runs.append(replace(look, text=inert))
            case "softbreak" | "hardbreak":
                runs.append(replace(look, text="\n"))
            case "code_inline":
                runs.append(replace(look, text=token.content, code=True))
            case "image":
                runs.append(replace(look, text=token.content or str(token.attrs.get("src", ""))))
            case _:
                runs.extend(_with_markers(token.content, look))
    return tuple(run for run in runs if run.text)


def _with_markers(text: str, look: Run) -> Iterator[Run]:
    position = 0
    if not look.href:
        for match in _MARKER.finditer(text):
            yield replace(look, text=text[position : match.start()])
            yield replace(look, text=match.group(), cite=int(match.group(1)))
            position = match.end()
    yield replace(look, text=text[position:])


def plain(block: Block) -> str:
    """The words of a block as the person sees them."""
    match block:
        case Code():
            return "\n".join(part for part in (block.language, block.text) if part)
        case Table():
            return "\n".join("\t".join(_text(cell) for cell in row) for row in block.rows)
        case Prose():
            return " ".join(part for part in (block.marker, _text(block.runs)) if part)


def _text(runs: Sequence[Run]) -> str:
    return "".join(run.text for run in runs)
