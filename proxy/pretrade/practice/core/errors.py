"""What the exchange says when it refuses: status, code and one of its four body shapes.

Rule of this file: a refusal is raised as an ExchangeError wherever it is found and turned into JSON only here.
"""

from enum import Enum
from typing import Any


class Shape(Enum):
    """The bodies that occur on the wire (orders.md 7), and the hybrid that scope refusals use (sim_semantics.md 1)."""

    NESTED = "nested"
    FLAT = "flat"
    HYBRID = "hybrid"
    MSG = "msg"
    TEXT = "text"


class ExchangeError(Exception):
    """A refusal by the exchange. `code` is the wire code; `message` defaults to the code in words, as on the wire."""

    def __init__(
        self,
        status: int,
        code: str,
        details: str | None = None,
        *,
        message: str | None = None,
        shape: Shape = Shape.NESTED,
    ) -> None:
        super().__init__(f"{status} {code}" + (f": {details}" if details else ""))
        self.status = status
        self.code = code
        self.details = details
        self.message = code.replace("_", " ") if message is None else message
        self.shape = shape

    def flat(self) -> dict[str, Any]:
        """The refusal as `{code, message, details?}`: decode errors, and the `error` of a batch entry."""
        body = {"code": self.code, "message": self.message}
        return body | ({"details": self.details} if self.details is not None else {})

    def body(self) -> dict[str, Any]:
        """The whole answer's JSON in the shape of this refusal."""
        match self.shape:
            case Shape.NESTED:
                return {"error": self.flat()}
            case Shape.FLAT:
                return self.flat()
            case Shape.HYBRID:
                return self.flat() | {"error": self.flat()}
            case Shape.MSG:
                return {"msg": self.message}
            case Shape.TEXT:
                return {"error": self.message}


def bad_request(details: str) -> ExchangeError:
    """A body that does not decode: flat 400 `bad_request`."""
    return ExchangeError(400, "bad_request", details, shape=Shape.FLAT)


def invalid_order(details: str) -> ExchangeError:
    """An order whose parts contradict each other: nested 400 `invalid_order`."""
    return ExchangeError(400, "invalid_order", details)


def invalid_parameters(details: str) -> ExchangeError:
    """A well-formed request that asks for what cannot be: flat 400 `invalid_parameters` (a documented choice)."""
    return ExchangeError(400, "invalid_parameters", details, shape=Shape.FLAT)


def not_found() -> ExchangeError:
    """The same 404 for what never was and for what is over, so that it proves neither (orders.md 6)."""
    return ExchangeError(404, "not_found")


def field_name(name: str) -> str:
    """A name as the exchange's validator spells it: `period_interval` is `PeriodInterval`."""
    return "".join(part.capitalize() for part in name.split("_"))


def bad_parameter(operation: str, name: str, rule: str) -> ExchangeError:
    """A query parameter outside its rule: 400 `{"msg": ...}` in the words of the exchange's validator."""
    parameter = field_name(name)
    text = (
        f"Parameter validation failed for {operation}: Key: '{operation}Params.{parameter}' "
        f"Error:Field validation for '{parameter}' failed on the '{rule}' tag"
    )
    return ExchangeError(400, "bad_parameter", message=text, shape=Shape.MSG)


def restricted_key() -> ExchangeError:
    """A key bound to one subaccount asked for what lies outside it (orders.md 7; the code itself is not documented)."""
    text = "this API key is restricted to a single sub-account and cannot access this endpoint"
    return ExchangeError(403, "insufficient_permissions", text, shape=Shape.HYBRID)
