"""Addresses of files: good ones, hostile ones, a generator that mixes them, and parsers to compare with."""

import random
import re
import string
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import httpx
import yarl

from relay.actions.urls import MAX_URL_BYTES, checked
from relay.errors import InvalidBody

HOSTS = [
    "files.openai.com",
    "FILES.OpenAI.com",
    "cdn.openai.com",
    "files.oaiusercontent.com",
    "sdmntprwestus2.oaiusercontent.com",
    "a.b-c.d1.openaiusercontent.com",
    "oaidalleapiprodscus.blob.core.windows.net",
    "oaidalle.blob.core.windows.net",
]
BLOBS = HOSTS[-2]
SIGNED = (
    "/private/org-1/user-2/img-3.png?st=2026-11-21T10%3A00%3A00Z&se=2026-11-21T12%3A00%3A00Z&sp=r&sv=2024-08-04"
    "&sr=b&rscd=inline&rsct=image/png&skoid=475fd488&sig=Zm9v%2Bb2E/YmFy%3D%3D&&x=&y"
)
GOOD = [
    *(f"https://{host}/file-abc/content" for host in HOSTS),
    *(f"https://{BLOBS}{target}" for target in (SIGNED, "/", "/?", "//a/../b/.//%2e%2E%00", "/a;b@c:80?@")),
    "HTTPS://files.openai.com:443/a",
    "https://files.openai.com/".ljust(MAX_URL_BYTES, "a"),
]
LITERALS = [
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "017700000001", "0177.0.0.1", "0",
    "169.254.169.254", "10.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[fe80::1%25eth0]",
    "8.8.8.8", "[2606:4700:4400::6812:212d]", "::1", "127\u30020\u30020\u30021", "\u2460\u2461\u2466.0.0.1",
]  # fmt: skip
OTHERS = [
    "localhost", "openai.com", "oaiusercontent.com", "openaiusercontent.com", "blob.core.windows.net",
    "evil.example", "evilopenai.com", "files.openai.com.evil.example", "files.openai.com.", ".openai.com",
    "a..openai.com", "files.openai.com%00.evil.example", "files.openai.com%2eevil.example",
    "files%2eopenai.com", "-a.openai.com", "a-.openai.com", "a_b.openai.com", "xn--fiq228c.openai.com",
    "evil.example/.openai.com", "evil.example?.openai.com", "evil.example#.openai.com",
    "evil.example\\.openai.com", "evil.example;.openai.com", "fi\u200bles.openai.com",
    "files.openai.c\u00f6m", "files\u3002openai\u3002com", "\uff46iles.openai.com", "file\u017f.openai.com",
    "files.openai.com\0", "xoaidalle.blob.core.windows.net", "oaidalle.evil.blob.core.windows.net",
    "other.blob.core.windows.net", "oaidalle.blob.core.windows.net.evil.example",
    "oaidalleblob.core.windows.net", "oaidalle.queue.core.windows.net", "a" * 64 + ".openai.com",
    "a." * 122 + "openai.com", "files.openai.com files.openai.com", "[files.openai.com]",
    "files.openai.com,evil.example", "*.openai.com", "", ".", "..",
]  # fmt: skip
_SCHEMES_REFUSED = ["http", "ftp", "file", "gopher", "ws", "http\u017f", "https:https", ""]
_USERS_REFUSED = ["", "a", "a:b", ":", "evil.example", "%40", "a@b"]
_PORTS_REFUSED = ["", "80", "8443", "0443", "+443", "443 ", "\u0664\u0664\u0663", "443:443", "a"]
_RESTS_REFUSED = [
    "", "?a", "#a", "/a#", "/a#b", "\\a", "/a\\b", "/a b", "/\u00e4", "/a\r\nb", "/a\n", "/a\t", "/\0",
    "/\x7f", "/\x85", "/\u2028", "/\ufeff", "/a ",
]  # fmt: skip
HOSTILE = [
    *(f"https://{host}/a" for host in (*LITERALS, *OTHERS)),
    *(f"{scheme}://files.openai.com/a" for scheme in _SCHEMES_REFUSED),
    *(f"https://{user}@files.openai.com/a" for user in _USERS_REFUSED),
    *(f"https://files.openai.com@evil.example{rest}" for rest in ("/a", ":443/a", "#@files.openai.com/")),
    *(f"https://files.openai.com:{port}/a" for port in _PORTS_REFUSED),
    *(f"https://files.openai.com{rest}" for rest in _RESTS_REFUSED),
    *(f"https:{lead}files.openai.com/a" for lead in ("", "/", "///", "\\\\", "/\\", "//\\", "//\t", "// ")),
    *(f"{before}https://files.openai.com/a" for before in (" ", "\t", "\n", "\ufeff", "url:", "/", "//")),
    *("//files.openai.com/a", "files.openai.com/a", "", "https", "https://", "https:///", "data:,a"),
    "https://files.openai.com/".ljust(MAX_URL_BYTES + 1, "a"),
]
_SEPARATORS = ["/", "//", "\\", "?", "#", "@", ":", ";", "&", "%2f", "%5c", "%40", "%23", ".", "", " ", "\t"]
_USERS = ["", "", "", "", "a@", "a:b@", "files.openai.com@", "evil.example:443@", "%40", "@"]
_PORTS = ["", "", "", ":443", ":443", ":", ":80", ":0443", ":443:443", ":65979", ":-443"]
_SCHEMES = ["https", "https", "https", "https", "HTTPS", "http", "hTTp", "ftp", "httpss", "javascript"]
_LEADS = ["://", "://", "://", "://", ":", ":/", ":///", ":\\\\", ":/\\"]
_TAILS = [
    "/",
    "/a",
    SIGNED,
    "/a?b=https://evil.example/",
    "//evil.example/",
    "/@evil.example/",
    "/..",
    "?",
    "",
]
_ODD = "\0\t\n\r \x7f\x80\x85\u00ad\u00df\u0130\u017f\u200b\u202e\u2028\u3002\ufeff\uff0e\uff0f\uff20\ud800"


