"""Key files are never read; keys in text are blotted out in place; ordinary words are not."""

from __future__ import annotations

import json
import random
import string
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.documents.reader import read
from engine.documents.secrets import BLOT, is_secret, redact

_RANDOM = random.Random(11)


def key(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    """A made-up token; made here because one spelled out would alarm scanners of this repository too."""
    return "".join(_RANDOM.choices(alphabet, k=length - 2)) + "7A"


SECRETS = {
    "aws id": "AKIA" + key(16, string.ascii_uppercase),
    "github": "ghp_" + key(36),
    "github fine": "github_pat_" + key(82),
    "gitlab": "glpat-" + key(20),
    "slack": "xoxb-" + key(12, string.digits) + "-" + key(24),
    "stripe": "sk_live_" + key(24),
    "google": "AIza" + key(35),
    "openai": "sk-proj-" + key(48),
    "anthropic": "sk-ant-api03-" + key(40),
    "hugging face": "hf_" + key(34, string.ascii_letters).replace("7A", "xA"),
    "npm": "npm_" + key(36),
    "jwt": f"eyJ{key(20)}.eyJ{key(40)}.{key(43)}",
    "age": "AGE-SECRET-KEY-1" + key(58, string.ascii_uppercase + string.digits),
    "digitalocean": "dop_v1_" + "0f1e2d3c" * 8,
    "sendgrid": f"SG.{key(22)}.{key(43)}",
}


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("frame", ["the key is {} and more", "KEY={}\n", '{{"k": "{}"}}', "({})", "{}"])
def test_tokens_are_blotted_out_and_their_surroundings_kept(name: str, frame: str) -> None:
    before, after = frame.replace("{{", "{").replace("}}", "}").split("{}")
    secret = SECRETS[name]
    assert redact(before + secret + after) == (before + BLOT * len(secret) + after, 1)


@pytest.mark.parametrize(
    "line",
    [
        "password = {}",
        "PASSWORD: {}",
        'db_password: "{}"',
        "export API_KEY='{}'",
        "aws_secret_access_key = {}",
        '"client_secret": "{}",',
        "auth-token := {}",
        "postgres://app:{}@db.example.org/main",
        "DefaultEndpointsProtocol=https;AccountKey={};EndpointSuffix=x",
        "Authorization: Bearer {}",
        "curl -H 'authorization: basic {}'",
    ],
)
def test_values_assigned_to_secret_names(line: str) -> None:
    value = key(24)
    text, count = redact(line.format(value))
    assert count == 1
    assert text == line.format(BLOT * len(value))


def test_a_password_in_an_address_may_be_a_word() -> None:
    assert redact("ftp://bob:s3cr3tPassw0rd@example.org/") == (f"ftp://bob:{BLOT * 14}@example.org/", 1)


def test_private_keys_keep_their_lines() -> None:
    body = "\n".join(key(64) for _ in range(5))
    text = f"before\n-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----\nafter"
    redacted, count = redact(text)
    assert count == 1
    assert [len(line) for line in redacted.split("\n")] == [len(line) for line in text.split("\n")]
    assert redacted.startswith("before\n█") and redacted.endswith("█\nafter")
    assert body[:20] not in redact(f"-----BEGIN PRIVATE KEY-----\n{body}\n")[0], "a key cut off at the end"


@pytest.mark.parametrize(
    "text",
    [
        "password = os.environ.get('PASSWORD')",
        "password: correct horse battery staple",
        "api_key=settings.OPENAI_API_KEY2",
        "The token: a unit of text of about four characters, see chapter12.",
        "secret = ${SECRET_FROM_VAULT_123}",
        "postgres://postgres:postgres@localhost/db",
        "token = 'your-token-goes-here'",
        "sk-learn-is-a-library-for-machine-learning",
        "sha256 b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        "-----BEGIN CERTIFICATE-----",
        "the bearer of 12 letters, a basic introduction-to-physics",
        "Meet at the AKIA hotel, room 12.",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert redact(text) == (text, 0)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(st.text(max_size=30), st.sampled_from([*SECRETS.values(), "password=", "\n"]))))
def test_redaction_keeps_length_and_line_breaks(parts: list[str]) -> None:
    text = "".join(parts)
    redacted, _ = redact(text)
    assert len(redacted) == len(text)
    assert [at for at, c in enumerate(redacted) if c == "\n"] == [
        at for at, c in enumerate(text) if c == "\n"
    ]


def test_reading_redacts_text_headings_title_and_metadata(tmp_path: Path) -> None:
    secret = SECRETS["github"]
    path = tmp_path / "a.md"
    path.write_text(f"---\ntitle: {secret}\nnote: {secret}\n---\n# About {secret}\n\ntext {secret}\n")
    document = read(path)
    assert document.redacted == 4
    assert len(document.text) == len(path.read_text())
    shown = json.dumps(
        [document.text, document.title, document.metadata, [s.headings for s in document.sections]]
    )
    assert secret not in shown


@pytest.mark.parametrize(
    "path",
    """/home/m/.ssh/config /home/m/.gnupg/pubring.kbx /home/m/.aws/credentials /home/m/.kube/config server.pem
    /x/TLS.KEY id_rsa id_ed25519.pub .env .env.local prod.env .netrc .pgpass vault.kdbx store.jks
    cookies.sqlite /x/Chrome/User_Data/Default/Login_Data logins.json key4.db .git-credentials
    client_secret_1.json credentials.json secrets.yaml .bash_history app-service-account.json
    /home/m/.mozilla/firefox/a.default/places.sqlite /home/m/.config/google-chrome/Default/History
    /home/m/.password-store/mail.gpg wallet.dat infra.tfstate""".split(),
)
def test_secret_paths(path: str) -> None:
    assert is_secret(Path(path.replace("_Data", " Data")))


@pytest.mark.parametrize(
    "path",
    """notes.md /home/m/ssh/notes.txt environment.py keys.md /home/m/passwords-policy.docx key.txt monkey.jpg
    /notes/google/chrome/tabs.md /notes/chromium/build.md
    /projects/aws/readme.md cookies-recipe.md env.txt donkey.keynote""".split(),
)
def test_ordinary_paths(path: str) -> None:
    assert not is_secret(Path(path))
