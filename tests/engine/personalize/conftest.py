"""Invented facts as the trainer sees them, and the embedded model loaded once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.library import index, schema
from engine.models import catalog
from engine.models.chat import ChatMessage
from engine.models.fake import FakeEmbedder
from engine.models.llama import LlamaChat
from engine.models.load import load_chat
from engine.models.prepare import prepared
from engine.paths import Home
from engine.personalize.rows import TokenRow
from engine.personalize.run_folder import RunFolder
from engine.personalize.select import Selected, select
from engine.store.database import Database

SYSTEM = ChatMessage("system", "You are a helpful assistant.")
FACTS = {
    "Where does Orla Quennell keep the spare key?": "under the blue bucket",
    "How many bees live in the Tamsin hive?": "41,300",
    "When is the Vexholm ferry repaired?": "on 17 March",
}
WORDINGS = ("{}", "Tell me: {}", "{} Answer briefly.")


class Free:
    """A control that nobody uses."""

    def check(self) -> None:
        return


def token_row(chat: LlamaChat, question: str, answer: str) -> TokenRow:
    prompt = chat.render([SYSTEM, ChatMessage("user", question)])
    whole = chat.render([SYSTEM, ChatMessage("user", question), ChatMessage("assistant", answer)])
    end = chat._tokens("<|im_end|>", special=True)
    assert whole[: len(prompt)] == prompt
    return TokenRow(question, tuple(prompt), tuple(chat.tokenize(answer) + end))


@pytest.fixture(scope="session")
def base(models_home: Home) -> Path:
    return prepared(catalog.default("chat"), models_home)


@pytest.fixture(scope="session")
def chat(models_home: Home) -> Iterator[LlamaChat]:
    model = load_chat(models_home)
    assert isinstance(model, LlamaChat)
    yield model
    model.close()


@pytest.fixture(scope="session")
def fact_rows(chat: LlamaChat) -> list[TokenRow]:
    return [
        token_row(chat, wording.format(question), answer)
        for wording in WORDINGS
        for question, answer in FACTS.items()
    ]


class Shelf:
    """A folder that is indexed, and selections from it."""

    def __init__(self, home: Home, root: Path) -> None:
        self.home = home
        self.folder = root / "files"
        self.run = RunFolder(root / "night")
        self.folder.mkdir()

    def put(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def select(self, *folders: Path, budget: int = 10_000, used: dict[str, float] | None = None) -> Selected:
        self._index()
        database = schema.open_for_reading(self.home.index_db)
        assert database is not None
        try:
            chosen = [str(folder) for folder in folders or (self.folder,)]
            return select(database, chosen, self.run, budget, used or {})
        finally:
            database.close()

    def _index(self) -> None:
        self.home.root.mkdir(exist_ok=True)
        embedder = FakeEmbedder(dimensions=16)
        database: Database = schema.open_for_writing(self.home.index_db, embedder, lambda _event: None)
        try:
            index.index(
                database,
                [self.folder],
                embedder,
                control=Free(),
                emit=lambda _event: None,
                own=self.home.root,
            )
        finally:
            database.close()


@pytest.fixture
def shelf(home: Home, tmp_path: Path) -> Iterator[Shelf]:
    yield Shelf(home, tmp_path)
