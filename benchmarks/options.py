"""What whoever runs the benchmark can choose, from the environment: `make bench ONLY=plain ROUNDS=1`."""

import os
from collections.abc import Sequence
from dataclasses import dataclass


class Unusable(Exception):
    """An option, or a machine, that cannot be used; the message is one line."""


@dataclass(frozen=True)
class Options:
    """Groups and contenders by name, and how much of everything: see `__main__`."""

    groups: list[str]
    contenders: list[str]
    rounds: int
    seconds: float
    requests: int
    transfer_mib: int


def read_options(groups: Sequence[str], contenders: Sequence[str], peers: Sequence[str]) -> Options:
    """ONLY, CONTENDERS, PEERS, ROUNDS, SECONDS, REQUESTS and TRANSFER_MIB; raises Unusable."""
    usual = [*contenders, *(peers if os.environ.get("PEERS", "0") not in {"", "0"} else [])]
    return Options(
        groups=_chosen("ONLY", groups, groups),
        contenders=_chosen("CONTENDERS", [*contenders, *peers], usual),
        rounds=int(_number("ROUNDS", 3, least=1)),
        seconds=_number("SECONDS", 3),
        requests=int(_number("REQUESTS", 200_000)),
        transfer_mib=int(_number("TRANSFER_MIB", 512, least=1)),
    )


def _chosen(variable: str, known: Sequence[str], usual: Sequence[str]) -> list[str]:
    given = os.environ.get(variable) or ",".join(usual)
    names = {name.strip() for name in given.split(",")}
    if unknown := sorted(names - set(known)):
        raise Unusable(f"{variable}={','.join(unknown)} is unknown: allowed are {', '.join(known)}")
    return [name for name in known if name in names]


def _number(variable: str, default: float, least: float = 0.1) -> float:
    given = os.environ.get(variable) or str(default)
    try:
        number = float(given)
    except ValueError:
        number = 0
    if not least <= number <= 1e9:  # noqa: PLR2004 - a bound for slips of the finger
        raise Unusable(f"{variable}={given} is invalid: allowed is a number from {least}")
    return number
