"""Answers as blocks: no word is lost, nothing is a link that should not be, and streaming changes nothing."""

from __future__ import annotations

import re

import pytest

from desktop.markdown import Block, Code, Prose, Stream, Table, blocks, plain

AWKWARD = [
    "An <img src=x> unclosed picture\n\nand later words",
    "Line<br>break and <b>bold without end\n\n| a | b |\n|---|---|\n| <i>one | two |",
    "---\ntitle: kept\n---\n\nafter the front matter",
    "| a | b | c |\n|---|---|---|\n| 1 | | |\n| | | 2 |",
    "| a | b |\n|---|---|\n| 1 | 2 | lost? |",
    "1. one\n   - two\n     1. three\n        - four\n\n   para in item\n2. five",
    "- \n- b\n-\n",
    "- - nested at once",
    "> quote\n> - with list\n>\n> > deeper\nlazy line",
    "שלום עולם [1] ו-abc\n\n- مرحبا بالعالم",
    "Emoji 👩‍👩‍👧 family and 🎉🎉 [2] end",
    "[1]: see the report\n\n[2]: http://definition.example",
    "A _snake_case_name_ and __dunder__ and 2*3*4",
    "```python\nprint('x')",
    "~~~\nunclosed tildes\n\nstill code",
    "    indented code\n\ntext",
    "Setext\n===\n\nOther\n---\nmore",
    "# \n\n####### seven hashes",
    "![alt words](http://example.com/p.png) and ![](file:///etc/passwd)",
    '[click](javascript:alert(1)) [read](file:///etc/passwd) [go](https://example.com "t") <mailto:a@b.c>',
    "<script>alert(1)</script>\n\n<!-- hidden orders -->\n\n<div>\nblock\n</div>",
    "a\\*b \\[1] &amp; &lt;tag&gt; 5 < 6 > 4",
    "text ending in a backslash\\\nand two spaces  \nnew line",
    "***\n\n* * *\nwords",
    "~~struck~~ ~one~ **bold*mixed***",
    "\r\nWindows\r\nlines\r\n\r\n- item\r\n",
    "para\n# heading right after\npara\n- list right after\npara\n> quote right after",
    "para\n***bold start of a line***\nmore",
    "para\n#hashtag not a heading",
    "| not | a table\n\njust | pipes",
    "text\n| a | b |\n|---|---|\n| 1 | 2 |\ntail words",
    "",
    "   \n\n  ",
]


def drawn(found: list[Block]) -> str:
    return "\n".join(plain(block) for block in found)


@pytest.mark.parametrize("source", AWKWARD)
def test_no_word_is_lost(source: str) -> None:
    text = source.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")
    # A picture becomes its alternative text; where it comes from is nobody's business.
    text = re.sub(r"!\[([^\]]+)\]\([^)]*\)", r"\1", text)
    # A thematic break and the underline of a heading are drawn, not written.
    wanted = re.findall(r"[^\W_]+", text)
    shown = drawn(blocks(source))
    for word in wanted:
        assert word in shown


@pytest.mark.parametrize("source", AWKWARD)
@pytest.mark.parametrize("size", [1, 3, 7])
def test_streaming_ends_with_the_same_blocks(source: str, size: int) -> None:
    stream = Stream()
    closed: list[Block] = []
    tail: list[Block] = []
    for at in range(0, len(source), size):
        more, tail = stream.add(source[at : at + size])
        closed += more
    assert closed + tail == blocks(source)


def test_only_the_tail_is_parsed_again() -> None:
    stream = Stream()
    for _paragraph in range(200):
        stream.add("Some words of a paragraph.\n\n")
    assert len(stream._tail) < 60


def test_only_web_and_mail_are_links() -> None:
    source = AWKWARD[19]
    links = [
        run.href for block in blocks(source) if isinstance(block, Prose) for run in block.runs if run.href
    ]
    assert links == ["https://example.com", "mailto:a@b.c"]


def test_html_is_text() -> None:
    assert "<script>alert(1)</script>" in drawn(blocks(AWKWARD[20]))


def test_markers_are_found_in_text_but_not_in_code() -> None:
    found = blocks("One [2], two [13].\n\n`[3]`\n\n```\n[4]\n```")
    cites = [run.cite for block in found if isinstance(block, Prose) for run in block.runs if run.cite]
    assert cites == [2, 13]


def test_a_product_keeps_its_stars() -> None:
    assert drawn(blocks("It is 2*3*4 and *stressed*.")) == "It is 2*3*4 and stressed."


@pytest.mark.parametrize(
    "name", ["Offer __final__.html", "engine/__init__.py", "_notes_.md", "my_long_name.txt"]
)
def test_names_keep_their_underscores(name: str) -> None:
    assert drawn(blocks(f"- {name} (**new**)")) == drawn(blocks("- x (**new**)")).replace("x", name)


def test_shapes() -> None:
    found = blocks("## Title\n\n3. third\n\n| a | b |\n|---|---|\n| 1 | |\n\n```py\nx = 1\n\n```\n")
    heading, item, table, code = found
    assert isinstance(heading, Prose) and (heading.kind, heading.level) == ("heading", 2)
    assert isinstance(item, Prose) and (item.marker, item.indent) == ("3.", 1)
    assert isinstance(table, Table) and [len(row) for row in table.rows] == [2, 2]
    assert code == Code("x = 1\n", "py")
