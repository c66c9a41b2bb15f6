"""Where sentences end."""

from __future__ import annotations

import pytest

from engine.answer.terms import sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The rent is due. Pay it!  Who pays?", ["The rent is due.", "Pay it!", "Who pays?"]),
        (
            "Ask Dr. Berg, e.g. about no. 4 or p. 12. She knows.",
            ["Ask Dr. Berg, e.g. about no. 4 or p. 12.", "She knows."],
        ),
        (
            "The rent, incl. water, tel. and heating, is 850.",
            ["The rent, incl. water, tel. and heating, is 850."],
        ),
        (
            "May we? The answer is no. We left at 7. 12 stayed.",
            ["May we?", "The answer is no.", "We left at 7.", "12 stayed."],
        ),
        ('He said: "Come in." (They came.)', ['He said: "Come in."', "(They came.)"]),
        ("first line\nsecond line", ["first line", "second line"]),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == expected
