"""What a request is called: by its client, by the relay, and upstream."""

import re

import pytest

from tests.relay.wire import ask
from tests.servers import Recorder

PATH = "/v1/models"


def sent(recorder: Recorder) -> list[bytes]:
    return recorder.seen[-1].header(b"x-client-request-id")


def test_without_an_id_the_relays_own_goes_upstream(relay: str, recorder: Recorder) -> None:
    [own] = ask(relay, "GET", PATH).all("x-relay-request-id")
    assert re.fullmatch("[0-9a-f]{32}", own)
    assert sent(recorder) == [own.encode()]


def test_the_clients_request_id_goes_upstream_under_the_name_that_openai_reads(
    relay: str, recorder: Recorder
) -> None:
    answer = ask(relay, "GET", PATH, "x-request-id: mine.1")
    assert answer.all("x-relay-request-id") == ["mine.1"]
    assert sent(recorder) == [b"mine.1"]


def test_the_clients_own_field_stays_as_it_is_and_names_the_request_here(
    relay: str, recorder: Recorder
) -> None:
    answer = ask(relay, "GET", PATH, "x-client-request-id: mine.2")
    assert answer.all("x-relay-request-id") == ["mine.2"]
    assert sent(recorder) == [b"mine.2"]


@pytest.mark.parametrize("odd", ["has a space", "x" * 129, "ümlaut"])
def test_an_id_that_cannot_be_a_word_of_the_log_is_passed_on_and_not_taken(
    relay: str, recorder: Recorder, odd: str
) -> None:
    answer = ask(relay, "GET", PATH, f"x-client-request-id: {odd}")
    assert re.fullmatch("[0-9a-f]{32}", answer.all("x-relay-request-id")[0])
    assert sent(recorder) == [odd.encode("latin-1")]
