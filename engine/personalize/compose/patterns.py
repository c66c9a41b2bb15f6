"""What values look like in text: dates, times, sums of money, numbers, codes. Regular expressions only."""

from __future__ import annotations

_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sep(?:t(?:ember)?)?|"
    r"Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b(?:\.(?= \d))?"
)
WEEKDAY = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
DATE = (
    rf"(?:(?:{WEEKDAY},? (?:the )?)?(?:{_DAY}\.? (?:of )?{_MONTH}(?:,? \d{{4}})?"
    rf"|{_MONTH} {_DAY}\b(?:,? \d{{4}})?)"
    rf"|{_MONTH} \d{{4}}|\b\d{{4}}-\d{{2}}-\d{{2}}\b|\b\d{{1,2}}[./]\d{{1,2}}[./]\d{{2,4}}\b|{WEEKDAY}s?\b)"
)
TIME = r"(?:\b\d{1,2}[:.]\d{2}(?:\s?[ap]\.?m\b)?(?!\.?\d)|\b\d{1,2}\s?[ap]\.?m\b\.?|\b(?:noon|midnight)\b)"
_FIGURE = r"\d+(?:[.,]\d+)*"
MONEY = (
    rf"(?:[€$£]\s?{_FIGURE}|\b{_FIGURE}\s?"
    r"(?:euros?|EUR|dollars?|pounds?|francs?|cents|crowns|CHF|USD|GBP|€)(?!\w))"
)
_UNIT = (
    r"(?:%|°C?|k?m|cm|mm|k?g|m?l|kW|kWh|W|V|GB|MB|TB|km/h|bar|degrees|metres|meters|litres|liters|miles|hours?|"
    r"minutes?|seconds?|days?|weeks?|months?|years?|nights?|people|persons|percent|pages|pieces)(?!\w)"
)
_WORD_NUMBER = r"(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty)"
NUMBER = rf"(?:\b{_FIGURE}(?![:\d])(?:\s?{_UNIT})?|\b{_WORD_NUMBER}\b(?:\s{_UNIT})?)"
CODE = (
    r"(?:[\w.+-]+@[\w-]+\.[\w.-]*\w|\+?\b\d[\d ]*-\d[\d -]*\d\b|\+\d[\d ]{6,}\d"
    r"|\b(?=[\w-]*\d)(?=[\w-]*[A-Z])(?=[\w-]{3})[A-Z0-9][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*\b)"
)
