"""What the practice exchange does not have: operations of the catalogue that it answers like unknown ones (404).

Rule of this file: every operation of the exchange that is neither routed nor listed here is a mistake, and so is one
that is both; a test compares this table, the routes and the catalogue of endpoints. The documentation is made from it.
"""

from dataclasses import dataclass

_API = "/trade-api/v2"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One operation, its path as in the catalogue, and why it is not there."""

    method: str
    path: str
    reason: str


_RFQ = "requests for quotes and block trades are no orders that the proxy lets through; nobody quotes here"
_FCM = "for members of clearing firms only"
_GONE_ANNOUNCEMENTS = "the exchange removed it on July 4, 2026"
_GONE_LOOKUP = "the exchange removed it on August 6, 2026"
_COMBO = "combo markets come with the world; clients cannot make new ones"
_BRIEF = "it stood in one version of the exchange's documentation and is in no client library"
_BENCHMARKS = "a passage to another company's data, in no client library"


def _rows(reason: str, *operations: str) -> tuple[LeftOut, ...]:
    """Operations written as `METHOD /path`, left out for one reason."""
    split = (operation.split(" ") for operation in operations)
    return tuple(LeftOut(method, _API + path, reason) for method, path in split)


LEFT_OUT: tuple[LeftOut, ...] = (
    *_rows(
        _RFQ,
        "GET /communications/id",
        "GET /communications/rfqs",
        "POST /communications/rfqs",
        "GET /communications/rfqs/{rfq_id}",
        "DELETE /communications/rfqs/{rfq_id}",
        "GET /communications/rfqs/{rfq_id}/quotes/{quote_id}",
        "DELETE /communications/rfqs/{rfq_id}/quotes/{quote_id}",
        "PUT /communications/rfqs/{rfq_id}/quotes/{quote_id}/accept",
        "PUT /communications/rfqs/{rfq_id}/quotes/{quote_id}/confirm",
        "GET /communications/quotes",
        "POST /communications/quotes",
        "GET /communications/quotes/{quote_id}",
        "DELETE /communications/quotes/{quote_id}",
        "PUT /communications/quotes/{quote_id}/accept",
        "PUT /communications/quotes/{quote_id}/confirm",
        "GET /communications/rfq_batches",
        "POST /communications/rfq_batches",
        "GET /communications/rfq_batches/{rfq_batch_id}",
        "DELETE /communications/rfq_batches/{rfq_batch_id}",
        "PUT /communications/rfq_batches/{rfq_batch_id}/accept",
        "GET /communications/rfq_batches/{rfq_batch_id}/best_quotes",
        "GET /communications/rfq_batches/{rfq_batch_id}/quotes",
        "POST /communications/rfq_batches/{rfq_batch_id}/quotes",
        "DELETE /communications/rfq_batches/{rfq_batch_id}/quotes/{batch_quote_id}",
        "PUT /communications/rfq_batches/{rfq_batch_id}/quotes/{batch_quote_id}/confirm",
        "GET /communications/block-trade-proposals",
        "POST /communications/block-trade-proposals",
        "POST /communications/block-trade-proposals/{block_trade_proposal_id}/accept",
    ),
    *_rows(
        _FCM,
        "GET /fcm/fills",
        "GET /fcm/orders",
        "GET /fcm/positions",
        "POST /fcm/positions/transfers",
        "GET /fcm/subtraders",
        "POST /fcm/subtraders",
        "GET /fcm/subtraders/blocked_categories",
        "PUT /fcm/subtraders/blocked_categories",
        "GET /fcm/subtraders/event_contract_daily_cap",
        "PUT /fcm/subtraders/event_contract_daily_cap",
        "DELETE /fcm/subtraders/event_contract_daily_cap",
    ),
    *_rows(_GONE_ANNOUNCEMENTS, "GET /exchange/announcements"),
    *_rows(
        _GONE_LOOKUP,
        "GET /multivariate_event_collections/{collection_ticker}/lookup",
        "PUT /multivariate_event_collections/{collection_ticker}/lookup",
    ),
    *_rows(_COMBO, "POST /multivariate_event_collections/{collection_ticker}"),
    *_rows(
        _BRIEF,
        "POST /portfolio/subaccounts/positions/transfer",
        "PUT /portfolio/subaccounts/settlement-advance-lock",
        "DELETE /portfolio/subaccounts/settlement-advance-lock",
    ),
    *_rows(_BENCHMARKS, "GET /cfbenchmarks/{...}"),
)
