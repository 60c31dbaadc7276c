"""One direction of a WebSocket: frames are judged as they come, and pass as the bytes that they are."""

import codecs
from collections.abc import Callable

from websockets.exceptions import ProtocolError
from websockets.frames import Close, CloseCode, Frame, Opcode

try:
    from websockets.speedups import apply_mask
except ImportError:
    from websockets.utils import apply_mask

_FIN, _RESERVED, _OPCODE, _MASKED, _LENGTH = 0x80, 0x70, 0x0F, 0x80, 0x7F
_RSV1 = 0x40
# The longest payload of a control frame (RFC 6455, 5.5); what stands for a length of 2 and of 8 bytes (5.2).
_CONTROL_BYTES, _TWO, _EIGHT = 125, 126, 127
_KNOWN = frozenset(Opcode)
# What comes in one read may be a hundred thousand of the smallest, which would hold the event loop.
_FRAMES_A_TURN = 2_000


class Violation(Exception):
    """What a peer must not send. `code` is the close code to tell it, `passed` what may go on before it."""

    def __init__(self, code: CloseCode, reason: str, passed: bytes = b"") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.passed = passed


class Frames:
    """The frames that one side sends (RFC 6455, 5).

    `masked` says that it is a client, `reserved` which reserved bits its extensions give a meaning (9.2),
    `limit` how many bytes its largest message may have, as it is on the wire: nothing is inflated. `is_own`
    is asked for each pong whether the relay itself asked for it; such a one goes no further.

    `whole`: what passed ends at the end of a frame, so that another may follow it. `close` is the Close that
    came, after which nothing else counts. `behind`: there was too much to look at in one turn, and feeding
    nothing goes on. `count` is of frames, `size` of bytes of payload.
    """

    def __init__(self, *, masked: bool, reserved: int, limit: int, is_own: Callable[[bytes], bool]) -> None:
        self._masked = masked
        self._reserved = reserved
        self._limit = limit
        self._is_own = is_own
        self._held = b""
        # Of the frame that is not over: bytes that are to come, its mask, and whether it ends its message.
        self._left = 0
        self._mask = b""
        self._last = True
        # Of the message that is not over: whether there is one, its bytes, whether it is text to judge, and
        # the beginning of a character.
        self._within = False
        self._message = 0
        self._text = False
        self._begun = b""
        self.whole = True
        self.behind = False
        self.close: Close | None = None
        self.count = 0
        self.size = 0

    def feed(self, data: bytes) -> bytes:
        """What of `data`, and of what was held before it, passes now; raises Violation."""
        if self._held:
            data, self._held = self._held + data, b""
        position, start, pieces = 0, 0, []
        frame = 0 if self.whole else -1
        most, self.behind = self.count + _FRAMES_A_TURN, False
        try:
            while position < len(data) and self.close is None and not self.behind:
                if not self._left:
                    frame = position
                    position, cut = self._frame(data, position)
                    if position == frame:
                        break
                    if cut:
                        pieces.append(data[start:frame])
                        start = position
                position = self._payload(data, position)
                self.behind = self.count >= most and position < len(data) and self.close is None
        except Violation as violation:
            self.whole = frame >= 0
            violation.passed = b"".join(pieces) + data[start : max(frame, start)]
            raise
        self.whole = not self._left
        if self.close is None:
            self._held = data[position:]
        return data if position - start == len(data) else b"".join([*pieces, data[start:position]])

    def _frame(self, data: bytes, start: int) -> tuple[int, bool]:
        """Where the payload of the frame at `start` begins; of a control frame, where that ends.

        It is `start` itself where more has to come. And whether the frame goes no further.
        """
        if len(data) < start + 2:
            return start, False
        first, second = data[start], data[start + 1]
        opcode, length = first & _OPCODE, second & _LENGTH
        self._check(first, opcode, masked=bool(second & _MASKED), length=length)
        position = start + 2
        if length >= _TWO:
            size = 2 if length == _TWO else 8
            length = int.from_bytes(data[position : position + size])
            position += size
        begin = position + 4 if self._masked else position
        control = opcode >= Opcode.CLOSE
        if len(data) < (begin + length if control else begin):
            return start, False
        self._mask = data[position:begin]
        if control:
            self.count += 1
            return begin + length, self._control(opcode, self._plain(data[begin : begin + length]))
        self._begin(first, opcode, length)
        return begin, False

    def _check(self, first: int, opcode: int, *, masked: bool, length: int) -> None:
        """Look at what the first two bytes say."""
        control = opcode >= Opcode.CLOSE
        if opcode not in _KNOWN:
            raise Violation(CloseCode.PROTOCOL_ERROR, "unknown opcode")
        if first & _RESERVED & ~(0 if control else self._reserved):
            raise Violation(CloseCode.PROTOCOL_ERROR, "a reserved bit that no extension uses")
        if masked != self._masked:
            raise Violation(CloseCode.PROTOCOL_ERROR, "a client's frames are masked, and no others")
        if control and (length > _CONTROL_BYTES or not first & _FIN):
            raise Violation(CloseCode.PROTOCOL_ERROR, "a control frame is short and in one piece")
        if not control and (opcode == Opcode.CONT) != self._within:
            raise Violation(CloseCode.PROTOCOL_ERROR, "a message within another, or one that did not begin")

    def _control(self, opcode: int, payload: bytes) -> bool:
        if opcode == Opcode.CLOSE:
            try:
                self.close = Close.parse(payload)
            except ProtocolError:
                raise Violation(CloseCode.PROTOCOL_ERROR, "no such close code") from None
            except UnicodeDecodeError:
                raise Violation(CloseCode.INVALID_DATA, "a reason that is not UTF-8") from None
        return opcode == Opcode.PONG and self._is_own(payload)

    def _begin(self, first: int, opcode: int, length: int) -> None:
        """Begin a frame of a message."""
        if opcode != Opcode.CONT:
            self._message = 0
            self._text = opcode == Opcode.TEXT and not first & _RSV1
        self._message += length
        if self._message > self._limit:
            raise Violation(CloseCode.MESSAGE_TOO_BIG, f"the largest message has {self._limit:,} bytes")
        self._last = bool(first & _FIN)
        self._within = not self._last
        self._left = length
        self.count += 1
        self.size += length
        if self._text and not length:
            self._judge(b"", ends=self._last)

    def _payload(self, data: bytes, position: int) -> int:
        """Judge what has come of a frame's payload; where it ends in `data`."""
        end = min(position + self._left, len(data))
        taken = end - position
        if not taken:
            return end
        self._left -= taken
        if self._text:
            self._judge(self._plain(data[position:end]), ends=self._last and not self._left)
        if self._masked and self._left:
            turn = taken % 4
            self._mask = self._mask[turn:] + self._mask[:turn]
        return end

    def _judge(self, payload: bytes, *, ends: bool) -> None:
        if self._begun:
            payload = self._begun + payload
        elif payload.isascii():
            return
        try:
            self._begun = payload[codecs.utf_8_decode(payload, "strict", ends)[1] :]
        except UnicodeDecodeError:
            raise Violation(CloseCode.INVALID_DATA, "text that is not UTF-8") from None

    def _plain(self, payload: bytes) -> bytes:
        return apply_mask(payload, self._mask) if self._masked else payload


def control(opcode: Opcode, payload: bytes, *, masked: bool) -> bytes:
    """A control frame of the relay's own (RFC 6455, 5.5), `masked` for an upstream."""
    return Frame(opcode, payload).serialize(mask=masked)
