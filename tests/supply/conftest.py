"""What is built once for the tests of a file."""

from pathlib import Path

import pytest

from supply import dist
from tests.servers import PROJECT


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The wheel and the sdist of this tree."""
    return dist.build(PROJECT, tmp_path_factory.mktemp("dist"))
