"""What is never read (keys, password stores, browser profiles), and what is blotted out of the rest."""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Iterator
from fnmatch import translate
from itertools import pairwise
from pathlib import Path

_FOLDERS = frozenset(".ssh .gnupg .aws .azure .kube .docker .password-store .mozilla".split())
_PLACES = frozenset(
    {
        *((".config", name) for name in "gcloud google-chrome chromium bravesoftware microsoft-edge".split()),
        *(("application support", name) for name in "google firefox chromium bravesoftware".split()),
        *((name, "user data") for name in "chrome edge brave-browser chromium".split()),
        ("application support", "microsoft edge"),
        ("firefox", "profiles"),
        ("library", "keychains"),
    }
)
_NAMES = """*.pem *.key *.pfx *.p12 *.jks *.keystore *.kdb *.kdbx *.ppk *.keychain* *.wallet wallet.dat *.1pux
    *.agilekeychain *.opvault id_rsa* id_dsa* id_ecdsa* id_ed25519* .env .env.* .envrc *.env .netrc _netrc
    .pgpass .my.cnf .npmrc .pypirc .git-credentials .htpasswd .s3cfg .boto .vault-token .dockercfg .authinfo*
    client_secret*.json *service-account*.json *.tfstate *.tfstate.backup logins.json key3.db key4.db
    cookies.sqlite cookies signons.sqlite login?data* web?data credentials credentials.json credentials.y*ml
    application_default_credentials.json secrets.json secrets.y*ml secrets.toml secring.* utc--*
    htpasswd .*_history bitwarden_export*.json""".split()
_NAME = re.compile("|".join(map(translate, _NAMES)))  # every file that is looked at is asked about

BLOT = "█"
_PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:.{0,20000}?-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----|(?:\s*[A-Za-z0-9+/=\\]{16,})*)",
    re.DOTALL,
)
_TOKEN = re.compile(
    r"""(?<![A-Za-z0-9_-])(?:
        (?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Za-z0-9])          # AWS access key id
      | gh[pousr]_[A-Za-z0-9]{36,255} | github_pat_[A-Za-z0-9_]{30,255}
      | glpat-[A-Za-z0-9_-]{20,} | npm_[A-Za-z0-9]{36} | pypi-AgEI[A-Za-z0-9_-]{50,}
      | hf_[A-Za-z]{30,40}(?![A-Za-z0-9])
      | xox[abeprs]-[A-Za-z0-9-]{10,} | xapp-[0-9]-[A-Za-z0-9-]{20,}  # Slack
      | [rs]k_(?:live|test)_[A-Za-z0-9]{16,} | whsec_[A-Za-z0-9]{24,} # Stripe
      | AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-]) | ya29\.[A-Za-z0-9_-]{30,} | GOCSPX-[A-Za-z0-9_-]{20,} # Google
      | sk-(?=[A-Za-z_-]{0,60}[0-9])(?=[A-Za-z0-9_-]*[A-Z])[A-Za-z0-9_-]{20,}  # OpenAI, Anthropic
      | SG\.[A-Za-z0-9_-]{20,24}\.[A-Za-z0-9_-]{40,50}                # SendGrid
      | eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}  # JSON web token
      | AGE-SECRET-KEY-1[A-Z0-9]{50,} | do[opr]_v1_[a-f0-9]{64}
      | hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]{16,}
    )""",
    re.VERBOSE,
)
_TOKEN_STARTS = """AKIA ASIA ABIA ACCA ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- npm_ pypi-AgEI hf_ xox
    xapp- sk_live_ sk_test_ rk_live_ rk_test_ whsec_ AIza ya29. GOCSPX- sk- SG. eyJ AGE-SECRET-KEY-1
    doo_v1_ dop_v1_ dor_v1_ hooks.slack.com""".split()
_ASSIGNMENT = re.compile(
    r"""(?:passw(?:or)?d|passphrase|pwd|secret|api[_-]?key|access[_-]?key|private[_-]?key|auth[_-]?key
        |account[_-]?key|token|credentials?)(?:[_-]?(?:key|id|access[_-]key))?["'`]?\s{0,3}(?:[:=]|:=|=>)\s{0,3}["'`]?
        (?P<value>[^\s"'`<>(){}\[\],;$]{12,200})""",
    re.VERBOSE | re.IGNORECASE,
)
_AUTHORIZATION = re.compile(
    r"(?:bearer|basic)[ \t]{1,3}(?P<value>[\w.~+/=-]{16,2000})", re.ASCII | re.IGNORECASE
)
_URL_PASSWORD = re.compile(r"(?<=://)[^\s/:@]{1,64}:(?P<value>[^\s/:@$<>{}\[\]*]{8,128})@(?=[\w.-])")
_ASSIGNMENT_STARTS = "passw passphrase pwd secret api access private auth account token credential".split()
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_NOT_SPACE = re.compile(r"\S")
_NAME_IN_CODE = re.compile(r"[A-Za-z]+\d{0,4}(?:[._/:-]+[A-Za-z]+\d{0,4})+")
_MIN_ENTROPY = 3.2  # bits a character; words lie below 3, random letters and digits this long above


def is_secret(path: Path) -> bool:
    """Whether `path` names a key, a password store or a browser profile. The file is not opened."""
    parts = [part.lower() for part in path.parts]
    folders = parts[:-1]
    return (
        not _FOLDERS.isdisjoint(folders)
        or not _PLACES.isdisjoint(pairwise(folders))
        or (bool(parts) and _NAME.match(parts[-1]) is not None)
    )


def redact(text: str) -> tuple[str, int]:
    """`text` with secrets blotted out, and their number. Length and line breaks stay."""
    spans = {match.span() for match in _PRIVATE_KEY.finditer(text)}
    spans.update(match.span() for match in _matches(_TOKEN, text, text, _TOKEN_STARTS))
    lower = text.lower()
    if len(lower) != len(text):  # a few letters change their length
        lower = text.translate(_LOWER)
    assignments = _matches(_ASSIGNMENT, text, lower, _ASSIGNMENT_STARTS)
    headers = _matches(_AUTHORIZATION, text, lower, ["bearer", "basic"])
    spans.update(match.span("value") for match in (*assignments, *headers) if _is_random(match["value"]))
    # Nothing else stands in that place, so that a word with digits in it is enough.
    spans.update(match.span("value") for match in _URL_PASSWORD.finditer(text) if _is_mixed(match["value"]))
    parts: list[str] = []
    count = end = 0
    for start, stop in sorted(spans):
        if stop <= end:
            continue  # within another one
        count += start >= end
        start = max(start, end)
        parts += text[end:start], _NOT_SPACE.sub(BLOT, text[start:stop])
        end = stop
    return "".join((*parts, text[end:])), count


def _matches(pattern: re.Pattern[str], text: str, place: str, starts: list[str]) -> Iterator[re.Match[str]]:
    """Matches of `pattern` in `text` where `place` has one of `starts`: faster than the pattern alone."""
    for start in starts:
        at = place.find(start)
        while at >= 0:
            if match := pattern.match(text, at):
                yield match
            at = place.find(start, at + 1)


def _is_mixed(value: str) -> bool:
    return any(map(str.isdigit, value)) and any(map(str.isalpha, value))


def _is_random(value: str) -> bool:
    """Letters and digits mixed as no word, path, version or name in code is."""
    if not _is_mixed(value):
        return False
    if _NAME_IN_CODE.fullmatch(value):
        return False
    frequencies = Counter(value).values()
    entropy = -sum(n / len(value) * math.log2(n / len(value)) for n in frequencies)
    return entropy >= _MIN_ENTROPY
