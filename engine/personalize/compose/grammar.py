"""Turns an English sentence into a question for one of its parts, by rule: the verb says how.

`The feast is on 3 May` -> `When is the feast?`; `The key costs 45 euros` -> `How much does the key cost?`.
Where no verb of a closed list is found there is no question, rather than a wrong one.
"""

from __future__ import annotations

import re
from functools import lru_cache

_AUXILIARIES = frozenset(
    "is are was were will would can could must should may might has have had does did do".split()
)
_BE = frozenset("is are was were".split())
# Lemma, past; -s and -ing follow from the lemma. Regular pasts follow too and are listed by lemma alone.
_IRREGULAR = """begin:began bring:brought build:built buy:bought catch:caught choose:chose come:came cut:cut
    draw:drew drink:drank drive:drove eat:ate fall:fell feed:fed feel:felt find:found fly:flew forget:forgot
    get:got give:gave go:went grow:grew hang:hung hide:hid hold:held keep:kept know:knew lay:laid lead:led
    leave:left lend:lent let:let lie:lay lose:lost make:made mean:meant meet:met pay:paid put:put read:read
    ride:rode ring:rang run:ran say:said see:saw sell:sold send:sent set:set shut:shut sing:sang sit:sat
    sleep:slept speak:spoke spend:spent stand:stood swim:swam take:took teach:taught tell:told think:thought
    throw:threw wear:wore win:won write:wrote"""
_REGULAR = """accept add agree allow announce answer apply arrange arrive ask attend bake belong book borrow
    call cancel carry change charge check clean clear close collect contain cook cost cover deliver depart
    describe design donate drop earn end enjoy expect expire fill finish fix follow fold handle happen help
    hire include install invite join label land last learn like list live lock look love measure mention mix
    move name need offer open order organise organize own pack paint park pass pick plan plant play post
    prefer prepare promise propose provide pull push receive recommend record reduce refund renew rent repair
    replace reply report require reserve rest return save schedule seem serve sew share show sign sort start
    stay stop store study suggest supply talk taste thank train travel treat turn use visit wait walk want
    warn wash watch water weigh work adjust beat breed brew celebrate charge connect cycle direct elect
    employ graduate harvest inspect install knit lubricate marry mend mow perform phone practise print
    prune raise reach rehearse relocate retire settle sleep sow tighten
    trim tune vote"""
_WH = {
    "date": "When",
    "time": "At what time",
    "money": "How much",
    "number": "How much",
    "name": "Who",
    "place": "Where",
    "age": "How old",
    "code": "What",
    "quote": "What",
    "noun": "What",
}
_HAVE = {"has": "does", "have": "do", "had": "did"}
_PARTICIPLE = re.compile(
    r"(?:been|born|bought|brought|built|caught|cut|done|found|held|hung|kept|laid|led|left|lent|lost|made|met|paid|put|"
    r"read|run|seen|sent|set|sewn|shown|sold|taught|told|won|worn|\w+(?:ed|en))\b"
)
_PLACE = frozenset("in at near behind under beside inside from".split())
_PREPOSITIONS = frozenset(
    "on in at by before after until from to with for of near behind under beside inside since during"
    " about into as".split()
)
_NO_NOUNS = frozenset("and or this that these last next every each a an the all but so which who".split())
_PRONOUNS = frozenset("he she it they we i you this that these those there".split())
_WORD = re.compile(r"[\w'’-]+")


@lru_cache(maxsize=1)
def _forms() -> dict[str, tuple[str, str]]:
    """Verb form -> (lemma, auxiliary that carries its tense)."""
    forms: dict[str, tuple[str, str]] = {}
    for entry in (*_IRREGULAR.split(), *_REGULAR.split()):
        lemma, _, past = entry.partition(":")
        forms[past or _past(lemma)] = (lemma, "did")
        forms[_third(lemma)] = (lemma, "does")
    # Its past looks like its plural, which is what price lists say.
    return {**forms, "cost": ("cost", "do")}


def lemma(word: str) -> str:
    """The lemma of a verb form of the lists, in small letters; empty for any other word."""
    return _forms().get(word, ("", ""))[0]


