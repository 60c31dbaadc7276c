"""Evaluations: the runs of one can be cancelled."""

from starlette.responses import Response

from sandbox import resources
from sandbox.call import Call, Handler
from sandbox.requests import check


def cancel(call: Call) -> Response:
    """Answer ``cancelEvalRun``, whose path is that of a change; 400 where the run has ended."""
    run = resources.found(call)
    resources.checked_status(run, "cancel")
    run.facts["status"] = "canceled"
    run.steps.clear()
    return call.answer(run.facts)


def create_run(call: Call) -> Response:
    """Answer ``createEvalRun``: a run of the model that its source of data names."""
    check(call)
    run = resources.made(call)
    run.facts["model"] = run.facts["data_source"].get("model") or ""
    return call.answer(run.facts)


HANDLERS: dict[str, Handler] = {"cancelEvalRun": cancel, "createEvalRun": create_run}
