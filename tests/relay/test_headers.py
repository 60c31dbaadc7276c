"""Which header fields cross the relay, seen from both of its sides."""

from collections.abc import Iterator

import pytest

from generated.operations import OPERATIONS
from tests.faulty import Connection, Faulty
from tests.relay.wire import CHAT, CHAT_BODY, KEY, ask, request
from tests.servers import REAL_KEY, RELAY_KEY, Recorder, answering, exchange, recording, relay_over

JSON = "content-type: application/json"
CLOSE = "connection: close"
OWN = [(b"authorization", f"Bearer {REAL_KEY}".encode())]
HOP_BY_HOP = [
    "keep-alive: timeout=5",
    "proxy-authenticate: Basic",
    "proxy-authorization: Basic x",
    "proxy-connection: keep-alive",
    "te: trailers",
    "trailer: x-checksum",
    "upgrade: h2c",
]
CLIENT_ONLY = [
    "cookie: session=secret",
    f"x-relay-key: {RELAY_KEY}",
    "forwarded: for=192.0.2.1",
    "x-forwarded-for: 192.0.2.1",
    "x-forwarded-host: relay.example",
    "x-forwarded-proto: https",
    "x-forwarded-anything: x",
    "x-real-ip: 192.0.2.1",
]


def pairs(*lines: str) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, _, value in (line.partition(": ") for line in lines)]


def without(seen_headers: list[tuple[bytes, bytes]], *names: bytes) -> list[tuple[bytes, bytes]]:
    """The fields but for `names` and the relay's own, tried in test_loops and test_request_ids."""
    own = (b"via", b"x-client-request-id")
    return [(name, value) for name, value in seen_headers if name not in (*names, *own)]


def test_nothing_is_invented_for_a_bare_request(relay: str, recorder: Recorder) -> None:
    exchange(relay, request("GET", "/v1/models", CLOSE))
    [seen] = recorder.seen
    assert without(seen.headers, b"host") == OWN
    assert seen.header(b"host")[0].startswith(b"127.0.0.1:")


def test_nothing_is_invented_for_a_body(relay: str, recorder: Recorder) -> None:
    exchange(relay, request("POST", "/v1/batches/b/cancel", CLOSE, "content-length: 0"))
    exchange(relay, request("POST", CHAT, CLOSE, JSON, body=CHAT_BODY))
    bare, full = recorder.seen
    length = (b"content-length", str(len(CHAT_BODY)).encode())
    assert without(bare.headers, b"host") == [(b"content-length", b"0"), *OWN]
    assert without(full.headers, b"host") == [*pairs(JSON), length, *OWN]


def test_other_fields_go_up_in_order_and_unchanged(relay: str, recorder: Recorder) -> None:
    lines = ["x-b: 2", "accept: */*;q=0.1", "x-a: 1", "x-b: 3, 4", "user-agent: mine/1", "x-empty: "]
    exchange(relay, request("GET", "/v1/models", *lines, CLOSE))
    [seen] = recorder.seen
    assert without(seen.headers, b"host") == [*pairs(*lines), *OWN]


@pytest.mark.parametrize("value", ["café".encode(), b"caf\xe9", b"\xff\xfe"])
def test_a_fields_bytes_beyond_ascii_are_opaque(relay: str, recorder: Recorder, value: bytes) -> None:
    """RFC 9110, 5.5. What the transport cannot say as it came is refused."""
    answer = ask(relay, "GET", "/v1/models", "x-name: " + value.decode("latin-1"))
    arrived = [seen.header(b"x-name") for seen in recorder.seen]
    assert (answer.status, arrived) in [(200, [[value]]), (400, [])]


@pytest.mark.parametrize("value", ["café".encode(), b"caf\xe9", b"\xff\xfe"])
def test_bytes_beyond_ascii_come_down_in_a_field(relay: str, recorder: Recorder, value: bytes) -> None:
    recorder.reply = answering(b"{}", headers=[(b"x-name", value)])
    assert ask(relay, "GET", "/v1/models").all("x-name") == [value.decode("latin-1")]


def test_hop_by_hop_and_client_fields_do_not_go_up(relay: str, recorder: Recorder) -> None:
    lines = [*HOP_BY_HOP, *CLIENT_ONLY, "x-kept: 1"]
    exchange(relay, request("GET", "/v1/models", "connection: close, te", *lines))
    [seen] = recorder.seen
    assert without(seen.headers, b"host") == [*pairs("x-kept: 1"), *OWN]


@pytest.mark.parametrize("field", [f"authorization: Bearer {RELAY_KEY}", f"x-relay-key: {RELAY_KEY}"])
def test_the_relay_key_is_swapped_for_the_real_one(relay: str, recorder: Recorder, field: str) -> None:
    raw = f"GET /v1/models HTTP/1.1\r\nhost: relay\r\n{field}\r\n{CLOSE}\r\n\r\n"
    assert exchange(relay, raw.encode()).startswith(b"HTTP/1.1 200 ")
    assert without(recorder.seen[0].headers, b"host") == OWN