def _past(lemma: str) -> str:
    if lemma == "cost":
        return "cost"
    if lemma.endswith("e"):
        return lemma + "d"
    if re.search(r"[^aeiou]y$", lemma):
        return lemma[:-1] + "ied"
    # One short syllable, and these, double their last letter: stop, plan; but not fix, open, need.
    if re.fullmatch(r"[^aeiou]*[aeiou][bdgklmnprt]", lemma) or lemma == "prefer":
        return lemma + lemma[-1] + "ed"
    return lemma + "ed"


def _third(lemma: str) -> str:
    if re.search(r"(?:s|x|z|ch|sh|o)$", lemma):
        return lemma + "es"
    return lemma[:-1] + "ies" if re.search(r"[^aeiou]y$", lemma) else lemma + "s"


def question(sentence: str, start: int, end: int, kind: str) -> str | None:
    """A question that sentence[start:end], of this kind, answers; None where the rules do not reach."""
    told = _second_clause(sentence, start)
    if told is not None:
        cut, subject = told
        moved = len(subject) + 1 - cut
        return question(f"{subject} {sentence[cut:]}", start + moved, end + moved, kind)
    begin, stop = _clause(sentence, start, end)
    words = list(_WORD.finditer(sentence, begin, stop))
    verb = _verb(words, sentence, start, end)
    if verb is None:
        return None
    if end <= verb.start():
        return _for_subject(sentence, begin, stop, start, end, verb, kind)
    if start < verb.end():
        return None
    return _for_object(sentence, begin, stop, start, end, verb, kind)


def _second_clause(sentence: str, start: int) -> tuple[int, str] | None:
    """Where `and` starts another verb of the same subject before `start`, and that subject."""
    joints = re.finditer(
        r",? (?:and|but) (?:(?:also|still|now|then|later|always|often) )?(?=([\w'’]+))", sentence
    )
    forms = _forms()
    places = [
        joint for joint in joints if joint.end() <= start and (joint[1] in forms or joint[1] in _AUXILIARIES)
    ]
    if not places:
        return None
    words = list(_WORD.finditer(sentence, 0, places[-1].start()))
    verb = _verb(words, sentence, start, start)
    subject = sentence[: verb.start()].strip(" ,") if verb else ""
    return (places[-1].end(), subject) if 0 < len(subject.split()) <= 6 and "," not in subject else None


def _clause(sentence: str, start: int, end: int) -> tuple[int, int]:
    """The main clause around the span: up to a semicolon, a colon, a full stop or a comma that follows it."""
    begin = max((match.end() for match in re.finditer(r"[;:(]\s+", sentence[:start])), default=0)
    stop = re.search(r"[;:.!?()]|, (?!\d{4})| (?:and|but|because|which|so) ", sentence[end:])
    return begin, end + stop.start() if stop else len(sentence.rstrip(".!? "))


def _verb(words: list[re.Match[str]], sentence: str, start: int, end: int) -> re.Match[str] | None:
    forms = _forms()
    for word in words[1:]:
        if start <= word.start() < end:
            continue
        if word.group() in _AUXILIARIES or word.group() in forms:
            return word
    return None


def _for_subject(
    sentence: str, begin: int, stop: int, start: int, end: int, verb: re.Match[str], kind: str
) -> str | None:
    """`Pawel Nowak repairs the pump` -> `Who repairs the pump?`: only if the span is the whole subject."""
    if kind not in ("name", "noun", "quote") or sentence[begin:start].strip().lower() not in ("", "the", "a"):
        return None
    if sentence[end : verb.start()].strip() or sentence[begin:start].strip():
        return None
    rest = sentence[verb.start() : stop].strip()
    word = {"are": "is", "were": "was", "have": "has"}.get(verb.group())
    rest = f"{word}{rest[len(verb.group()) :]}" if word else rest
    return f"{'Who' if kind == 'name' else 'What'} {rest}?" if len(rest.split()) >= 2 else None


