"""OpenAI's error shape, ``{"error": {"message", "type", "param", "code"}}``, and the refusals made here."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import JSONResponse

_QUOTED_CHARACTERS = 80


class ApiError(Exception):
    """A refusal with the status and the four fields that OpenAI would send."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.headers = headers

    def fields(self) -> dict[str, str | None]:
        """Return OpenAI's four fields: message, type (``server_error`` from 500 on), param and code."""
        ours = self.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        kind = "server_error" if ours else "invalid_request_error"
        return {"message": self.message, "type": kind, "param": self.param, "code": self.code}

    def response(self) -> JSONResponse:
        """Return the refusal as an answer: JSON in OpenAI's shape."""
        return JSONResponse({"error": self.fields()}, self.status, self.headers)


def failure() -> ApiError:
    """Return the 500 for a fault of the sandbox."""
    return ApiError(500, "The server had an error while processing your request. Sorry about that!")


def missing(param: str) -> ApiError:
    """Return the 400 for a field that has to be there."""
    message = f"Missing required parameter: '{param}'."
    return ApiError(400, message, param=param, code="missing_required_parameter")


def wrong_type(param: str, expected: str, got: object) -> ApiError:
    """Return the 400 for a value of another JSON type than ``expected``, which reads like "a string"."""
    message = f"Invalid type for '{param}': expected {expected}, but got {type_name(got)} instead."
    return ApiError(400, message, param=param, code="invalid_type")


def unsupported(param: str, got: str, supported: tuple[str, ...]) -> ApiError:
    """Return the 400 for a string that is not among the supported ones."""
    first, last = ", ".join(f"'{value}'" for value in supported[:-1]), f"'{supported[-1]}'"
    listed = f"{first} and {last}" if first else last
    message = f"Invalid value: '{got[:_QUOTED_CHARACTERS]}'. Supported values are: {listed}."
    return ApiError(400, message, param=param, code="invalid_value")


def out_of_bounds(param: str, got: float, bound: float, *, above: bool) -> ApiError:
    """Return the 400 for a number above its greatest or below its least value."""
    kind = "integer" if isinstance(got, int) else "decimal"
    where, sign, code = (
        ("above maximum", "<=", "above_max") if above else ("below minimum", ">=", "below_min")
    )
    shown = str(got)[:_QUOTED_CHARACTERS]
    message = (
        f"Invalid '{param}': {kind} {where} value. Expected a value {sign} {bound}, but got {shown} instead."
    )
    return ApiError(400, message, param=param, code=f"{kind}_{code}_value")


def empty(param: str, kind: str) -> ApiError:
    """Return the 400 for an empty ``kind``, which is "array" or "string"."""
    message = (
        f"Invalid '{param}': empty {kind}. "
        f"Expected {article(kind)} with minimum length 1, but got an empty {kind} instead."
    )
    return ApiError(400, message, param=param, code=f"empty_{kind}")


def too_many(param: str, limit: int, got: int) -> ApiError:
    """Return the 400 for an array longer than ``limit``."""
    message = (
        f"Invalid '{param}': array too long. "
        f"Expected an array with maximum length {limit}, but got an array with length {got} instead."
    )
    return ApiError(400, message, param=param, code="array_above_max_length")


def too_long(param: str, limit: int, got: int) -> ApiError:
    """Return the 400 for a string of more than ``limit`` characters."""
    message = (
        f"Invalid '{param}': string too long. "
        f"Expected a string with maximum length {limit}, but got a string with length {got} instead."
    )
    return ApiError(400, message, param=param, code="string_above_max_length")


def article(noun: str) -> str:
    """Return a noun with its indefinite article."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def type_name(value: object) -> str:
    """Return a JSON value's type in the words of OpenAI's messages: "a string", "an integer", "null"."""
    if value is None:
        return "null"
    names = {bool: "boolean", int: "integer", float: "decimal", str: "string", list: "array", dict: "object"}
    return article(names[type(value)])
