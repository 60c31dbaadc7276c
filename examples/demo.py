"""`make demo`: OpenAI's own client streams an answer from the sandbox through a relay, all on one machine."""

import os
import re
import secrets
import subprocess
import sys
import tempfile

import openai

_LISTENING = re.compile(r'"base_url": "([^"]+)"')
_PAUSE_MS = "60"
QUESTION = "What stands between an OpenAI client and the API here?"
ANSWER = (
    "A relay: it took its own key from you, checked your request against OpenAI's contract, put the real key "
    "in its place, and passes every byte of this answer on as it arrives."
)


def main() -> None:
    """Start a relay over its sandbox, print one streamed answer, and stop the relay."""
    relay_key = f"relay-{secrets.token_hex(8)}"
    relay = _start(relay_key)
    try:
        base_url = _base_url(relay)
        _say(f"A relay over its sandbox listens on {base_url}.")
        _say(f'client = openai.OpenAI(base_url="{base_url}", api_key="{relay_key}")')
        _say(f"> {QUESTION}")
        _ask(base_url, relay_key)
    finally:
        relay.terminate()
        relay.wait()


def _start(relay_key: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "relay", "serve", "--sandbox", "--host", "127.0.0.1", "--port", "0"]
    # Whoever runs the demo may have a relay of their own set up, in the environment or in `.env`.
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "SYSTEMROOT") if name in os.environ}
    environment = {**kept, "RELAY_KEY": relay_key, "LOG_FORMAT": "json"}
    elsewhere = tempfile.gettempdir()
    return subprocess.Popen(command, env=environment, cwd=elsewhere, stderr=subprocess.PIPE, text=True)


def _base_url(relay: subprocess.Popen[str]) -> str:
    assert relay.stderr is not None
    for line in relay.stderr:
        if found := _LISTENING.search(line):
            return found[1]
        sys.stderr.write(line)
    sys.exit("the relay did not start")


def _ask(base_url: str, relay_key: str) -> None:
    headers = {"x-sandbox-reply": ANSWER, "x-sandbox-delay-ms": _PAUSE_MS}
    with openai.OpenAI(base_url=base_url, api_key=relay_key, default_headers=headers) as client:
        stream = client.chat.completions.create(
            model="gpt-5.1",
            messages=[{"role": "user", "content": QUESTION}],
            stream=True,
            stream_options={"include_usage": True},
        )
        for chunk in stream:
            for choice in chunk.choices:
                _say(choice.delta.content or "", end="")
            if chunk.usage:
                _say(f"\n({chunk.usage.completion_tokens} tokens, streamed.)")


def _say(text: str, end: str = "\n") -> None:
    sys.stdout.write(text + end)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
