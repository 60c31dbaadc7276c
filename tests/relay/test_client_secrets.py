"""Client secrets: known until they expire, few enough, and never kept as they are."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from relay.client_secrets import ClientSecrets

MOST = 10_000
CANARY = "ek_canary"


class Clock:
    """A clock that stands where a test puts it."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_secret_is_known_until_it_expires() -> None:
    clock = Clock()
    secrets = ClientSecrets(clock)
    secrets.remember("ek_a", 1_010)
    assert secrets.knows(b"ek_a")
    assert not any(secrets.knows(shown) for shown in (b"", b"ek_", b"ek_A", b"ek_a ", b"ek_b", b"\xff"))
    clock.now = 1_009.9
    assert secrets.knows(b"ek_a")
    clock.now = 1_010
    assert not secrets.knows(b"ek_a")


def test_the_last_that_is_said_of_a_secret_holds() -> None:
    clock = Clock()
    secrets = ClientSecrets(clock)
    for expires_at in (1_010, 1_030, 1_020, 1_020):
        secrets.remember("ek_a", expires_at)
    clock.now = 1_015
    secrets.remember("ek_b", 1_100)
    assert secrets.knows(b"ek_a")
    clock.now = 1_025
    assert not secrets.knows(b"ek_a")


def test_what_has_expired_or_never_says_when_is_not_taken_in() -> None:
    secrets = ClientSecrets(Clock())
    for expires_at in (999, 1_000, float("nan"), float("-inf")):
        secrets.remember("ek_a", expires_at)
        assert not secrets.knows(b"ek_a")
    assert repr(secrets) == "ClientSecrets(known=0)"


def test_beyond_ten_thousand_those_that_expire_soonest_go_first() -> None:
    secrets = ClientSecrets(Clock())
    for number in range(MOST + 3):
        secrets.remember(f"ek_{number}", 3_000 + (number * 7919) % (MOST + 3))
    soonest = sorted(range(MOST + 3), key=lambda number: (number * 7919) % (MOST + 3))
    assert [number for number in range(MOST + 3) if not secrets.knows(f"ek_{number}".encode())] == sorted(
        soonest[:3]
    )
    assert repr(secrets) == f"ClientSecrets(known={MOST})"


def test_the_expired_make_room() -> None:
    clock = Clock()
    secrets = ClientSecrets(clock)
    for number in range(100):
        secrets.remember(f"ek_{number}", 1_001 + number)
    clock.now = 1_050
    secrets.remember("ek_late", 2_000)
    assert repr(secrets) == "ClientSecrets(known=51)"


def held(value: Any) -> str:
    """All that an object holds, as text."""
    return repr(vars(value))


def test_the_secret_itself_is_nowhere() -> None:
    secrets = ClientSecrets(Clock())
    secrets.remember(CANARY, 2_000)
    assert secrets.knows(CANARY.encode())
    assert CANARY not in held(secrets) + repr(secrets) + str(secrets)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ek_a", "ek_b", "ek_c", "ek_\u00e9"]),
        st.integers(-5, 20),
        st.floats(0, 8),
    ),
    max_size=40,
)


@given(STEPS)
def test_it_knows_what_a_plain_table_would(steps: list[tuple[str, int, float]]) -> None:
    clock, table = Clock(), dict[str, float]()
    secrets = ClientSecrets(clock)
    for value, seconds, passed in steps:
        secrets.remember(value, clock.now + seconds)
        if seconds > 0:
            table[value] = clock.now + seconds
        clock.now += passed
        known = {name for name in ("ek_a", "ek_b", "ek_c", "ek_\u00e9") if secrets.knows(name.encode())}
        assert known == {name for name, expires_at in table.items() if expires_at > clock.now}
