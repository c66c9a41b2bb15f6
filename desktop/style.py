"""Colours, type and spacing of the window, in light and in dark."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from functools import cache
from string import Template
from weakref import WeakSet

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QWidget
from shiboken6 import isValid

from engine.settings import Appearance
from resources import resource

SPACE = 8
COLUMN = 760


@dataclass(frozen=True)
class Colours:
    """One scheme. Text colours reach 4.5:1 on every background they are used on; see `TEXT_ON`."""

    window: str
    sidebar: str
    surface: str
    raised: str
    border: str
    control: str
    text: str
    muted: str
    accent: str
    on_accent: str
    accent_soft: str
    link: str
    good: str
    warn: str
    bad: str
    warn_soft: str
    bad_soft: str
    mark: str
    code: str


LIGHT = Colours(
    window="#f7f7fa",
    sidebar="#eeeff4",
    surface="#ffffff",
    raised="#ffffff",
    border="#dcdee6",
    control="#7c8096",
    text="#1c1d26",
    muted="#585c70",
    accent="#4a4fc4",
    on_accent="#ffffff",
    accent_soft="#e7e8fb",
    link="#3d42b4",
    good="#1c6b40",
    warn="#7d5000",
    bad="#a8232f",
    warn_soft="#fdf1d8",
    bad_soft="#fce6e7",
    mark="#fff0b8",
    code="#f1f2f6",
)
DARK = Colours(
    window="#15161c",
    sidebar="#101117",
    surface="#1d1f28",
    raised="#262935",
    border="#33374a",
    control="#797f99",
    text="#e9eaf2",
    muted="#a5aabf",
    accent="#a3a8ff",
    on_accent="#14152b",
    accent_soft="#2b2e52",
    link="#b4b8ff",
    good="#7fd3a4",
    warn="#f0c674",
    bad="#ff9aa2",
    warn_soft="#3a3120",
    bad_soft="#41232a",
    mark="#57491c",
    code="#171922",
)

# Every text colour and the backgrounds it is painted on.
TEXT_ON: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "text",
        ("window", "sidebar", "surface", "raised", "accent_soft", "warn_soft", "bad_soft", "mark", "code"),
    ),
    ("muted", ("window", "sidebar", "surface", "raised", "code")),
    ("on_accent", ("accent",)),
    ("link", ("window", "surface", "raised", "accent_soft", "code")),
    ("accent", ("window", "surface", "accent_soft")),
    ("good", ("window", "surface")),
    ("warn", ("window", "surface", "warn_soft")),
    ("bad", ("window", "surface", "bad_soft")),
)


def colours() -> Colours:
    """The scheme in use."""
    app = QGuiApplication.instance()
    return DARK if app is not None and app.property("nocturne_dark") else LIGHT


def is_dark(appearance: Appearance) -> bool:
    """Whether `appearance` means dark now; "system" asks the system."""
    if appearance == "system":
        return QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
    return appearance == "dark"


def apply(app: QApplication, appearance: Appearance = "system") -> None:
    """Dress the whole application, and again whenever the scheme changes."""
    schemes = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}
    scheme = schemes.get(appearance, Qt.ColorScheme.Unknown)
    hints = app.styleHints()
    if hints.colorScheme() != scheme:
        hints.setColorScheme(scheme)
    app.setProperty("nocturne_dark", is_dark(appearance))
    chosen = colours()
    app.setPalette(palette(chosen))
    app.setStyleSheet(Template(resource("window.qss").read_text(encoding="utf-8")).substitute(asdict(chosen)))
    # Not `allWidgets`: it also meets, and makes Python objects of, what Qt is taking apart at that moment.
    for widget in list(_WITH_ICON):
        if isValid(widget):
            _paint_icon(widget, widget.property("icon_name"), widget.property("icon_colour"))


def palette(chosen: Colours) -> QPalette:
    """The palette of a scheme, for whatever the style sheet does not name."""
    made = QPalette()
    role = QPalette.ColorRole
    for target, name in (
        (role.Window, chosen.window), (role.Base, chosen.surface), (role.AlternateBase, chosen.raised),
        (role.Button, chosen.raised), (role.WindowText, chosen.text), (role.Text, chosen.text),
        (role.ButtonText, chosen.text), (role.ToolTipBase, chosen.raised), (role.ToolTipText, chosen.text),
        (role.PlaceholderText, chosen.muted), (role.Highlight, chosen.accent),
        (role.HighlightedText, chosen.on_accent), (role.Link, chosen.link), (role.LinkVisited, chosen.link),
        (role.Accent, chosen.accent), (role.Mid, chosen.border), (role.Light, chosen.raised),
    ):  # fmt: skip
        made.setColor(target, QColor(name))
    for target in (role.WindowText, role.Text, role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, target, QColor(chosen.muted))
    return made


def contrast(first: str, second: str) -> float:
    """The WCAG 2 contrast ratio of two colours, 1 to 21."""
    lighter, darker = sorted((_luminance(QColor(first)), _luminance(QColor(second))), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: QColor) -> float:
    def linear(channel: float) -> float:
        return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(value) for value in (colour.redF(), colour.greenF(), colour.blueF()))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


# ---- type --------------------------------------------------------------------------------------


def scaled(widget: QWidget, factor: float, *, bold: bool = False) -> QFont:
    """The widget's font, larger or smaller, so that the system's text size is respected."""
    font = QFont(widget.font())
    font.setPointSizeF(QApplication.font().pointSizeF() * factor)
    if bold:
        font.setWeight(QFont.Weight.DemiBold)
    return font


def fixed_font() -> QFont:
    """The system's font for code, at the size of the text."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    font.setPointSizeF(QApplication.font().pointSizeF())
    return font


# ---- icons -------------------------------------------------------------------------------------


@cache
def icon(name: str, colour: str) -> QIcon:
    """`resources/icons/NAME.svg` in a colour; read and drawn once."""
    source = resource(f"icons/{name}.svg").read_text(encoding="utf-8").replace("currentColor", colour)
    renderer = QSvgRenderer(QByteArray(source.encode()))
    made = QIcon()
    for size in (16, 32, 64):
        pixmap = QPixmap(QSize(size, size))
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        renderer.render(painter, QRectF(0, 0, size, size))
        painter.end()
        made.addPixmap(pixmap)
    return made


def app_icon() -> QIcon:
    """The program's own icon."""
    return QIcon(str(resource("icons/nocturne.svg")))


_WITH_ICON: WeakSet[QWidget] = WeakSet()  # painted again when the scheme changes


def set_icon(widget: QWidget, name: str, colour: str = "text") -> None:
    """Show an icon in one of the scheme's colours, on a button or a label; it follows later changes."""
    if colour not in {item.name for item in fields(Colours)}:
        raise ValueError(colour)
    widget.setProperty("icon_name", name)
    widget.setProperty("icon_colour", colour)
    _WITH_ICON.add(widget)
    _paint_icon(widget, name, colour)


def _paint_icon(widget: QWidget, name: str, colour: str) -> None:
    made = icon(name, getattr(colours(), colour))
    if isinstance(widget, QAbstractButton):
        widget.setIcon(made)
    elif isinstance(widget, QLabel):
        side = widget.property("icon_side") or 16
        widget.setPixmap(made.pixmap(side, side))
