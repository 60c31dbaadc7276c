"""Flow F: a `user_data` file can be described and not downloaded."""

from acceptance.client import segment
from acceptance.flow import Run

_CONTENT = b"What a user gave for the model's eyes.\n"


def run(run: Run) -> None:
    """Show the flow; raises Stopped."""
    with run.step("a user_data file is uploaded") as row:
        files = {"file": ("relay-check.txt", _CONTENT, "text/plain")}
        answer = run.client.send("POST", "/files", data={"purpose": "user_data"}, files=files).succeeded()
        file = answer.name_at("id")
        run.delete(f"/files/{segment(file)}")
        row.detail = file
    path = f"/files/{segment(file)}"
    with run.step("its metadata can be read"):
        run.client.send("GET", path).says(id=file, purpose="user_data", bytes=len(_CONTENT))
    with run.step("its content is refused: 403 file_download_forbidden"):
        run.client.send("GET", f"{path}/content").refuses(403, "file_download_forbidden")
