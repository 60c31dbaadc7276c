"""Audio as realtime sessions exchange it: base64 in events, raw samples inside."""

import base64
import binascii
from collections.abc import Callable, Mapping
from types import MappingProxyType

from sandbox import sounds
from sandbox.errors import ApiError

MAX_BYTES = 32 * 1024 * 1024
LEAST_MILLISECONDS = 100
# What a word takes to be spoken.
FRAMES_PER_WORD = 4
WORD_MILLISECONDS = FRAMES_PER_WORD * sounds.MILLISECONDS

_SOUNDS: Mapping[str, Callable[[int], bytes]] = MappingProxyType(
    {"audio/pcm": sounds.pcm, "audio/pcmu": sounds.pcmu, "audio/pcma": sounds.pcma}
)


def decoded(text: str, param: str) -> bytes:
    """Return the bytes of a base64 text; 400 for what is none."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        message = f"Invalid '{param}': expected audio bytes in base64."
        raise ApiError(400, message, param=param, code="invalid_value") from error


def encoded(kind: str, milliseconds: int) -> str:
    """Return so much silence in a format such as ``audio/pcm``, in base64; none in an unknown one."""
    sound = _SOUNDS.get(kind)
    frames = milliseconds // sounds.MILLISECONDS
    return base64.b64encode(sound(frames)).decode() if sound else ""


def duration(kind: str, size: int) -> float:
    """Return how many milliseconds so many bytes of a format are."""
    return size * sounds.MILLISECONDS / len(_SOUNDS[kind](1))


class Buffer:
    """The audio that a client has sent and not yet committed, up to 32 MiB."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def append(self, audio: str) -> None:
        """Add base64; 400 for what is none, or more than there is room for."""
        data = decoded(audio, "audio")
        if len(self._bytes) + len(data) > MAX_BYTES:
            message = f"The input audio buffer holds up to {MAX_BYTES} bytes: commit or clear it first."
            raise ApiError(400, message, param="audio", code="input_audio_buffer_full")
        self._bytes += data

    def commit(self, kind: str) -> str:
        """Return all of it in base64 and be empty; 400 for less than 100 ms of the format."""
        length = duration(kind, len(self._bytes))
        if length < LEAST_MILLISECONDS:
            message = (
                "Error committing input audio buffer: buffer too small. Expected at least "
                f"{LEAST_MILLISECONDS}ms of audio, but buffer only has {length:.2f}ms of audio."
            )
            raise ApiError(400, message, code="input_audio_buffer_commit_empty")
        audio = base64.b64encode(self._bytes).decode()
        self.clear()
        return audio

    def clear(self) -> None:
        """Forget all of it."""
        self._bytes.clear()
