"""Choices a person can make, declared once: name, type, default, sentence. Read and atomically written."""

from __future__ import annotations

import os
import tomllib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Literal, get_args, get_type_hints

from engine.errors import EngineError

Appearance = Literal["system", "light", "dark"]


@dataclass(frozen=True)
class Settings:
    """What settings.toml may hold. There are no knobs for how training or search work."""

    appearance: Appearance = field(
        default="system", metadata={"sentence": "Colours of the window: as the system, light or dark."}
    )
    language: str = field(default="", metadata={"sentence": "Language of the window; empty: the system's."})
    offline: bool = field(
        default=True, metadata={"sentence": "Forbid every connection, also downloads you click."}
    )


def load(path: Path) -> Settings:
    """Settings in `path`, defaults where it is silent. Unknown keys are kept out, wrong values refused."""
    if not path.exists():
        return Settings()
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise EngineError("settings_broken", path=str(path), detail=str(error)) from error
    known = {item.name for item in fields(Settings)}
    values = {key: value for key, value in data.items() if key in known}
    for key, value in values.items():
        _check(path, key, value)
    return Settings(**values)


def save(path: Path, settings: Settings) -> None:
    """Write all settings at once: a crash leaves the old file or the new one."""
    import tomli_w

    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    with partial.open("wb") as file:
        tomli_w.dump(asdict(settings), file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _check(path: Path, key: str, value: object) -> None:
    kind = get_type_hints(Settings)[key]
    choices = get_args(kind)
    if (choices and value not in choices) or (not choices and type(value) is not kind):
        wanted = " | ".join(map(str, choices)) if choices else kind.__name__
        raise EngineError("settings_broken", path=str(path), detail=f"{key} must be {wanted}")
