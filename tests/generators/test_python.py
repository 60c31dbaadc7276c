"""What datamodel-code-generator makes of the served document can be imported, and judges as it should."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

_SECONDS = 240  # a bound, no measurement
USE = """
import json, sys
from pydantic import ValidationError
import models

def judged(name, value):
    try:
        getattr(models, name).model_validate(value)
    except ValidationError as error:
        return sorted({".".join(map(str, part["loc"][:1])) for part in error.errors()})
    return []

print(json.dumps([judged(*case) for case in json.load(sys.stdin)]))
"""


@pytest.fixture(scope="module")
def folder(document: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the models of the whole document in models.py."""
    made = tmp_path_factory.mktemp("models")
    options = (
        "--output-model-type",
        "pydantic_v2.BaseModel",
        "--formatters",
        "builtin",
        "--disable-warnings",
    )
    command = (
        "-m",
        "datamodel_code_generator",
        "--input",
        str(document),
        "--output",
        str(made / "models.py"),
    )
    done = subprocess.run(
        [sys.executable, *command, *options], capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    return made


def test_the_models_can_be_imported_and_judge(folder: Path, client: httpx.Client) -> None:
    health = client.get("/health").json()
    message = {"role": "user", "content": "Hello"}
    cases = [
        (("RelayHealth", health), []),
        (("RelayHealth", {**health, "status": "ill"}), ["status"]),
        (("CreateChatCompletionRequest", {"model": "gpt-5.1", "messages": [message], "stop": None}), []),
        (("CreateChatCompletionRequest", {"model": "gpt-5.1", "messages": [message], "n": None}), []),
        (("CreateChatCompletionRequest", {"model": "gpt-5.1"}), ["messages"]),
        (
            ("CreateChatCompletionRequest", {"model": "gpt-5.1", "messages": [{"role": "nobody"}]}),
            ["messages"],
        ),
        (("CreateEmbeddingRequest", {"model": "text-embedding-3-small", "input": ["a"]}), []),
        (("CreateEmbeddingRequest", {"model": "text-embedding-3-small", "input": None}), ["input"]),
    ]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", USE],
        input=json.dumps([case for case, _ in cases]),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    assert json.loads(done.stdout) == [expected for _, expected in cases]
