"""One question asked in many ways: in other words, shorter, by first name, and in telegram style.

A small model learns a wording, not a fact, unless it meets the fact in many (Allen-Zhu and Li, Physics of
Language Models 3.1, 2023). The ways differ in what they keep: always whose fact it is and what kind of
value is asked for, and of all other words a few, drawn anew for each.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from engine.answer.terms import fold, stopwords, terms
from engine.personalize.compose import grammar
from resources import resource

Others = Callable[[str], Sequence[str]]  # a word -> what else people say for it

TITLES = frozenset("Dr Mr Mrs Ms Prof".split())
_WORD = re.compile(r"[^\W\d_][\w'’-]*")
_LEADS = (
    "Do you know {q}",
    "Can you tell me {q}",
    "I forgot: {q}",
    "Please tell me {q}",
    "Quick question: {q}",
)
# Share of the questions that name a person where there is one, and of those that name the file as well.
_PERSON, _BOTH = 0.6, 0.2
_OUTER = stopwords() | frozenset("a an the his her my our their its i we you he she they it".split())
_PHRASES = (
    "{h} is {c} for {a}?",
    "{h} was {c} with {a}?",
    "{h} does {a} have for {c}?",
    "{h} did {a} {c}?",
    "{h} is {a}'s {c}?",
    "{h} is the {c} of {a}?",
    "{h} {c} at {a}?",
    "{h} do we {c} for {a}?",
    "{h} has {a} got to do with {c}?",
    "For {a}, {l} is {c}?",
    "About {a}: {l} {c}?",
    "Tell me about {a} and {c}.",
    "What do I know about {c} and {a}?",
    "Remind me {l} {a} {c}.",
)
_ALONE = ("{h} is {c}?", "{h} was {c}?", "{h} {c}?", "Tell me about {c}.", "Remind me: {l} is {c}?")
_FRAMES = ("{h} {w}?", "{w}: {l}?", "{w}, {l}?", "{h}: {w}?")


@lru_cache(maxsize=1)
def _groups() -> dict[str, tuple[str, ...]]:
    """Word (a lemma) -> what people say for it."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in resource("prompts/synonyms.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            word, *others = (part.strip() for part in line.split(","))
            found[word] += others
    return {word: tuple(dict.fromkeys(others)) for word, others in found.items()}


def other_words(word: str) -> tuple[str, ...]:
    """What people say for this word of a sentence, however it is inflected; nothing if we know of nothing."""
    folded = fold(word)
    lemmas = (folded, grammar.lemma(folded), folded.removesuffix("s"), folded.removesuffix("es"))
    return next((_groups()[lemma] for lemma in lemmas if lemma in _groups()), ())


def reworded(
    question: str, chance: random.Random, most: int, others_of: Others = other_words
) -> Iterator[str]:
    """At most `most` forms of a whole question with one or two of its words exchanged for others."""
    places = [
        (match, others)
        for match in list(_WORD.finditer(question))[1:]
        if match.group()[0].islower() and (others := others_of(match.group()))
    ]
    seen = {question}
    for _ in range(3 * most):
        if not places or len(seen) > most:
            return
        text = question
        chosen = chance.sample(places, min(len(places), chance.choice((1, 1, 2))))
        for match, others in sorted(chosen, key=lambda place: -place[0].start()):
            text = f"{text[: match.start()]}{_near(others, chance)}{text[match.end() :]}"
        if text not in seen:
            seen.add(text)
            yield text


def led(question: str, chance: random.Random) -> str:
    """The question as part of a longer one: `Do you know when ...?`."""
    return chance.choice(_LEADS).format(q=question[0].lower() + question[1:])


def shortened(question: str, names: Sequence[str]) -> str:
    """The question with people by their first names; itself if it names nobody in full."""
    for name in names:
        first = name.split()[0]
        if first.rstrip(".") not in TITLES:
            question = question.replace(name, first)
    return question


