import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.actions.naming import MAX_NAME_BYTES, media_type_of, name_of
from relay.actions.urls import Target

NAMED = {
    b"attachment; filename=cat.png": "cat.png",
    b'attachment; filename="black cat.png"': "black cat.png",
    b'attachment; filename="a \\"cat\\"; filename=dog.png"': 'a "cat"; filename=dog.png',
    b"inline;FileName = cat.png ; size=3": "cat.png",
    b"attachment; filename=\"plain.png\"; filename*=UTF-8''k%C3%A4tzchen%20%e2%82%ac.png": "kätzchen €.png",
    b"attachment; filename*=iso-8859-1'en'caf%E9.png; filename=cafe.png": "café.png",
    b"attachment; filename*=utf-7''+AC8-; filename=cat.png": "cat.png",
    b"attachment; filename*=UTF-8''%ff%fe; filename=cat.png": "cat.png",
    b"attachment; filename*=UTF-8''..%2Fcat.png; filename=cat.png": "cat.png",
    b"attachment; filename*=nonsense; filename=cat.png": "cat.png",
    'attachment; filename="kätzchen.png"'.encode(): "kätzchen.png",
    'attachment; filename="kätzchen.png"'.encode("latin-1"): "kätzchen.png",
}
ODD = [
    b"", b"attachment", b"attachment; filename=", b'attachment; filename=""', b"attachment; filename=..",
    b'attachment; filename="../../etc/passwd"', b'attachment; filename="/etc/passwd"',
    b"attachment; filename=.", b'attachment; filename="C:\\\\Temp\\\\cat.png"',
    b'attachment; filename="cat\x01.png"', b'filename="cat.png"',
    b"attachment; filename*=UTF-8''cat%00.png", b"attachment; filename*=UTF-8''cat%0d%0a.png",
    b"attachment; name=a", b"attachment; filename*=UTF-8''gpj.%E2%80%AEtac",
    b'attachment; filename="   "', b";;;===\"'", b"\xff\xfe", b'attachment; filename="cat',
    b"attachment; filename=" + b"a" * (MAX_NAME_BYTES + 1),
]  # fmt: skip
PATHS = {
    b"/a/dog.png?filename=cat.png": "dog.png",
    b"/a/black%20dog.png": "black dog.png",
    b"/a/h%C3%BCndchen.png": "hündchen.png",
    b"/dog.png#": "dog.png#",
    b"/": None,
    b"/a/?x=/dog.png": None,
    b"/a/%2e%2e": None,
    b"/a/..%2fdog.png": None,
    b"/a/..%5cdog.png": None,
    b"/a/dog%0a.png": None,
    b"/a/%ff.png": None,
    b"/" + b"a" * 256: None,
}


def named(disposition: bytes, path: bytes = b"/a/dog.png") -> str | None:
    return name_of([(b"content-disposition", disposition)], Target("files.openai.com", path))


@pytest.mark.parametrize(("disposition", "name"), NAMED.items(), ids=range(len(NAMED)))
def test_the_host_names_the_file(disposition: bytes, name: str) -> None:
    assert named(disposition) == name


@pytest.mark.parametrize("disposition", ODD, ids=range(len(ODD)))
def test_the_address_names_it_where_the_hosts_name_is_odd(disposition: bytes) -> None:
    assert named(disposition) == "dog.png"


@pytest.mark.parametrize(("path", "name"), PATHS.items(), ids=range(len(PATHS)))
def test_the_address_names_it_by_its_last_segment(path: bytes, name: str | None) -> None:
    assert name_of([], Target("files.openai.com", path)) == name


def assert_sane(name: str | None) -> None:
    if name is not None:
        assert name == name.strip()
        assert name not in {"", ".", ".."}
        assert not {"/", "\\", "\r", "\n", "\0", "\x7f", "\u202e"} & set(name)
        assert name.isprintable()
        assert len(name.encode()) <= MAX_NAME_BYTES


WORDS = [
    "attachment",
    ";",
    "filename",
    "filename*",
    "=",
    '"',
    "\\",
    "'",
    "UTF-8''",
    "%2F",
    "%00",
    "/",
    "a.png",
    " ",
]


@given(
    st.binary()
    | st.lists(st.sampled_from(WORDS) | st.text(max_size=3)).map(
        lambda parts: "".join(parts).encode(errors="replace")
    )
)
def test_no_disposition_makes_an_odd_name(disposition: bytes) -> None:
    assert_sane(named(disposition))


@given(st.from_regex(r"/[!-~]*", fullmatch=True))
def test_no_path_makes_an_odd_name(path: str) -> None:
    assert_sane(name_of([], Target("files.openai.com", path.encode())))


@pytest.mark.parametrize(
    ("told", "media_type"),
    [
        (b"image/png", "image/png"),
        (b"Text/HTML; Charset=UTF-8", "text/html"),
        (b" application/vnd.ms-excel ;x", "application/vnd.ms-excel"),
        (b"image/svg+xml", "image/svg+xml"),
        (b"", None),
        (b"png", None),
        (b"image/", None),
        (b"image/png, text/html", None),
        (b"image/p\xff", None),
        (b'image/png"\r', None),
    ],
)
def test_the_media_type_is_bare_and_in_lower_case(told: bytes, media_type: str | None) -> None:
    assert media_type_of([(b"content-type", told)]) == media_type


def test_what_is_told_of_nothing_is_nothing() -> None:
    assert media_type_of([]) is None
