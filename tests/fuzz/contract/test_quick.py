"""The quick part of `make fuzz`, with a fixed seed, and what it would find."""

import pytest

from tests.fuzz.contract.runs import QUICK, Run, tried
from tests.servers import relay_over

_SEED = 1


@pytest.mark.parametrize("run", QUICK, ids=lambda run: f"{run.name}-{run.phase}")
def test_the_relay_is_what_its_document_says(run: Run) -> None:
    with relay_over("sandbox:", relay_validation=run.validation, relay_blocked_operations=[]) as root:
        told = tried(run, root, _SEED)
    assert told.code == 0, told.text
    assert told.cases > 50


def test_a_relay_that_lets_everybody_in_is_found_out() -> None:
    models = Run("models", "fuzzing", ("--include-operation-id", "listModels"), 1)
    with relay_over("sandbox:", relay_key=None, relay_auth_enabled=False) as root:
        told = tried(models, root, _SEED)
    assert told.code == 1
    assert list(told.failures) == ["API accepts requests without authentication"]
