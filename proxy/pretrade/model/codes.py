"""The closed list of refusals: every code, the HTTP status it is answered with, what it means and what to do.

Rule of this file: docs/denial-codes.md is generated from it (`make docs`). 403 is for policy, client, endpoint and
destination, 400 for what cannot be read, 413 too large, 503 for our own faults with nothing sent, 504 for an unknown
outcome. Never 401 or 429: the known clients retry those (clients.md 4).
"""

from dataclasses import dataclass
from enum import StrEnum


class Step(StrEnum):
    """Where on the way of an order a request was refused."""

    DESTINATION = "destination"
    ENDPOINT = "endpoint"
    CLIENT = "client"
    DECODE = "decode"
    DECIDE = "decide"
    JOURNAL = "journal"
    SEND = "send"
    FAULT = "fault"


class DenyCode(StrEnum):
    """Why a request was refused by us; the subject first, then the condition."""

    DESTINATION_NOT_ALLOWED = "DESTINATION_NOT_ALLOWED"
    ENVIRONMENT_MISMATCH = "ENVIRONMENT_MISMATCH"
    REQUEST_MALFORMED = "REQUEST_MALFORMED"
    BODY_TOO_LARGE = "BODY_TOO_LARGE"
    ENDPOINT_UNKNOWN = "ENDPOINT_UNKNOWN"
    ENDPOINT_BELOW_POLICY = "ENDPOINT_BELOW_POLICY"
    ENDPOINT_NOT_ALLOWED = "ENDPOINT_NOT_ALLOWED"
    ORDER_FAMILY_REMOVED = "ORDER_FAMILY_REMOVED"
    WEBSOCKET_NOT_AVAILABLE = "WEBSOCKET_NOT_AVAILABLE"
    SIGNATURE_MISSING = "SIGNATURE_MISSING"
    CLIENT_UNKNOWN = "CLIENT_UNKNOWN"
    SIGNATURE_INVALID = "SIGNATURE_INVALID"
    SIGNATURE_STALE = "SIGNATURE_STALE"
    SIGNATURE_REPLAYED = "SIGNATURE_REPLAYED"
    QUERY_NOT_ALLOWED = "QUERY_NOT_ALLOWED"
    CONTENT_TYPE_NOT_JSON = "CONTENT_TYPE_NOT_JSON"
    BODY_UNDECODABLE = "BODY_UNDECODABLE"
    FIELD_UNKNOWN = "FIELD_UNKNOWN"
    FIELD_MISSING = "FIELD_MISSING"
    FIELD_INVALID = "FIELD_INVALID"
    ROLE_READ_ONLY = "ROLE_READ_ONLY"
    TRADING_HALTED = "TRADING_HALTED"
    TRADING_REDUCING = "TRADING_REDUCING"
    SUBACCOUNT_NOT_OWNED = "SUBACCOUNT_NOT_OWNED"
    MARKET_NOT_ALLOWED = "MARKET_NOT_ALLOWED"
    ORDER_COUNT_EXCEEDS_MAXIMUM = "ORDER_COUNT_EXCEEDS_MAXIMUM"
    ORDER_RISK_EXCEEDS_MAXIMUM = "ORDER_RISK_EXCEEDS_MAXIMUM"
    PRICE_OUTSIDE_BAND = "PRICE_OUTSIDE_BAND"
    DAY_ORDERS_EXCEED_MAXIMUM = "DAY_ORDERS_EXCEED_MAXIMUM"
    DRY_RUN_ORDER_UNKNOWN = "DRY_RUN_ORDER_UNKNOWN"
    JOURNAL_UNAVAILABLE = "JOURNAL_UNAVAILABLE"
    EXCHANGE_UNREACHABLE = "EXCHANGE_UNREACHABLE"
    EXCHANGE_SILENT = "EXCHANGE_SILENT"
    LIVE_KEY_REFUSED = "LIVE_KEY_REFUSED"
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    SHUTTING_DOWN = "SHUTTING_DOWN"
    INTERNAL_FAULT = "INTERNAL_FAULT"


@dataclass(frozen=True, slots=True)
class CodeInfo:
    """What people read about a code: `meaning` is one sentence, `hint` says what to do next."""

    step: Step
    status: int
    meaning: str
    hint: str


