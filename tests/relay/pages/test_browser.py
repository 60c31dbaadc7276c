"""The pages in Chromium: how they look, what they load, and that a person can use them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.chromium import Page, browsing
from tests.servers import PROJECT, RELAY_KEY, Recorder, relay_over

PICTURES = PROJECT / "build" / "screenshots"
SHAPES = [(width, dark) for width in (400, 1_400) for dark in (False, True)]
HEIGHT = 900
LISTED = "document.querySelectorAll('a[href^=\"#tag/\"]').length > 40"
CODES = "[...document.querySelectorAll('pre > code')].map((code) => code.textContent)"
COPY = "document.querySelector('article button')"
KEY = "document.querySelector('.scalar-password-input')"
TRY = (
    "[...document.querySelectorAll('.show-api-client-button')]"
    ".find((button) => button.textContent.includes('(get /v1/models)'))"
)
SEND = (
    "[...document.querySelectorAll('[role=dialog] button')]"
    ".find((button) => /^Send/.test(button.textContent.trim()))"
)
ANSWERED = "/Status:\\s+[0-9]{3}/.test(document.querySelector('[role=dialog]').innerText)"
# Relative luminance and contrast as WCAG 2.2 defines them, of each text on the nearest opaque ground.
FAINT = """(() => {
  const light = ([r, g, b]) => [r, g, b]
    .map((part) => part / 255).map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const colour = (text) => text.match(/[\\d.]+/g).map(Number);
  const ground = (element) => {
    const found = colour(getComputedStyle(element).backgroundColor);
    return found.length === 3 || !element.parentElement ? found : ground(element.parentElement);
  };
  return [...document.querySelectorAll('body *')]
    .filter((one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()))
    .filter((one) => {
      const [a, b] = [colour(getComputedStyle(one).color), ground(one)].map(light);
      return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5;
    })
    .map((one) => one.outerHTML);
})()"""
WIDE = """[...document.querySelectorAll('body, body *')]
  .filter((one) => one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0)
  .filter((one) => getComputedStyle(one).display !== 'inline')
  .map((one) => one.outerHTML.slice(0, 100))"""


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browsing(tmp_path_factory.mktemp("chromium")) as made:
        made.watch()
        yield made


@pytest.fixture
def page(tab: Page) -> Page:
    """A tab that was told nothing yet."""
    tab.events.clear()
    return tab


def opened(page: Page, address: str, ready: str = "true") -> None:
    page.open(address)
    page.until(f"document.readyState === 'complete' && Boolean({ready})")


def assert_clean(page: Page, root: str) -> None:
    """Fail when the page asked another host, broke its policy, or raised or logged an error."""
    page.value("0")
    asked = [event["request"]["url"] for event in page.told("Network.requestWillBeSent")]
    assert asked
    assert not [address for address in asked if not address.startswith((root, "data:", "about:", "blob:"))]
    assert page.told("Log.entryAdded") == []
    assert page.told("Runtime.exceptionThrown") == []
    logged = [event["type"] for event in page.told("Runtime.consoleAPICalled")]
    assert not {"error", "warning", "assert"} & set(logged)


def named(what: str, shape: tuple[int, bool]) -> Path:
    return PICTURES / f"{what}-{shape[0]}-{'dark' if shape[1] else 'light'}.png"


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_status_fits_every_window_and_can_be_read(
    page: Page, sandbox_relay: str, shape: tuple[int, bool]
) -> None:
    page.shape(shape[0], HEIGHT, dark=shape[1])
    opened(page, sandbox_relay, COPY)
    assert page.value(WIDE) == []
    assert page.value(FAINT) == []
    page.shape(shape[0], page.value("document.documentElement.scrollHeight"), dark=shape[1])
    page.picture(named("status", shape))
    assert_clean(page, sandbox_relay)


def test_a_status_with_faults_can_be_read_too(page: Page, upstream: tuple[Recorder, str]) -> None:
    faults = {"openai_api_key": None, "relay_key": None, "relay_auth_enabled": False}
    with relay_over(upstream[1], relay_name="x" * 200, **faults) as root:
        for shape in SHAPES:
            page.shape(shape[0], HEIGHT, dark=shape[1])
            opened(page, root, COPY)
            assert page.value(WIDE) == []
            assert page.value(FAINT) == []
            page.picture(named("status-faults", shape))
        assert_clean(page, root)


def test_the_snippets_show_the_address_that_the_browser_used(page: Page, sandbox_relay: str) -> None:
    local = sandbox_relay.replace("127.0.0.1", "localhost")
    opened(page, f"{local}/?from=here#connect", COPY)
    codes = "\n".join(page.value(CODES))
    assert f'"{local}/v1"' in codes
    assert f'"{local.replace("http", "ws")}/v1/realtime' in codes
    assert sandbox_relay not in codes


def test_the_snippets_show_the_public_address_where_there_is_one(page: Page) -> None:
    page.shape(1_000, 760)
    with relay_over("sandbox:", relay_public_url="https://relay.example.org") as root:
        opened(page, root, COPY)
        codes = "\n".join(page.value(CODES))
        # The README's picture, docs/status.png, is a copy of this one.
        page.picture(PICTURES / "status-readme.png")
    assert '"https://relay.example.org/v1"' in codes
    assert "127.0.0.1" not in codes


def test_a_snippet_is_copied_whole_and_the_reader_is_told(page: Page, sandbox_relay: str) -> None:
    page.shape(1_400, HEIGHT)
    opened(page, sandbox_relay, COPY)
    page.value("document.addEventListener('copy', () => { window.copied = String(getSelection()); })")
    page.value("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.click(COPY)
    page.until(f"{COPY}.textContent === 'Copied'")
    assert page.value("window.copied") == page.value(CODES)[0]
    page.until(f"{COPY}.textContent === 'Copy'")


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_reference_fits_every_window(page: Page, sandbox_relay: str, shape: tuple[int, bool]) -> None:
    page.shape(shape[0], HEIGHT, dark=shape[1])
    listed = LISTED if shape[0] > 1_000 else "/OpenAI API through/.test(document.body.innerText)"
    opened(page, f"{sandbox_relay}/docs", listed)
    assert page.value("document.documentElement.scrollWidth <= innerWidth")
    assert page.value("document.body.classList.contains('dark-mode')") is shape[1]
    page.picture(named("docs", shape))
    assert_clean(page, sandbox_relay)


def test_a_request_is_sent_from_the_reference_with_a_key_that_is_typed_in(
    page: Page, sandbox_relay: str
) -> None:
    page.shape(1_400, HEIGHT)
    opened(page, f"{sandbox_relay}/docs", f"{LISTED} && {KEY}")
    page.click(KEY)
    page.until(f"document.activeElement === {KEY}")
    page.type(RELAY_KEY)
    assert page.value(f"{KEY}.value") == RELAY_KEY
    page.value("document.querySelector('a[href=\"#tag/models\"]').click()")
    page.until(f"Boolean({TRY})")
    page.value(f"{TRY}.click()")
    page.until(f"Boolean({SEND})")
    page.value(f"{SEND}.click()")
    page.until(ANSWERED)
    shown = page.value("document.querySelector('[role=dialog]').innerText")
    assert "200 OK" in shown
    assert '"object": "list"' in shown
    page.picture(PICTURES / "docs-sent.png")
    assert_clean(page, sandbox_relay)
    sent = [event["request"] for event in page.told("Network.requestWillBeSent")]
    assert [one["headers"]["x-relay-key"] for one in sent if one["url"].endswith("/v1/models")] == [RELAY_KEY]
    kept = page.value(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])"
    )
    assert RELAY_KEY not in kept
