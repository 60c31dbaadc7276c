"""Forms as they reached an upstream, read by a parser that is not the relay's."""

from dataclasses import dataclass
from io import BytesIO

from python_multipart import parse_form
from python_multipart.multipart import Field, File

from tests.servers import Seen


@dataclass(frozen=True)
class Part:
    """A file of a form."""

    name: str
    filename: str
    content: bytes


def form_of(seen: Seen) -> tuple[list[tuple[str, str]], list[Part]]:
    """The fields and the files of a form, in order."""
    return read(seen.header(b"content-type")[0], seen.body)


def read(media_type: bytes, body: bytes) -> tuple[list[tuple[str, str]], list[Part]]:
    """The fields and the files of a form, in order."""
    fields: list[tuple[str, str]] = []
    files: list[Part] = []

    def on_field(field: Field) -> None:
        assert field.field_name is not None
        fields.append((field.field_name.decode(), (field.value or b"").decode()))

    def on_file(file: File) -> None:
        assert file.field_name is not None
        assert file.file_name is not None
        file.file_object.seek(0)
        files.append(Part(file.field_name.decode(), file.file_name.decode(), file.file_object.read()))
        file.close()

    headers = {"Content-Type": media_type, "Content-Length": str(len(body)).encode()}
    parse_form(headers, BytesIO(body), on_field, on_file)
    return fields, files
