"""Can a night begin? Everything that can be known before it does, so that no night fails for it later."""

from __future__ import annotations

from collections.abc import Sequence

from engine.errors import EngineError
from engine.library import schema
from engine.models import catalog, files, prepare
from engine.paths import Home
from engine.personalize import backends, export, room, select
from engine.personalize.run_folder import RunFolder


def check(home: Home, folders: Sequence[str]) -> None:
    """Raises EngineError if a night over `folders` cannot begin here.

    no_trainer, no_consent, nothing_indexed, nothing_to_learn, index_damaged, night_unsupported,
    night_no_memory, night_no_disk, model_missing, model_hash.
    """
    check_trainer()
    if not folders:
        raise EngineError("no_consent")
    _check_index(home, folders)
    check_base(home)
    room.check(home)


def check_trainer() -> None:
    """Raises EngineError(no_trainer)."""
    backend = backends.suited()
    if not backend.installed:
        raise EngineError("no_trainer", packages=", ".join(backend.missing))


def check_base(home: Home) -> None:
    """Raises EngineError(night_unsupported) if adapters of this model could not be written."""
    kind = export.architecture(files.locate(catalog.default("chat"), home))
    if kind not in export.LAYERS:
        raise EngineError("night_unsupported", architecture=kind)


def hold_base(run: RunFolder, home: Home) -> None:
    """Write down the model file that this night computes with; refuse any other from then on.

    Raises EngineError(night_other_model), and what preparing the model may raise.
    """
    card = catalog.default("chat")
    record = run.read()
    if record["plan"]["base"] != prepare.base_id(card):
        raise EngineError("night_other_model", night=run.id)
    path, known = prepare.prepared(card, home), record.get("base_sha256")
    if known is None:
        run.update(base_sha256=files.file_hash(path))
    elif not files.has_hash(path, known, home):
        raise EngineError("night_other_model", night=run.id)


def _check_index(home: Home, folders: Sequence[str]) -> None:
    database = schema.open_for_reading(home.index_db)
    if database is None:
        raise EngineError("nothing_indexed")
    try:
        if not select.anything(database, folders):
            raise EngineError("nothing_to_learn", folders=", ".join(folders))
    finally:
        database.close()
