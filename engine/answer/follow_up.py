"""Questions about what was said before: the document under discussion stays in play, and where rules do not
tell what is meant, the model puts the question so that it stands by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from engine.answer import prompt as prompts
from engine.answer.terms import keys
from engine.contracts import Passage, SearchReply, Turn
from engine.models.chat import ChatModel

Search = Callable[[str], SearchReply]
SearchIn = Callable[[str, str], SearchReply]  # in this file, for this query

DISCUSSED = 2  # files, those of the last answer or opened since
SHARE = 2  # passages that each of them is sure of among those found
TURNS = 4  # messages that a question is rewritten with
TOKENS = 48


def with_discussed(search: Search, search_in: SearchIn | None, history: Sequence[Turn]) -> Search:
    """`search` in which the files under discussion have a share, in the place of what was found last."""
    discussed = next((turn.paths for turn in reversed(history) if turn.paths), ())[:DISCUSSED]
    if search_in is None or not discussed:
        return search

    def searched(query: str) -> SearchReply:
        reply = search(query)
        theirs = [passage for path in discussed for passage in search_in(path, query).results[:SHARE]]
        found = [p for p in reply.results if not any(_same(p, other) for other in theirs)]
        # Most of what it found stays, also where it found few.
        others = found[: max(len(reply.results) - len(theirs), len(found) // 2 + 1)]
        ordered = sorted([*others, *theirs], key=lambda passage: -passage.score)
        ranked = tuple(replace(passage, rank=rank) for rank, passage in enumerate(ordered, 1))
        return replace(reply, results=ranked)

    return searched


def rewritten(model: ChatModel, question: str, history: Sequence[Turn]) -> str:
    """The question in words that stand by themselves; empty where the model does not keep to what was said.

    It must be a question, keep every word of the one asked, and add only words of the chat. A stop gives an
    empty text.
    """
    said = [turn for turn in history if turn.text][-TURNS:]
    generation = model.generate(model.render(prompts.rewriting(question, said)), TOKENS)
    text = " ".join("".join(generation).split())
    known = keys(question).union(*(keys(turn.text) for turn in said))
    asked, written = keys(question), keys(text)
    is_kept = text.endswith("?") and asked < written <= known
    return text if generation.finish == "stop" and is_kept else ""


def _same(one: Passage, other: Passage) -> bool:
    return (one.path, one.start, one.end) == (other.path, other.start, other.end)
