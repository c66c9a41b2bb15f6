"""One question, from its words to a checked answer.

search -> is there evidence? -> prompt -> stream -> check every sentence. An answer that no passage supports
is not given: the line of the files that holds what was asked is quoted instead, or the answer is withheld
with the nearest files. A question about nothing of the user's may be answered from the model's own
knowledge, if the model is sure of it, and is labelled so.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from engine.answer import prompt as prompts
from engine.answer.citations import Checked, check
from engine.answer.questions import is_follow_up, is_personal, judge, quotable, search_query
from engine.answer.terms import keys
from engine.contracts import (
    Answer,
    Event,
    Found,
    Nearest,
    Passage,
    Progress,
    SearchReply,
    Timings,
    Token,
    Turn,
)
from engine.errors import Cancelled, EngineError
from engine.models.chat import ChatModel, Generation

PASSAGES = 8  # found; as many are shown to the model as its budget allows
PASSAGE_TOKENS = 900  # of the prompt: about two seconds of reading for the built-in model on two cores
NEAREST = 3
SURE = math.log(0.6)  # mean log-probability from which the model's own knowledge is worth giving
GENERAL_TOKENS = 96
_REFUSAL = re.compile(
    r"\b(?:i (?:do not|don't|don’t) (?:know|have)|i(?:['’]m| am| was) (?:sorry|not able|unable|not sure)|"
    r"(?:no|not enough|isn't any) information|(?:cannot|can't|could not|couldn't) (?:find|answer|determine)|"
    r"(?:does|do|did) not (?:contain|mention|provide|specify|say)|not (?:mentioned|provided|specified) in)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Question:
    """What to answer: the words, the chat so far, and whether the files may be used."""

    text: str
    history: tuple[Turn, ...] = ()
    files: bool = True
    max_tokens: int = 256


@dataclass
class _Clock:
    """Times and counts of one answer, gathered along the way."""

    started: float = field(default_factory=time.perf_counter)
    timings: Timings = field(default_factory=Timings)

    def ms(self) -> float:
        return (time.perf_counter() - self.started) * 1000

    def note(self, **values: float) -> None:
        self.timings = replace(self.timings, **values)  # type: ignore[arg-type]


class Answerer:
    """Answers questions with one chat model. `search` finds passages for a query."""

    def __init__(
        self,
        model: ChatModel,
        search: Callable[[str], SearchReply],
        emit: Callable[[Event], None],
        cancelled: Callable[[], bool],
    ) -> None:
        self._model = model
        self._search = search
        self._emit = emit
        self._cancelled = cancelled

    def answer(self, question: Question) -> Answer:
        """The whole way. Raises Cancelled if stopped before the first token, EngineError on bad input."""
        if not question.text.strip():
            raise EngineError("question_empty")
        clock = _Clock()
        if not question.files:
            return self._finish(
                self._from_model(question, clock, sure=-math.inf), SearchReply((), 0, 0, 0.0), clock
            )
        query = search_query(question.text, question.history)
        reply = self._search(query)
        clock.note(search_ms=clock.ms())
        self._stop_if_cancelled()
        if judge(query, reply.results).enough:
            answer = self._from_files(question, query, reply, clock)
        elif is_personal(query) or is_follow_up(question.text, question.history):
            answer = _withheld()
        else:
            answer = self._from_model(question, clock, sure=SURE)
        if answer.abstained:
            answer = replace(answer, nearest=_nearest(reply.results))
        return self._finish(answer, reply, clock)

    # -- the two ways ----------------------------------------------------------------------------

    def _from_files(self, question: Question, query: str, reply: SearchReply, clock: _Clock) -> Answer:
        built = self._prompt(question, query, reply.results)
        self._emit(Found(built.passages, reply.searched_files, reply.total_files))
        generation, written = self._write(built.tokens, question.max_tokens, clock, self._emit_token)
        stopped = generation.finish == "stopped" or self._cancelled()
        before = time.perf_counter()
        answer = self._judged(query, written, built.passages, stopped)
        clock.note(check_ms=(time.perf_counter() - before) * 1000)
        return replace(answer, stopped=stopped)

    def _judged(self, query: str, written: str, passages: Sequence[Passage], stopped: bool) -> Answer:
        """What may be said: the model's words if supported, else a quoted line, else nothing."""
        checked = check(query, written, passages)
        if refuses(written) and not stopped:
            return _withheld()
        # Words that the person saw and stopped are kept, marked as unsupported.
        if checked.supported or stopped:
            return _from_checked(checked)
        quote = quotable(query, passages)
        quoted = check(query, quote, passages) if quote else None
        return _from_checked(quoted) if quoted is not None and quoted.supported else _withheld()

    def _from_model(self, question: Question, clock: _Clock, sure: float) -> Answer:
        """The model's own knowledge; held back until known to be sure enough, unless it need not be."""
        built = self._prompt(question, question.text, ())
        streaming = sure == -math.inf
        limit = question.max_tokens if streaming else min(question.max_tokens, GENERAL_TOKENS)
        listener = self._emit_token if streaming else None
        generation, written = self._write(built.tokens, limit, clock, listener)
        stopped = generation.finish == "stopped" or self._cancelled()
        unsure = (generation.mean_logprob or -math.inf) < sure
        if not stopped and (unsure or not keys(written) or refuses(written)):
            return _withheld()
        if not streaming:
            self._emit_token(written)
        return Answer(written, "general", False, stopped=stopped)

    # -- steps -----------------------------------------------------------------------------------

    def _prompt(self, question: Question, asked: str, passages: Sequence[Passage]) -> prompts.Prompt:
        return prompts.build(
            self._model,
            asked,
            passages,
            question.history,
            budget=PASSAGE_TOKENS,
            reserve=question.max_tokens,
        )

    def _write(
        self, tokens: list[int], limit: int, clock: _Clock, listener: Callable[[str], None] | None
    ) -> tuple[Generation, str]:
        generation = self._model.generate(tokens, limit, self._report_prompt)
        pieces: list[str] = []
        for piece in generation:
            if not pieces:
                clock.note(first_token_ms=clock.ms())
            pieces.append(piece)
            if listener is not None:
                listener(piece)
            if self._cancelled():
                break
        if not pieces:
            self._stop_if_cancelled()
        clock.note(
            prompt_tokens=generation.prompt_tokens,
            cached_tokens=generation.cached_tokens,
            completion_tokens=generation.completion_tokens,
        )
        return generation, "".join(pieces).strip()

    def _report_prompt(self, done: int, total: int) -> None:
        # The model forgets a stop that came before it started, hence this second look.
        if self._cancelled():
            self._model.stop()
        self._emit(Progress("prompt", done, total))

    def _emit_token(self, text: str) -> None:
        self._emit(Token(text))

    def _stop_if_cancelled(self) -> None:
        if self._cancelled():
            raise Cancelled

    def _finish(self, answer: Answer, reply: SearchReply, clock: _Clock) -> Answer:
        clock.note(total_ms=clock.ms())
        return replace(
            answer,
            searched_files=reply.searched_files,
            total_files=reply.total_files,
            model=self._model.id,
            timings=clock.timings,
        )


def refuses(text: str) -> bool:
    """True if the model itself says that it does not know."""
    return bool(_REFUSAL.search(text[:200]))


def _from_checked(checked: Checked) -> Answer:
    return Answer(checked.text, "files", False, checked.citations, checked.sentences)


def _withheld() -> Answer:
    return Answer("", "none", True)


def _nearest(passages: Sequence[Passage]) -> tuple[Nearest, ...]:
    first: dict[str, Passage] = {}
    for passage in passages:
        first.setdefault(passage.path, passage)
    best = list(first.values())[:NEAREST]
    return tuple(Nearest(p.path, p.page, p.heading, p.text[:200]) for p in best)
