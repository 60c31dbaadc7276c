"""`relay drift` as a command: what it prints, its exit codes, and what it never shows."""

import json
from pathlib import Path

import pytest

from acceptance.answer import Answer, Unmet
from acceptance.drift import Row, counted
from tests.relay.telemetry.drifting import chat
from tests.relay.wire import ask
from tests.servers import RELAY_KEY, Recorder, answering, recording, relay_over, run_relay

HEAD = 'relay_contract_drift_total{kind="path",operation="",name="/a",answer='


def of(text: str, media_type: str = "text/plain") -> list[Row]:
    return counted(Answer("GET /metrics", 200, media_type, text.encode()))


def test_it_prints_what_was_accepted_most_often_first(tmp_path: Path) -> None:
    recorder = Recorder()
    with recording(recorder) as base, relay_over(base) as root:
        options = ("--base-url", root, "--key", RELAY_KEY)
        recorder.reply = answering(b"{}", 404)
        for _ in range(3):
            assert ask(root, "GET", "/v1/things/1").status == 404
        done = run_relay("drift", *options, directory=tmp_path)
        assert done.returncode == 0
        assert "make vendor regen" not in done.stdout
        recorder.reply = None
        assert chat(root, ',"new":1').status == 200
        done = run_relay("drift", *options, directory=tmp_path)
        assert (done.returncode, done.stderr) == (1, "")
        assert done.stdout.splitlines() == [
            "kind        operation             name        accepted  refused  unanswered",
            "body_field  createChatCompletion  new                1        0           0",
            "path                              /things/{}         0        3           0",
            "the upstream takes what the contract lacks: make vendor regen",
        ]
        done = run_relay("drift", "--json", *options, directory=tmp_path)
        assert done.returncode == 1
        first, _ = json.loads(done.stdout)
        counts = {"accepted": 1, "refused": 0, "unanswered": 0}
        assert first == {"kind": "body_field", "operation": "createChatCompletion", "name": "new", **counts}


def test_address_and_key_are_those_of_the_settings(tmp_path: Path) -> None:
    with recording(Recorder()) as base, relay_over(base) as root:
        given = {"RELAY_KEY": f"{RELAY_KEY},another", "RELAY_PORT": root.rpartition(":")[2]}
        done = run_relay("drift", directory=tmp_path, **given)
    assert (done.returncode, done.stdout) == (0, "no drift seen since it started\n")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--base-url", "http://127.0.0.1:9"], 3, "came ConnectError"),
        (["--base-url", "ftp://relay"], 2, "--base-url is invalid"),
        (["--key", "schlüssel"], 2, "--key (hidden) is invalid"),
    ],
)
def test_a_relay_that_cannot_be_asked_is_one_line(
    tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    done = run_relay("drift", *arguments, directory=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr


@pytest.mark.parametrize(
    "reply",
    [
        answering(b'{"error":"key-of-mine is no key"}', 401),
        answering(b"<html>"),
        answering(b"key-of-mine{", headers=[(b"content-type", b"text/plain")]),
    ],
)
def test_whoever_answers_something_else_is_code_three_and_the_key_stays_hidden(
    tmp_path: Path, reply: object
) -> None:
    with recording(Recorder(reply=reply)) as base:  # type: ignore[arg-type]  # an application
        done = run_relay("drift", "--base-url", base, "--key", "key-of-mine", directory=tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert "key-of-mine" not in done.stderr


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD}",
        f'{HEAD}"accepted"}} NaN\n',
        f'{HEAD}"accepted"}} +Inf\n',
        'relay_contract_drift_total{kind="path"} 1\n',
        "relay_contract_drift_total 1\n",
    ],
)
def test_broken_counters_are_none(text: str) -> None:
    with pytest.raises(Unmet):
        of(text)


def test_of_other_counters_nothing_is_read() -> None:
    text = f'# TYPE other counter\nother_total{{a="b"}} 3\n{HEAD}"accepted"}} 2.0\n{HEAD}"refused"}} 1.0\n'
    assert of(text) == [Row("path", "", "/a", 2, 1, 0)]
    assert of("") == []
