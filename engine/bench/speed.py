"""`nocturne bench speed`: what everything around the models costs, each figure beside its plain arm.

Arms alternate within one run, because a shared machine drifts; ratios of medians are reported. The library
and the home it needs are made under HOME/bench/speed, never in the user's own.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.answer import prompt
from engine.answer.excerpts import excerpts
from engine.api import Engine
from engine.bench import corpus, report, window
from engine.bench.bare import BareLlama
from engine.bench.memory import peak_bytes
from engine.bench.report import Row, at_least, at_most
from engine.contracts import Answer, Event, Found, Passage, Progress, Token
from engine.errors import Cancelled
from engine.library import schema
from engine.models import catalog, prepare
from engine.models.llama import LlamaChat
from engine.models.load import load_embedder
from engine.paths import Home, find_home
from engine.workers.answer_role import SEARCHED

FILES = 60
QUESTIONS = 8
WRITTEN = 160  # tokens of the long answers whose speed is compared
ANSWER_TOKENS = 32
LONG_REQUESTS = (
    "Write a long story about a lighthouse keeper and her dog.",
    "Describe in detail how bread is baked, step by step.",
    "Explain at length why the sky is blue and sunsets are red.",
)


def run(chosen_home: str | None, as_json: bool) -> int:
    """Measure, print the table, return 0: a goal that is missed is a result, not an error."""
    home = Home(find_home(chosen_home).bench / "speed")
    shutil.rmtree(home.root, ignore_errors=True)
    folder = home.root.with_name("speed-files")
    shutil.rmtree(folder, ignore_errors=True)
    corpus.write(folder, FILES)
    rows: list[Row] = []
    with Engine(home.root, write=True, program="nocturne bench") as engine:
        engine.warm().result()
        rows += _embedding(engine, home, folder)
        model = LlamaChat(
            prepare.prepared(catalog.default("chat"), home),
            id="bench",
            context=catalog.default("chat").context,
        )
        bare = BareLlama(prepare.prepared(catalog.default("chat"), home), model.context)
        rows += _writing(engine, model, bare)
        rows += _first_token(engine, model, bare)
        rows += _stopping(engine)
        rows += _beside_background(engine, folder)
        rows += _searching(engine)
        rows += _memory(engine)
    rows += _help()
    rows += window.start(home)
    report.show("speed", rows, as_json)
    return 0


# ---- one question, seen from outside -----------------------------------------------------------


@dataclass
class _Timed:
    """What a listener of one `ask` saw, in seconds since the call."""

    started: float = field(default_factory=time.perf_counter)
    tokens: list[float] = field(default_factory=list)
    passages: Sequence[Passage] = ()
    answer: Answer | None = None

    def hear(self, event: Event) -> None:
        if isinstance(event, Token):
            self.tokens.append(time.perf_counter() - self.started)
        elif isinstance(event, Found):
            self.passages = event.passages

    @property
    def tokens_per_second(self) -> float:
        return (len(self.tokens) - 1) / (self.tokens[-1] - self.tokens[0])


def _ask(engine: Engine, question: str, *, files: bool, max_tokens: int) -> _Timed:
    timed = _Timed()
    job = engine.ask(question, files=files, max_tokens=max_tokens)
    job.subscribe(timed.hear)
    timed.answer = job.result()
    return timed


def _questions(seed: int) -> Iterator[str]:
    dice = random.Random(seed)
    while True:
        yield corpus.question(dice)


def _answered(engine: Engine, seed: int, count: int) -> Iterator[_Timed]:
    """Questions of which at least two tokens were streamed, until there are `count`."""
    for question in _questions(seed):
        timed = _ask(engine, question, files=True, max_tokens=ANSWER_TOKENS)
        if len(timed.tokens) >= 2 and timed.passages:
            yield timed
            count -= 1
        if count == 0:
            return


# ---- the rows ----------------------------------------------------------------------------------


def _embedding(engine: Engine, home: Home, folder: Path) -> list[Row]:
    """Passages a second of the meaning phase of `index`, against the bare embedder on the same texts."""
    seen: list[tuple[float, Progress]] = []
    job = engine.index([folder])
    job.subscribe(lambda e: seen.append((time.perf_counter(), e)) if isinstance(e, Progress) else None)
    job.result()
    meaning = [(at, progress.done) for at, progress in seen if progress.phase == "meaning"]
    (first, before), (last, after) = meaning[0], meaning[-1]
    ours = (after - before) / (last - first)
    texts = _embedded_texts(home)
    embedder = load_embedder(home)
    embedder.embed(texts[:64])
    started = time.perf_counter()
    embedder.embed(texts)
    plain = len(texts) / (time.perf_counter() - started)
    return at_least("embedding while indexing", ours, plain, "passages/s", 0.85)


def _embedded_texts(home: Home) -> list[str]:
    database = schema.open_for_reading(home.index_db)
    assert database is not None
    rows = database.execute(
        'SELECT p.header, substr(t.text, p.start + 1, p."end" - p.start)'
        " FROM passages p JOIN texts t USING (document) ORDER BY p.id"
    )
    database.close()
    return [f"{header}\n{text}" for header, text in rows]


def _writing(engine: Engine, model: LlamaChat, bare: BareLlama) -> list[Row]:
    """Pairs of runs, the arm that goes first changing; a first run of each warms up."""
    ours: list[float] = []
    plain: list[float] = []
    for number, request in enumerate(LONG_REQUESTS * 3):
        built = prompt.build(model, request, (), reserve=WRITTEN)

        def ask(request: str = request) -> None:
            timed = _ask(engine, request, files=False, max_tokens=WRITTEN)
            ours.append(timed.tokens_per_second)

        def write(tokens: list[int] = built.tokens) -> None:
            plain.append(bare.tokens_per_second(tokens, WRITTEN))

        for arm in (ask, write) if number % 2 else (write, ask):
            arm()
    ratio = statistics.median(a / b for a, b in zip(ours[1:], plain[1:], strict=True))
    written = Row("writing an answer", statistics.median(ours), "tokens/s", plain=statistics.median(plain))
    return [written, Row("writing an answer, ratio to plain", ratio, "x", "at least 0.95", ratio >= 0.95)]


def _first_token(engine: Engine, model: LlamaChat, bare: BareLlama) -> list[Row]:
    """From the call of `ask` to its first token, less the bare evaluation of the same tokens."""
    extra, whole = [], []
    for timed in _answered(engine, 2, QUESTIONS):
        assert timed.answer is not None
        built = _same_prompt(engine, model, timed)
        whole.append(timed.tokens[0] * 1000)
        extra.append(whole[-1] - bare.first_token_ms(built, timed.answer.timings.cached_tokens))
    return [
        Row("first token after", statistics.median(whole), "ms"),
        at_most("first token, more than bare", statistics.median(extra), "ms", 60, (min(extra), max(extra))),
    ]


def _same_prompt(engine: Engine, model: LlamaChat, timed: _Timed) -> list[int]:
    """The tokens the worker read, built again here; their number is checked against its report."""
    assert timed.answer is not None
    question = engine.messages(timed.answer.chat)[0].text
    card = catalog.default("chat")
    shown = excerpts(
        question,
        engine.search(question, SEARCHED).result().results,
        lambda text: len(model.tokenize(text)),
        most=card.passages,
        budget=card.passage_tokens,
    )
    built = prompt.build(model, question, shown, reserve=ANSWER_TOKENS)
    assert len(built.tokens) == timed.answer.timings.prompt_tokens
    return built.tokens


def _stopping(engine: Engine) -> list[Row]:
    """From `cancel` to the end of the job: while it writes, and while it reads its prompt."""

    def stop_at(kind: type[Event], request: str, files: bool) -> float:
        job = engine.ask(request, files=files, max_tokens=512)
        for event in job.events():
            if isinstance(event, kind) and (not isinstance(event, Progress) or event.phase == "prompt"):
                break
        started = time.perf_counter()
        job.cancel()
        with contextlib.suppress(Cancelled):
            job.result()
        return (time.perf_counter() - started) * 1000

    writing = [stop_at(Token, request, False) for request in LONG_REQUESTS]
    reading = [
        stop_at(Progress, question, True) for question, _n in zip(_questions(5), range(4), strict=False)
    ]
    return [
        at_most("stop while writing, worst", max(writing), "ms", 300),
        at_most("stop while reading the prompt, worst", max(reading), "ms", 300),
    ]


def _beside_background(engine: Engine, folder: Path) -> list[Row]:
    """Reading and writing speed of answers while the index worker embeds, against alone."""
    alone = [_speeds(timed) for timed in _answered(engine, 3, QUESTIONS)]
    more = folder.with_name("speed-more")
    shutil.rmtree(more, ignore_errors=True)
    corpus.write(more, FILES * 6, seed=9)
    job = engine.index([more])
    for event in job.events():
        if isinstance(event, Progress) and event.phase == "meaning" and event.done:
            break
    beside = [_speeds(timed) for timed in _answered(engine, 3, QUESTIONS)]
    if job.ended:
        raise RuntimeError("the background work ended before the answers did")
    job.cancel()
    return [
        row
        for name, column in (("reading beside background work", 0), ("writing beside background work", 1))
        for row in at_least(
            name,
            statistics.median(speeds[column] for speeds in beside),
            statistics.median(speeds[column] for speeds in alone),
            "tokens/s",
            0.75,
        )
    ]


def _speeds(timed: _Timed) -> tuple[float, float]:
    assert timed.answer is not None
    timings = timed.answer.timings
    read = timings.prompt_tokens - timings.cached_tokens
    return read / (timings.first_token_ms - timings.search_ms) * 1000, timed.tokens_per_second


def _searching(engine: Engine) -> list[Row]:
    times = [
        engine.search(question).result().ms for question, _n in zip(_questions(4), range(30), strict=False)
    ]
    return [Row("search, median (query embedding included)", statistics.median(times), "ms")]


def _memory(engine: Engine) -> list[Row]:
    import psutil

    processes = {"bench and window side": psutil.Process().pid, **engine.processes()}
    return [Row(f"peak memory, {name}", peak_bytes(pid) / 2**20, "MiB") for name, pid in processes.items()]


def _help() -> list[Row]:
    def seconds(words: list[str]) -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
        return (time.perf_counter() - started) * 1000

    def median(measure: Callable[[], float]) -> float:
        return statistics.median(measure() for _ in range(7))

    ours = median(lambda: seconds(["-m", "engine", "--help"]))
    plain = median(lambda: seconds(["-c", "pass"]))
    return [Row("python -c pass", plain, "ms"), at_most("nocturne --help", ours, "ms", 150)]
