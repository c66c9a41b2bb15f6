"""What is never read (keys, password stores, browser profiles), and what is blotted out of the rest."""

from __future__ import annotations

import math
import re
from collections import Counter
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path

_FOLDERS = frozenset(
    """.ssh .gnupg .aws .azure .kube .docker .password-store .gcloud gcloud .mozilla keychains
    google-chrome chromium bravesoftware""".split()
)
_PAIRS = frozenset(
    {("firefox", "profiles"), ("chrome", "user data"), ("edge", "user data"), ("google", "chrome")}
)
_NAMES = tuple(
    """*.pem *.key *.pfx *.p12 *.jks *.keystore *.kdb *.kdbx *.ppk *.keychain* *.wallet wallet.dat *.1pux
    *.agilekeychain *.opvault id_rsa* id_dsa* id_ecdsa* id_ed25519* .env .env.* .envrc *.env .netrc _netrc
    .pgpass .my.cnf .npmrc .pypirc .git-credentials .htpasswd .s3cfg .boto .vault-token .dockercfg .authinfo*
    client_secret*.json service-account*.json *.tfstate *.tfstate.backup logins.json key3.db key4.db
    cookies.sqlite cookies signons.sqlite login?data* web?data""".split()
)

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
    )|(?<=hooks\.slack\.com/services/)T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]{16,}""",
    re.VERBOSE,
)
_TOKEN_MARKS = tuple(
    """AKIA ASIA ABIA ACCA ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- npm_ pypi-AgEI hf_ xox xapp- k_live_ k_test_
    whsec_ AIza ya29. GOCSPX- sk- SG. eyJ hooks.slack.com""".split()
)
_ASSIGNMENT = re.compile(
    r"""(?:passw(?:or)?d|passphrase|pwd|secret|api[_-]?key|access[_-]?key|private[_-]?key|auth[_-]?key|token
        |credentials?)(?:[_-]?(?:key|id|access[_-]key))?["'`]?\s{0,3}(?:[:=]|:=|=>)\s{0,3}["'`]?
        (?P<value>[^\s"'`<>(){}\[\],;$]{12,200})""",
    re.VERBOSE | re.IGNORECASE,
)
_URL_PASSWORD = re.compile(r"(?<=://)[^\s/:@]{1,64}:(?P<value>[^\s/:@$<>{}\[\]*]{8,128})@(?=[\w.-])")
_NAME_IN_CODE = re.compile(r"[A-Za-z]+\d{0,4}(?:[._/:-]+[A-Za-z]+\d{0,4})+")
_MIN_ENTROPY = 3.2  # bits a character; words lie below 3, random letters and digits this long above


def is_secret(path: Path) -> bool:
    """Whether `path` names a key, a password store or a browser profile. The file is not opened."""
    parts = [part.lower() for part in path.parts]
    folders = parts[:-1]
    return (
        not _FOLDERS.isdisjoint(folders)
        or any(pair in _PAIRS for pair in pairwise(folders))
        or any(fnmatchcase(parts[-1], pattern) for pattern in _NAMES if parts)
    )


def redact(text: str) -> tuple[str, int]:
    """`text` with secrets blotted out, and their number. Length and line breaks stay."""
    count = 0

    def blot(match: re.Match[str]) -> str:
        nonlocal count
        count += 1
        return re.sub(r"\S", BLOT, match[0])

    def blot_value(match: re.Match[str]) -> str:
        nonlocal count
        value = match["value"]
        if not _is_random(value):
            return match[0]
        count += 1
        start = match.start("value") - match.start()
        return match[0][:start] + BLOT * len(value) + match[0][start + len(value) :]

    text = _PRIVATE_KEY.sub(blot, text)
    if any(mark in text for mark in _TOKEN_MARKS):  # many times faster than the pattern, and mostly false
        text = _TOKEN.sub(blot, text)
    text = _ASSIGNMENT.sub(blot_value, text)
    return _URL_PASSWORD.sub(blot_value, text), count


def _is_random(value: str) -> bool:
    """Letters and digits mixed as no word, path, version or name in code is."""
    if not (any(map(str.isdigit, value)) and any(map(str.isalpha, value))) or BLOT in value:
        return False
    if _NAME_IN_CODE.fullmatch(value):
        return False
    frequencies = Counter(value).values()
    entropy = -sum(n / len(value) * math.log2(n / len(value)) for n in frequencies)
    return entropy >= _MIN_ENTROPY
