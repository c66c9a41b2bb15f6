"""What a follow-up sends: only what is new, under numbers that hold, and the oldest turns in short."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest

from engine.answer import follow_up, prompt
from engine.answer.citations import strip_markers
from engine.answer.conversation import Conversation, said
from engine.answer.excerpts import Excerpt, excerpts, merged
from engine.answer.pipeline import Answerer, Limits, Question
from engine.answer.questions import search_query
from engine.answer.states import OpenChat
from engine.answer.thinking import Thoughts
from engine.contracts import Answer, Event, Found, Notice, Passage, Progress, SearchReply, Turn
from engine.models.chat import ChatMessage
from engine.models.fake import FakeChat, FakeEmbedder

PUMP = "Pawel Nowak repairs the pump. His phone number is 0171-555. The gate is broken."
RENT = "The rent is 940 euros a month. The lease runs until 31 May 2028."


def passage(text: str, name: str = "pump", start: int = 0, rank: int = 1) -> Passage:
    return Passage(rank, f"/docs/{name}.md", None, "", text, start, start + len(text), 1 / rank, sha256=name)


class Chat:
    """A chat of several questions over the same model; what was said becomes the history of the next."""

    def __init__(self, model: FakeChat, limits: Limits | None = None) -> None:
        self.model, self.limits = model, limits
        self.open = OpenChat()
        self.history: list[Turn] = []
        self.prompts: list[list[int]] = []
        self.events: list[Event] = []

    def __call__(self, question: str, *passages: Passage, chat: OpenChat | None = None) -> Answer:
        number = f"{len(self.history):04}"
        answer = Answerer(
            self.model,
            FakeEmbedder(),
            lambda _query: SearchReply(passages, 1, 1, 0.0),
            self.events.append,
            lambda: False,
            self.limits,
            chat=chat or self.open,
        ).answer(Question(question, tuple(self.history), message=number))
        paths = tuple(citation.path for citation in answer.citations)
        self.history += [Turn("user", question, number), Turn("assistant", answer.answer, number, paths)]
        return answer

    @property
    def numbered(self) -> tuple[Passage, ...]:
        return next(event for event in reversed(self.events) if isinstance(event, Found)).passages


def text_of(tokens: list[int]) -> str:
    return "".join(
        token.to_bytes((token.bit_length() + 7) // 8)[1:].decode() if token > 255 else "|" for token in tokens
    )


class Reads(FakeChat):
    """Remembers every prompt it was given."""

    def __init__(self, reply: str | None = None, **options: int) -> None:
        super().__init__(reply, **options)
        self.prompts: list[list[int]] = []

    def generate(self, prompt, max_tokens, on_prompt=None):
        self.prompts.append(list(prompt))
        return super().generate(prompt, max_tokens, on_prompt)


def test_a_follow_up_begins_with_the_prompt_before_it_and_sends_no_line_twice() -> None:
    model = Reads()
    ask = Chat(model)
    first = ask("Who repairs the pump?", passage(PUMP), passage(RENT, "rent", rank=2))
    second = ask("What is his phone number?", passage(PUMP), passage(RENT, "rent", rank=2))
    third = ask("How much is the rent a month?", passage(PUMP, rank=2), passage(RENT, "rent"))
    assert "Pawel Nowak" in first.answer and "Pawel Nowak" in second.answer and "940" in third.answer
    assert all(c.verified for a in (first, second, third) for c in a.citations)
    for before, after, answer in zip(model.prompts, model.prompts[1:], (second, third), strict=False):
        assert after[: len(before)] == before
        assert answer.timings.cached_tokens >= len(before)
    sent = "".join(turn.user for turn in ask.open.conversation.turns)
    for line in ("Pawel Nowak repairs the pump.", "His phone number", "The rent is 940"):
        assert sent.count(line) == 1 and line in text_of(model.prompts[-1])


def test_a_passage_that_stands_above_is_named_by_its_number() -> None:
    chat = Conversation()
    pump, rent = passage(PUMP), passage(RENT, "rent", rank=2)
    shown = [Excerpt(pump, PUMP[:29], ((0, 29),)), Excerpt(rent, RENT[:30], ((0, 30),))]
    one = prompt.build(FakeChat(), "Who?", shown, reserve=50, chat=chat)
    chat.add(replace(one.sent, answer="Pawel Nowak [1]."), one.passages, "1")
    again = [Excerpt(replace(rent, rank=1, score=9.0), RENT[:30], ((0, 30),))]
    new = [
        *again,
        Excerpt(pump, PUMP[:58], ((0, 29), (30, 58))),
        Excerpt(passage("New.", "new"), "New.", ((0, 4),)),
    ]
    two = prompt.build(FakeChat(), "What?", new, reserve=50, chat=chat)
    assert two.sent.user == (
        "[2] rent (see above)\n\n[1] pump\nHis phone number is 0171-555\n\n[3] new\nNew.\n\nQuestion: What?"
    )
    assert [p.path for p in two.passages] == ["/docs/pump.md", "/docs/rent.md", "/docs/new.md"]
    assert [line.number for line in two.sent.lines] == [1, 3]


def test_a_citation_of_an_earlier_passage_is_of_that_passage() -> None:
    ask = Chat(FakeChat("Pawel Nowak repairs the pump [1]."))
    ask("Who repairs the pump?", passage(PUMP))
    ask.model.reply = "The rent is 940 euros a month [2]."
    answer = ask("What is the rent?", passage(RENT, "rent"))
    assert [p.path for p in ask.numbered] == ["/docs/pump.md", "/docs/rent.md"]
    assert [(c.n, c.path, c.verified) for c in answer.citations] == [(1, "/docs/rent.md", True)]
    ask.model.reply = "His phone number is 0171-555 [1]."
    answer = ask("What is the phone number of Pawel Nowak?", passage(PUMP))
    assert [(c.n, c.path, c.verified) for c in answer.citations] == [(1, "/docs/pump.md", True)]
    assert answer.answer.endswith("[1].")


def test_the_first_turn_is_what_adapters_were_trained_on() -> None:
    model, shown = FakeChat(), [Excerpt(passage(PUMP), PUMP), Excerpt(passage(RENT, "rent"), RENT)]
    built = prompt.build(model, "Who?", shown, reserve=50)
    assert built.tokens == model.render(prompt.messages(prompt.asked("Who?", shown), with_files=True))
    assert prompt.asked("Who?", shown) == f"[1] pump\n{PUMP}\n\n[2] rent\n{RENT}\n\nQuestion: Who?"
    bare = prompt.build(model, "Who?", (), reserve=50)
    assert bare.tokens == model.render(prompt.messages("Who?", with_files=False))


def test_what_was_said_elsewhere_is_appended_once_and_without_its_numbers() -> None:
    chat = Conversation()
    history = [
        Turn("user", "Who?", "1"), Turn("assistant", "Pawel [1].", "2"),
        Turn("user", "Never answered", "3"), Turn("assistant", "", "4"),
        Turn("user", "When?", "5"), Turn("assistant", "In May.", "6"),
    ]  # fmt: skip
    chat.follow(history[:2])
    chat.follow(history)
    chat.follow(history)
    assert [(turn.user, turn.answer) for turn in chat.turns] == [("Who?", "Pawel."), ("When?", "In May.")]


def test_what_was_given_stands_in_later_prompts() -> None:
    pump, rent = passage(PUMP), passage(RENT, "rent")
    model = FakeChat("Nonsense [1].")
    ask = Chat(model)
    quote = ask("Who repairs the pump?", rent, pump)  # the line is quoted in the place of the model's words
    (turn,) = ask.open.conversation.turns
    assert turn.answer == f"{strip_markers(quote.answer)} [{1 + list(ask.numbered).index(pump)}]"
    assert said("By Pawel [2].", replace(quote, answer="By Pawel [1]."), (), "") == "By Pawel [2]."
    withheld = ask("Which gate did Pawel Nowak paint?", replace(pump, text="Pawel Nowak has a gate."))
    assert withheld.abstained and ask.open.conversation.turns[-1].answer == "I don't know."


def fill(chat: Conversation, turns: int) -> Iterator[prompt.Prompt]:
    model = FakeChat(context=700)
    for number in range(turns):
        text = f"Door {number} of the long house has the code {7000 + number}. " * 3
        shown = [Excerpt(passage(text, f"door{number}"), text, ((0, len(text)),))]
        built = prompt.build(model, f"Which code has door {number}?", shown, reserve=50, chat=chat)
        assert len(built.tokens) <= 650
        chat.add(
            replace(built.sent, answer=f"It is {7000 + number} [{number + 1}]."), built.passages, str(number)
        )
        yield built


def test_the_oldest_turns_are_shortened_and_none_is_lost_in_silence() -> None:
    chat = Conversation()
    prompts = list(fill(chat, 30))
    assert 2 <= sum(built.shortened for built in prompts) <= 15  # not at every turn
    for before, after in pairwise(prompts):
        assert after.shortened or after.tokens[: len(before.tokens)] == before.tokens
    last = text_of(prompts[-1].tokens)
    assert chat.left_out + len(chat.summary) + len(chat.turns) == 30
    assert f"({chat.left_out} more questions)" in last and chat.summary
    assert "- Which code has door" in last and all(line in last for line in chat.summary)
    assert "[1]" not in "".join(chat.summary)
    assert [p.path for p in prompts[-1].passages] == [f"/docs/door{n}.md" for n in range(30)]  # numbers hold


def test_the_person_hears_that_turns_were_shortened() -> None:
    ask = Chat(FakeChat(context=700), Limits(passage_tokens=120))
    for number in range(8):
        text = f"Door {number} of the long house has the code {7000 + number}. " * 3
        ask(f"Which code has door {number}?", passage(text, f"door{number}"))
    assert Notice("turns_shortened") in ask.events


def test_a_long_question_leaves_the_chat_behind_and_is_answered() -> None:
    chat = Conversation()
    *_, _last = fill(chat, 4)
    model = FakeChat(context=700)
    built = prompt.build(model, "word " * 400, (), reserve=50, chat=chat)
    assert built.shortened and len(built.tokens) <= 650
    assert chat.left_out + len(chat.summary) + len(chat.turns) == 4


def test_neighbours_are_read_as_one() -> None:
    text = "One stands here.\n\nTwo stands here. Three stands here."
    first, second, third = text[:16], text[18:34], text[30:]
    found = [
        passage(first, start=0, rank=1), passage("Else.", "else", rank=2),
        passage(third, start=30, rank=3), passage(second, start=18, rank=4),
        passage("Far.", start=200, rank=5), replace(passage(first, start=0, rank=6), page=2),
    ]  # fmt: skip
    whole, other, *rest = merged(found)
    assert (whole.text, whole.start, whole.end, whole.rank) == (text, 0, len(text), 1)
    assert other.text == "Else." and [p.rank for p in rest] == [5, 6]
    assert merged(found[1:2]) == found[1:2] and merged([]) == []


def test_the_lines_of_an_excerpt_are_where_it_says() -> None:
    (shown, *_rest) = excerpts("Who repairs the pump?", [passage(PUMP, start=40)], len, most=3, budget=60)
    assert all(PUMP[start:end] in shown.text for start, end in shown.spans) and shown.spans


def test_who_was_named_in_an_answer_is_meant_by_the_next_questions() -> None:
    history = [
        Turn("user", "Who repairs the pump of the Petrel?"),
        Turn("assistant", "Pawel Nowak repairs the pump [1]."),
    ]
    assert search_query("What is his phone number?", history) == "What is Pawel Nowak's phone number?"
    assert search_query("When does its insurance end?", history) == "When does its insurance end? Petrel"
    history += [Turn("user", "What is his phone number?"), Turn("assistant", "His number is 0171 [1].")]
    assert search_query("And where does he live?", history) == "And where does Pawel Nowak live?"
    assert search_query("Where is it moored?", history) == "Where is it moored? Petrel"
    history[1] = Turn("assistant", "")
    assert search_query("And where does he live?", history) == "And where does he live? Petrel"
    named = [Turn("user", "What is Ada Brandt's address?"), Turn("assistant", "Hill Road 4.")]
    assert search_query("Who called her?", named) == "Who called Ada Brandt?"


def test_without_names_the_words_of_the_last_questions_are_meant() -> None:
    history = [Turn("user", "How much is the rent of the flat?"), Turn("assistant", "940 euros.")]
    assert search_query("And when does it rise?", history).startswith("And when does it rise? rent")


def test_the_file_under_discussion_keeps_a_share() -> None:
    history = [
        Turn("user", "Who?"),
        Turn("assistant", "Pawel.", "", ("/docs/pump.md", "/docs/rent.md", "/x")),
    ]
    far = [replace(passage(f"Text {n}.", f"other{n}", rank=n + 1), score=10.0 - n) for n in range(4)]
    asked: list[tuple[str, str]] = []

    def search_in(path: str, query: str) -> SearchReply:
        asked.append((path, query))
        found = passage(PUMP) if "pump" in path else replace(far[0], path=far[0].path)
        return SearchReply((replace(found, score=0.5) if "pump" in path else found,), 1, 1, 0.0)

    search = follow_up.with_discussed(lambda _query: SearchReply(tuple(far), 9, 9, 0.0), search_in, history)
    reply = search("phone")
    assert asked == [("/docs/pump.md", "phone"), ("/docs/rent.md", "phone")]
    assert "/docs/pump.md" in [p.path for p in reply.results] and reply.total_files == 9
    assert [p.rank for p in reply.results] == [1, 2, 3, 4]
    assert len({(p.path, p.start) for p in reply.results}) == 4
    alone = follow_up.with_discussed(lambda _query: SearchReply((), 9, 9, 0.0), search_in, history[:1])
    assert alone("phone").results == ()


@pytest.mark.parametrize(
    ("written", "taken"),
    [
        ("What is the phone number of Pawel Nowak?", True),
        ("What is the phone number of Marek?", False),  # nobody spoke of him
        ("His phone number is Pawel Nowak.", False),  # no question
        ("Who repairs the pump?", False),  # another question
        ("What is his phone number?", False),  # nothing was gained
    ],
)
def test_a_rewritten_question_keeps_to_what_was_said(written: str, taken: bool) -> None:
    history = [Turn("user", "Who repairs the pump?"), Turn("assistant", "Pawel Nowak.")]
    found = follow_up.rewritten(FakeChat(written), "What is his phone number?", history)
    assert found == (written if taken else "")


def test_the_model_rewrites_what_rules_do_not_find() -> None:
    class Rewrites(Reads):
        def _answer(self, prompt: list[int]) -> str:
            asked = "Last question" in text_of(prompt)
            return "What is the rent of the flat in May?" if asked else super()._answer(prompt)

    def answered(limits: Limits) -> list[str]:
        queries: list[str] = []

        def search(query: str) -> SearchReply:
            queries.append(query)
            return SearchReply(
                (passage("The rent of the flat in May is 900 euros."),) if "rent" in query else (), 1, 1, 0
            )

        history = (Turn("user", "Is there a flat?"), Turn("assistant", "Yes, the rent is low in May."))
        question = Question("What is it?", history)
        answer = Answerer(
            Rewrites(), FakeEmbedder(), search, lambda _event: None, lambda: False, limits
        ).answer(question)
        assert answer.abstained is (len(queries) == 1)
        return queries

    assert answered(Limits(rewrites=True))[1:] == ["What is the rent of the flat in May?"]
    assert len(answered(Limits())) == 1


@pytest.mark.parametrize(
    ("pieces", "opened", "expected"),
    [
        (["<thi", "nk>Hm. 42?</th", "ink>\n\n", "It is", " 42."], False, "It is 42."),
        (["Hm.", "</think>", "So."], True, "So."),
        (["<think>never ends"], False, ""),
        (["never ends"], True, ""),
        (["The tag <think>", " is text."], False, "The tag <think> is text."),
        (["<b>", "x"], False, "<b>x"),
        (["<th"], False, "<th"),
        ([], False, ""),
    ],
)
def test_thoughts_are_no_part_of_the_answer(pieces: list[str], opened: bool, expected: str) -> None:
    thoughts = Thoughts(opened)
    assert "".join([*map(thoughts.feed, pieces), thoughts.end()]) == expected


def test_a_thinking_model_is_checked_by_what_it_says() -> None:
    ask = Chat(FakeChat("<think>Marek? No. Perhaps 77.</think>\nPawel Nowak repairs the pump [1]."))
    answer = ask("Who repairs the pump?", passage(PUMP))
    assert answer.answer == "Pawel Nowak repairs the pump [1]." and answer.citations[0].verified
    assert ask.open.conversation.turns[0].answer == answer.answer
    thinking = [event.done for event in ask.events if isinstance(event, Progress) and event.phase == "think"]
    assert len(thinking) > 1 and thinking == list(range(thinking[0], thinking[-1] + 1))
    endless = Chat(FakeChat("<think>" + "Who may that be? " * 3))
    assert "think" not in endless("Who repairs the pump?", passage(PUMP)).answer


def test_messages_without_turns_leave_the_summary_to_the_question() -> None:
    chat = Conversation(summary=["- Who? Pawel."])
    built = prompt.build(FakeChat(), "When?", (), reserve=50, chat=chat)
    assert "Earlier in this chat:\n- Who? Pawel.\n\nWhen?" in text_of(built.tokens)
    assert built.sent.user == "When?"
    chat.add(replace(built.sent, answer="In May."), built.passages, "9")
    (asked, answered) = chat.messages("Earlier.\n")
    assert asked == ChatMessage("user", "Earlier.\nWhen?") and answered.content == "In May."
