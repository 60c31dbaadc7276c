"""docs/realtime.md, against what it tells of."""

import re

import pytest

from generated.operations import OPERATIONS
from relay.setting_fields import variables_of
from relay.settings import Settings
from tests.servers import PROJECT, RELAY_KEY, relay_over

PAGE = (PROJECT / "docs" / "realtime.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_what_the_page_links_to_exists() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", PAGE)
    assert links
    assert [link for link in links if not (PROJECT / "docs" / link).exists()] == []


def test_the_websockets_of_the_page_are_those_of_the_table() -> None:
    told = set(re.findall(r"^\| `GET (/\S+)` \|", PAGE, re.MULTILINE))
    assert told == {operation.path for operation in OPERATIONS.values() if operation.websocket}


def test_the_settings_of_the_page_exist() -> None:
    named = {name for field in Settings.model_fields.values() for name in variables_of(field)}
    told = set(re.findall(r"`((?:RELAY|REALTIME|CORS)_[A-Z_]+)", PAGE))
    assert len(told) > 5
    assert told <= named


def test_the_python_of_the_page_holds_a_conversation(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(SNIPPETS) == 1
    with relay_over("sandbox:") as root:
        code = SNIPPETS[0].replace("http://127.0.0.1:8000", root).replace("<relay key>", RELAY_KEY)
        exec(compile(code, "docs/realtime.md", "exec"), {})  # noqa: S102 - it is the page's own
    events = [line for line in capsys.readouterr().out.splitlines() if re.fullmatch(r"[a-z_.]+", line)]
    assert (events[0], events[-1]) == ("session.created", "response.done")
