"""Questions the user's own model writes, answer first, kept only if they lead back to their answer.

The model gets a sentence, the answer in it and the word to begin with. A question stays if the model answers
it rightly from all there is about the subject (so that other values compete) and wrongly without it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

from engine.answer import prompt as prompts
from engine.answer.citations import strip_markers
from engine.answer.excerpts import Excerpt
from engine.answer.terms import keys, terms
from engine.contracts import Control, Event, Passage, Progress
from engine.errors import Cancelled
from engine.models.chat import ChatMessage, ChatModel
from engine.personalize.compose import grammar
from engine.personalize.compose.facts import about, digest, told_row
from engine.personalize.compose.spans import Span, SpanKind, spans
from engine.personalize.rows import Lesson, Row
from engine.personalize.rows_db import RowStore

QUESTION_TOKENS, ANSWER_TOKENS = 28, 28
_MOST_WORDS = 20  # of a question
_SHOWN = 1600  # code points about the subject
_STEMS: dict[SpanKind, tuple[str, ...]] = {
    "date": ("When", "On which day"),
    "time": ("At what time",),
    "money": ("How much",),
    "code": ("What",),
    "quote": ("What",),
    "number": ("How many", "How"),
    "name": ("Who", "Where", "Which"),
    "noun": ("What", "Where"),
}
# `Who is Nora?` is a question for anything there is to say of her.
_WHO_IS_NAME = re.compile(r"Who (?:is|was|are|were) (?:[A-Z][\w.’'-]+ ?)+\?$")
_SYSTEM = "Write one short question about the text. The answer to the question is given."
_EXAMPLES = (
    ("The boiler was repaired on 4 May by Mr Hale.", "4 May", "When was the boiler repaired?"),
    ("Tickets for the fair cost 12 euros each.", "12 euros", "How much does a ticket for the fair cost?"),
    ("Jonas keeps the spare key in the blue teapot.", "blue teapot", "Where does Jonas keep the spare key?"),
)


def rows(
    lessons: Sequence[Lesson],
    model: ChatModel,
    control: Control,
    emit: Callable[[Event], None],
    until: float,
    store: RowStore | None = None,
) -> list[Row]:
    """Rows for the spans whose questions come back right, until `until` (time.monotonic). Raises Cancelled.

    What `store` holds is not asked again, and costs no time. Spans for which the rules of grammar have no
    question come first: they need it most.
    """
    found = [span for lesson in lessons for span in spans(lesson)]
    found.sort(key=_has_rule)
    subjects = _subjects(lessons)
    made: list[Row] = []
    for number, span in enumerate(found):
        passage = digest([span.lesson.text, *about(span.lesson)])
        place = f"{span.start}-{span.end}"
        known = store.found(passage, place) if store else None
        if known is None and time.monotonic() >= until:
            continue
        emit(Progress("compose", number, len(found), "questions"))
        if known is None:
            known = _found(span, subjects[span.lesson.path, span.lesson.heading], model, control)
            if store:
                store.keep(passage, place, span.lesson.path, known)
        if known:
            made += _rows_of(known, span)
    return made


def _found(span: Span, subject: Passage, model: ChatModel, control: Control) -> str:
    """The first question for the span that leads back to it; empty if none does."""
    for stem in _STEMS[span.kind]:
        asked = _written(span, stem, model, control)
        if asked and _leads_back(asked, span, subject, model, control):
            return asked
    return ""


def fits(asked: str, span: Span) -> bool:
    """Whether a question can be about the span: whole, without the answer in it, of the span's type."""
    words = asked.split()
    if not asked.endswith("?") or asked.count("?") > 1 or not 3 <= len(words) <= _MOST_WORDS:
        return False
    if keys(asked) & keys(span.value):
        return False
    title, where = about(span.lesson)
    held = keys(f"{span.sentence} {title} {where}")
    # A name or number that the text does not hold is made up; so is a question that shares nothing with it.
    told = terms(" ".join(words[1:]))
    if not held & {term.key for term in told} or any(
        term.kind != "word" and term.key not in held for term in told
    ):
        return False
    start = asked.lower()
    is_phone_or_code = span.kind == "code" and "@" not in span.value
    if _WHO_IS_NAME.match(asked) or (is_phone_or_code and "address" in start):
        return False
    if start.startswith(("who", "whom", "whose")):
        return span.kind == "name"
    if start.startswith(("when", "on which day", "on what date")):
        return span.kind in ("date", "time")
    if start.startswith("how old"):
        figure = re.match(r"\d+", span.value)
        return span.kind == "number" and figure is not None and int(figure.group()) < 120
    if start.startswith("how many"):
        return span.kind == "number"
    if start.startswith(("how much", "at what time")):
        return span.kind in ("money", "number", "time")
    return True


