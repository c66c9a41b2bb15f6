"""Passages are exact, complete, and never longer than the window, for any text and any tokenizer."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.documents.passages import MIN_WINDOW, PassageSpan, cut
from engine.documents.reader import Extract, Section
from resources import resource

Counter = Callable[[str], int]


@cache
def wordpiece() -> Counter:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(resource("tokenizer/tokenizer.json")))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda text: len(tokenizer.encode(text).ids)


def words(text: str) -> int:
    return len(re.findall(r"\w+|[^\w\s]", text)) + 2


def octets(text: str) -> int:
    return len(text.encode()) + 1


def greedy(text: str) -> int:
    """Not additive: the whole costs more than its parts, as merges across a boundary can make it."""
    return words(text) + len(text) // 50


def extract(text: str, *sections: Section, title: str = "") -> Extract:
    return Extract(text, sections or (Section(0, len(text)),), title, "text@1", None, "text")


def passages(
    document: Extract, count: Counter = words, window: int = 256, **options: int
) -> list[PassageSpan]:
    return cut(document, name="file.txt", folder="notes", count_tokens=count, window=window, **options)


def assert_sound(document: Extract, spans: list[PassageSpan], count: Counter, limit: int) -> None:
    reached = 0
    for span in spans:
        body = document.text[span.start : span.end]
        assert body and body == body.strip()
        assert span.start >= reached
        assert not document.text[reached : span.start].strip(), "text between two passages was lost"
        assert span.tokens == count(f"{span.header}\n{body}") <= limit
        reached = span.end
    assert not document.text[reached:].strip(), "text at the end was lost"


paragraphs = st.lists(
    st.one_of(
        st.text(max_size=200),
        st.text(alphabet="ab .\n", max_size=2000),
        st.text(alphabet="abc  .?!'\"”)]", min_size=200, max_size=2000),
        st.text(alphabet="日本語。\u3000\u2028", max_size=200),
        st.sampled_from(["x" * 5000, " " * 3000, "\n" * 500, "- item\n" * 80, "# Heading\n\n"]),
    ),
    max_size=8,
)


@st.composite
def documents(draw: st.DrawFn) -> Extract:
    text = draw(st.sampled_from(["\n\n", "\n", " ", ""])).join(draw(paragraphs))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
    edges = [0, *cuts, len(text)]
    names = st.lists(st.text(max_size=30), max_size=3).map(tuple)
    pages = sorted(draw(st.lists(st.integers(1, 3), min_size=len(edges) - 1, max_size=len(edges) - 1)))
    sections = tuple(
        Section(start, end, page, draw(names))
        for start, end, page in zip(edges, edges[1:], pages, strict=False)
    )
    return Extract(text, sections, draw(st.text(max_size=400)), "text@1", 3, "text")


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents(), st.sampled_from(["wordpiece", "words", "octets", "greedy"]), st.integers(MIN_WINDOW, 300))
def test_any_text_is_cut_exactly_completely_and_within_the_window(
    document: Extract, tokenizer: str, window: int
) -> None:
    count = {"wordpiece": wordpiece(), "words": words, "octets": octets, "greedy": greedy}[tokenizer]
    spans = cut(document, name="name.txt", folder="a/b", count_tokens=count, window=window)
    assert_sound(document, spans, count, min(300, window))
    for span in spans:
        pages = {s.page for s in document.sections if s.start < span.end and span.start < s.end}
        assert span.page in pages


def test_prose_fills_its_passages() -> None:
    text = "\n\n".join(
        f"Paragraph {n} says that the meeting of day {n} was moved to room {n}." for n in range(200)
    )
    document = extract(text)
    spans = passages(document, wordpiece())
    assert_sound(document, spans, wordpiece(), 256)
    assert min(span.tokens for span in spans) > 180


def test_cuts_fall_on_paragraphs_where_they_fit() -> None:
    text = "\n\n".join("word " * 60 + "end." for _ in range(6))
    assert {text[span.start : span.end][-4:] for span in passages(extract(text), window=100)} == {"end."}


def test_cuts_fall_on_sentences_within_a_long_paragraph() -> None:
    text = " ".join(f"This is sentence number {n} of one paragraph." for n in range(100))
    spans = passages(extract(text), window=80)
    assert all(text[span.start : span.end].endswith("paragraph.") for span in spans)


def test_a_page_change_always_cuts() -> None:
    document = extract("one page\n\nnext page", Section(0, 10, 1), Section(10, 19, 2))
    assert [(span.page, document.text[span.start : span.end]) for span in passages(document)] == [
        (1, "one page"),
        (2, "next page"),
    ]


def test_a_heading_stays_with_what_follows() -> None:
    heading, body = "Travel costs", "long words without a stop " * 60
    text = f"{heading}\n\n{body}"
    spans = passages(extract(text, Section(0, len(text), None, (heading,))), window=100)
    assert text[spans[0].start : spans[0].end].startswith("Travel costs\n\nlong words without")


def test_headings_without_text_lead_to_the_next_section() -> None:
    text = "# Book\n\n## Chapter\n\nIt was a dark night."
    document = extract(text, Section(0, 8, None, ("Book",)), Section(8, len(text), None, ("Book", "Chapter")))
    [span] = passages(document)
    assert span.headings == ("Book", "Chapter")
    assert span.header == "file.txt > Book > Chapter | notes"
    assert (span.start, span.end) == (0, len(text))


def test_small_siblings_share_a_passage_under_their_common_heading() -> None:
    text = "## A\none\n## B\ntwo\n"
    document = extract(text, Section(0, 9, None, ("Top", "A")), Section(9, 18, None, ("Top", "B")))
    [span] = passages(document)
    assert span.headings == ("Top",)


def test_sections_of_some_size_stand_alone() -> None:
    body = "word " * 80
    document = extract(
        body * 2, Section(0, len(body), None, ("A",)), Section(len(body), 2 * len(body), None, ("B",))
    )
    assert [span.headings for span in passages(document)] == [("A",), ("B",)]


def test_the_header_names_the_title_once_and_keeps_the_nearest_heading() -> None:
    document = extract("text", Section(0, 4, None, ("Report", "Costs")), title="Report")
    assert passages(document)[0].header == "Report > Costs | notes"
    deep = tuple(f"a rather long heading of level {n}" for n in range(9))
    header = passages(extract("text", Section(0, 4, None, deep), title="Report"))[0].header
    assert header.startswith("Report > ")
    assert header.endswith(f"{deep[-2]} > {deep[-1]}")
    assert deep[0] not in header


def test_a_long_title_never_starves_the_text() -> None:
    document = extract("body " * 400, title="t" + "itle words " * 500)
    for span in passages(document, window=64):
        assert words(span.header) - 2 <= 16
        assert span.tokens > 32


def test_one_token_for_a_huge_run_does_not_make_a_huge_passage() -> None:
    text = "Q" * 100_000
    assert wordpiece()(text) == 3, "the tokenizer takes the whole run for one unknown word"
    spans = passages(extract(text), wordpiece())
    assert_sound(extract(text), spans, wordpiece(), 256)
    assert max(span.end - span.start for span in spans) <= 256 * 8


def test_a_larger_window_is_used_up_to_the_target() -> None:
    document = extract("word " * 2000)
    assert max(span.tokens for span in passages(document, window=8192)) in range(280, 301)
    assert max(span.tokens for span in passages(document, window=8192, target=500)) in range(301, 501)


def test_blank_text_has_no_passages() -> None:
    assert passages(extract(" \n\t\n ")) == []


def test_a_window_too_small_for_any_passage_is_refused() -> None:
    with pytest.raises(ValueError, match="16 tokens"):
        passages(extract("text"), window=8)


def test_tokens_are_counted_a_bounded_number_of_times() -> None:
    """Counting is what cutting costs: each character may be counted a few times, whatever the size."""
    counted = 0

    def counting(text: str) -> int:
        nonlocal counted
        counted += len(text)
        return words(text)

    text = "\n\n".join("Some words, and then some more. " * 5 for _ in range(3000))
    passages(extract(text), counting)
    assert counted < 4 * len(text)
