"""Fine-tuning: jobs over training files, the models that come of them, and who may use those."""

from starlette.responses import Response

from sandbox import errors, files, models, pages, resources
from sandbox.call import Call, Handler
from sandbox.families import family
from sandbox.requests import check


def create(call: Call) -> Response:
    """Answer ``createFineTuningJob``: a job over a file of purpose ``fine-tune``."""
    check(call)
    for name in ("training_file", "validation_file"):
        if call.given.get(name) is not None:
            files.file_of(call, call.given[name], name, "fine-tune")
    job = resources.made(call)
    job.facts |= {"organization_id": "org-sandbox", "seed": call.given.get("seed") or 0, "result_files": []}
    return call.answer(job.facts)


def retrieve(call: Call) -> Response:
    """Answer ``retrieveFineTuningJob``: one step further, at last with a model."""
    answer = resources.retrieve(call)
    job = resources.found(call)
    if job.facts["status"] == "succeeded" and "fine_tuned_model" not in job.facts:
        suffix = job.facts.get("suffix") or ""
        name = f"ft:{job.facts['model']}:sandbox:{suffix}:{job.id[-8:]}"
        job.facts |= {"fine_tuned_model": name, "finished_at": call.store.now(), "trained_tokens": 1_000}
        models.add(call.store, name, job.facts["finished_at"])
        answer = call.answer(job.facts)
    return answer


def permit(call: Call) -> Response:
    """Answer ``createFineTuningCheckpointPermission``: a permission for each project."""
    check(call)
    if not call.given["project_ids"]:
        raise errors.empty("project_ids", "array")
    kind, ids, made = family(call.operation.path), call.fresh(), []
    for number, project in enumerate(call.given["project_ids"]):
        resource = resources.resource_of(call, kind, ids.repeated(number).made(kind.prefix))
        resource.facts["project_id"] = project
        made.append(call.store.add(call.collection, resource).facts)
    return call.answer(pages.listed(call, made))


HANDLERS: dict[str, Handler] = {
    "createFineTuningJob": create,
    "retrieveFineTuningJob": retrieve,
    "createFineTuningCheckpointPermission": permit,
}
