"""Rows of the exchange's record in the shape that the demo exchange showed in June 2026 (orders.md 13)."""

import json
from typing import Any

ORDER: dict[str, Any] = {
    "action": "sell",
    "book_side": "ask",
    "client_order_id": "c-1",
    "created_time": "2026-06-11T06:29:30.164956Z",
    "fill_count_fp": "2.50",
    "initial_count_fp": "10.00",
    "last_update_time": "2026-06-11T06:29:31.999999Z",
    "maker_fees_dollars": "0.000100",
    "maker_fill_cost_dollars": "0.440000",
    "no_price_dollars": "0.4400",
    "order_id": "o-1",
    "outcome_side": "no",
    "remaining_count_fp": "7.50",
    "self_trade_prevention_type": "taker_at_cross",
    "side": "yes",
    "status": "resting",
    "subaccount_number": 3,
    "taker_fees_dollars": "0.017500",
    "taker_fill_cost_dollars": "0.660000",
    "ticker": "KXBTC-26DEC31-T100000",
    "type": "limit",
    "user_id": "u-1",
    "yes_price_dollars": "0.5600",
}
FILL: dict[str, Any] = {
    "action": "buy",
    "book_side": "bid",
    "count_fp": "1.00",
    "created_time": "2026-06-11T06:29:30.164956Z",
    "fee_cost": "0.017500",
    "fill_id": "f-1",
    "is_taker": True,
    "market_ticker": "KXBTC-26DEC31-T100000",
    "no_price_dollars": "0.4800",
    "order_id": "o-1",
    "outcome_side": "yes",
    "side": "yes",
    "subaccount_number": 0,
    "ticker": "KXBTC-26DEC31-T100000",
    "trade_id": "f-1",
    "ts": 1781159370,
    "yes_price_dollars": "0.5200",
}
POSITION: dict[str, Any] = {
    "fees_paid_dollars": "0.018900",
    "last_updated_ts": "2026-06-11T06:29:30.165032Z",
    "market_exposure_dollars": "2.500000",
    "position_fp": "-3.00",
    "realized_pnl_dollars": "-0.050000",
    "resting_orders_count": 0,
    "ticker": "KXBTC-26DEC31-T100000",
    "total_traded_dollars": "2.500000",
}
BALANCE: dict[str, Any] = {
    "balance": 9801,
    "balance_breakdown": [{"balance": "98.0186", "exchange_index": 0}],
    "balance_dollars": "98.0186",
    "portfolio_value": 198,
    "updated_ts": 1781159348,
}
SETTLEMENT: dict[str, Any] = {
    "event_ticker": "KXBTC-26DEC31",
    "exchange_index": 0,
    "fee_cost": "0.018900",
    "market_result": "no",
    "no_count_fp": "3.00",
    "no_total_cost_dollars": "1.440000",
    "revenue": 300,
    "settled_time": "2026-06-11T06:29:30.164956Z",
    "ticker": "KXBTC-26DEC31-T100000",
    "yes_count_fp": "0.00",
    "yes_total_cost_dollars": "0.000000",
}


def body(value: object) -> bytes:
    return json.dumps(value).encode()
