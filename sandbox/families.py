"""What is special about each collection of resources, in a row each; everything else the contract tells."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from sandbox.bodies import JsonObject
from sandbox.errors import ApiError

_STEPS = ("queued", "in_progress", "completed")


@dataclass(frozen=True)
class Family:
    """One collection.

    Ids have ``prefix`` and ``length`` letters or digits. ``steps`` are the statuses of a new resource: it is
    made with the first, and moves to the next each time that it is retrieved. ``facts`` stand where the
    request is silent. ``absent`` is what a 404 says, ``gone`` the ``object`` of what was deleted where the
    contract leaves that open. A ``filled`` collection gets its resources from operations on others; ``named``
    says that its ids are always made here, even where the request has a field that is called like the path's
    parameter.
    """

    prefix: str = ""
    noun: str = "Resource"
    length: int = 24
    steps: tuple[str, ...] = ()
    facts: JsonObject = field(default_factory=dict)
    absent: str = "{noun} with id '{id}' not found."
    filled: bool = False
    named: bool = False
    gone: str = ""

    def unknown(self, name: str) -> ApiError:
        """Return the 404 for an id that is not, or no longer, in the collection."""
        return ApiError(404, self.absent.format(noun=self.noun, id=name[:200]), param="id")


_ASSISTANT: JsonObject = {
    "description": None,
    "instructions": None,
    "metadata": {},
    "name": None,
    "response_format": "auto",
    "temperature": 1.0,
    "tool_resources": {},
    "tools": [],
    "top_p": 1.0,
}
_MESSAGE: JsonObject = {
    "assistant_id": None,
    "attachments": [],
    "completed_at": None,
    "incomplete_at": None,
    "incomplete_details": None,
    "metadata": {},
    "run_id": None,
    "status": "completed",
}
_RUN: JsonObject = {
    "cancelled_at": None,
    "completed_at": None,
    "expires_at": None,
    "failed_at": None,
    "incomplete_details": None,
    "instructions": "",
    "last_error": None,
    "max_completion_tokens": None,
    "max_prompt_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "required_action": None,
    "started_at": None,
    "status": "queued",
    "tool_choice": "auto",
    "truncation_strategy": {"type": "auto", "last_messages": None},
    "usage": None,
}
_STEP: JsonObject = {
    "cancelled_at": None,
    "completed_at": None,
    "expired_at": None,
    "failed_at": None,
    "last_error": None,
    "metadata": {},
    "status": "in_progress",
    "usage": None,
}
_THREAD: JsonObject = {"metadata": {}, "object": "thread", "tool_resources": {}}
_NO = "No {noun} found with id '{id}'."
_OTHER = Family("obj_")
_VIDEO: JsonObject = {"model": "sora-2", "seconds": "4", "size": "720x1280", "progress": 0}
_NO_ERROR: JsonObject = {"code": "", "message": ""}
_GRADED: JsonObject = {
    "metadata": {
        "errors": {
            "model_grader_server_error_details": "",
            "python_grader_runtime_error_details": "",
            "python_grader_server_error_type": "",
        },
        "name": "",
        "sampled_model_name": "",
    }
}
_EVAL_ITEM: JsonObject = {
    "status": "pass",
    "sample": {"error": _NO_ERROR, "finish_reason": "stop", "model": ""},
}
_EVAL_RUN: JsonObject = {"error": _NO_ERROR, "model": "", "name": ""}
_ROLE: JsonObject = {"name": "", "resource_type": "api.organization"}
_PROJECT_ROLE: JsonObject = {"name": "", "resource_type": "api.project"}
_SPEND_LIMIT: JsonObject = {"currency": "USD", "interval": "month", "enforcement": {"status": "inactive"}}
_ADMIN_KEY: JsonObject = {"redacted_value": "sk-admin...dbox", "value": "sk-admin-sandbox"}
_PROJECT_KEY: JsonObject = {"name": "sandbox", "redacted_value": "sk-proj...dbox"}
_SERVICE_KEY: JsonObject = {"name": "Secret Key", "value": "sk-svcacct-sandbox"}
_SESSION: JsonObject = {"client_secret": "ek_sandbox", "status": "active"}
_CONTAINER: JsonObject = {
    "object": "container",
    "memory_limit": "1g",
    "expires_after": {"anchor": "last_active_at", "minutes": 20},
}

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "/assistants": Family("asst_", "assistant", facts=_ASSISTANT, absent=_NO),
        "/audio/voice_consents": Family("cons_", "Voice consent"),
        "/audio/voices": Family("voice_", "Voice"),
        "/batches": Family("batch_", "batch", absent=_NO, named=True),
        "/chat/completions": Family("chatcmpl-", "Chat completion", 29, filled=True),
        "/chatkit/sessions": Family("cksess_", "Session", facts=_SESSION),
        "/chatkit/threads": Family("cthr_", "Thread", facts={"user": "user-sandbox"}),
        "/chatkit/threads/{thread_id}/items": Family("cthi_", "Item"),
        "/containers": Family("cntr_", "Container", 40, facts=_CONTAINER, named=True),
        "/containers/{container_id}/files": Family(
            "cfile_", "Container file", 40, facts={"object": "container.file", "source": "user"}
        ),
        "/conversations": Family("conv_", "Conversation", 48, facts={"metadata": {}}),
        "/conversations/{conversation_id}/items": Family("msg_", "Item", 48, filled=True),
        "/evals": Family("eval_", "Eval", facts={"name": ""}, gone="eval.deleted"),
        "/evals/{eval_id}/runs": Family(
            "evalrun_", "Eval run", steps=_STEPS, facts=_EVAL_RUN, gone="eval.run.deleted"
        ),
        "/evals/{eval_id}/runs/{run_id}/output_items": Family("outputitem_", "Output item", facts=_EVAL_ITEM),
        "/files": Family(
            "file-", "File", facts={"status": "processed"}, absent="No such {noun} object: {id}"
        ),
        "/fine_tuning/alpha/graders/run": Family(facts=_GRADED),
        "/fine_tuning/checkpoints/{fine_tuned_model_checkpoint}/permissions": Family("cp_", "Permission"),
        "/fine_tuning/jobs": Family(
            "ftjob-",
            "fine-tuning job",
            steps=("validating_files", "queued", "running", "succeeded"),
            absent="Could not find fine tune: {id}",
        ),
        "/fine_tuning/jobs/{fine_tuning_job_id}/checkpoints": Family(
            "ftckpt_", "Checkpoint", facts={"fine_tuned_model_checkpoint": "ft:sandbox:ckpt-step-1"}
        ),
        "/fine_tuning/jobs/{fine_tuning_job_id}/events": Family(
            "ftevent-", "Event", facts={"message": "Created fine-tuning job"}
        ),
        "/organization/admin_api_keys": Family("key_", "Admin API key", facts=_ADMIN_KEY),
        "/organization/audit_logs": Family("audit_log-", "Audit log"),
        "/organization/certificates": Family("cert_", "Certificate"),
        "/organization/groups": Family("group_", "Group"),
        "/organization/groups/{group_id}/roles": Family(
            "role_", "Role", facts=_ROLE, gone="group.role.deleted"
        ),
        "/organization/groups/{group_id}/users": Family("user-", "User", facts={"name": ""}),
        "/organization/invites": Family("invite-", "Invite", facts={"status": "pending"}),
        "/organization/projects": Family("proj_", "Project", facts={"status": "active"}),
        "/organization/projects/{project_id}/api_keys": Family("key_", "API key", facts=_PROJECT_KEY),
        "/organization/projects/{project_id}/certificates": Family("cert_", "Certificate"),
        "/organization/projects/{project_id}/rate_limits": Family(
            "rl-", "Rate limit", facts={"model": "gpt-5.1"}
        ),
        "/organization/projects/{project_id}/service_accounts": Family("svc_acct_", "Service account"),
        "/organization/projects/{project_id}/service_accounts/{service_account_id}/api_keys": Family(
            "key_", "API key", facts=_SERVICE_KEY
        ),
        "/organization/projects/{project_id}/spend_alerts": Family("salrt_", "Spend alert"),
        "/organization/projects/{project_id}/spend_limit": Family(facts=_SPEND_LIMIT),
        "/organization/roles": Family("role_", "Role", facts=_ROLE),
        "/organization/spend_alerts": Family("salrt_", "Spend alert"),
        "/organization/spend_limit": Family(facts=_SPEND_LIMIT),
        "/organization/users": Family("user-", "User", facts={"role": "reader"}),
        "/organization/users/{user_id}/roles": Family("role_", "Role", facts=_ROLE, gone="user.role.deleted"),
        "/projects/{project_id}/groups/{group_id}/roles": Family(
            "role_", "Role", facts=_PROJECT_ROLE, gone="group.role.deleted"
        ),
        "/projects/{project_id}/roles": Family("role_", "Role", facts=_PROJECT_ROLE),
        "/projects/{project_id}/users/{user_id}/roles": Family(
            "role_", "Role", facts=_PROJECT_ROLE, gone="user.role.deleted"
        ),
        "/realtime/calls": Family("rtc_", "Call", filled=True),
        "/responses": Family("resp_", "Response", 48, filled=True),
        "/skills": Family("skill_", "Skill", 48),
        "/skills/{skill_id}/versions": Family("skillver_", "Skill version", 48, filled=True),
        "/threads": Family("thread_", "thread", facts=_THREAD, absent=_NO),
        "/threads/{thread_id}/messages": Family("msg_", "message", facts=_MESSAGE, absent=_NO),
        "/threads/{thread_id}/runs": Family("run_", "run", facts=_RUN, absent=_NO),
        "/threads/{thread_id}/runs/{run_id}/steps": Family(
            "step_", "run step", facts=_STEP, absent=_NO, filled=True
        ),
        "/uploads": Family("upload_", "Upload"),
        "/vector_stores": Family("vs_", "vector store", facts={"name": ""}, absent=_NO, named=True),
        "/vector_stores/{vector_store_id}/file_batches": Family(
            "vsfb_", "file batch", absent=_NO, named=True
        ),
        "/vector_stores/{vector_store_id}/files": Family("file-", "file", absent=_NO),
        "/videos": Family("video_", "Video", 48, _STEPS, _VIDEO),
        "/videos/characters": Family("char_", "Character"),
    }
)


def family(collection: str) -> Family:
    """Return the family of a collection's template."""
    return FAMILIES.get(collection, _OTHER)
