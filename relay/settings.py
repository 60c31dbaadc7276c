"""Every setting of the relay: read from the environment or `.env`, checked once, at the start."""

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from relay import setting_types as kinds
from relay.environment import check_env_file, environment
from relay.setting_fields import refusal, setting, variables_of
from relay.setting_types import SANDBOX, VISIBLE, HeaderValue, SettingsError, Text, lower

_LISTING = "a JSON array, a comma list or *"
_FLAG = "true or false"
_BLOCKED = "RELAY_BLOCKED_OPERATIONS"
LOG_LEVELS = ("debug", "info", "warning", "error", "critical")


class Settings(BaseSettings):
    """What an operator can choose. Sizes are MiB, times are seconds, as each description says."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore", frozen=True
    )

    openai_api_key: SecretStr | None = setting(None, "the real key, sent upstream", "OPENAI_API_KEY")
    openai_api_key_file: Path | None = setting(
        None, "a file with the real key, read again when it changes", "OPENAI_API_KEY_FILE"
    )
    openai_api_base: kinds.ApiBase = setting(
        "https://api.openai.com/v1",
        "the upstream; with or without /v1; sandbox: is the embedded one",
        "OPENAI_API_BASE",
        "OPENAI_BASE_URL",
        allowed="an http or https address without user, query or fragment, or sandbox:",
    )
    openai_organization: HeaderValue | None = setting(
        None, "sent upstream when the client names no organisation", "OPENAI_ORGANIZATION", allowed=VISIBLE
    )
    openai_project: HeaderValue | None = setting(
        None, "sent upstream when the client names no project", "OPENAI_PROJECT", allowed=VISIBLE
    )
    openai_assistants_beta: HeaderValue = setting(
        "assistants=v2",
        "added to OpenAI-Beta for assistants, threads and vector stores",
        "OPENAI_ASSISTANTS_BETA",
        allowed=VISIBLE,
    )
    openai_realtime_beta: HeaderValue | None = setting(
        None, "added to OpenAI-Beta for realtime", "OPENAI_REALTIME_BETA", allowed=VISIBLE
    )
    default_model: Text = setting(
        "gpt-5.1", "filled in where the relay lets clients leave the model out; in health", "DEFAULT_MODEL"
    )
    realtime_model: Text = setting(
        "gpt-realtime", "filled in where a realtime client leaves the model out", "REALTIME_MODEL"
    )
    relay_host: Text = setting("127.0.0.1", "the address to listen on", "RELAY_HOST")
    relay_port: kinds.Port = setting(
        8000, "the port to listen on", "RELAY_PORT", allowed="a whole number from 0 to 65535"
    )
    relay_workers: kinds.Workers = setting(
        1, "how many processes serve", "RELAY_WORKERS", allowed="a whole number from 1 to 256"
    )
    relay_name: Text = setting(
        "chatgpt-team-relay", "the name in health and in the documents for Actions", "RELAY_NAME"
    )
    relay_public_url: kinds.PublicUrl | None = setting(
        None,
        "where the Actions documents say that the relay is; without it, where they were asked for",
        "RELAY_PUBLIC_URL",
        allowed="an https address without user, query or fragment",
    )
    relay_contact: Text = setting("", "the address in ai-plugin.json", "RELAY_CONTACT")
    relay_actions_limit: bool = setting(
        True,  # noqa: FBT003 - each row begins with its default
        "whether answers over 100,000 characters are refused at the doors for Actions",
        "RELAY_ACTIONS_LIMIT",
        allowed=_FLAG,
    )
    relay_key: SecretStr | None = setting(
        None,
        "what clients must show; several, comma-separated, for rotation",
        "RELAY_KEY",
        "RELAY_AUTH_TOKEN",
        "CHATGPT_ACTIONS_SECRET",
    )
    relay_key_file: Path | None = setting(
        None, "a file with relay keys, read again when it changes", "RELAY_KEY_FILE"
    )
    relay_auth_enabled: bool | None = setting(
        None, "whether clients must show a key; on when one is set", "RELAY_AUTH_ENABLED", allowed=_FLAG
    )
    relay_timeout: kinds.Seconds = setting(
        600,
        "seconds without a byte from upstream before giving up",
        "RELAY_TIMEOUT",
        "PROXY_TIMEOUT",
        allowed="a number over 0, at most 86400",
    )
    relay_transport: Annotated[Literal["native", "aiohttp"], BeforeValidator(lower)] = setting(
        "native", "what speaks to the upstream", "RELAY_TRANSPORT", allowed="native or aiohttp"
    )
    relay_client_timeout: kinds.Seconds = setting(
        30,
        "seconds that a client may take for a request's head, or send no byte of its body",
        "RELAY_CLIENT_TIMEOUT",
        allowed="a number over 0, at most 86400",
    )
    relay_max_requests: kinds.Count | None = setting(
        None,
        "requests in progress in each process; by default as many as its limit of open files allows",
        "RELAY_MAX_REQUESTS",
        allowed="a whole number from 1 to 1000000",
    )
    relay_drain_seconds: kinds.Wait = setting(
        30,
        "seconds that requests in progress have to end in when the relay is told to stop",
        "RELAY_DRAIN_SECONDS",
        allowed="a number from 0 to 86400",
    )
    relay_linger_seconds: kinds.Wait = setting(
        0,
        "seconds of these in which it serves on even with no request in progress, for balancers to notice",
        "RELAY_LINGER_SECONDS",
        allowed="a number from 0 to 86400",
    )
    relay_max_body_mb: kinds.Mebibytes = setting(
        600,
        "MiB of the largest request body",
        "RELAY_MAX_BODY_MB",
        allowed="from 1 to 1048576, whole",
    )
    relay_realtime_ws_enabled: bool = setting(
        True,  # noqa: FBT003 - each row begins with its default
        "whether WebSockets are relayed",
        "RELAY_REALTIME_WS_ENABLED",
        allowed=_FLAG,
    )
    relay_ping_seconds: kinds.Silence = setting(
        20,
        "seconds of silence on a WebSocket before the relay pings that side; dead after twice as many",
        "RELAY_PING_SECONDS",
        allowed="a number over 0, at most 3600",
    )
    relay_max_message_mb: kinds.MessageMebibytes = setting(
        32, "MiB of the largest WebSocket message", "RELAY_MAX_MESSAGE_MB", allowed="from 1 to 1024, whole"
    )
    relay_validation: Annotated[Literal["off", "structural", "strict"], BeforeValidator(lower)] = setting(
        "structural", "how strictly bodies are judged", "RELAY_VALIDATION", allowed="off, structural, strict"
    )
    relay_unknown_paths: Annotated[Literal["forward", "reject"], BeforeValidator(lower)] = setting(
        "forward", "/v1 paths that the contract lacks", "RELAY_UNKNOWN_PATHS", allowed="forward or reject"
    )
    relay_blocked_operations: kinds.Globs = setting(
        ["/organization/*", "/projects/*"],
        "globs over operation ids and paths that are answered 403; set but empty, it blocks nothing",
        _BLOCKED,
        allowed="a JSON array or a comma list of globs: listFiles, *FineTuning*, /files/*/content",
    )
    cors_allow_origins: kinds.Names = setting(
        [], "origins that browsers may call from", "CORS_ALLOW_ORIGINS", allowed=_LISTING
    )
    cors_allow_methods: kinds.Names = setting(
        ["*"], "methods that browsers may use", "CORS_ALLOW_METHODS", allowed=_LISTING
    )
    cors_allow_headers: kinds.Names = setting(
        ["*"], "headers that browsers may send", "CORS_ALLOW_HEADERS", allowed=_LISTING
    )
    cors_allow_credentials: bool = setting(
        False,  # noqa: FBT003 - each row begins with its default
        "whether browsers may send credentials; not together with origins *",
        "CORS_ALLOW_CREDENTIALS",
        allowed=_FLAG,
    )
    log_level: Annotated[str, BeforeValidator(lower)] = setting(
        "info", "the least level that is logged", "LOG_LEVEL", allowed=", ".join(LOG_LEVELS)
    )
    log_format: Annotated[Literal["console", "json"], BeforeValidator(lower)] = setting(
        "console", "how a log line is written", "LOG_FORMAT", allowed="console or json"
    )
    error_log_path: Path | None = setting(
        None, "a file for warnings and errors besides, ten times 10 MiB of it kept", "ERROR_LOG_PATH"
    )
    relay_metrics_port: kinds.Port | None = setting(
        None,
        "a port where /metrics needs no key; 0 takes a free one",
        "RELAY_METRICS_PORT",
        allowed="a whole number from 0 to 65535",
    )
    relay_metrics_host: Text = setting("127.0.0.1", "the address of RELAY_METRICS_PORT", "RELAY_METRICS_HOST")
    otel_exporter_otlp_endpoint: kinds.Collector | None = setting(
        None,
        "a collector of traces, OTLP over HTTP; needs the extra `tracing`",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        allowed="an http or https address without user, query or fragment",
    )
    otel_service_name: Text | None = setting(
        None, "the name in traces; RELAY_NAME where there is none", "OTEL_SERVICE_NAME"
    )
    app_mode: Text = setting("development", "reported by health", "APP_MODE")
    environment: Text = setting("development", "reported by health", "ENVIRONMENT")

    @model_validator(mode="after")
    def _no_credentials_for_every_origin(self) -> Self:
        if self.cors_allow_credentials and "*" in self.cors_allow_origins:
            raise SettingsError(
                "CORS_ALLOW_CREDENTIALS='true' is invalid together with CORS_ALLOW_ORIGINS='*': "
                "allowed are named origins"
            )
        return self

    @model_validator(mode="after")
    def _one_sandbox(self) -> Self:
        if self.uses_sandbox and self.relay_workers > 1:
            raise SettingsError(
                f"RELAY_WORKERS='{self.relay_workers}' is invalid together with OPENAI_API_BASE='{SANDBOX}': "
                "each would have its own; allowed is the address of one that `relay sandbox` runs"
            )
        return self

    @property
    def auth_enabled(self) -> bool:
        """Whether clients must show a relay key."""
        if self.relay_auth_enabled is not None:
            return self.relay_auth_enabled
        return self.relay_key is not None or self.relay_key_file is not None

    @property
    def max_body_bytes(self) -> int:
        """The largest request body in bytes."""
        return self.relay_max_body_mb * 1024 * 1024

    @property
    def uses_sandbox(self) -> bool:
        """Whether the upstream is the embedded one."""
        return self.openai_api_base == SANDBOX

    @property
    def effective_log_level(self) -> str:
        """The level in force: `info` where `log_level` names none."""
        return self.log_level if self.log_level in LOG_LEVELS else "info"


def load_settings(**overrides: Any) -> Settings:
    """Read the settings; `overrides` are by field name and win over the environment.

    Raises SettingsError with one line for the first setting that cannot be used.
    """
    check_env_file(_env_file())
    fields, present = Settings.model_fields, environment(_env_file())
    named = {variables_of(fields[name])[0]: value for name, value in overrides.items()}
    if present.get(_BLOCKED) == "":
        named = {_BLOCKED: [], **named}
    try:
        settings = Settings(**named)
    except ValidationError as error:
        raise SettingsError(refusal(error, fields.values(), present)) from None
    _refuse_open_door(settings)
    return settings


def _env_file() -> str | None:
    file = Settings.model_config.get("env_file")
    return file if isinstance(file, str) else None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refuse_open_door(settings: Settings) -> None:
    has_key = settings.relay_key is not None or settings.relay_key_file is not None
    if settings.relay_auth_enabled and not has_key:
        raise SettingsError(
            "RELAY_AUTH_ENABLED='true' is invalid without a key: set RELAY_KEY or RELAY_KEY_FILE"
        )
    real_key = settings.openai_api_key is not None or settings.openai_api_key_file is not None
    exposed = not is_loopback(settings.relay_host) and not settings.uses_sandbox
    if real_key and exposed and not has_key and settings.relay_auth_enabled is None:
        raise SettingsError(
            f"RELAY_HOST={settings.relay_host!r} would open the real key to everyone who can reach it: "
            "set RELAY_KEY, or RELAY_AUTH_ENABLED=false to say that this is wanted"
        )