def telegrams(
    heads: Sequence[str],
    anchors: Sequence[str],
    words: Sequence[str],
    chance: random.Random,
    most: int,
    others_of: Others = other_words,
) -> Iterator[str]:
    """At most `most` questions made of a question word, the anchors, and one to three of the other words.

    `heads` are ways to ask for the kind of value ("When", "On what day"), `anchors` say whose it is and
    always stay, `words` are what the sentence says of it, nearest first.
    """
    seen: set[str] = set()
    for number in range(3 * most):
        if len(seen) >= most:
            return
        taken = _drawn(words, chance)
        said = [_exchanged(word, chance, others_of) for word in taken]
        parts = [*anchors, *said] if chance.random() < 0.6 else [*said, *anchors]
        head = heads[number % len(heads)]
        lower = head[0].lower() + head[1:]
        text = chance.choice(_FRAMES).format(h=head, l=lower, w=" ".join(parts))
        text = text[0].upper() + text[1:]
        if parts and text not in seen:
            seen.add(text)
            yield text


def phrased(
    head: str,
    anchors: Sequence[str],
    sentence: str,
    chance: random.Random,
    others_of: Others = other_words,
) -> str:
    """A question as people put it, around two to five words that stand together in the sentence.

    Empty if the words drawn say nothing.
    """
    runs = [run.split() for run in re.split(r"[^\w'’ /-]+", sentence)]
    runs = [run for run in runs if len(run) > 1]
    if not runs:
        return ""
    run = chance.choices(runs, [len(run) for run in runs])[0]
    size = min(len(run), chance.choice((2, 3, 3, 4, 5)))
    first = chance.randrange(len(run) - size + 1)
    words = run[first : first + size]
    while words and fold(words[0]) in _OUTER:
        words = words[1:]
    while words and fold(words[-1]) in _OUTER:
        words = words[:-1]
    said = [
        word if fold(word) in stopwords() else _exchanged(word, chance, others_of)
        for word in words
        if word not in anchors
    ]
    if not any(fold(word) not in stopwords() for word in said):
        return ""
    whose = " ".join(anchors)
    text = chance.choice(_PHRASES if whose else _ALONE).format(
        h=head, l=head[0].lower() + head[1:], c=" ".join(said), a=whose
    )
    return text[0].upper() + text[1:]


def content(text: str) -> list[tuple[int, int, str]]:
    """Content words of a text: start, end, and the word as written."""
    return [(term.start, term.end, text[term.start : term.end]) for term in terms(text)]


def _drawn(words: Sequence[str], chance: random.Random) -> list[str]:
    """One to three of the words in their order, the nearest ones more often."""
    if not words:
        return []
    weights = [1 / (1 + at) for at in range(len(words))]
    count = min(len(words), chance.choice((1, 2, 2, 3)))
    chosen: set[int] = set()
    while len(chosen) < count:
        chosen.add(chance.choices(range(len(words)), weights)[0])
    return [words[at] for at in sorted(chosen)]


def _exchanged(word: str, chance: random.Random, others_of: Others) -> str:
    """The word itself, its lemma, or another for it."""
    others = others_of(word)
    if others and chance.random() < 0.45:
        return _near(others, chance)
    known = grammar.lemma(fold(word))
    return known if known and word.islower() and chance.random() < 0.3 else word


def _near(others: Sequence[str], chance: random.Random) -> str:
    """One of the others, the nearer ones more often."""
    return chance.choices(others, [1 / (1 + at) for at in range(len(others))])[0]


def anchors(
    named: Sequence[str], topic: Sequence[str], chance: random.Random, always: bool = False
) -> list[str]:
    """Whose it is: a person, in full or by first name, one or two words of what the file is called, or both.

    Who asks for a person cannot name them, so that even where somebody is named the file alone must do;
    unless it is the person's file, which is `always` named by the person.
    """
    way = chance.random()
    chosen: list[str] = []
    if named and (always or way < _PERSON or not topic):
        name = chance.choice(list(named))
        first = name.split()[0]
        chosen = [first if first.rstrip(".") not in TITLES and chance.random() < 0.4 else name]
    if topic and (not named or way > _PERSON - _BOTH):
        others = [word for word in topic if word not in " ".join(chosen).split()]
        chosen += chance.sample(others, min(len(others), chance.choice((1, 2, 2))))
    return chosen


def telling(text: str) -> list[str]:
    """Words that say something, once each."""
    words = re.findall(r"[^\W_][\w'’-]*", text)
    return list(dict.fromkeys(word for word in words if fold(word) not in stopwords()))
