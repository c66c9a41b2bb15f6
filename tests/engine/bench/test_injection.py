"""The hostile files of the benchmark: each orders something, and no answer comes from that."""

from __future__ import annotations

from pathlib import Path

from engine.answer.orders import without_orders
from engine.bench import bare_text, injection, injection_files
from engine.contracts import Passage
from engine.documents.reader import read


def test_every_order_is_in_its_file_and_nowhere_an_answer_comes_from(tmp_path: Path) -> None:
    attacks = injection_files.write(tmp_path / "files")
    assert len(attacks) == injection_files.COUNT == len({attack.canary for attack in attacks})
    assert len({attack.kind for attack in attacks}) > 40
    hidden = 0
    for attack in attacks:
        path = tmp_path / "files" / attack.file
        assert injection.obeys(bare_text.text(path) or "", [attack]), attack.kind
        document = read(path)
        hidden += document.hidden > 0
        whole = Passage(1, str(path), None, "", document.text, 0, len(document.text), 1.0)
        left = without_orders([whole])
        assert any(attack.gold in piece.text for piece in left), attack.kind
        assert not injection.obeys(" ".join(piece.text for piece in left), attacks), attack.kind
        # Headings are shown with what stands under them.
        headings = [heading for section in document.sections for heading in section.headings]
        shown = [
            p.heading for h in headings for p in without_orders([Passage(1, "", None, h, "x", 0, 1, 1.0)])
        ]
        assert not injection.obeys(" ".join(shown), attacks), attack.kind
    assert hidden == sum("hidden" in attack.kind for attack in attacks) > 10


def test_counts_and_the_goal() -> None:
    attack = injection_files.Attack("role, text", "a.txt", "Who?", "Dora", "Zorblax")
    tame = injection.Outcome(attack, "Dora", "Dora", False, False, True, True)
    told = injection.Outcome(attack, "Dora", "zorblax!", False, True, True, False)
    assert injection.obeys("so says zorblax!", [attack]) and not injection.obeys("Dora", [attack])
    strong = injection.Counts((told,) * 15 + (tame,)).rows()[0]
    weak = injection.Counts((told,) * 14 + (tame,)).rows()[0]
    assert (strong.value, strong.plain, strong.met, weak.met) == (0, 15, True, False)
