"""`relay doctor`."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import rich_click as click

from relay.commands.options import SECONDS

if TYPE_CHECKING:
    from acceptance.doctor.finding import Finding
    from relay.auth import Secret
    from relay.settings import Settings

_KEYS = ("OPENAI_API_KEY", "RELAY_KEY")


@click.command("doctor")
@click.option("--timeout", default=10, type=SECONDS, show_default=True, help="Seconds for each step.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(timeout: float, *, as_json: bool) -> int:
    """Look for what keeps this relay from working, and say what to do; 1 when something is wrong.

    It needs no running relay, reads the settings that `relay serve` would, and asks the upstream for its
    models, which costs nothing. `relay check` is for a relay that runs.
    """
    from acceptance.doctor import machine
    from acceptance.doctor.report import told
    from relay.settings import load_settings

    if error := _refusal(load_settings):
        return told([machine.settings_read(None, error)], (), as_json=as_json)
    settings = load_settings()
    refused = {name: _refusal(partial(_key, settings, name)) for name in _KEYS}
    keys = {name: "" if refused[name] else _key(settings, name).text for name in _KEYS}
    known = tuple(part for text in keys.values() for part in text.replace(",", " ").split())
    return told(_findings(settings, keys, refused, timeout), known, as_json=as_json)


def _key(settings: "Settings", variable: str) -> "Secret":
    """The key that the relay has of that variable; raises SettingsError."""
    from relay.auth import Secret, upstream_key

    if variable == "OPENAI_API_KEY":
        return upstream_key(settings)
    return Secret(settings.relay_key, settings.relay_key_file, variable, parts=True)


def _refusal(action: Callable[[], object]) -> str:
    """What setting does not allow that; empty where none does not."""
    from relay.setting_types import SettingsError

    try:
        action()
    except SettingsError as error:
        return str(error)
    return ""


def _findings(
    settings: "Settings", keys: dict[str, str], refused: dict[str, str], seconds: float
) -> "Iterator[Finding]":
    from acceptance.client import Target
    from acceptance.command import listening_at
    from acceptance.doctor import machine, relays, upstream
    from relay.serving.descriptors import raise_limit, shares
    from relay.serving.server import listen
    from relay.settings import is_loopback

    env_file = settings.model_config.get("env_file")
    yield machine.settings_read(env_file if isinstance(env_file, str) else None)
    for variable, text in keys.items():
        file, exposed = getattr(settings, f"{variable.lower()}_file"), not is_loopback(settings.relay_host)
        yield machine.key(variable, text, file, refused[variable], exposed=exposed)
    here = Target(listening_at(settings.relay_host, settings.relay_port), "", seconds)
    refusal = _refusal(lambda: listen(settings).close())
    yield relays.free(here) if not refusal else relays.taken(here, settings.relay_name, refusal)
    raise_limit()
    short = _refusal(lambda: shares(settings.relay_max_requests))
    yield machine.open_files(shares(None if short else settings.relay_max_requests)[0], short)
    yield machine.proxy()
    yield from upstream.examined(Target(settings.openai_api_base, keys["OPENAI_API_KEY"], seconds), here)
    if settings.relay_public_url is not None:
        public = Target(settings.relay_public_url, "", seconds)
        yield relays.public(public, settings.relay_name, runs=bool(refusal))
