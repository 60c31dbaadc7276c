"""What a relay tells at /metrics, by another's parser."""

from collections.abc import Callable

from prometheus_client.parser import text_string_to_metric_families

from tests.relay.telemetry.drifting import metrics
from tests.servers import until


def sample(root: str, name: str, **labels: str) -> float:
    """The value of one sample, 0 where there is none."""
    for family in text_string_to_metric_families(metrics(root)):
        for found in family.samples:
            if found.name == name and found.labels == labels:
                return found.value
    return 0.0


def grows(root: str, name: str, act: Callable[[], object], by: float = 1, /, **labels: str) -> None:
    """Do `act`, and wait until the sample has grown by so much."""
    before = sample(root, name, **labels)
    act()
    until(lambda: sample(root, name, **labels) - before == by)