CODES: dict[DenyCode, CodeInfo] = {
    DenyCode.DESTINATION_NOT_ALLOWED: CodeInfo(
        Step.DESTINATION,
        403,
        "The request was not addressed to one of the exchange's host names on port 443.",
        "Point HTTPS_PROXY at pretrade for exchange traffic only, or use the base URL it printed at start.",
    ),
    DenyCode.ENVIRONMENT_MISMATCH: CodeInfo(
        Step.DESTINATION,
        403,
        "The host belongs to another environment than the one this instance trades in.",
        "Use the host names of the instance's own environment, or the instance of the other one.",
    ),
    DenyCode.REQUEST_MALFORMED: CodeInfo(
        Step.DESTINATION,
        400,
        "The HTTP request has a form that pretrade does not pass on.",
        "Send plain HTTP/1.1: one Host, no content encoding, no upgrade, a path of plain characters.",
    ),
    DenyCode.BODY_TOO_LARGE: CodeInfo(
        Step.DESTINATION,
        413,
        "The request's body is larger than any order needs.",
        "Send fewer orders in one batch.",
    ),
    DenyCode.ENDPOINT_UNKNOWN: CodeInfo(
        Step.ENDPOINT,
        403,
        "The catalogue does not know this method and path.",
        "Check the path; an endpoint newer than this version of pretrade stays closed until the catalogue knows it.",
    ),
    DenyCode.ENDPOINT_BELOW_POLICY: CodeInfo(
        Step.ENDPOINT,
        403,
        "Money movement, API keys, margin and FCM writes are closed, and no policy can open them.",
        "Do this on the exchange's own site, as the owner of the account.",
    ),
    DenyCode.ENDPOINT_NOT_ALLOWED: CodeInfo(
        Step.ENDPOINT,
        403,
        "This write trades or changes how the account trades without being an order, so no limit could hold it.",
        "Place an ordinary order instead.",
    ),
    DenyCode.ORDER_FAMILY_REMOVED: CodeInfo(
        Step.ENDPOINT,
        403,
        "The V1 order endpoints were removed by the exchange in June 2026.",
        "Use the V2 endpoints under /portfolio/events/orders.",
    ),
    DenyCode.WEBSOCKET_NOT_AVAILABLE: CodeInfo(
        Step.ENDPOINT,
        403,
        "This version of pretrade does not relay the market-data WebSocket.",
        "Read market data with REST through the proxy.",
    ),
    DenyCode.SIGNATURE_MISSING: CodeInfo(
        Step.CLIENT,
        403,
        "The request carries no complete set of KALSHI-ACCESS headers, so nobody knows whose it is.",
        "Give the client its own key id and private key; register the public half with `pretrade clients add`.",
    ),
    DenyCode.CLIENT_UNKNOWN: CodeInfo(
        Step.CLIENT,
        403,
        "No client with this key id is registered.",
        "Register the client's public key with `pretrade clients add NAME --key bot.pem`.",
    ),
    DenyCode.SIGNATURE_INVALID: CodeInfo(
        Step.CLIENT,
        403,
        "The signature does not match the registered public key, this method and this path.",
        "Check that the client signs with the private key whose public half is registered under its name.",
    ),
    DenyCode.SIGNATURE_STALE: CodeInfo(
        Step.CLIENT,
        403,
        "The signature's timestamp is too far from the proxy's clock, or older than the proxy itself.",
        "Set the client's clock by NTP and sign each request anew.",
    ),
    DenyCode.SIGNATURE_REPLAYED: CodeInfo(
        Step.CLIENT,
        403,
        "This signature was used before with other bytes.",
        "Sign each request anew; a signature covers one request.",
    ),
    DenyCode.QUERY_NOT_ALLOWED: CodeInfo(
        Step.DECODE,
        400,
        "The query has a parameter that this endpoint does not take, takes once only, or cannot read.",
        "Send only the documented parameters, each once.",
    ),
    DenyCode.CONTENT_TYPE_NOT_JSON: CodeInfo(
        Step.DECODE,
        400,
        "A body of this endpoint must be sent as application/json.",
        "Set Content-Type: application/json.",
    ),
    DenyCode.BODY_UNDECODABLE: CodeInfo(
        Step.DECODE,
        400,
        "The body is not the one plain JSON object that this endpoint takes.",
        "Send UTF-8 JSON without duplicate keys, with numbers as the endpoint documents them.",
    ),
    DenyCode.FIELD_UNKNOWN: CodeInfo(
        Step.DECODE,
        400,
        "The body has a field that this endpoint does not document, so nobody knows what it would do.",
        "Remove the field or correct its name.",
    ),
    DenyCode.FIELD_MISSING: CodeInfo(
        Step.DECODE,
        400,
        "The body lacks a field that this endpoint needs.",
        "Add the field.",
    ),
    DenyCode.FIELD_INVALID: CodeInfo(
        Step.DECODE,
        400,
        "A field's value is not in the documented form.",
        "Correct the value; prices and counts are strings of plain decimals.",
    ),
    DenyCode.ROLE_READ_ONLY: CodeInfo(
        Step.DECIDE,
        403,
        "This instance has role R and refuses every write.",
        "Send orders to the W instance.",
    ),
    DenyCode.TRADING_HALTED: CodeInfo(
        Step.DECIDE,
        403,
        "Trading is HALTED: only cancels and decreases pass.",
        "An operator resumes with `pretrade resume --by NAME --reason TEXT` once the cause is understood.",
    ),
    DenyCode.TRADING_REDUCING: CodeInfo(
        Step.DECIDE,
        403,
        "Trading is REDUCING: only exits and reduce-only orders pass.",
        "Cancel, decrease, or send an immediate-or-cancel order with reduce_only; an operator resumes the rest.",
    ),
    DenyCode.SUBACCOUNT_NOT_OWNED: CodeInfo(
        Step.DECIDE,
        403,
        "The request names another subaccount than the client's own.",
        "Leave the subaccount out (pretrade writes the client's own in) or correct it.",
    ),
    DenyCode.MARKET_NOT_ALLOWED: CodeInfo(
        Step.DECIDE,
        403,
        "The policy's list of markets does not allow this one.",
        "Trade another market, or have an operator add it under `markets`.",
    ),
    DenyCode.ORDER_COUNT_EXCEEDS_MAXIMUM: CodeInfo(
        Step.DECIDE,
        403,
        "The order has more contracts than one order may have.",
        "Send a smaller order.",
    ),
    DenyCode.ORDER_RISK_EXCEEDS_MAXIMUM: CodeInfo(
        Step.DECIDE,
        403,
        "The order could lose more, fees included, than one order may lose.",
        "Send a smaller order or a better price.",
    ),
    DenyCode.PRICE_OUTSIDE_BAND: CodeInfo(
        Step.DECIDE,
        403,
        "The price lies outside the policy's absolute band.",
        "Check the price for a slip of the finger or of the unit; an operator sets `price.band`.",
    ),
    DenyCode.DAY_ORDERS_EXCEED_MAXIMUM: CodeInfo(
        Step.DECIDE,
        403,
        "The day's number of orders is used up.",
        "Wait for the next day in the policy's time zone, or have an operator look at why so many were sent.",
    ),
    DenyCode.DRY_RUN_ORDER_UNKNOWN: CodeInfo(
        Step.DECIDE,
        403,
        "This instance is in dry_run and holds no such order; a real order cannot be changed from here.",
        "Change a real order through the live instance or on the exchange's own site.",
    ),
    DenyCode.JOURNAL_UNAVAILABLE: CodeInfo(
        Step.JOURNAL,
        503,
        "The decision could not be recorded, so nothing was sent.",
        "Check the disk and the state folder of the proxy, then send again.",
    ),
    DenyCode.EXCHANGE_UNREACHABLE: CodeInfo(
        Step.SEND,
        503,
        "The exchange could not be reached; no byte of the request was sent.",
        "Nothing happened at the exchange. Try again when it can be reached.",
    ),
    DenyCode.EXCHANGE_SILENT: CodeInfo(
        Step.SEND,
        504,
        "The exchange did not answer this read in time.",
        "Try the read again.",
    ),
    DenyCode.LIVE_KEY_REFUSED: CodeInfo(
        Step.SEND,
        503,
        "The exchange does not accept the key that the proxy signs with; the client's own key is not the cause.",
        "An operator checks `signing` in the policy: the key id, the key file, and the key's state at the exchange.",
    ),
    DenyCode.OUTCOME_UNKNOWN: CodeInfo(
        Step.SEND,
        504,
        "The write was sent, but what became of it is not known; it may be live at the exchange.",
        "Do not send it again as a new order: look at your orders and fills first.",
    ),
    DenyCode.SHUTTING_DOWN: CodeInfo(
        Step.FAULT,
        503,
        "The proxy is stopping and takes no new requests.",
        "Send again when it is back.",
    ),
    DenyCode.INTERNAL_FAULT: CodeInfo(
        Step.FAULT,
        503,
        "Something inside the proxy failed; it refused, and nothing was sent.",
        "Nothing happened at the exchange. Look at the proxy's log for this decision id.",
    ),
}
