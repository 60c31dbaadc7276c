"""The flows through a relay over its sandbox: that they pass, and which operations they show."""

import pytest

from acceptance.client import Target
from acceptance.command import FLOWS, run
from tests.evidence import record, seen
from tests.routes import operation_of
from tests.servers import RELAY_KEY

SHOWN = {
    "A": {"createUpload", "addUploadPart", "completeUpload", "cancelUpload", "downloadFile", "deleteFile"},
    "B": {"createResponse"},
    "C": {"getRelayDocument"},
    "D": set(),
    "E": {"createFile", "createBatch", "retrieveBatch", "downloadFile", "deleteFile"},
    "F": {"createFile", "retrieveFile", "deleteFile"},
    "G": {"create-realtime-client-secret", "connectRealtime"},
}


@pytest.mark.parametrize("flow", FLOWS)
def test_a_flow_passes_over_the_sandbox(
    flow: str, sandbox_relay: str, capsys: pytest.CaptureFixture[str]
) -> None:
    reached = set()

    def observe(method: str, path: str, status: int) -> None:
        operation = operation_of(method, path)
        assert operation is not None, f"{method} {path}"
        record(operation, "check", status)
        if status in {101, 200}:
            reached.add(operation)

    target = Target(sandbox_relay, RELAY_KEY, 30)
    code = run(target, "gpt-5.1", "gpt-realtime", only=flow, wait=3, observer=observe)
    assert code == 0, capsys.readouterr().out
    assert reached == SHOWN[flow]
    assert all("check" in seen()[operation] for operation in reached)


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("GET", "/v1/files/file-1/content", "downloadFile"),
        ("GET", "/v1/files", "listFiles"),
        ("POST", "/v1/responses/compact", "Compactconversation"),
        ("DELETE", "/v1/files", None),
        ("GET", "/v1/nothing", None),
    ],
)
def test_a_request_line_names_its_operation(method: str, path: str, operation: str | None) -> None:
    assert operation_of(method, path) == operation
