"""The two arms of `bench answers`: `ask` as a person gets it, and what everybody would build first.

The plain arm pastes the four best passages of the same search whole into the same form of question, and takes
what the same model writes, greedily: nothing is judged before and nothing checked after.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from engine.answer import prompt as prompts
from engine.answer.citations import MARKER
from engine.answer.excerpts import Excerpt
from engine.answer.refusal import refuses
from engine.api import Engine
from engine.bench.short_answers import Cited, Given
from engine.contracts import Passage, Turn
from engine.models.chat import ChatMessage, ChatModel
from engine.personalize.evaluate import Probe

PASTED = 4  # passages
WRITTEN = 64  # tokens


def both(
    engine: Engine, model: ChatModel, probes: Sequence[Probe], tell: Callable[[str], None]
) -> tuple[list[Given], list[Given]]:
    """Every question to both arms: ours, plain. `model` is the one that `engine` answers with."""
    first: list[Given] = []
    second: list[Given] = []
    for number, probe in enumerate(probes, 1):
        first.append(ours(engine, probe))
        second.append(plain(engine, model, probe))
        tell(f"{number}/{len(probes)} {probe.question}")
    return first, second


def ours(engine: Engine, probe: Probe) -> Given:
    answer = engine.ask(probe.question).result()
    cited = tuple(Cited(one.path, one.quote) for one in answer.citations)
    return Given(probe, answer.answer, answer.abstained, cited)


def plain(engine: Engine, model: ChatModel, probe: Probe) -> Given:
    passages = engine.search(probe.question, PASTED).result().results
    tokens, shown = pasted(model, probe.question, passages)
    written = "".join(model.generate(tokens, WRITTEN)).strip()
    cited = tuple(Cited(shown[n].path, shown[n].text) for n in _marked(written, len(shown)))
    return Given(probe, written, refuses(written), cited)


def pasted(
    model: ChatModel, question: str, passages: Sequence[Passage], history: Sequence[Turn] = ()
) -> tuple[list[int], Sequence[Passage]]:
    """The plain prompt, and the passages in it: all of them, whole, unless the context is too small.

    Of the chat before it the last question and its answer are kept, the way they were.
    """
    head = prompts.messages("", with_files=True)[:-1]
    head += [ChatMessage(turn.role, turn.text) for turn in history[-2:]]
    for count in range(len(passages), -1, -1):
        shown = passages[:count]
        user = prompts.asked(question, [Excerpt(passage, passage.text) for passage in shown])
        tokens = model.render([*head, ChatMessage("user", user)])
        if len(tokens) + WRITTEN <= model.context:
            break
    return tokens, shown


def _marked(written: str, count: int) -> Iterator[int]:
    """Indexes from 0 of the passages that the text's markers name, each once."""
    numbers = (int(n) for marker in MARKER.finditer(written) for n in re.findall(r"\d+", marker.group(1)))
    return (n - 1 for n in dict.fromkeys(numbers) if 1 <= n <= count)
