"""What each setting may be, and what it may not."""

from pathlib import Path
from typing import Any

from pydantic import SecretStr

# Each setting: its default, a value as an operator writes it, and what that means.
CASES: dict[str, tuple[Any, str, Any]] = {
    "openai_api_key": (None, "sk-abc", SecretStr("sk-abc")),
    "openai_api_key_file": (None, "/run/key", Path("/run/key")),
    "openai_api_base": ("https://api.openai.com/v1", "http://10.0.0.1:81/v1", "http://10.0.0.1:81/v1"),
    "openai_organization": (None, "org-1", "org-1"),
    "openai_project": (None, "proj_1", "proj_1"),
    "openai_assistants_beta": ("assistants=v2", "assistants=v3, x", "assistants=v3, x"),
    "default_model": ("gpt-5.1", "gpt-6", "gpt-6"),
    "relay_host": ("127.0.0.1", "::1", "::1"),
    "relay_port": (8000, "0", 0),
    "relay_name": ("chatgpt-team-relay", "ours", "ours"),
    "relay_public_url": (None, "https://relay.example/team/", "https://relay.example/team"),
    "relay_contact": ("", "it@team.example", "it@team.example"),
    "relay_actions_limit": (True, "off", False),
    "relay_key": (None, "a,b", SecretStr("a,b")),
    "relay_key_file": (None, "/run/keys", Path("/run/keys")),
    "relay_auth_enabled": (None, "false", False),
    "relay_timeout": (600, "0.5", 0.5),
    "relay_drain_seconds": (30, "0", 0),
    "relay_workers": (1, "4", 4),
    "relay_client_timeout": (30, "1.5", 1.5),
    "relay_max_requests": (None, "50", 50),
    "relay_max_body_mb": (600, "1", 1),
    "relay_transport": ("native", " AIOHTTP", "aiohttp"),
    "relay_validation": ("structural", " Strict", "strict"),
    "relay_unknown_paths": ("forward", "REJECT", "reject"),
    "relay_blocked_operations": (["/organization/*", "/projects/*"], '["/v1/a*", "b"]', ["/a*", "b"]),
    "cors_allow_origins": ([], '["http://a", "http://b"]', ["http://a", "http://b"]),
    "cors_allow_methods": (["*"], "GET, POST", ["GET", "POST"]),
    "cors_allow_headers": (["*"], "x-relay-key,", ["x-relay-key"]),
    "cors_allow_credentials": (False, "true", True),
    "log_level": ("info", "DEBUG", "debug"),
    "log_format": ("console", "JSON", "json"),
    "app_mode": ("development", "production", "production"),
    "environment": ("development", "staging", "staging"),
}
ADDRESSES = (
    "api.openai.com", "ftp://h", "http://", "http://h/v1?a=b", "http://h/#f", "http://h?",
    "http://h#", "http://h:99999", "http://h:port", "http://h h", "http://[::1", "http://a..b", "sandbox", "http://h/\u00e9",
)  # fmt: skip
LISTS = ("[", "[1]", '["a"', "[" * 100_000, f"[{'9' * 5000}]")
GLOBS = ["files/*", "/files/", "//files", "/", "[a", "a]", "/files/[a/b]", "/a%2Fb", "/a#b", "café"]
FIELDS = (*LISTS, '["\\ud800"]', '["a\\nb"]', "\u2603")
REFUSED: dict[str, tuple[str, ...]] = {
    "openai_api_base": ADDRESSES,
    "openai_organization": ("org\u00e9", " org", "a\nb"),
    "openai_project": ("proj\u2028",),
    "openai_assistants_beta": ("v\t2", " "),
    "relay_port": ("-1", "65536", "http", "1e3", "9" * 5000),
    "relay_auth_enabled": ("maybe", "2"),
    "relay_actions_limit": ("maybe",),
    "relay_public_url": ("http://h", "https://", "https://h/?a", "https://h/#", "https://h:port", "h h"),
    "relay_timeout": ("0", "-1", "nan", "inf", "86401", "ten"),
    "relay_drain_seconds": ("-1", "nan", "soon"),
    "relay_workers": ("0", "257", "1.5", "many"),
    "relay_client_timeout": ("0", "inf", "short"),
    "relay_max_requests": ("0", "1.5", "1000001", "all"),
    "relay_max_body_mb": ("0", "1.5", "1048577", "much"),
    "relay_transport": ("httpx", "native,aiohttp"),
    "relay_validation": ("lax", "structural,strict"),
    "relay_unknown_paths": ("allow", "404"),
    "relay_blocked_operations": (*LISTS, *GLOBS, "a b"),
    "cors_allow_origins": LISTS,
    "cors_allow_methods": FIELDS,
    "cors_allow_headers": FIELDS,
    "cors_allow_credentials": ("perhaps",),
    "log_format": ("xml",),
    "app_mode": ("\udcff",),
    "environment": ("\udcff",),
    "relay_name": ("\udcff",),
    "default_model": ("\udcff",),
}