def _for_object(
    sentence: str, begin: int, stop: int, start: int, end: int, verb: re.Match[str], kind: str
) -> str | None:
    subject = _small(sentence[begin : verb.start()].strip(" ,"))
    if not subject or "," in subject or len(subject.split()) > 9:
        return None
    middle = sentence[verb.end() : start].strip()
    after = sentence[end:stop].strip(" ,.")
    preposition = middle.split()[-1].lower() if middle else ""
    if kind == "age":
        middle, after = "", ""
    if kind == "name":
        middle = re.sub(r"\s*\b(?:Dr|Mrs?|Ms|Prof)\.?$", "", middle)
        preposition = middle.split()[-1].lower() if middle else ""
    asked, middle, tail = _asked(kind, preposition, middle, sentence[start:end], after)
    if (
        verb.group() in _BE
        and not _PARTICIPLE.match(middle)
        and (kind in ("date", "time") or asked == "Where")
    ):
        middle = tail = ""  # `When is the feast?` is how people ask, wherever it is held
    is_list = preposition in ("and", "or") or "," in middle or after.startswith(("'", "’", "and ", "or "))
    if is_list or len(after.split()) > 6 or len(middle.split()) > 10:
        return None
    owned = re.sub(r"^(?:the|a|an|its|no) ", "", middle)
    if verb.group() in _HAVE and not _PARTICIPLE.match(middle):
        main, head = "have", _HAVE[verb.group()]
        if kind in ("code", "number") and owned.isascii() and 0 < len(owned.split()) <= 3:
            asked, middle = f"What {owned}", ""
    elif verb.group() in _AUXILIARIES:
        head, main = verb.group(), ""
    else:
        main, head = _forms()[verb.group()]
    parts = [asked, head, subject, main, middle, tail]
    text = " ".join(part for part in parts if part)
    return f"{re.sub(r' +', ' ', text)}?" if len(_WORD.findall(text)) >= 3 else None


def _asked(kind: str, preposition: str, middle: str, span: str, after: str) -> tuple[str, str, str]:
    """(question words, what stands between verb and span, what follows the span)."""
    without = " ".join(middle.split()[:-1]) if preposition in _PREPOSITIONS | {"the", "a", "an"} else middle
    if kind == "date" or kind == "time":
        asked = _WH[kind]
        if preposition in ("until", "from", "since"):
            asked = f"{preposition.capitalize()} when"
        elif preposition in ("before", "by"):
            asked = "By when"
        return asked, without if preposition in _PREPOSITIONS else middle, after
    if kind == "place":
        return _WH[kind], without, after
    if kind in ("name", "noun", "quote") and preposition in ("the", "a", "an"):
        # `in the glass house` -> where; `with the vet` -> what ... with
        middle = without
        preposition = middle.split()[-1].lower() if middle else ""
        without = " ".join(middle.split()[:-1]) if preposition in _PREPOSITIONS else middle
        if preposition in _PLACE:
            return "Where", without, after
        return "What", middle, after
    if kind in ("name", "noun") and preposition in (
        "in",
        "at",
        "near",
        "behind",
        "under",
        "beside",
        "inside",
    ):
        return "Where", without, after
    middle = re.sub(r"\b(?:another|about|around|only|exactly|nearly|over|almost)$", "", middle).strip()
    if kind == "number" and (unit := re.search(r"\s([^\W\d_]+)$", span)):
        return f"How many {unit[1]}", middle, after
    if kind == "number" and after and " " not in span:
        noun, _, rest = after.partition(" ")
        if noun.isalpha() and noun not in _PREPOSITIONS and noun not in _NO_NOUNS:
            return f"How many {noun}", middle, rest
    return _WH[kind], middle, after


def _small(subject: str) -> str:
    """A subject inside a sentence: its first letter is small unless it begins a name."""
    first = subject.split(" ")[0].lower()
    articles = {
        "the",
        "a",
        "an",
        "my",
        "our",
        "your",
        "his",
        "her",
        "its",
        "their",
        "this",
        "each",
        "every",
        "all",
    }
    if first in articles or first in _PRONOUNS - {"i"}:
        return subject[0].lower() + subject[1:]
    return subject


def has_pronoun(question_text: str) -> bool:
    """Whether the question speaks of someone it does not name."""
    return any(word.lower() in _PRONOUNS for word in re.findall(r"\w+", question_text))
