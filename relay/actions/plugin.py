"""The plugin manifest: the format of `/.well-known/ai-plugin.json`, schema version v1, from the settings."""

import re
from typing import Any

from relay.settings import Settings

_FOR_HUMAN = "OpenAI's API, through a relay that holds the key."
_FOR_MODEL = (
    "Calls operations of OpenAI's API in the name of a team: responses, chat, embeddings, images, audio, "
    "files, vector stores, videos and others. Send JSON; files go in as references, addresses or base64."
)
# What comes through the relay is OpenAI's, and so are the rules for it.
_RULES = "https://openai.com/policies/"
# Limits of the format: characters of a name for people, and of one for the model.
_HUMAN, _MODEL = 20, 50


def manifest(settings: Settings, public_url: str) -> dict[str, Any]:
    """What `RelayPlugin` in the overlay describes; `public_url` is where clients reach this relay."""
    name = re.sub("[^A-Za-z0-9]+", "_", settings.relay_name).strip("_")[:_MODEL]
    contact = {"contact_email": settings.relay_contact} if settings.relay_contact else {}
    return {
        "schema_version": "v1",
        "name_for_human": settings.relay_name.strip()[:_HUMAN] or "relay",
        "name_for_model": name or "relay",
        "description_for_human": _FOR_HUMAN,
        "description_for_model": _FOR_MODEL,
        "auth": _auth(settings),
        "api": {"type": "openapi", "url": f"{public_url}/openapi.actions.json"},
        "logo_url": f"{public_url}/static/logo.svg",
        **contact,
        "legal_info_url": _RULES,
    }


def _auth(settings: Settings) -> dict[str, Any]:
    # The format knows no header of the relay's own; Bearer opens as well.
    if not settings.auth_enabled:
        return {"type": "none"}
    return {"type": "service_http", "authorization_type": "bearer", "verification_tokens": {}}
