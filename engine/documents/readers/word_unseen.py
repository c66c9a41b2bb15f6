"""Runs of a Word document that nobody sees: hidden characters, white on white, a point high or less."""

from __future__ import annotations

from typing import Any

from engine.documents.readers.package import ANY, local_name
from engine.documents.readers.word_numbering import attribute, child

_WHITE = frozenset(("ffffff", "fefefe", "fdfdfd"))
_SMALLEST = 2  # half points
_OFF = frozenset(("0", "false", "off"))
# What may stand behind white text: the filling of a text box, or of cells by the style of their table.
_PAINTED = frozenset(("txbxContent", "txbx", "textbox"))


class Unseen:
    """`styles` is the part that holds the document's styles; None where there is none."""

    def __init__(self, styles: Any) -> None:
        self._styles: dict[str, Any] = {}
        for style in styles.iter(f"{ANY}style") if styles is not None else ():
            self._styles[attribute(style, "styleId")] = style

    def take_out(self, part: Any) -> str:
        """Remove the text of every run that is not shown; returns it."""
        background = part.find(f"{ANY}background") is not None
        taken: list[str] = []
        for run in part.iter(f"{ANY}r"):
            texts = [element for element in run.iterfind(f"{ANY}t") if element.text]
            if texts and self._is_unseen(run, background):
                for element in texts:
                    taken.append(element.text)
                    element.text = ""
        return " ".join(taken)

    def _is_unseen(self, run: Any, background: bool) -> bool:
        paragraph = next(run.iterancestors(f"{ANY}p"), None)
        looks = [run.find(f"{ANY}rPr"), *self._styled(child(run, "rPr/{*}rStyle"))]
        if paragraph is not None:
            looks += self._styled(child(paragraph, "pPr/{*}pStyle"))
        looks = [look for look in looks if look is not None]
        vanish = _first(looks, "vanish")
        if vanish is not None and attribute(vanish, "val").lower() not in _OFF:
            return True
        size = _first(looks, "sz")
        if size is not None and (points := attribute(size, "val")).isdecimal() and int(points) <= _SMALLEST:
            return True
        color = _first(looks, "color")
        is_white = color is not None and attribute(color, "val").lower() in _WHITE
        return is_white and not background and not self._is_on_paint(run, looks)

    def _styled(self, key: str) -> list[Any]:
        """The looks of a style and of those it is based on, the nearest first."""
        found: list[Any] = []
        seen: set[str] = set()
        while key and key not in seen and key in self._styles:
            seen.add(key)
            found.append(self._styles[key].find(f"{ANY}rPr"))
            key = child(self._styles[key], "basedOn")
        return found

    def _is_on_paint(self, run: Any, looks: list[Any]) -> bool:
        if any(_is_shaded(look) or look.find(f"{ANY}highlight") is not None for look in looks):
            return True
        for around in run.iterancestors():
            name = local_name(around)
            if name in _PAINTED:
                return True
            properties = around.find(f"{ANY}{name}Pr") if name in ("p", "tc", "tr", "tbl") else None
            if properties is None:
                continue
            style = child(properties, "pStyle")
            if (name == "tbl" and child(properties, "tblStyle")) or _is_shaded(properties):
                return True
            if style in self._styles and _is_shaded(self._styles[style].find(f"{ANY}pPr")):
                return True
        return False


def _first(looks: list[Any], name: str) -> Any:
    return next((found for look in looks if (found := look.find(f"{ANY}{name}")) is not None), None)


def _is_shaded(properties: Any) -> bool:
    """Whether a colour other than white is painted behind."""
    shade = properties.find(f"{ANY}shd") if properties is not None else None
    fill = attribute(shade, "fill").lower() if shade is not None else ""
    return fill not in ("", "auto") and fill not in _WHITE
