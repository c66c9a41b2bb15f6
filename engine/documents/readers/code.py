"""Source code: the file as it stands, each function or class a section under its name.

What is covered: definitions that a line announces (`def`, `class`, `fn`, `func`, ..., and C-like
`type name(arguments) {`), nested by indentation. What is not: definitions whose name comes on a later line,
and code inside strings that looks like a definition. A miss costs a heading, never text.
"""

from __future__ import annotations

import re

from engine.documents.extract import Draft, HeadingPath, Mark

_WORDS = (
    "def|defp|defmodule|class|struct|union|enum|interface|trait|impl|fn|func|fun|function|sub|proc|module|"
    "namespace|object|protocol|extension|record|type|macro_rules!|resource|message|service"
)
_MODIFIERS = (
    r"(?:(?:export|default|declare|pub(?:\([^)]*\))?|public|private|protected|internal|static|final|abstract|sealed|"
    r"async|unsafe|extern|virtual|override|open|data|case|inline|partial|local|const|typedef|suspend)\s+)*"
)
_DEFINITION = re.compile(
    rf"(?P<indent>[ \t]*){_MODIFIERS}(?:{_WORDS})\b\*?\s+(?:<[^>]*>\s*)?(?:\([^)]*\)\s*)?"
    r"(?P<name>[A-Za-z_$][\w$.:]*(?:\s+for\s+[\w$.:]+)?)"
    # Prose that begins with such a word goes on with other words.
    r"(?=.?\s*(?:$|[({:=<;,|\[!?]|(?:extends|implements|do|is|as|where|with|begin|returns?|struct|interface)\b))"
)
_ARROW = re.compile(
    r"(?P<indent>[ \t]*)(?:export\s+)?(?:default\s+)?(?:const|let|var)\s+(?P<name>[A-Za-z_$][\w$]*)"
    r"[^=\n]*=\s*(?:async\s*)?(?:function\b|\([^)]*\)\s*(?::[^=]+)?=>|[A-Za-z_$][\w$]*\s*=>)"
)
_SQL = re.compile(
    r"(?P<indent>)\s*create\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+|materialized\s+|unique\s+)*"
    r"(?:table|view|function|procedure|trigger|index|type)\s+(?:if\s+not\s+exists\s+)?(?P<name>[\w.\"`\[\]]+)",
    re.IGNORECASE,
)
_C_LIKE = re.compile(
    r"(?P<indent>[ \t]*)(?:[\w:<>,\[\]&*~@]+[ \t]+)+[*&]*(?P<name>~?[A-Za-z_][\w:~]*)"
    r"\s*\([^;{}]*\)?[^;{}=]*(?:\{.*)?$"
)
_NOT_A_TYPE = re.compile(
    r"\s*(?:return|else|if|for|while|switch|case|throw|new|delete|await|yield|raise|assert|import|from|in|not|print|"
    r"echo|using|goto|do|try|catch|with|elif|end|and|or|let|var|const|set|local|when|unless|until)\b"
)
_SHELL = re.compile(r"(?P<indent>[ \t]*)(?P<name>[A-Za-z_][\w-]*)\s*\(\)\s*\{?\s*$")
_LEAD = re.compile(r"\s*(?:@|#(?!include|define|if|endif|else|pragma|!)|//|/\*|\*|--|;;|%|\"\"\")")
_CLOSER = re.compile(r"\s*(?:[})\]{(]|end\b|#|(?:public|private|protected)\s*:)")
_MAX_LINE = 400  # code points; longer lines are data or minified code, where patterns would only cost time


def read(text: str) -> Draft:
    path = HeadingPath()
    marks: list[Mark] = []
    lead: int | None = None  # where the comments and decorators above the present line began
    offset = 0
    for line in text.split("\n"):
        bare = line.strip()
        if bare and len(line) <= _MAX_LINE:
            found = _definition(line)
            if found:
                width = _width(found["indent"])
                headings = path.enter(width + 1, found["name"].strip('"`[]:.'))
                marks.append(Mark(offset if lead is None else lead, headings))
                lead = None
            elif _LEAD.match(line):
                lead = offset if lead is None else lead
            else:
                before = path.path
                if not _CLOSER.match(line) and path.leave(_width(line) + 1) != before:
                    marks.append(Mark(offset if lead is None else lead, path.path))
                lead = None
        elif not bare:
            lead = None
        offset += len(line) + 1
    return Draft(text, marks)


def _definition(line: str) -> re.Match[str] | None:
    for pattern in (_DEFINITION, _ARROW, _SHELL, _SQL):
        if found := pattern.match(line):
            return found
    if "(" in line and not _NOT_A_TYPE.match(line):
        return _C_LIKE.match(line)
    return None


def _width(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))
