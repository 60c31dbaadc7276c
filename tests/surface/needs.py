"""What the least of a body or a path cannot know: names of things that have to be there, in a fit state."""

import base64
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

from tests.surface.driver import Driver

_LINE = {"custom_id": "1", "method": "POST", "url": "/v1/embeddings"}
_BATCH = json.dumps({**_LINE, "body": {"model": "text-embedding-3-small", "input": "x"}}).encode()
_MESSAGES = [{"role": "user", "content": "Return exactly: pong"}]
_TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
_MODEL = {"model": "gpt-5.1"}


def made(driver: Driver, path: str, **body: Any) -> str:
    """`path` of a new resource of the collection at `path`."""
    answer = driver.client.post(path, json=body).raise_for_status()
    return f"{path}/{answer.json()['id']}"


def stored_chat(driver: Driver) -> str:
    return made(driver, "/chat/completions", **_MODEL, messages=_MESSAGES, store=True)


def response(driver: Driver, **more: Any) -> str:
    return made(driver, "/responses", **_MODEL, input="Return exactly: pong", **more)


def conversation_item(driver: Driver) -> str:
    items = [{"type": "message", "role": "user", "content": "hello"}]
    path = made(driver, "/conversations", items=items)
    listed = driver.client.get(f"{path}/items").raise_for_status().json()["data"]
    return f"{path}/items/{listed[0]['id']}"


def run(driver: Driver, **more: Any) -> str:
    assistant = made(driver, "/assistants", **_MODEL).rpartition("/")[2]
    thread = made(driver, "/threads", messages=_MESSAGES)
    return made(driver, f"{thread}/runs", assistant_id=assistant, **more)


def run_step(driver: Driver) -> str:
    path = driver.polled(run(driver))
    return f"{path}/steps/{driver.client.get(f'{path}/steps').json()['data'][0]['id']}"


def tool_outputs(driver: Driver) -> str:
    chosen = {"type": "function", "function": {"name": "look"}}
    path = driver.polled(run(driver, tools=[_TOOL], tool_choice=chosen), "requires_action")
    return f"{path}/submit_tool_outputs"


def outputs(driver: Driver, path: str) -> list[dict[str, str]]:
    """An output for each call that the run at `path` waits for."""
    waiting = driver.client.get(path.rpartition("/")[0]).raise_for_status().json()["required_action"]
    return [
        {"tool_call_id": one["id"], "output": "x"} for one in waiting["submit_tool_outputs"]["tool_calls"]
    ]


def upload(driver: Driver, size: int = 3) -> str:
    return made(driver, "/uploads", bytes=size, filename="a.txt", mime_type="text/plain", purpose="batch")


def part(driver: Driver, path: str) -> str:
    answer = driver.client.post(f"{path}/parts", files={"data": ("a", b"one")})
    return str(answer.raise_for_status().json()["id"])


def call(driver: Driver) -> str:
    answer = driver.client.post(
        "/realtime/calls", content=b"v=0\r\n", headers={"content-type": "application/sdp"}
    )
    return f"/realtime/calls/{answer.raise_for_status().headers['location'].rpartition('/')[2]}"


def permission(driver: Driver) -> str:
    path = "/fine_tuning/checkpoints/ft:gpt-5.1:team/permissions"
    answer = driver.client.post(path, json={"project_ids": ["proj_1"]}).raise_for_status()
    return f"{path}/{answer.json()['data'][0]['id']}"


def job(driver: Driver) -> str:
    return made(
        driver, "/fine_tuning/jobs", model="gpt-4o-mini", training_file=driver.file("fine-tune", b"{}\n")
    )


def tuned_model(driver: Driver) -> str:
    path = driver.polled(job(driver), "succeeded")
    return f"/models/{driver.client.get(path).json()['fine_tuned_model']}"


def skill_files() -> dict[str, Any]:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("skill/SKILL.md", "---\nname: tides\ndescription: Tells tides.\n---\n")
    return {"content": stream.getvalue(), "files": base64.b64encode(stream.getvalue()).decode()}


