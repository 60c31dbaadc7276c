"""openapi-spec-validator finds no fault in the served document, in either form."""

import httpx
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator

from codegen import files


def test_the_served_document_is_valid_and_the_same_in_every_form(client: httpx.Client) -> None:
    served = client.get("/openapi.json").json()
    text = client.get("/openapi.yaml").content
    # Both readings of YAML: 1.1, where more words are no strings, and 1.2.
    assert yaml.load(text, Loader=yaml.CSafeLoader) == served
    assert files.parse(text, "openapi.yaml") == served
    assert [error.message for error in OpenAPIV31SpecValidator(served).iter_errors()] == []
