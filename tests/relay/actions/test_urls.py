import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.actions.urls import MAX_URL_BYTES, Target, checked
from relay.errors import InvalidBody
from tests.fuzz.urls import BLOBS, GOOD, HOSTILE, HOSTS, LITERALS, OTHERS, SIGNED, let_through


@pytest.mark.parametrize("url", GOOD, ids=range(len(GOOD)))
def test_an_address_of_openais_file_hosts_is_let_through(url: str) -> None:
    assert let_through(url)


@pytest.mark.parametrize("url", HOSTILE, ids=range(len(HOSTILE)))
def test_any_other_address_is_refused(url: str) -> None:
    assert not let_through(url)


def test_a_signed_query_is_kept_byte_for_byte_and_a_host_in_lower_case() -> None:
    assert checked(f"https://{BLOBS.upper()}:443{SIGNED}", "url") == Target(BLOBS, SIGNED.encode())


def test_a_refusal_names_the_parameter_and_what_is_allowed_and_nothing_of_the_address() -> None:
    with pytest.raises(InvalidBody) as caught:
        checked("https://evil.example/secret?sig=secret", "openaiFileIdRefs[0].download_link")
    error = caught.value
    assert (error.kind.status, error.code, error.param) == (
        400,
        "blocked_url",
        "openaiFileIdRefs[0].download_link",
    )
    for allowed in ("https", "files.openai.com", "*.oaiusercontent.com", "oaidalle*.blob.core.windows.net"):
        assert allowed in error.message
    assert not re.search("evil|secret", error.message)


@given(st.text() | st.text().map("https://files.openai.com/{}".format) | st.text().map("https://{}".format))
def test_any_text_is_read_as_others_read_it_or_refused(text: str) -> None:
    let_through(text)


PARTS = [*HOSTS, *LITERALS, *OTHERS, *"@:/\\?#.%", "https://", ":443", "/a"]


@given(st.lists(st.sampled_from(PARTS) | st.text(max_size=3), max_size=4).map("".join))
def test_any_mixture_of_hosts_is_read_as_others_read_it_or_refused(rest: str) -> None:
    let_through(f"https://{rest}")


@given(st.sampled_from(HOSTS), st.sampled_from(["", ":443"]), st.from_regex(r"[!-~]*", fullmatch=True))
def test_any_path_and_query_go_on_as_they_are(host: str, port: str, rest: str) -> None:
    path = "/" + re.sub(r"[\\#]", "", rest)[: MAX_URL_BYTES // 2]
    assert checked(f"https://{host}{port}{path}", "url") == Target(host.lower(), path.encode())
