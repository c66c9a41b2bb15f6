"""One question, from its words to a checked answer.

What is asked of the files as a whole is answered by counting them, not by a search. All else:
search -> the line that answers best, if any does -> prompt -> stream -> check every sentence. Where one line
is the answer it is quoted first, and the model may add what the files support. An answer that no passage
supports is not given: that line is quoted instead, or the answer is withheld with the nearest files. A
question about nothing of the user's may be answered from the model's own knowledge, if the model is sure of
it, and is labelled so.

With an adapter on, its memory proposes and the files verify: an answer it surely knows is given with the
passage that confirms it, and without one only where the files themselves gave none and speak of whom the
question names, labelled as memory. All that the adapter does not know is left to the base, which reads and
knows the world as if there were none.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

from engine.answer import follow_up, lookup
from engine.answer import prompt as prompts
from engine.answer.calibration import stored
from engine.answer.citations import Checked, beyond, check, quoted, strip_markers
from engine.answer.conversation import identity, said
from engine.answer.excerpts import excerpts, merged
from engine.answer.memory import Recalled, Sureness, weigh
from engine.answer.orders import without_orders
from engine.answer.questions import (
    answers,
    is_follow_up,
    is_heard_of,
    is_lookup,
    is_personal,
    search_query,
)
from engine.answer.refusal import refuses
from engine.answer.states import OpenChat
from engine.answer.terms import keys, sentences
from engine.answer.thinking import Thoughts
from engine.contracts import (
    Answer,
    Event,
    Found,
    Nearest,
    Notice,
    Passage,
    Progress,
    SearchReply,
    Timings,
    Token,
    Turn,
)
from engine.errors import REASONS, Cancelled, EngineError
from engine.models.catalog import ModelCard
from engine.models.chat import ChatModel, Generation
from engine.models.embedder import Embedder

NEAREST = 3
# Mean log-probability from which the model's own knowledge is worth giving. On 24 questions of ours the
# built-in model was above it for 6 of 12 about the world and 1 of 12 about things it cannot know.
SURE = math.log(0.58)
_PARTICULAR = re.compile(r"\d{4}|\d+-\d+")  # years, phone numbers, codes: a model makes these up with ease
GENERAL_TOKENS = 96
RECALL_TOKENS = 48  # what a night teaches is shorter
_MAY_END = re.compile(r"[.!?…\n]")


@dataclass(frozen=True)
class Question:
    """What to answer: the words, the chat so far, and whether the files may be used.

    `message` is the id of the question in its chat, empty where it is not stored.
    """

    text: str
    history: tuple[Turn, ...] = ()
    files: bool = True
    max_tokens: int = 256
    message: str = ""


@dataclass(frozen=True)
class Limits:
    """What suits a model, from its card: passages and tokens of them it reads, sentences it may write.

    `sentences` 0 sets no limit. A search finds more passages than the model reads: support may be in any.
    `thought` tokens more may be spent on thinking; `rewrites`: it can put a follow-up into words of its own.
    `quotes`: the line that is the answer comes before the model's words; `writes`: there may be such words.
    """

    passages: int = 6
    passage_tokens: int = 1600
    sentences: int = 0
    thought: int = 0
    rewrites: bool = False
    quotes: bool = False
    writes: bool = True

    @classmethod
    def of(cls, card: ModelCard) -> Limits:
        return cls(
            card.passages,
            card.passage_tokens,
            card.sentences,
            card.thought,
            card.rewrites,
            quotes=True,
            writes=not card.toy,
        )


@dataclass
class _Clock:
    """Times and counts of one answer, gathered along the way."""

    started: float = field(default_factory=time.perf_counter)
    timings: Timings = field(default_factory=Timings)

    def ms(self) -> float:
        return (time.perf_counter() - self.started) * 1000


class Answerer:
    """Answers questions with one chat model. `search` finds passages for a query, `embedder` reads their
    lines; None where no question is put to the files.

    `sureness` says when the adapter that is on knows an answer; None without one. `chat` is what was sent in
    the chat of the question, None without one; `search_in` finds passages of one file. `whole` answers what
    no passage can, questions about the files as a whole, and nothing else.
    """

    def __init__(
        self,
        model: ChatModel,
        embedder: Embedder | None,
        search: Callable[[str], SearchReply],
        emit: Callable[[Event], None],
        cancelled: Callable[[], bool],
        limits: Limits | None = None,
        sureness: Sureness | None = None,
        chat: OpenChat | None = None,
        search_in: follow_up.SearchIn | None = None,
        whole: Callable[[Question], Answer | None] = lambda _question: None,
    ) -> None:
        self._chat = chat
        self._search_in = search_in
        self._limits = limits or Limits()
        self._sureness = sureness
        self._whole = whole
        self._model = model
        self._embedder = embedder
        self._search = search
        self._emit = emit
        self._cancelled = cancelled

    def answer(self, question: Question) -> Answer:
        """The whole way. Raises Cancelled if stopped before the first token, EngineError on bad input."""
        if not question.text.strip():
            raise EngineError("question_empty")
        clock = _Clock()
        if not question.files:
            return self._finish(self._alone(question, clock), SearchReply((), 0, 0, 0.0), clock)
        if (counted := self._whole(question)) is not None:
            return self._counted(counted, clock)
        query, reply, line = self._searched(question)
        clock.timings = replace(clock.timings, search_ms=clock.ms())
        self._stop_if_cancelled()
        known, guessed = self._remembered(question, clock)
        answer = self._confirmed(query, known, reply, clock) if known else _withheld()
        if answer.abstained and line is not None:
            with self._base():
                answer = self._from_files(question, query, reply, line, clock)
        # Whom no file speaks of the adapter was never taught: it takes one for another of like name.
        if answer.abstained and known and is_heard_of(query, reply.results):
            self._emit_whole(known, clock)
            answer = Answer(known, "memory", False)
        about_user = is_personal(query, reply.results) or is_follow_up(question.text, question.history)
        if answer.abstained and not (about_user or guessed):
            self._stop_if_cancelled()
            self._emit(Found((), reply.searched_files, reply.total_files))
            with self._base():
                answer = self._from_model(question, clock, sure=SURE)
        if answer.abstained:
            answer = replace(answer, nearest=_nearest(reply))
        return self._finish(answer, reply, clock)

    def _searched(self, question: Question) -> tuple[str, SearchReply, lookup.Line | None]:
        """The query, what it found, neighbours as one, and the line that surely answers, if there is one.

        A follow-up whose query by rule finds no such line is put in other words by the model.
        """
        query, search = search_query(question.text, question.history), self._search
        follows = is_follow_up(question.text, question.history)
        if follows:
            search = follow_up.with_discussed(search, self._search_in, question.history)
        reply = readable(search(query))
        line = self._line(query, reply)
        if follows and line is None and self._limits.rewrites:
            with self._base():
                rewritten = follow_up.rewritten(self._model, question.text, question.history)
            self._stop_if_cancelled()
            if rewritten:
                query, reply = rewritten, readable(search(rewritten))
                line = self._line(query, reply)
        return query, reply, line

    def _line(self, query: str, reply: SearchReply) -> lookup.Line | None:
        assert self._embedder is not None
        weights = stored(self._embedder.id)
        found = lookup.find(query, reply.results, self._embedder, weights)
        return found.line if found is not None and found.sure >= weights.least else None

    def _counted(self, answer: Answer, clock: _Clock) -> Answer:
        """An answer that is whole when it comes; a summary has counted its tokens."""
        reply = SearchReply((), answer.searched_files, answer.total_files, 0.0)
        self._emit(Found((), reply.searched_files, reply.total_files))
        clock.timings = answer.timings
        self._emit_whole(answer.answer, clock)
        return self._finish(answer, reply, clock)

    # -- from memory -----------------------------------------------------------------------------

    def recall(self, question: Question, clock: _Clock | None = None) -> Recalled:
        """What the weights alone answer, held back, and how sure of it they are. Raises Cancelled.

        Of the chat before it a follow-up brings its names along and no turns: single questions were taught,
        and after others an adapter is unsure of what it knows.
        """
        asked = search_query(question.text, question.history)
        built = self._prompt(replace(question, history=()), asked, ())
        generation, written = self._write(built.tokens, RECALL_TOKENS, clock or _Clock(), None)
        self._stop_if_cancelled()
        if generation.finish == "stopped":
            raise Cancelled
        mean = generation.mean_logprob
        sure = -math.inf if mean is None else mean
        return weigh(self._model, built.tokens, generation.tokens, written, sure, generation.finish == "stop")

    def told(self, recalled: Recalled) -> Answer | None:
        """Without files: what is known, and no guess; None where it is for the base to answer."""
        knowledge = self._sureness.judge(recalled) if self._sureness else "general"
        if knowledge == "guessed":
            return _withheld()
        if knowledge == "general" or not _sayable(recalled.text):
            return None
        return Answer(strip_markers(recalled.text), "memory", False)

    def _alone(self, question: Question, clock: _Clock) -> Answer:
        """Without files: from memory, else from the base's general knowledge."""
        told = self.told(self.recall(question, clock)) if self._sureness else None
        if told is None:
            with self._base():
                return self._from_model(question, clock, sure=-math.inf)
        if told.answer:
            self._emit_whole(told.answer, clock)
        return told

    def _base(self) -> AbstractContextManager[None]:
        """Inside, the base answers, where the adapter is one that says what it knows."""
        return self._model.as_base() if self._sureness else nullcontext()

    def _remembered(self, question: Question, clock: _Clock) -> tuple[str, bool]:
        """What the adapter surely knows of it (else empty), and whether it would have to guess."""
        if self._sureness is None:
            return "", False
        recalled = self.recall(question, clock)
        knowledge, text = self._sureness.judge(recalled), strip_markers(recalled.text)
        return text if knowledge == "known" and _sayable(text) else "", knowledge == "guessed"

    def _confirmed(self, query: str, known: str, reply: SearchReply, clock: _Clock) -> Answer:
        """The remembered answer with the passage that says so; withheld if none does."""
        checked = check(query, known, reply.results)
        if not (checked.supported and answers(query, strip_markers(checked.text))):
            return _withheld()
        self._emit(Found(reply.results, reply.searched_files, reply.total_files))
        self._emit_whole(known, clock)
        return _from_checked(checked)

    # -- the two ways ----------------------------------------------------------------------------

    def _from_files(
        self, question: Question, query: str, reply: SearchReply, line: lookup.Line, clock: _Clock
    ) -> Answer:
        """The line that answers, and what the model says; one of them may be missing."""
        # A line that adds nothing of the kind that is asked for is evidence, and no answer.
        answers_it = is_lookup(query) and line.features["kind"] > 0
        quote = quoted(line.passage, *lookup.shown(line)) if answers_it else None
        if quote is None or not self._limits.quotes:
            return self._read(question, query, reply, clock, self._emit_token, quote)
        self._emit(Found((line.passage,), reply.searched_files, reply.total_files))
        self._emit_whole(quote.text, clock)
        if not self._limits.writes:
            return _from_checked(quote)
        # It was answered: what is added is held back until it is known to be supported.
        more = self._read(question, query, reply, clock, None, None)
        whole = beyond(quote, more.sentences, more.citations)
        if added := whole.text.removeprefix(quote.text):
            self._emit_token(added)
        return replace(_from_checked(whole), stopped=more.stopped)

    def _read(
        self,
        question: Question,
        query: str,
        reply: SearchReply,
        clock: _Clock,
        listener: Callable[[str], None] | None,
        quote: Checked | None,
    ) -> Answer:
        """What the model says having read the passages, if they support it, else the quote, if any."""
        built = self._prompt(question, query, reply.results, self._chat)
        if built.shortened:
            self._emit(Notice("turns_shortened"))
        if self._chat is not None:
            self._chat.resume(self._model, built.tokens)
        if listener is not None:
            self._emit(Found(built.passages, reply.searched_files, reply.total_files))
        # The numbers the model saw come first; what it did not see may support it all the same.
        seen = set(map(identity, built.passages))
        unseen = [passage for passage in reply.results if identity(passage) not in seen]
        generation, written = self._write(built.tokens, question.max_tokens, clock, listener)
        stopped = generation.finish == "stopped" or self._cancelled()
        before = time.perf_counter()
        answer = self._judged(query, written, [*built.passages, *unseen], quote, stopped)
        clock.timings = replace(clock.timings, check_ms=(time.perf_counter() - before) * 1000)
        if self._chat is not None:
            self._chat.keep(self._model)
            turn = replace(built.sent, answer=said(written, answer, built.passages, prompts.unknown()))
            self._chat.conversation.add(turn, built.passages, question.message)
        return replace(answer, stopped=stopped)

    def _judged(
        self, query: str, written: str, passages: Sequence[Passage], quote: Checked | None, stopped: bool
    ) -> Answer:
        """What may be said: the model's words if supported, else the quoted line, else nothing."""
        checked = check(query, written, passages)
        if refuses(written) and not stopped:
            return _withheld()
        # Words that the person saw and stopped are kept, marked as unsupported.
        if stopped or (checked.supported and answers(query, strip_markers(checked.text))):
            return _from_checked(checked)
        return _from_checked(quote) if quote is not None else _withheld()

    def _from_model(self, question: Question, clock: _Clock, sure: float) -> Answer:
        """The model's own knowledge; held back until known to be sure enough, unless it need not be."""
        built = self._prompt(question, question.text, ())
        streaming = sure == -math.inf
        limit = question.max_tokens if streaming else min(question.max_tokens, GENERAL_TOKENS)
        listener = self._emit_token if streaming else None
        generation, written = self._write(built.tokens, limit, clock, listener)
        stopped = generation.finish == "stopped" or self._cancelled()
        mean = generation.mean_logprob
        unsure = (-math.inf if mean is None else mean) < sure or bool(
            not streaming and _PARTICULAR.search(written)
        )
        if not stopped and (unsure or not keys(written) or refuses(written)):
            return _withheld()
        if not streaming:
            self._emit_whole(written, clock)
        return Answer(strip_markers(written), "general", False, stopped=stopped)

    # -- steps -----------------------------------------------------------------------------------

    def _prompt(
        self, question: Question, asked: str, passages: Sequence[Passage], chat: OpenChat | None = None
    ) -> prompts.Prompt:
        shown = excerpts(
            asked,
            passages,
            lambda text: len(self._model.tokenize(text)),
            most=self._limits.passages,
            budget=self._limits.passage_tokens,
        )
        return prompts.build(
            self._model,
            asked,
            shown,
            question.history,
            reserve=question.max_tokens + self._limits.thought,
            chat=chat.conversation if chat else None,
        )

    def _write(
        self, tokens: list[int], limit: int, clock: _Clock, listener: Callable[[str], None] | None
    ) -> tuple[Generation, str]:
        generation = self._model.generate(tokens, limit + self._limits.thought, self._report_prompt)
        thoughts = Thoughts(self._model.opens_thought)
        pieces: list[str] = []
        for count, written in enumerate(generation, 1):
            piece = thoughts.feed(written)
            if not piece:
                if thoughts.inside:
                    self._emit(Progress("think", count, limit + self._limits.thought))
                if self._cancelled():
                    break
                continue
            if listener is not None:
                if not pieces:
                    clock.timings = replace(clock.timings, first_token_ms=clock.ms())
                listener(piece)
            pieces.append(piece)
            if self._cancelled():
                break
            # Only a stop or a new line can begin another sentence, which the piece after it shows.
            ended = any(_MAY_END.search(last) for last in pieces[-2:])
            end = self._end_of_enough("".join(pieces)) if ended else None
            if end is not None:
                pieces = ["".join(pieces)[:end]]
                generation.finish = "stop"
                break
        if rest := thoughts.end():
            pieces.append(rest)
        if not pieces:
            self._stop_if_cancelled()
        clock.timings = replace(
            clock.timings,
            prompt_tokens=generation.prompt_tokens,
            cached_tokens=generation.cached_tokens,
            completion_tokens=generation.completion_tokens,
        )
        return generation, "".join(pieces).strip()

    def _end_of_enough(self, text: str) -> int | None:
        """Where to cut once the model goes beyond its sentences, or repeats one; None while it may go on."""
        said: list[str] = []
        for start, end in sentences(text):
            sentence = strip_markers(text[start:end])
            if keys(sentence) and (sentence in said or 0 < self._limits.sentences <= len(said)):
                return start
            if keys(sentence):
                said.append(sentence)
        return None

    def _report_prompt(self, done: int, total: int) -> None:
        # The model forgets a stop that came before it started, hence this second look.
        if self._cancelled():
            self._model.stop()
        self._emit(Progress("prompt", done, total))

    def _emit_token(self, text: str) -> None:
        self._emit(Token(text))

    def _emit_whole(self, text: str, clock: _Clock) -> None:
        """What was held back until now: for the person it begins here."""
        clock.timings = replace(clock.timings, first_token_ms=clock.ms())
        self._emit_token(text)

    def _stop_if_cancelled(self) -> None:
        if self._cancelled():
            raise Cancelled

    def _finish(self, answer: Answer, reply: SearchReply, clock: _Clock) -> Answer:
        clock.timings = replace(clock.timings, total_ms=clock.ms())
        return replace(
            answer,
            searched_files=reply.searched_files,
            total_files=reply.total_files,
            model=self._model.id,
            timings=clock.timings,
        )


def readable(reply: SearchReply) -> SearchReply:
    """What was found, without orders to whoever reads it, and neighbours as one."""
    return replace(reply, results=tuple(merged(without_orders(reply.results))))


def _from_checked(checked: Checked) -> Answer:
    return Answer(checked.text, "files", False, checked.citations, checked.sentences)


def _sayable(text: str) -> bool:
    return bool(keys(text)) and not refuses(text)


def _withheld() -> Answer:
    return Answer("", "none", True)


def _nearest(reply: SearchReply) -> tuple[Nearest, ...]:
    """Files of the name that was asked for, though they could not be read, then those whose text is near."""
    first: dict[str, Passage] = {}
    for passage in reply.results:
        first.setdefault(passage.path, passage)
    named = [Nearest(file.path, None, "", REASONS[file.reason].message) for file in reply.unread]
    read = [Nearest(p.path, p.page, p.heading, p.text[:200]) for p in first.values()]
    return tuple([*named, *read][:NEAREST])
