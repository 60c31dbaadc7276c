"""Bodies of any shape that HTTP can carry, for properties that hold for all of them."""

from hypothesis import strategies as st

JSON_WORDS = ["true", "false", "null", "0", "-0", "1E400", "-1e-999", "3.0", "9" * 60, "0." + "3" * 60]
LINE_ENDS = [b"\n", b"\r\n", b"\r"]
_ESCAPES = ['\\"', "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t", "\\u0000", "\\u00E9", "\\ud83d\\uDE42"]
_ANY_TEXT = st.characters(exclude_categories=["Cs", "Cc"])
_TOKEN = "abcdefghijklmnopqrstuvwxyz0123456789-"

spaces = st.text(" \t\r\n", max_size=3)
blobs = st.binary(max_size=3_000)
cuts = st.lists(st.integers(0, 3_000), max_size=8)


def pieces(body: bytes, places: list[int]) -> list[bytes]:
    """`body` cut at `places`, none of the pieces empty."""
    ends = sorted({place for place in places if 0 < place < len(body)} | {len(body)})
    starts = [0, *ends]
    return [body[start:end] for start, end in zip(starts, ends, strict=False) if end > start]


def _strings() -> st.SearchStrategy[str]:
    plain = _ANY_TEXT.filter(lambda character: character not in '"\\')
    return st.lists(plain | st.sampled_from(_ESCAPES), max_size=8).map(lambda parts: f'"{"".join(parts)}"')


def _numbers() -> st.SearchStrategy[str]:
    return st.from_regex(r"\A-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?\Z")


@st.composite
def _members(draw: st.DrawFn, values: st.SearchStrategy[str], names: st.SearchStrategy[str]) -> str:
    return f"{draw(spaces)}{draw(names)}{draw(spaces)}:{draw(spaces)}{draw(values)}{draw(spaces)}"


def _containers(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    spaced = st.tuples(spaces, values, spaces).map("".join)
    arrays = st.lists(spaced, max_size=4).map(lambda items: f"[{','.join(items)}]")
    objects = st.lists(_members(values, _strings()), max_size=4).map(
        lambda members: f"{{{','.join(members)}}}"
    )
    return arrays | objects | spaces.map(lambda space: f"[{space}]")


json_texts = st.recursive(st.sampled_from(JSON_WORDS) | _numbers() | _strings(), _containers, max_leaves=12)


@st.composite
def chat_bodies(draw: st.DrawFn) -> bytes:
    """A chat request as odd as JSON allows: what the contract requires, and members it knows nothing of."""
    known = ['"model":"m"', '"messages" :[{"role":"user","content":"hé"}]']
    # No name in the contract ends so: a drawn one could else be a field, whose value is judged.
    unknown = _strings().map(lambda name: f'{name[:-1]}!"')
    members = [*known, *draw(st.lists(_members(json_texts, unknown), max_size=4))]
    # A name that is there twice is the upstream's to make sense of.
    again = draw(st.lists(st.sampled_from(members), max_size=2))
    inside = ",".join(draw(st.permutations([*members, *again])))
    return f"{draw(spaces)}{{{draw(spaces)}{inside}}}{draw(spaces)}".encode()


@st.composite
def events(draw: st.DrawFn) -> bytes:
    """One event, or a comment, with any of the three line ends."""
    fields = st.sampled_from(["data", "event", "id", "retry", "", "data:", "unknown"])
    text = st.text(_ANY_TEXT, max_size=12)
    lines = draw(st.lists(st.tuples(fields, st.sampled_from([":", ": ", ""]), text), max_size=4))
    end = draw(st.sampled_from(LINE_ENDS))
    return b"".join("".join(line).encode() + end for line in lines) + end


event_streams = st.lists(events(), max_size=6).map(b"".join)

boundaries = st.text(_TOKEN + "ABC'()+_,./:=?", min_size=1, max_size=70)


@st.composite
def multiparts(draw: st.DrawFn) -> tuple[str, bytes]:
    """A boundary and a body with it: parts of any bytes, what stands before the first and after the last."""
    boundary = draw(boundaries)
    names = st.text(_ANY_TEXT.filter(lambda character: character not in '"\\'), max_size=10)
    quoted = st.sampled_from(
        ["", '; filename="a\\"b.txt"', "; filename*=UTF-8''%e2%82%ac.txt", '; filename=""']
    )
    types = st.sampled_from(["", "content-type: application/octet-stream\r\n", "Content-Type:text/plain\r\n"])
    body = bytearray(draw(st.binary(max_size=20)) + b"\r\n")
    for _ in range(draw(st.integers(0, 4))):
        disposition = f'Content-Disposition: form-data; name="{draw(names)}"{draw(quoted)}\r\n{draw(types)}'
        body += f"--{boundary}\r\n{disposition}\r\n".encode() + draw(st.binary(max_size=600)) + b"\r\n"
    body += f"--{boundary}--".encode() + draw(st.sampled_from([b"", b"\r\n", b"\r\nepilogue\x00"]))
    return boundary, bytes(body)


@st.composite
def fields(draw: st.DrawFn) -> list[tuple[bytes, bytes]]:
    """End-to-end header fields of nobody's, their names in lower case, some of them twice."""
    names = st.text(_TOKEN, min_size=1, max_size=12).map(lambda name: f"x-any-{name}".encode())
    inside = "".join(chr(code) for code in range(0x20, 0x7F)) + "\t"
    values = st.text(inside, max_size=40).map(lambda value: value.strip(" \t").encode())
    found = draw(st.lists(st.tuples(names, values), max_size=4))
    return found + draw(st.lists(st.sampled_from(found), max_size=1) if found else st.just([]))