def _written(span: Span, stem: str, model: ChatModel, control: Control) -> str:
    """The model's question that begins with `stem`; empty if it does not fit."""
    control.check()
    messages = [ChatMessage("system", _SYSTEM)]
    for text, answer, question in _EXAMPLES:
        messages += [ChatMessage("user", _request(text, answer)), ChatMessage("assistant", question)]
    messages.append(ChatMessage("user", _request(span.sentence.replace("\n", " "), span.value)))
    generation = model.generate([*model.render(messages), *model.tokenize(stem)], QUESTION_TOKENS)
    text = stem + "".join(generation)
    if generation.finish == "stopped":
        raise Cancelled
    asked = text.split("?")[0].split("\n")[0].strip() + "?"
    return asked if "?" in text and fits(asked, span) else ""


def _request(text: str, answer: str) -> str:
    return f"Text: {text}\nAnswer: {answer}"


def _leads_back(asked: str, span: Span, passage: Passage, model: ChatModel, control: Control) -> bool:
    """Right with everything about the subject, wrong without."""
    control.check()
    user = prompts.asked(asked, [Excerpt(passage, passage.text)])
    generation = model.generate(model.render(prompts.messages(user, with_files=True)), ANSWER_TOKENS)
    answer = strip_markers("".join(generation))
    if generation.finish == "stopped":
        raise Cancelled
    return holds(answer, span.value) and not holds(_without(model, asked, control), span.value)


def _without(model: ChatModel, asked: str, control: Control) -> str:
    """The answer without files; empty if it ran in circles or did not end. Raises Cancelled."""
    control.check()
    generation = model.generate(model.render(prompts.messages(asked, with_files=False)), ANSWER_TOKENS)
    answer = "".join(generation).strip()
    if generation.finish == "stopped":
        raise Cancelled
    return answer if generation.finish == "stop" else ""


def holds(answer: str, value: str) -> bool:
    """Whether the value stands in the answer on word boundaries, ignoring case."""
    return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", answer, re.IGNORECASE) is not None


def _rows_of(asked: str, span: Span) -> list[Row]:
    topic = " – ".join(filter(None, reversed(about(span.lesson))))
    ways = [f"{topic}: {asked[0].lower()}{asked[1:]}", *([] if grammar.has_pronoun(asked) else [asked])]
    value, sentence = (span.start, span.end), (span.first, span.last)
    return [told_row("fact", user, span.lesson, sentence, value) for user in ways]


def _has_rule(span: Span) -> bool:
    sentence = span.sentence.replace("\n", " ")
    at = span.start - span.first
    return grammar.question(sentence, at, at + len(span.value), span.kind) is not None


def _subjects(lessons: Sequence[Lesson]) -> dict[tuple[str, str], Passage]:
    """(path, heading) -> everything the lessons say there, as far as it can be shown."""
    texts: dict[tuple[str, str], str] = {}
    for lesson in lessons:
        key = lesson.path, lesson.heading
        texts[key] = f"{texts[key]}\n{lesson.text}" if key in texts else lesson.text
    return {
        (path, heading): Passage(1, path, None, heading, text[:_SHOWN], 0, len(text[:_SHOWN]), 1.0)
        for (path, heading), text in texts.items()
    }
