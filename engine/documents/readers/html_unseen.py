"""What a web page holds and does not show: taken out before it is read, so that it can give no orders.

Only what the page itself says is judged: attributes, and rules of its own style sheets for a class or an
id. White text is unseen where nothing in the page paints a background.
"""

from __future__ import annotations

import re
from typing import Any

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_RULE = re.compile(r"([^{}]*)\{([^{}]*)\}")
_GROUP = re.compile(r"@[^{};]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")  # @media and the like: for print, for phones
_SELECTOR = re.compile(r"([.#])([\w-]+)$")
_NOTHING = r"0*(?:\.0+)?(?:px|em|rem|ex|pt|%|vw|vh)?\s*(?:!important\s*)?(?:;|$)"
_HIDES = re.compile(
    r"(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|"
    rf"(?:opacity|font-size)\s*:\s*{_NOTHING}|font-size\s*:\s*(?:0?\.\d+|1)(?:px|pt)|"
    r"(?:left|right|top|bottom|text-indent|margin-left|margin-top)\s*:\s*-(?:[5-9]\d\d|\d{4,})|"
    r"clip\s*:\s*rect\(\s*[01](?:px)?[\s,]+[01](?:px)?[\s,]+[01](?:px)?[\s,]+[01](?:px)?\s*\)|"
    r"clip-path\s*:\s*inset\(\s*(?:50|100)%|transform\s*:[^;]*scale[xy]?\(\s*0\s*\)|"
    r"color\s*:\s*transparent)",
    re.IGNORECASE,
)
_FLAT = re.compile(rf"(?:^|[;\s])(?:max-)?(?:height|width)\s*:\s*{_NOTHING}", re.IGNORECASE)
_CLIPPED = re.compile(r"overflow(?:-[xy])?\s*:\s*(?:hidden|clip)", re.IGNORECASE)
_COLOR = re.compile(r"(?:^|[;\s])color\s*:\s*([^;!]+)", re.IGNORECASE)
_BACKGROUND = re.compile(r"(?:^|[;\s])background(?:-color|-image)?\s*:\s*([^;!]+)", re.IGNORECASE)
_WHITE = re.compile(
    r"(?:white|#f{3}f?|#f[c-f]f[c-f]f[c-f](?:ff)?|rgba?\(\s*25[2-5]\s*,\s*25[2-5]\s*,\s*25[2-5]\b.*|"
    r"hsla?\([^,]*,[^,]*,\s*(?:99|100)%.*)$",
    re.IGNORECASE,
)
_TEXT = ".//text()[not(parent::script or parent::style)]"
_PAGE = frozenset(("html", "head", "body"))  # hidden until a script has run


def take_out(root: Any) -> str:
    """Remove every element that is not shown from the tree; returns their text."""
    from lxml import etree

    sheets = [_COMMENT.sub(" ", sheet.text or "") for sheet in root.iter("style")]
    painted = _is_painted(root, sheets)
    hiding = _hiding(sheets, painted)
    found = []
    walker = etree.iterwalk(root, events=("start",))
    for _, element in walker:
        if element.tag not in _PAGE and _is_unseen(element, hiding, painted):
            found.append(element)
            walker.skip_subtree()
    texts = [text for element in found for text in element.xpath(_TEXT)]
    for element in found:
        _remove(element)
    return " ".join(map(str, texts))


def _is_unseen(element: Any, hiding: frozenset[str], painted: bool) -> bool:
    if "hidden" in element.attrib:
        return True
    named = {f".{name}" for name in (element.get("class") or "").split()}
    if not hiding.isdisjoint(named | {f"#{element.get('id')}"}):
        return True
    font = element.get("color") or "" if element.tag == "font" else ""
    return _hides(element.get("style") or "", painted) or bool(not painted and _WHITE.match(font.strip()))


def _hides(style: str, painted: bool) -> bool:
    if _HIDES.search(style) or (_FLAT.search(style) and _CLIPPED.search(style)):
        return True
    color, background = _COLOR.search(style), _BACKGROUND.search(style)
    if color is None:
        return False
    ink = color[1].strip().lower()
    if background is not None:
        return background[1].strip().lower() == ink
    return not painted and bool(_WHITE.match(ink))


def _hiding(sheets: list[str], painted: bool) -> frozenset[str]:
    """The classes (".name") and ids ("#name") that a rule without conditions hides."""
    found = set()
    for sheet in sheets:
        for selectors, style in _RULE.findall(_GROUP.sub(" ", sheet)):
            if _hides(style, painted):
                found |= {part.strip() for part in selectors.split(",") if _SELECTOR.fullmatch(part.strip())}
    return frozenset(found)


def _is_painted(root: Any, sheets: list[str]) -> bool:
    """Whether anything may make a background that white text can be read on; other sheets are not known."""
    if root.xpath("boolean(//*[@bgcolor or @background] | //link[contains(@rel, 'stylesheet')])"):
        return True
    styles = [*sheets, *map(str, root.xpath("//@style"))]
    return any(
        not _WHITE.match(value.strip()) and value.strip().lower() not in ("transparent", "none", "inherit")
        for style in styles
        for value in _BACKGROUND.findall(style.replace("{", ";").replace("}", ";"))
    )


def _remove(element: Any) -> None:
    """Out of the tree; the text after the element stays."""
    parent, before = element.getparent(), element.getprevious()
    if parent is None:
        return
    tail = element.tail or ""
    if before is not None:
        before.tail = (before.tail or "") + tail
    else:
        parent.text = (parent.text or "") + tail
    parent.remove(element)
