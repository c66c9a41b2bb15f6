"""Text can be read in both schemes, and the window follows them."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from desktop import style
from desktop.style import DARK, LIGHT, TEXT_ON, Colours, contrast
from desktop.widgets.parts import button
from resources import resource


def test_contrast_of_black_on_white() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#777777") == pytest.approx(1.0)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "grounds"), TEXT_ON)
def test_text_reaches_four_and_a_half(scheme: Colours, text: str, grounds: tuple[str, ...]) -> None:
    for ground in grounds:
        ratio = contrast(getattr(scheme, text), getattr(scheme, ground))
        assert ratio >= 4.5, f"{text} on {ground}: {ratio:.2f}"


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_focus_and_controls_reach_three(scheme: Colours) -> None:
    for ground in (scheme.window, scheme.surface, scheme.sidebar):
        assert contrast(scheme.accent, ground) >= 3
        assert contrast(scheme.control, ground) >= 3


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_palette_pairs_can_be_read(scheme: Colours) -> None:
    made = style.palette(scheme)
    role = QPalette.ColorRole
    for text, ground in (
        (role.WindowText, role.Window),
        (role.Text, role.Base),
        (role.ButtonText, role.Button),
        (role.HighlightedText, role.Highlight),
        (role.PlaceholderText, role.Base),
        (role.Link, role.Base),
        (role.ToolTipText, role.ToolTipBase),
    ):
        assert contrast(made.color(text).name(), made.color(ground).name()) >= 4.5


def test_switching_dresses_everything_at_once(app: QApplication) -> None:
    style.apply(app, "light")
    label, add = QLabel("x"), button("Add", icon="plus")
    light = add.icon().cacheKey()
    assert app.palette().window().color() == QColor(LIGHT.window) and LIGHT.text in app.styleSheet()
    style.apply(app, "dark")
    assert app.palette().window().color() == QColor(DARK.window) and DARK.text in app.styleSheet()
    assert label.palette().windowText().color() == QColor(DARK.text)
    assert add.icon().cacheKey() != light
    style.apply(app, "light")
    assert add.icon().cacheKey() == light


def test_every_icon_exists_and_draws_something(app: QApplication) -> None:
    names = [path.stem for path in resource("icons").glob("*.svg")]
    assert len(names) > 15
    for name in names:
        image = style.icon(name, "#123456").pixmap(32, 32).toImage()
        assert any(image.pixelColor(x, y).alpha() for x in range(32) for y in range(32)), name


def test_unknown_colours_are_refused(app: QApplication) -> None:
    with pytest.raises(ValueError):
        style.set_icon(QPushButton(), "plus", "pink")