def skill_version(driver: Driver) -> str:
    path = made(driver, "/skills", files=skill_files()["files"])
    answer = driver.client.post(f"{path}/versions", json={"files": skill_files()["files"]})
    return f"{path}/versions/{answer.raise_for_status().json()['version']}"


def video(driver: Driver) -> dict[str, Any]:
    return {"video": {"id": made(driver, "/videos", prompt="waves").rpartition("/")[2]}}


FIELDS: dict[str, Callable[[Driver, str], dict[str, Any]]] = {
    "createBatch": lambda driver, _: {
        "input_file_id": driver.file("batch", _BATCH),
        "endpoint": "/v1/embeddings",
    },
    "createResponse": lambda _driver, _path: {**_MODEL, "input": "hello"},
    "createRun": lambda driver, _: {"assistant_id": made(driver, "/assistants", **_MODEL).rpartition("/")[2]},
    "createThreadAndRun": lambda driver, _: {
        "assistant_id": made(driver, "/assistants", **_MODEL).rpartition("/")[2]
    },
    "submitToolOuputsToRun": lambda driver, path: {"tool_outputs": outputs(driver, path)},
    "createVectorStoreFile": lambda driver, _: {"file_id": driver.file()},
    "createVectorStoreFileBatch": lambda driver, _: {"file_ids": [driver.file()]},
    "createFineTuningJob": lambda driver, _: {"training_file": driver.file("fine-tune", b"{}\n")},
    "createFineTuningCheckpointPermission": lambda _driver, _path: {"project_ids": ["proj_1"]},
    "CreateSkill": lambda _driver, _path: skill_files(),
    "CreateSkillVersion": lambda _driver, _path: skill_files(),
    "UpdateSkillDefaultVersion": lambda _driver, _path: {"default_version": "1"},
    "CreateVideoEdit": lambda driver, _: video(driver),
    "CreateVideoExtend": lambda driver, _: video(driver),
    "CreateContainerFile": lambda driver, _: {"file_id": driver.file()},
    "addUploadPart": lambda _driver, _path: {"content": b"one"},
    "completeUpload": lambda driver, path: {"part_ids": [part(driver, path.rpartition("/")[0])]},
    "create-realtime-call": lambda _driver, _path: {"sdp": "v=0\r\n"},
}

PATHS: dict[str, Callable[[Driver], str]] = {
    "deleteModel": tuned_model,
    "completeUpload": lambda driver: f"{upload(driver)}/complete",
    "getChatCompletion": stored_chat,
    "updateChatCompletion": stored_chat,
    "deleteChatCompletion": stored_chat,
    "getChatCompletionMessages": lambda driver: f"{stored_chat(driver)}/messages",
    "getResponse": response,
    "deleteResponse": response,
    "cancelResponse": lambda driver: f"{response(driver, background=True)}/cancel",
    "listInputItems": lambda driver: f"{response(driver)}/input_items",
    "getConversationItem": conversation_item,
    "deleteConversationItem": conversation_item,
    "downloadFile": lambda driver: f"/files/{driver.file('batch', _BATCH)}/content",
    "addUploadPart": lambda driver: f"{upload(driver)}/parts",
    "deleteFineTuningCheckpointPermission": permission,
    "getRunStep": run_step,
    "submitToolOuputsToRun": tool_outputs,
    "accept-realtime-call": lambda driver: f"{call(driver)}/accept",
    "hangup-realtime-call": lambda driver: f"{call(driver)}/hangup",
    "refer-realtime-call": lambda driver: f"{call(driver)}/refer",
    "reject-realtime-call": lambda driver: f"{call(driver)}/reject",
    "GetSkillVersion": skill_version,
    "DeleteSkillVersion": skill_version,
    "GetSkillVersionContent": lambda driver: f"{skill_version(driver)}/content",
    "RetrieveVideoContent": lambda driver: f"{driver.polled(driver.filled('/videos/{video_id}'))}/content",
}
