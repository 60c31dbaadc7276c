import httpx
import openai
import pytest
from openai import OpenAI
from openai.types.fine_tuning import FineTuningJob

STEPS = ["queued", "running", "succeeded"]


def begun(client: OpenAI, **more: str) -> FineTuningJob:
    file = client.files.create(file=("a.jsonl", b"{}\n"), purpose="fine-tune")
    return client.fine_tuning.jobs.create(model="gpt-4o-mini", training_file=file.id, **more)  # type: ignore[arg-type]


def test_a_job_ends_with_a_model_that_can_be_deleted(client: OpenAI) -> None:
    job = begun(client, suffix="mine")
    assert (job.status, job.fine_tuned_model) == ("validating_files", None)
    seen = [client.fine_tuning.jobs.retrieve(job.id) for _ in STEPS]
    assert [one.status for one in seen] == STEPS
    assert [bool(one.fine_tuned_model) for one in seen] == [False, False, True]
    name = seen[-1].fine_tuned_model
    assert name is not None
    assert name.startswith("ft:gpt-4o-mini:sandbox:mine:")
    assert client.fine_tuning.jobs.retrieve(job.id) == seen[-1]
    assert client.models.retrieve(name).owned_by == "org-sandbox"
    assert name in {model.id for model in client.models.list()}
    assert client.models.delete(name).deleted
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve(name)


def test_a_cancelled_job_stays_so(client: OpenAI) -> None:
    job = begun(client)
    assert client.fine_tuning.jobs.cancel(job.id).status == "cancelled"
    assert [client.fine_tuning.jobs.retrieve(job.id).status for _ in STEPS] == ["cancelled"] * 3
    with pytest.raises(openai.BadRequestError, match="its status is 'cancelled'"):
        client.fine_tuning.jobs.cancel(job.id)


def test_a_paused_job_stays_as_it_is_until_it_is_resumed(client: OpenAI) -> None:
    jobs = client.fine_tuning.jobs
    job = begun(client)
    assert jobs.pause(job.id).status == "validating_files"
    assert [jobs.retrieve(job.id).status for _ in STEPS] == ["validating_files"] * 3
    assert jobs.resume(job.id).status == "queued"
    assert [jobs.retrieve(job.id).status for _ in STEPS[1:]] == STEPS[:-1]
    jobs.cancel(job.id)
    with pytest.raises(openai.BadRequestError, match="its status is 'cancelled'"):
        jobs.pause(job.id)


def test_a_job_is_listed_with_what_happened(client: OpenAI) -> None:
    job = begun(client)
    assert job.id in {one.id for one in client.fine_tuning.jobs.list(limit=100)}
    assert client.fine_tuning.jobs.list_events(job.id).data
    assert client.fine_tuning.jobs.checkpoints.list(job.id).data


def test_training_needs_a_file_of_that_purpose(client: OpenAI) -> None:
    other = client.files.create(file=("a.jsonl", b"{}\n"), purpose="batch")
    for name, code in [("file-1", "invalid_file_id"), (other.id, "invalid_purpose")]:
        with pytest.raises(openai.BadRequestError) as caught:
            client.fine_tuning.jobs.create(model="gpt-4o-mini", training_file=name)
        assert (caught.value.param, caught.value.code) == ("training_file", code)


def test_permissions_are_one_for_each_project(http: httpx.Client) -> None:
    path = "/fine_tuning/checkpoints/ft:gpt-4o-mini:a/permissions"
    made = http.post(path, json={"project_ids": ["proj_1", "proj_2"]}).json()["data"]
    assert [one["project_id"] for one in made] == ["proj_1", "proj_2"]
    assert len({one["id"] for one in made}) == 2
    found = http.get(path, params={"project_id": "proj_2"}).json()["data"]
    assert [one["id"] for one in found] == [made[1]["id"]]
    assert http.delete(f"{path}/{made[0]['id']}").json()["deleted"] is True
    assert len(http.get(path).json()["data"]) == 1
    assert http.post(path, json={"project_ids": []}).json()["error"]["code"] == "empty_array"