def mixed(seed: int) -> Iterator[str]:
    """Addresses without end, the same for the same seed: put together of parts, good and bad, and mutated."""
    chance = random.Random(seed)  # noqa: S311 - the same ones each time is what is wanted
    letters = string.printable + _ODD + "./:@\\#?%[]" * 4
    while True:
        one = _assembled(chance) if chance.random() < 0.7 else chance.choice(GOOD + HOSTILE)
        for _ in range(chance.choice((0, 0, 1, 1, 2, 3, 8))):
            one = _mutated(one, chance, letters)
        yield one


def _assembled(chance: random.Random) -> str:
    pick = chance.choice
    hosts = HOSTS if chance.random() < 0.6 else LITERALS + OTHERS
    host = pick(hosts) if chance.random() < 0.8 else pick(hosts) + pick(_SEPARATORS) + pick(HOSTS + OTHERS)
    return pick(_SCHEMES) + pick(_LEADS) + pick(_USERS) + host + pick(_PORTS) + pick(_TAILS)


def _mutated(url: str, chance: random.Random, letters: str) -> str:
    # What is decided early in an address, the mutations should hit more often than a long query.
    place = (
        chance.randrange(min(len(url), 48) + 1) if chance.random() < 0.8 else chance.randrange(len(url) + 1)
    )
    end = place + chance.randrange(1, 4)
    middle = url[place:end]
    changed: list[Callable[[], str]] = [
        lambda: chance.choice(letters) + middle,
        lambda: chance.choice(letters),
        lambda: "",
        middle.swapcase,
        lambda: middle * 2,
        lambda: "".join(f"%{byte:02x}" for byte in middle.encode("utf-8", "replace")),
        lambda: chance.choice(HOSTS + OTHERS + LITERALS) + middle,
        lambda: chance.choice(_SEPARATORS) + middle,
    ]
    return url[:place] + chance.choice(changed)() + url[end:]


def may_be_asked(host: str) -> bool:
    """Whether `host`, in lower case, is one of OpenAI's, judged label by label from its end."""
    labels = host.split(".")
    if not all(re.fullmatch("[a-z0-9-]+", label) for label in labels):
        return False
    match labels[::-1]:
        case ["com", "oaiusercontent" | "openai" | "openaiusercontent", _, *_]:
            return True
        case ["net", "windows", "core", "blob", account]:
            return account[:8] == "oaidalle"
    return False


def _readings(url: str) -> list[tuple[str, str, str, int | None]]:
    """Scheme, user information, host and port of `url`, as other parsers read it."""
    standard, other, client = urlsplit(url), yarl.URL(url), httpx.URL(url)
    return [
        (standard.scheme, standard.netloc.rpartition("@")[0], standard.hostname or "", standard.port),
        (
            other.scheme,
            f"{other.user or ''}{other.password or ''}",
            other.raw_host or "",
            other.explicit_port,
        ),
        (client.scheme, client.userinfo.decode(), client.raw_host.decode(), client.port),
    ]


def let_through(url: str) -> bool:
    """Whether the guard lets `url` through; fails where other parsers see another place than it does."""
    try:
        target = checked(url, "url")
    except InvalidBody as error:
        assert (error.code, error.param, error.kind.status) == ("blocked_url", "url", 400)  # noqa: PT017
        return False
    for scheme, user, host, port in _readings(url):
        assert (scheme, user, host.lower()) == ("https", "", target.host), url
        assert port in {None, 443}, url
    path = target.path.decode("ascii")
    assert may_be_asked(target.host), url
    assert path.startswith("/"), url
    assert re.fullmatch(r"[!-~]+", path), url
    assert not {"#", "\\"} & set(path), url
    assert url.removesuffix(path).lower() in {f"https://{target.host}", f"https://{target.host}:443"}, url
    return True