def test_an_offer_to_upgrade_is_an_ordinary_answer(faulty: Faulty, faulty_relay: str) -> None:
    """RFC 9110, 7.8: a server may name a protocol in any answer; only 101 switches."""

    async def script(connection: Connection) -> None:
        await connection.request()
        fields = b"connection: upgrade, close\r\nupgrade: h2,h2c\r\ncontent-length: 2\r\n"
        await connection.say(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\nok")

    faulty.script = script
    answer = ask(faulty_relay, "GET", "/v1/models")
    assert (answer.status, answer.body, answer.all("upgrade")) == (200, b"ok", [])


def test_one_clients_cookie_is_not_sent_with_the_next(relay: str, recorder: Recorder) -> None:
    recorder.reply = answering(b"{}", headers=pairs("set-cookie: __cf_bm=first; Path=/; HttpOnly"))
    for _ in range(3):
        assert ask(relay, "GET", "/v1/models").all("set-cookie") == ["__cf_bm=first; Path=/; HttpOnly"]
    assert [seen.header(b"cookie") for seen in recorder.seen] == [[], [], []]


def test_the_upstreams_date_and_server_come_down_once(relay: str, recorder: Recorder) -> None:
    date = "Tue, 15 Nov 1994 08:12:31 GMT"
    recorder.reply = answering(b"{}", headers=pairs(f"date: {date}", "server: cloudflare"))
    answer = ask(relay, "GET", "/v1/models")
    assert (answer.all("date"), answer.all("server")) == ([date], ["cloudflare"])


def test_the_relay_adds_a_date_and_no_server_of_its_own(relay: str) -> None:
    answer = ask(relay, "GET", "/v1/models")
    assert (len(answer.all("date")), answer.all("server")) == (1, [])


def test_both_request_ids_come_down(relay: str, recorder: Recorder) -> None:
    recorder.reply = answering(b"{}", headers=pairs("x-request-id: req_upstream"))
    answer = ask(relay, "GET", "/v1/models", "x-request-id: mine")
    assert (answer.all("x-request-id"), answer.all("x-relay-request-id")) == (["req_upstream"], ["mine"])
    assert recorder.seen[0].header(b"x-request-id") == [b"mine"]


@pytest.fixture(scope="module")
def team() -> Iterator[tuple[str, Recorder]]:
    """A relay with an organisation and a project of its own."""
    recorder = Recorder()
    chosen = {"openai_organization": "org-relay", "openai_project": "proj-relay"}
    with recording(recorder) as upstream, relay_over(upstream, **chosen) as root:
        yield root, recorder


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ([], [b"org-relay", b"proj-relay"]),
        (["openai-organization: org-mine"], [b"org-mine", b"proj-relay"]),
        (["openai-project: proj-mine"], [b"proj-mine", b"org-relay"]),
        (["openai-project: proj-mine", "openai-organization: org-mine"], [b"proj-mine", b"org-mine"]),
    ],
)
def test_organisation_and_project_are_added_where_the_client_names_none(
    team: tuple[str, Recorder], shown: list[str], expected: list[bytes]
) -> None:
    root, recorder = team
    assert ask(root, "GET", "/v1/models", *shown).status == 200
    names = (b"openai-organization", b"openai-project")
    assert [value for name, value in recorder.seen[-1].headers if name in names] == expected


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ([], [b"assistants=v2"]),
        (["assistants=v2"], [b"assistants=v2"]),
        (["a=1,assistants=v2 , b=2"], [b"a=1, assistants=v2, b=2"]),
        (["a=1"], [b"a=1, assistants=v2"]),
        (["a=1", "assistants=v2", "c=3"], [b"a=1, assistants=v2, c=3"]),
    ],
)
@pytest.mark.parametrize("path", ["/v1/assistants", "/v1/threads/t/messages", "/v1/vector_stores"])
def test_beta_is_merged_where_the_upstream_wants_it(
    relay: str, recorder: Recorder, path: str, shown: list[str], expected: list[bytes]
) -> None:
    ask(relay, "GET", path, *(f"openai-beta: {value}" for value in shown))
    assert recorder.seen[0].header(b"openai-beta") == expected


@pytest.mark.parametrize("shown", [[], ["a=1,b=2", "a=1"]])
def test_beta_is_left_alone_elsewhere(relay: str, recorder: Recorder, shown: list[str]) -> None:
    ask(relay, "GET", "/v1/models", *(f"openai-beta: {value}" for value in shown))
    assert recorder.seen[0].header(b"openai-beta") == [value.encode() for value in shown]


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ([], [b"realtime=v2"]),
        (["a=1", "realtime=v2"], [b"a=1, realtime=v2"]),
        (["a=1,b=2"], [b"a=1, b=2, realtime=v2"]),
    ],
)
def test_beta_of_realtime_is_merged_where_it_is_set(
    upstream: tuple[Recorder, str], shown: list[str], expected: list[bytes]
) -> None:
    recorder, base = upstream
    with relay_over(base, openai_realtime_beta="realtime=v2") as root:
        fields = [f"openai-beta: {value}" for value in shown]
        ask(root, "POST", "/v1/realtime/calls/c/hangup", *fields)
        assert recorder.seen[-1].header(b"openai-beta") == expected
        ask(root, "GET", "/v1/models", *fields)
        assert recorder.seen[-1].header(b"openai-beta") == [value.encode() for value in shown]


@pytest.mark.parametrize("shown", [[], ["realtime=v1"], ["a=1,b=2", "a=1"]])
def test_beta_of_realtime_is_left_alone_where_none_is_set(
    relay: str, recorder: Recorder, shown: list[str]
) -> None:
    ask(relay, "POST", "/v1/realtime/calls/c/hangup", *(f"openai-beta: {value}" for value in shown))
    assert recorder.seen[0].header(b"openai-beta") == [value.encode() for value in shown]


@pytest.mark.parametrize(
    ("beta", "families"),
    [("assistants", {"assistants", "threads", "vector_stores"}), ("realtime", {"realtime"})],
)
def test_a_beta_belongs_to_whole_families(beta: str, families: set[str]) -> None:
    upstream = {name: op for name, op in OPERATIONS.items() if op.upstream_path is not None}
    family = {name: (op.upstream_path or "").split("/")[1] for name, op in upstream.items()}
    named = {name for name, op in upstream.items() if op.beta == beta}
    assert named == {name for name, root in family.items() if root in families}
    assert {family[name] for name in named} == families
    assert KEY.endswith(RELAY_KEY)
