"""Whether a relay answers where one is looked for."""

from http import HTTPStatus

from acceptance.answer import Unmet
from acceptance.client import Client, Target
from acceptance.doctor.finding import Finding

_ADDRESS, _PUBLIC = "address", "public address"


def free(target: Target) -> Finding:
    """Nobody has the address."""
    return Finding(_ADDRESS, "ok", f"{target.base_url} is free")


def taken(target: Target, name: str, refusal: str) -> Finding:
    """Who has the address at which a relay of that name was to listen; `refusal` is what listening gave."""
    found = _name_at(target)
    if found == name:
        return Finding(_ADDRESS, "ok", f"{target.base_url} is served by this relay ({name})")
    if found is not None:
        todo = "stop it, or set RELAY_PORT to another port"
        return Finding(_ADDRESS, "wrong", f"{target.base_url} is served by another relay ({found})", todo)
    return Finding(_ADDRESS, "wrong", refusal, "stop what listens there, or set RELAY_HOST and RELAY_PORT")


def public(target: Target, name: str, *, runs: bool) -> Finding:
    """Whether RELAY_PUBLIC_URL leads to the relay of that name; `runs`: it is served on this machine."""
    found = _name_at(target)
    if found == name:
        return Finding(_PUBLIC, "ok", f"{target.base_url} leads to this relay")
    told = f"{target.base_url} leads to {'no relay' if found is None else f'another relay ({found})'}"
    if not runs:
        return Finding(_PUBLIC, "warning", told, "start the relay, and look again")
    todo = "look at RELAY_PUBLIC_URL, its name, its certificate, and at what stands before the relay"
    return Finding(_PUBLIC, "wrong", told, todo)


def _name_at(target: Target) -> str | None:
    """The name that a relay's health tells; None where there is no relay."""
    try:
        with Client(target) as client:
            answer = client.send("GET", "/health")
        if answer.status != HTTPStatus.OK or answer.at("object") != "health":
            return None
        return str(answer.at("relay", "name"))
    except Unmet:
        return None
