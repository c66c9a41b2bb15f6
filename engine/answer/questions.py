"""What a question is about: its search query, and whether found passages are evidence for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise

from engine.answer.calibration import UNMEASURED, Calibration
from engine.answer.support import context_keys
from engine.answer.terms import Kind, Term, keys, sentences, stopwords, terms
from engine.contracts import Passage, Turn

# A short question with one of these is about what was said before.
_REFERRING = re.compile(
    r"^(?:and|but|so|also|what about|how about)\b|"
    r"\b(?:he|him|his|she|her|hers|it|its|they|them|their|this|that|these|those|there|then|one)\b",
    re.IGNORECASE,
)
_PERSON = re.compile(r"\b(?:(?P<whose>his|her(?=\s+\w)|hers)|he|him|she|her)\b", re.IGNORECASE)
_OWN = re.compile(r"\b(?:my|mine|our|ours|we|us|me|i|i'm|i've)\b", re.IGNORECASE)
# What answers these is rarely one line.
_PROCEDURE = re.compile(r"\b(?:how (?:do|does|can|should|would|to)|why)\b", re.IGNORECASE)
_KIND_NOUN = re.compile(r"\b(?:which|what)\s+(\w+)", re.IGNORECASE)
FOLLOW_UP_WORDS = 12
NAMED_BEFORE = 4  # questions back that a follow-up may mean
ENOUGH_WITH_NAMES = 0.5
ENOUGH_TO_QUOTE = 0.65  # share of the question's words, names aside, in one line


def search_query(question: str, history: Sequence[Turn]) -> str:
    """The question; a follow-up ("and her phone?") says whose, or brings along what was asked about before.

    Those are the names in the newest of the last questions that has any, else the words of the last two.
    """
    if not is_follow_up(question, history):
        return question
    person = _person(history) if _PERSON.search(question) else ""
    if person:
        return _PERSON.sub(lambda found: f"{person}'s" if found["whose"] else person, question, count=1)
    last = [turn.text for turn in reversed(history) if turn.role == "user"][:NAMED_BEFORE]
    named = next((text for text in last if names(text)), "")
    brought: dict[str, str] = {}
    for text, found in [(named, names(named))] if named else [(text, terms(text)) for text in last[:2]]:
        brought |= {term.key: text[term.start : term.end] for term in found if term.key not in brought}
    asked = keys(question)
    return " ".join([question, *(word for key, word in brought.items() if key not in asked)])


def _person(history: Sequence[Turn]) -> str:
    """Whom "she" means: the one that answers the newest question for a person, or is named in full in it."""
    for asked, answered in reversed(list(pairwise(history[-2 * NAMED_BEFORE :]))):
        if (asked.role, answered.role) != ("user", "assistant"):
            continue
        known = keys(asked.text)
        new = [term for term in names(answered.text) if term.kind == "name" and term.key not in known]
        if _asked_kinds(asked.text) == {"name"} and new:
            return _full_name(answered.text, new)
        if " " in (named := _full_name(asked.text, [t for t in names(asked.text) if t.kind == "name"])):
            return named
    return ""


def _full_name(text: str, found: Sequence[Term]) -> str:
    """The first of these names with those that follow it at once; empty without any."""
    end = found[0].end if found else 0
    for term in found[1:]:
        if text[end : term.start].strip():
            break
        end = term.end
    return text[found[0].start : end].removesuffix("'s") if found else ""


def is_follow_up(question: str, history: Sequence[Turn]) -> bool:
    few = len(question.split()) <= FOLLOW_UP_WORDS
    return bool(history) and few and (not terms(question) or bool(_REFERRING.search(question)))


def is_personal(question: str, passages: Sequence[Passage]) -> bool:
    """True if the question is about the asker, or names someone or something that the files speak of."""
    held = set().union(*(keys(passage.text) | context_keys(passage) for passage in passages))
    return bool(_OWN.search(question)) or any(term.key in held for term in names(question))


def answers(question: str, text: str, context: Set[str] = frozenset()) -> bool:
    """Whether `text` adds a term of the kind asked for: a name for "who", a number for "when", "how much"."""
    asked, kinds = keys(question) | context, _asked_kinds(question)
    new = [term for term in terms(text) if term.kind in kinds and term.key not in asked]
    if kinds == {"name"}:
        # People are written Like This; JSON and HTTP did not do it.
        return any(text[term.start : term.end][1:2].islower() for term in new)
    return bool(new)


def names(question: str) -> list[Term]:
    """Names, numbers and codes; the first word counts only if it is no ordinary question word."""
    found = [term for term in terms(question) if term.kind != "word"]
    return [term for term in found if term.start > 0 or term.kind != "name" or _is_name(question, term)]


def is_heard_of(question: str, passages: Sequence[Passage]) -> bool:
    """Whether one passage holds all names of the question; true without any."""
    wanted = {term.key for term in names(question)}
    return not wanted or any(wanted <= keys(p.text) | context_keys(p) for p in passages)


def _is_name(question: str, first: Term) -> bool:
    """A capital at the start says nothing; a second capital right after it ("Anna Berg ...") does."""
    following = question[first.end :].lstrip()
    return question[first.start : first.end].casefold() not in stopwords() and following[:1].isupper()


@dataclass(frozen=True)
class Evidence:
    """How well the best passage fits: `words` is the share of the question's terms it holds."""

    words: float
    similarity: float
    named: bool  # every name of the question occurs in some passage
    least: Calibration = UNMEASURED

    @property
    def enough(self) -> bool:
        return self.named and (self.words >= self.least.words or self.similarity >= self.least.similarity)


