"""The answer worker: search and answers over one home, models loaded when first needed."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from engine.answer.memory import Sureness
from engine.answer.pipeline import Answerer, Limits, Question
from engine.contracts import SearchReply, Turn, from_json, to_json
from engine.models import catalog
from engine.models.chat import ChatModel
from engine.models.embedder import Embedder
from engine.models.load import load_chat, load_embedder
from engine.paths import Home
from engine.workers.main import Work

SEARCHED = 8  # passages found for a question


class AnswerRole:
    """Verbs: warm, search, ask, probe."""

    background = False

    def __init__(self, home: Home) -> None:
        self._home = home
        self._work: Work | None = None
        self._loaded: ChatModel | None = None
        self._adapter: Path | None = None

    def run(self, verb: str, params: dict[str, Any], work: Work) -> Any:
        self._work = work
        if verb == "warm":
            self._search("", 1, None)
            for _piece in self._chat.generate(self._chat.tokenize("Hello"), 1):
                pass
            return None
        if verb == "search":
            return to_json(self._search(params["query"], params["k"], params["folder"]))
        if verb == "ask":
            return self._ask(params, work)
        if verb == "probe":
            return self._probe()
        raise ValueError(verb)

    def stop(self) -> None:
        if self._loaded is not None:
            self._loaded.stop()

    @cached_property
    def _embedder(self) -> Embedder:
        return load_embedder(self._home, self._emit_notice)

    @property
    def _chat(self) -> ChatModel:
        if self._loaded is None:
            self._loaded = load_chat(self._home, self._emit_notice)
        return self._loaded

    def _emit_notice(self, notice: Any) -> None:
        if self._work is not None:
            self._work.emit(notice)

    def _search(self, query: str, k: int, folder: str | None) -> SearchReply:
        from engine.library import schema, search

        database = schema.open_for_search(self._home.index_db, self._embedder)
        if database is None:
            return SearchReply((), 0, 0, 0.0)
        try:
            return search.search(database, self._embedder, query, k, Path(folder) if folder else None)
        finally:
            database.close()

    def _ask(self, params: dict[str, Any], work: Work) -> Any:
        question = Question(
            params["question"],
            tuple(from_json(Turn, turn) for turn in params["history"]),
            params["files"],
            params["max_tokens"],
        )
        card = catalog.default("chat")
        chat = self._with_adapter(params["adapter"])
        answerer = Answerer(
            chat,
            lambda query: self._search(query, SEARCHED, params["folder"]),
            work.emit,
            lambda: work.cancelled,
            Limits.of(card),
            _sureness(params["adapter"]),
        )
        answer = answerer.answer(question)
        return to_json(replace(answer, adapter=params["adapter"]["night"] if params["adapter"] else None))

    def _with_adapter(self, adapter: dict[str, Any] | None) -> ChatModel:
        """The chat model with this adapter on, or with none; swapped in place, nothing is loaded again."""
        wanted = Path(adapter["path"]) if adapter else None
        if wanted != self._adapter:
            self._chat.use_adapter(wanted)
            self._adapter = wanted
        return self._chat

    def _probe(self) -> dict[str, str]:
        """What `doctor` asks of this process: do the native libraries and models work here?"""
        from engine.library import vectors

        self._chat.tokenize("Hello")
        return {"chat": self._chat.id, "embedder": self._embedder.id, "sqlite_vec": vectors.version()}


def _sureness(adapter: dict[str, Any] | None) -> Sureness | None:
    found = adapter["sureness"] if adapter else None
    return from_json(Sureness, found) if found else None
