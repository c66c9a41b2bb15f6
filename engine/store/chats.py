"""Chats: trees of messages, the evidence and votes that hang on answers, and which sources were used."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from engine.contracts import Answer, AnswerSentence, ChatSummary, Citation, Message, Nearest, Timings
from engine.errors import EngineError
from engine.store.database import Database, Row, storable
from engine.store.tables import Tables, now
from engine.wire import from_json, to_json

KEPT_DAYS = 30
_SUMMARY = "SELECT id, title, created, updated, messages FROM chats"
_MESSAGE = """
SELECT m.seq, m.id, m.chat, m.parent, m.role, m.text, m.created, m.source, m.model, m.adapter, m.stopped,
       m.details, v.vote
FROM messages AS m LEFT JOIN votes AS v ON v.message = m.id
"""
# In the order of the fields of the contracts `Citation` and `Nearest`.
_CITATION = 'n, path, page, quote, start, "end", verified, heading, sha256, reader'
_NEAREST = "path, page, heading, text"
# The parts of an answer that nothing searches by; the rest has columns or tables of its own.
_DETAILS = ("sentences", "searched_files", "total_files", "timings", "note")


class Chats(Tables):
    """Tables `chats`, `messages`, `citations`, `nearest`, `votes` and `events`."""

    # -- chats -----------------------------------------------------------------------------------

    def create_chat(self, title: str = "") -> ChatSummary:
        """A new empty chat."""
        moment = now()
        summary = ChatSummary(_ulid(), storable(title), created=moment, updated=moment, messages=0)
        with self._writing() as database:
            database.execute(
                "INSERT INTO chats (id, title, created, updated) VALUES (?, ?, ?, ?)",
                (summary.id, summary.title, moment, moment),
            )
        return summary

    def chats(self, limit: int = 500) -> list[ChatSummary]:
        """Last used first, deleted ones left out."""
        rows = self._database.execute(
            f"{_SUMMARY} WHERE deleted IS NULL ORDER BY updated DESC, seq DESC LIMIT ?", (limit,)
        )
        return [ChatSummary(*row) for row in rows]

    def chat(self, chat: str) -> ChatSummary:
        """One chat that is not deleted. Raises EngineError(chat_missing)."""
        row = self._database.one(f"{_SUMMARY} WHERE id = ? AND deleted IS NULL", (chat,))
        if row is None:
            raise EngineError("chat_missing", chat=chat)
        return ChatSummary(*row)

    def count_chats(self) -> int:
        row = self._database.one("SELECT count(*) FROM chats WHERE deleted IS NULL")
        return int(row[0]) if row else 0

    def rename(self, chat: str, title: str) -> None:
        """Raises EngineError(chat_missing)."""
        self._change(chat, "UPDATE chats SET title = ? WHERE id = ? AND deleted IS NULL", storable(title))

    def delete(self, chat: str) -> None:
        """Hide a chat; `restore` brings it back for 30 days, then it is gone. Raises chat_missing."""
        self._change(chat, "UPDATE chats SET deleted = ? WHERE id = ? AND deleted IS NULL", now())

    def restore(self, chat: str) -> None:
        """Undo `delete`. Raises EngineError(chat_missing)."""
        self._change(chat, "UPDATE chats SET deleted = ? WHERE id = ?", None)

    def purge(self, moment: datetime | None = None) -> int:
        """Remove chats deleted more than 30 days ago from the file itself; how many."""
        limit = (moment or datetime.now(UTC)) - timedelta(days=KEPT_DAYS)
        with self._writing() as database:
            database.execute(
                "DELETE FROM chats WHERE deleted < ?", (limit.isoformat(timespec="milliseconds"),)
            )
            purged = database.changes
        if purged:
            self._database.checkpoint()
        return purged

    # -- messages --------------------------------------------------------------------------------

    def add_message(
        self, chat: str, text: str, *, role: Literal["user", "assistant"] = "user", parent: str | None = None
    ) -> Message:
        """Append a message. Raises EngineError(chat_missing | message_missing)."""
        message = Message(id=_ulid(), chat=chat, parent=parent, role=role, text=storable(text), created=now())
        with self._writing() as database:
            self._insert(database, message)
        return message

    def add_answer(self, chat: str, parent: str | None, answer: Answer) -> Message:
        """Store an answer with its evidence; each file it cites counts as asked about.

        The message's answer is `answer` with `chat`, `message` and `stored` set.
        Raises EngineError(chat_missing | message_missing).
        """
        key = _ulid()
        answer = replace(answer, answer=storable(answer.answer), chat=chat, message=key, stored=True)
        message = Message(key, chat, parent, "assistant", answer.answer, now(), answer)
        with self._writing() as database:
            self._insert(database, message)
            database.many(
                "INSERT INTO citations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        key,
                        i,
                        c.n,
                        c.path,
                        c.sha256,
                        c.reader,
                        c.page,
                        c.heading,
                        c.start,
                        c.end,
                        c.quote,
                        int(c.verified),
                    )
                    for i, c in enumerate(answer.citations)
                ],
            )
            database.many(
                "INSERT INTO nearest VALUES (?, ?, ?, ?, ?, ?)",
                [(key, i, n.path, n.page, n.heading, n.text) for i, n in enumerate(answer.nearest)],
            )
            for path in dict.fromkeys(citation.path for citation in answer.citations):
                self._record(database, "asked_about", key, path)
        return message

    def cited(self) -> list[tuple[str, str]]:
        """Path and content hash of every file that an answer cites."""
        return [
            (row[0], row[1]) for row in self._database.execute("SELECT DISTINCT path, sha256 FROM citations")
        ]

    def opened(self, messages: Sequence[str]) -> dict[str, list[str]]:
        """The files that were opened from each of these answers, the last one first."""
        found: dict[str, list[str]] = {}
        for message, path in self._database.execute(
            "SELECT message, path FROM events WHERE kind IN ('opened_citation', 'opened_file')"
            " AND message IN (SELECT value FROM json_each(?)) ORDER BY seq DESC",
            (json.dumps(list(messages)),),
        ):
            found.setdefault(message, []).append(path)
        return found

    def messages(self, chat: str, limit: int = 50, before: str | None = None) -> list[Message]:
        """The newest `limit` messages of a chat (older than message `before`), oldest first.

        Costs what `limit` messages cost, whatever the length of the chat. Raises EngineError(chat_missing).
        """
        with self._database.snapshot():
            self.chat(chat)
            older = "AND m.seq < (SELECT seq FROM messages WHERE id = :before)" if before else ""
            rows = self._database.execute(
                f"{_MESSAGE} WHERE m.chat = :chat {older} ORDER BY m.seq DESC LIMIT :limit",
                {"chat": chat, "before": before, "limit": limit},
            )
            return self._messages(rows[::-1])

    def message(self, message: str) -> Message:
        """One message. Raises EngineError(message_missing)."""
        with self._database.snapshot():
            rows = self._database.execute(f"{_MESSAGE} WHERE m.id = ?", (message,))
            if not rows:
                raise EngineError("message_missing", message=message)
            return self._messages(rows)[0]

    # -- what the person did ---------------------------------------------------------------------

    def vote(self, message: str, vote: Literal["up", "down"] | None, better: str = "") -> None:
        """Set, change or (None) take back the vote on an answer. Raises EngineError(message_missing)."""
        with self._writing() as database:
            if database.one("SELECT 1 FROM messages WHERE id = ? AND role = 'assistant'", (message,)) is None:
                raise EngineError("message_missing", message=message)
            if vote is None:
                database.execute("DELETE FROM votes WHERE message = ?", (message,))
            else:
                database.execute(
                    "INSERT INTO votes VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                    "vote = excluded.vote, better = excluded.better, time = excluded.time",
                    (message, vote, storable(better), now()),
                )
            self._record(database, "vote", message, None)

    def record(
        self,
        kind: Literal["opened_citation", "opened_file", "asked_about"],
        message: str | None,
        path: str | None,
    ) -> None:
        """Remember that a source was used, now. Raises EngineError(message_missing)."""
        with self._writing() as database:
            if message is not None:
                self._expect(database, message)
            self._record(database, kind, message, path)

    # -- inside ----------------------------------------------------------------------------------

    def _insert(self, database: Database, message: Message) -> None:
        self.chat(message.chat)
        if message.parent is not None:
            self._expect(database, message.parent, message.chat)
        answer = message.answer
        details = to_json(answer) if answer else {}
        database.execute(
            "INSERT INTO messages (id, chat, parent, role, text, created, source, model, adapter, stopped,"
            " details) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (message.id, message.chat, message.parent, message.role, message.text, message.created,
             answer and answer.source, answer and answer.model, answer and answer.adapter,
             int(bool(answer and answer.stopped)),
             json.dumps({name: details[name] for name in _DETAILS}, ensure_ascii=False) if answer else None),
        )  # fmt: skip
        database.execute(
            "UPDATE chats SET updated = ?, messages = messages + 1 WHERE id = ?",
            (message.created, message.chat),
        )

    def _messages(self, rows: Sequence[Row]) -> list[Message]:
        answers = [row[1] for row in rows if row[7] is not None]
        citations = self._attached("citations", _CITATION, answers)
        nearest = self._attached("nearest", _NEAREST, answers)
        return [_message(row, citations.get(row[1], ()), nearest.get(row[1], ())) for row in rows]

    def _attached(self, table: str, columns: str, answers: list[str]) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = {}
        rows = self._database.execute(
            f"SELECT message, {columns} FROM {table}"
            " WHERE message IN (SELECT value FROM json_each(?)) ORDER BY message, ordinal",
            (json.dumps(answers),),
        )
        for message, *values in rows:
            found.setdefault(message, []).append(tuple(values))
        return found

    def _change(self, chat: str, sql: str, value: str | None) -> None:
        with self._writing() as database:
            database.execute(sql, (value, chat))
            if not database.changes:
                raise EngineError("chat_missing", chat=chat)

    @staticmethod
    def _expect(database: Database, message: str, chat: str | None = None) -> None:
        row = database.one("SELECT chat FROM messages WHERE id = ?", (message,))
        if row is None or (chat is not None and row[0] != chat):
            raise EngineError("message_missing", message=message)

    @staticmethod
    def _record(database: Database, kind: str, message: str | None, path: str | None) -> None:
        database.execute(
            "INSERT INTO events (kind, message, path, time) VALUES (?, ?, ?, ?)", (kind, message, path, now())
        )


def _message(row: Row, citations: Sequence[Row], nearest: Sequence[Row]) -> Message:
    _, key, chat, parent, role, text, created, source, model, adapter, stopped, details, vote = row
    answer = None
    if source is not None:
        more = json.loads(details)
        answer = Answer(
            answer=text,
            source=source,
            abstained=source == "none",
            citations=tuple(_citation(*c) for c in citations),
            sentences=tuple(from_json(AnswerSentence, item) for item in more["sentences"]),
            nearest=tuple(Nearest(*item) for item in nearest),
            searched_files=more["searched_files"],
            total_files=more["total_files"],
            chat=chat,
            message=key,
            model=model,
            adapter=adapter,
            timings=from_json(Timings, more["timings"]),
            stopped=bool(stopped),
            stored=True,
            note=more["note"],
        )
    return Message(key, chat, parent, role, text, created, answer, vote)


def _citation(
    n: int, path: str, page: int | None, quote: str, start: int, end: int, verified: int, *more: str
) -> Citation:
    return Citation(n, path, page, quote, start, end, bool(verified), *more)


def _ulid() -> str:
    from ulid import ULID

    return str(ULID())