def judge(query: str, passages: Sequence[Passage], least: Calibration = UNMEASURED) -> Evidence:
    """Could these passages hold the answer? Decided before anything is written, by what is `least` enough."""
    held = [keys(passage.text) | context_keys(passage) for passage in passages]
    asked = terms(query)
    everywhere = set().union(*held)
    return Evidence(
        words=max((_coverage(asked, found, everywhere) for found in held), default=0.0),
        similarity=max((passage.similarity for passage in passages), default=0.0),
        named=all(term.key in everywhere for term in names(query)),
        least=least,
    )


def quotable(query: str, passages: Sequence[Passage]) -> tuple[Passage, int, int] | None:
    """The sentence, line or pair of sentences that may be quoted: a passage, and a span in its text.

    They must stand with every name of the question and most of its other words (half of them where there are
    names), and add a term of the kind that is asked for: a name for "who", a number for "when".
    """
    if _PROCEDURE.search(query):
        return None
    asked = terms(query)
    named = {term.key for term in names(query)}
    known = set().union(*(keys(passage.text) | context_keys(passage) for passage in passages))
    kind = _KIND_NOUN.search(query)
    words = [
        term
        for term in asked
        # "Which town ...": a file rarely says of a town that it is one.
        if term.key not in named
        and not (named and kind and term.start == kind.start(1) and term.key not in known)
    ]
    enough = ENOUGH_WITH_NAMES if named else ENOUGH_TO_QUOTE
    best, best_share = None, 0.0
    for passage in passages:
        context = context_keys(passage)
        for start, end, penalty in _quotes(passage.text):
            if penalty and not words:
                continue  # a name alone does not say that the sentence beside it is meant
            text = passage.text[start:end]
            held = keys(text)
            share = _coverage(words, held | context, known) if words or not named else 1.0
            about = named <= held | context and bool(held & {term.key for term in asked})
            if about and share >= enough and share - penalty > best_share and answers(query, text, context):
                best, best_share = (passage, start, end), share - penalty
    return best


def _quotes(text: str) -> Iterator[tuple[int, int, float]]:
    """Sentences, and pairs of them within one line; a pair must hold clearly more to be preferred."""
    spans = sentences(text)
    for start, end in spans:
        yield start, end, 0.0
    for (start, stop), (follow, end) in pairwise(spans):
        if "\n" not in text[stop:follow]:
            yield start, end, 0.2


def _asked_kinds(question: str) -> set[Kind]:
    if re.search(r"\bwho(?:se|m)?\b", question, re.IGNORECASE):
        return {"name"}
    if re.search(r"\b(?:when|what time|how (?!do|does|did|can|to)\w+)\b", question, re.IGNORECASE):
        return {"number", "code"}
    return {"word", "name", "number", "code"}


def _coverage(asked: Sequence[Term], held: Set[str], known: Set[str]) -> float:
    """Share of the asked terms in `held`. A name weighs as much as two words, a word that no passage knows
    as much as one and a half: what is asked about may not be in the files at all.
    """
    weights = [
        (2.0 if term.kind != "word" else 1.0 if term.key in known else 1.5, term.key) for term in asked
    ]
    total = sum(weight for weight, _key in weights)
    return sum(weight for weight, key in weights if key in held) / total if total else 0.0
