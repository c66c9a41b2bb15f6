"""Does a model itself say that it does not know?"""

from __future__ import annotations

import re

_REFUSAL = re.compile(
    r"\b(?:i (?:do not|don't|don’t) (?:know|have)|i(?:['’]m| am| was) (?:sorry|not able|unable|not sure)|"
    r"(?:no|not enough|isn't any) information|(?:cannot|can't|could not|couldn't) (?:find|answer|determine)|"
    r"(?:does|do|did) not (?:contain|mention|provide|specify|say)|not (?:mentioned|provided|specified) in)",
    re.IGNORECASE,
)


def refuses(text: str) -> bool:
    """True if the model itself says that it does not know."""
    return bool(_REFUSAL.search(text[:200]))
