"""What a `Notice` says, and the notes of answers, by code; the window translates by code."""

from __future__ import annotations

NOTICES: dict[str, str] = {
    "preparing_model": "Preparing the {model} model for this computer, once (about {seconds} seconds).",
    "index_rebuilt": "The index was damaged; it was set aside as {path} and is being rebuilt.",
    "index_outdated": "The index was made by another version or model; it is being made anew.",
    "index_beside": "Another model reads your files now; the old index serves until the new one is made.",
    "worker_restarted": "The {role} process stopped and was started again.",
    "quarantined": "{path} stopped the reader twice and is left out.",
    "folder_missing_yet": "{path} with {files} files is gone; if it stays away they leave the index.",
    "folder_gone": "{path} is gone, and with it what was indexed from it.",
    "not_watched": "The system tells of no changes in {path}; it is looked at every few minutes instead.",
    "index_mended": "The index did not agree with itself; {rows} rows of it were mended.",
    "folder_unavailable": "{path} is not reachable now; what was indexed from it is kept.",
    "turns_shortened": "This chat is long: the model reads its oldest turns in short.",
    "taught_by": "A night learned this from {path}.",
    "without_adapter": "{problem} The base answered instead. {hint}",
    "not_stored": "{holder} holds this home, so the answer is not stored.",
    "toy_model": "The built-in model is small: it reads well-found passages, and little more.",
}
