"""What the build-time tools raise when their input is at fault."""


class CodegenError(Exception):
    """An input fault: one line that names the file and the place in it.

    The place is a JSON pointer (RFC 6901), or line and column while the text is still being read.
    """

    def __init__(self, message: str) -> None:
        # A name inside the message may hold a line break: the commands still promise one line.
        super().__init__(" ".join(message.splitlines()))
