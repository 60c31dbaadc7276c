"""The contract of this repository, as it was generated."""

import json
from collections import Counter
from pathlib import Path

import generated.models
from generated.bodies import BODIES
from generated.operations import OPERATIONS

SPEC = Path(__file__).parents[2] / "spec"


def test_every_operation_of_openais_document_has_a_row() -> None:
    document = json.loads((SPEC / "openai.json").read_bytes())
    named = Counter(
        operation["operationId"]
        for item in document["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict) and "operationId" in operation
    )
    upstream = [row for row in OPERATIONS.values() if row.upstream_path is not None and row.alias_of is None]
    # The document has events for WebSockets, and no operations.
    rows = [row for row in upstream if not row.websocket]
    assert Counter(row.operation_id for row in rows) == named
    assert len(rows) == json.loads((SPEC / "openai.lock.json").read_bytes())["operations"]


def test_the_operations_with_a_query_in_their_path_are_variants_of_plain_ones() -> None:
    variants = {name: row for name, row in OPERATIONS.items() if row.query is not None}
    assert len(variants) == 7
    pointed = {name for row in OPERATIONS.values() for _, name in row.variants}
    assert pointed == set(variants)
    assert all("?" not in row.path for row in OPERATIONS.values())


def test_every_json_body_has_a_model_and_a_structure() -> None:
    for row in OPERATIONS.values():
        if row.judged_by_handler:
            assert row.handler is not None
            continue
        assert (row.body_model is not None) == ("application/json" in row.request_media_types)
        if row.body_model is not None:
            assert row.body_model in BODIES
            assert hasattr(generated.models, row.body_model)


def test_streams_are_known() -> None:
    streaming = {row.operation_id for row in OPERATIONS.values() if row.streams}
    assert {"createChatCompletion", "createResponse", "beta_createResponse"} <= streaming
    assert "createEmbedding" not in streaming


def test_assistants_and_vector_stores_ask_for_their_beta() -> None:
    assert OPERATIONS["createAssistant"].beta == OPERATIONS["createVectorStore"].beta == "assistants"
    assert OPERATIONS["createResponse"].beta is None


def test_every_operation_tells_of_its_errors_in_openais_shape() -> None:
    document = json.loads((SPEC.parent / "generated" / "openapi.json").read_bytes())
    described = [
        operation
        for item in document["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict)
    ]
    assert all({"4XX", "5XX"} <= operation["responses"].keys() for operation in described)
    for name in ("Refused", "Failed"):
        content = document["components"]["responses"][name]["content"]
        assert content == {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}}


def test_a_body_that_has_to_have_members_has_to_be_there() -> None:
    document = json.loads((SPEC.parent / "generated" / "openapi.json").read_bytes())
    schemas = document["components"]["schemas"]
    for item in document["paths"].values():
        for body in (part["requestBody"] for part in item.values() if "requestBody" in part):
            named = [content["schema"] for content in body["content"].values()]
            resolved = [schemas.get(schema.get("$ref", "").rpartition("/")[2], schema) for schema in named]
            assert body.get("required") or not any(schema.get("required") for schema in resolved), body
