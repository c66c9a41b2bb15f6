"""The answer worker: search and answers over one home, models loaded when first needed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.answer import follow_up
from engine.answer.memory import Sureness
from engine.answer.pipeline import Answerer, Limits, Question
from engine.answer.states import OpenChat, States
from engine.contracts import Answer, SearchReply, Turn
from engine.errors import EngineError
from engine.models import catalog
from engine.models.chat import ChatModel
from engine.models.embedder import Embedder
from engine.models.load import find_embedder, load_chat, load_embedder
from engine.notices import NOTICES
from engine.paths import Home
from engine.wire import from_json, to_json
from engine.workers.main import Work

SEARCHED = 8  # passages found for a question
SECTION = 4800  # code points of a section, about 1,200 tokens


class AnswerRole:
    """Verbs: warm, search, ask, probe."""

    background = False

    def __init__(self, home: Home) -> None:
        self._home = home
        self._work: Work | None = None
        self._loaded: ChatModel | None = None
        self._embedder: Embedder | None = None
        self._embedder_for = ""  # the `id` that was asked for when it was chosen
        self._adapter: Path | None = None
        self._told: str | None = None  # the night of which was said that its adapter cannot be used

    def run(self, verb: str, params: dict[str, Any], work: Work) -> Any:
        self._work = work
        if verb == "warm":
            self._search("", 1, None)
            for _piece in self._chat.generate(self._chat.tokenize("Hello"), 1):
                pass
            return None
        if verb == "search":
            return to_json(self._search(**params))
        if verb == "ask":
            return self._ask(params, work)
        if verb == "probe":
            return self._probe()
        raise ValueError(verb)

    def stop(self) -> None:
        if self._loaded is not None:
            self._loaded.stop()

    def _embedder_of(self, index: str) -> Embedder:
        """The embedder `index` names; today's, where none is named or that one cannot be had any more."""
        if self._embedder is None or self._embedder_for != index:
            found = find_embedder(self._home, index) if index else None
            self._embedder = found or load_embedder(self._home, self._emit_notice)
            self._embedder_for = index
        return self._embedder

    def _serving(self) -> Embedder:
        """The embedder of the index that serves."""
        from engine.library import schema

        database = schema.open_for_search(self._home.index_db)
        if database is None:
            return self._embedder_of("")
        try:
            return self._embedder_of(schema.embedder_id(database))
        finally:
            database.close()

    @property
    def _chat(self) -> ChatModel:
        if self._loaded is None:
            self._loaded = load_chat(self._home, self._emit_notice)
        return self._loaded

    def _emit_notice(self, notice: Any) -> None:
        if self._work is not None:
            self._work.emit(notice)

    def _search(
        self,
        query: str,
        k: int,
        folder: str | None,
        kind: str | None = None,
        since: float | None = None,
        sections: bool = False,
    ) -> SearchReply:
        from engine.library import schema, search

        database = schema.open_for_search(self._home.index_db)
        if database is None:
            self._embedder_of("")
            return SearchReply((), 0, 0, 0.0)
        try:
            return search.search(
                database,
                self._embedder_of(schema.embedder_id(database)),
                query,
                k,
                Path(folder) if folder else None,
                kind=kind,
                since=datetime.fromtimestamp(since, UTC) if since is not None else None,
                section=SECTION if sections else 0,
            )
        finally:
            database.close()

    def _ask(self, params: dict[str, Any], work: Work) -> Any:
        question = Question(
            params["question"],
            tuple(from_json(Turn, turn) for turn in params["history"]),
            params["files"],
            params["max_tokens"],
            params["message"],
        )
        card = catalog.default("chat")
        model, adapter, note = self._with_adapter(params["adapter"])
        chat = self._opened(params["chat"])
        answerer = Answerer(
            model,
            self._serving() if question.files else None,
            lambda query: self._search(query, SEARCHED, params["folder"]),
            work.emit,
            lambda: work.cancelled,
            Limits.of(card),
            _sureness(params["adapter"]) if adapter else None,
            chat,
            lambda path, query: self._search(query, follow_up.SHARE, path),
            lambda question: self._whole(question.text, params, model, work),
        )
        answer = answerer.answer(question)
        chat.save()
        if not self._is_unchanged(chat):
            chat.forget()
        return to_json(replace(answer, adapter=adapter, note=note))

    def _opened(self, chat: str) -> OpenChat:
        """What was sent in this chat; anew if a file that it quotes was changed, or is gone."""
        if not chat:
            return OpenChat()
        opened = States(self._home.states).open(chat)
        if not self._is_unchanged(opened):
            opened.forget()
        return opened

    def _is_unchanged(self, chat: OpenChat) -> bool:
        from engine.library import ledger, schema

        if not chat.files():
            return True
        database = schema.open_for_search(self._home.index_db)
        if database is None:
            return False
        try:
            return ledger.unchanged(database, chat.files())
        finally:
            database.close()

    def _whole(self, question: str, params: dict[str, Any], model: ChatModel, work: Work) -> Answer | None:
        from engine.answer import whole
        from engine.answer.summary import Summariser
        from engine.library import schema

        card = catalog.default("chat")

        def summariser() -> Summariser:
            return Summariser(
                model,
                work.emit,
                lambda: work.cancelled,
                step_tokens=card.passage_tokens,
                writes=not card.toy,
                thought=card.thought,
            )

        database = schema.open_for_search(self._home.index_db)
        if database is None:
            return None
        try:
            asked = whole.Asked(question, params["folder"], params.get("document"))
            return whole.answer(database, asked, summariser)
        finally:
            database.close()

    def _with_adapter(self, wanted: dict[str, Any] | None) -> tuple[ChatModel, str | None, str]:
        """The chat model with this adapter on, the night that is, and, once, why it is not the one wanted.

        An adapter that is on and cannot be used must not keep a question from its answer; one that was
        chosen for the question must.
        """
        try:
            self._put_on(Path(wanted["path"]) if wanted else None)
        except EngineError as error:
            if wanted is None or wanted["chosen"]:
                raise
            self._put_on(None)
            told, self._told = self._told, wanted["night"]
            note = NOTICES["without_adapter"].format(problem=error.message, hint=error.hint)
            return self._chat, None, note if told != wanted["night"] else ""
        self._told = None
        return self._chat, wanted["night"] if wanted else None, ""

    def _put_on(self, path: Path | None) -> None:
        """Swapped in place: nothing is loaded again."""
        if path != self._adapter:
            self._chat.use_adapter(path)
            self._adapter = path

    def _probe(self) -> dict[str, str]:
        """What `doctor` asks of this process: do the native libraries and models work here?"""
        from engine.library import vectors

        self._chat.tokenize("Hello")
        return {"chat": self._chat.id, "embedder": self._embedder_of("").id, "sqlite_vec": vectors.version()}


def _sureness(adapter: dict[str, Any]) -> Sureness | None:
    found = adapter["sureness"]
    return from_json(Sureness, found) if found else None
