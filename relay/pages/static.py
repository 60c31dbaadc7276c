"""Files for browsers: the pages' own, and Scalar, which shows an OpenAPI document as a reference.

Scalar comes from the package offapi, which has no dependencies and is not imported: its module reads nine
megabytes. It was chosen because it lists the served document in four seconds, opens any operation at once and
asks no other host; Swagger UI takes half a minute to open createResponse, Redoc sends no requests, and both
packages that bring a newer Swagger UI or Redoc want a framework besides.
"""

from importlib.metadata import distribution
from importlib.resources import files
from pathlib import Path

from relay.documents import Document

_CSS, _JAVASCRIPT, _SVG, _HTML = "text/css", "text/javascript", "image/svg+xml", "text/html"


def _own(name: str, media_type: str) -> Document:
    return Document((files("relay.pages") / "static" / name).read_bytes, media_type)


def _scalar() -> bytes:
    return Path(str(distribution("offapi").locate_file("offapi/scalar.js"))).read_bytes()


# All that there is: no name is ever made a path. Each is read when it is asked for.
FILES = {
    "docs.css": _own("docs.css", _CSS),
    "docs.js": _own("docs.js", _JAVASCRIPT),
    "logo.svg": _own("logo.svg", _SVG),
    "pages.css": _own("pages.css", _CSS),
    "scalar.js": Document(_scalar, _JAVASCRIPT),
    "status.js": _own("status.js", _JAVASCRIPT),
}
DOCS = _own("docs.html", _HTML)
PLAIN = {"x-content-type-options": "nosniff"}


def _policy(**sources: str) -> dict[str, str]:
    """The fields of a page: what it may load is the relay's, and it is nobody's frame (CSP Level 3)."""
    allowed = {"script-src": "'self'", "style-src": "'self'", "img-src": "'self'", **sources}
    closed = ("default-src", "base-uri", "form-action", "frame-ancestors")
    policy = [f"{name} 'none'" for name in closed] + [f"{name} {value}" for name, value in allowed.items()]
    return {**PLAIN, "content-security-policy": "; ".join(policy), "referrer-policy": "no-referrer"}


# It tells of now, under an address that the client said.
STATUS_FIELDS = {**_policy(), "cache-control": "no-store"}
# Scalar writes styles into the page, and the reader's own requests go to the relay. Scripts are files alone.
DOCS_FIELDS = _policy(
    **{"style-src": "'self' 'unsafe-inline'", "img-src": "'self' data: blob:", "connect-src": "'self'"}
)
