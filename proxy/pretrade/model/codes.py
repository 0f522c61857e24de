"""The closed list of refusals: every code, the HTTP status it is answered with, what it means and what to do.

Rule of this file: docs/reasons.md is generated from it (`make docs`). 403 is for policy, client, endpoint and
destination, 400 for what cannot be read, 413 too large, 503 for our own faults with nothing sent, 504 for an unknown
outcome. Never 401 or 429: the known clients retry those (clients.md 4). What `decide` refuses is in `decide_codes`.
"""

from pretrade.model.code_names import CodeInfo, DenyCode, Step
from pretrade.model.decide_codes import DECIDE_CODES

__all__ = ["CODES", "CodeInfo", "DenyCode", "Step"]

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
    DenyCode.TUNNELS_EXCEED_MAXIMUM: CodeInfo(
        Step.DESTINATION,
        403,
        "As many tunnels to the hosts of the policy's `other_hosts` are open as may be, of all clients together.",
        "Close tunnels that nobody uses, and try again in a moment; the exchange's own host names are not concerned.",
        is_retryable=True,
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
        "Only the exchange's WebSocket at /trade-api/ws/v2 is relayed, and only by `pretrade run`.",
        "Use that path, or read market data with REST through the proxy.",
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
    DenyCode.CLIENT_USER_NOT_ALLOWED: CodeInfo(
        Step.CLIENT,
        403,
        "The client is bound to a user of this machine, and the connection is not held by a process of that user.",
        "Run the client as the user that `clients.NAME.user` names, on the proxy's own machine.",
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
    DenyCode.HANDSHAKE_MALFORMED: CodeInfo(
        Step.DECODE,
        400,
        "The WebSocket handshake has a form that pretrade does not pass on.",
        "Send Upgrade: websocket, Connection: Upgrade, Sec-WebSocket-Version: 13 and one Sec-WebSocket-Key.",
    ),
    **DECIDE_CODES,
    DenyCode.JOURNAL_UNAVAILABLE: CodeInfo(
        Step.JOURNAL,
        503,
        "The decision could not be recorded, so nothing was sent.",
        "Check the disk and the state folder of the proxy, then send again.",
        is_retryable=True,
    ),
    DenyCode.EXCHANGE_UNREACHABLE: CodeInfo(
        Step.SEND,
        503,
        "The exchange could not be reached; no byte of the request was sent.",
        "Nothing happened at the exchange. Try again when it can be reached.",
        is_retryable=True,
    ),
    DenyCode.EXCHANGE_SILENT: CodeInfo(
        Step.SEND,
        504,
        "The exchange did not answer this read in time.",
        "Try the read again.",
        is_retryable=True,
    ),
    DenyCode.LIVE_KEY_REFUSED: CodeInfo(
        Step.SEND,
        503,
        "The exchange does not accept the key that the proxy signs with; the client's own key is not the cause.",
        "An operator checks `signing` in the policy: the key id, the key file, and the key's state at the exchange.",
    ),
    DenyCode.STREAM_NOT_OPENED: CodeInfo(
        Step.SEND,
        503,
        "The exchange did not open the stream.",
        "Try again in a while; the message says what the exchange answered.",
        is_retryable=True,
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
        is_retryable=True,
    ),
    DenyCode.INTERNAL_FAULT: CodeInfo(
        Step.FAULT,
        503,
        "Something inside the proxy failed; it refused, and nothing was sent.",
        "Nothing happened at the exchange. Look at the proxy's log for this decision id.",
        is_retryable=True,
    ),
}
