"""Flow D: the content of what does not exist is a 404 in OpenAI's shape."""

from acceptance.answer import Unmet
from acceptance.flow import Run

_UNKNOWN = (
    "/files/file-00000000000000000000ab/content",
    f"/containers/cntr_{'0' * 46}ab/files/cfile_{'0' * 46}ab/content",
    f"/videos/video_{'0' * 46}ab/content",
)
_NO_SUCH_PATH = "unknown_url"


def run(run: Run) -> None:
    """Show the flow; raises Stopped."""
    for path in _UNKNOWN:
        kind = path.split("/")[1].removesuffix("s")
        with run.step(f"the content of an unknown {kind} is a 404 in OpenAI's shape") as row:
            answer = run.client.send("GET", path).refuses(404)
            row.detail = f"code {answer.at('error', 'code')}"
            if answer.at("error", "code") == _NO_SUCH_PATH:
                raise Unmet(f"{answer.request}: a 404 of what is not there", f"one of the path, {row.detail}")
