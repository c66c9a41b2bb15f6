"""What a question is about: its search query, whom it names, and what would answer it."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from itertools import pairwise

from engine.answer.support import context_keys
from engine.answer.terms import Kind, Term, keys, stopwords, terms
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
_AT_LENGTH = re.compile(
    r"\b(?:how (?:do|does|did|can|could|should|would|to)|why|explain|describe|compare|summari[sz]e|"
    r"outline|tell (?:me|us) (?:about|more|all|everything)|"
    r"(?:what|which) (?:is|are) the (?:difference|steps?|reasons?))\b",
    re.IGNORECASE,
)
FOLLOW_UP_WORDS = 12
NAMED_BEFORE = 4  # questions back that a follow-up may mean


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


def is_lookup(question: str) -> bool:
    """Whether one line may answer it: a name, a date, a number; not how something is done, and why."""
    return not _AT_LENGTH.search(question)


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


def _asked_kinds(question: str) -> set[Kind]:
    if re.search(r"\bwho(?:se|m)?\b", question, re.IGNORECASE):
        return {"name"}
    if re.search(r"\b(?:when|what time|how (?!do|does|did|can|to)\w+)\b", question, re.IGNORECASE):
        return {"number", "code"}
    return {"word", "name", "number", "code"}
