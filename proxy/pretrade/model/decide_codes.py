"""The refusals of `decide`: what each code of that step means and what to do. All of them are answered with 403.

Rule of this file: what the policy or the ledger refuses; every other code is in `codes`.
"""

from pretrade.model.code_names import CodeInfo, DenyCode, Step


def _denied(meaning: str, hint: str) -> CodeInfo:
    return CodeInfo(Step.DECIDE, 403, meaning, hint)


def _not_now(meaning: str, hint: str) -> CodeInfo:
    """A denial that may end by itself: a figure is too old or missing, a market or a window is shut, a day is full."""
    return CodeInfo(Step.DECIDE, 403, meaning, hint, is_retryable=True)


DECIDE_CODES: dict[DenyCode, CodeInfo] = {
    DenyCode.ROLE_READ_ONLY: _denied(
        "This instance has role R and refuses every write.",
        "Send orders to the W instance.",
    ),
    DenyCode.TRADING_HALTED: _denied(
        "Trading is HALTED: only cancels and decreases pass.",
        "An operator resumes with `pretrade resume --by NAME --reason TEXT` once the cause is understood.",
    ),
    DenyCode.TRADING_REDUCING: _denied(
        "Trading is REDUCING: only exits and reduce-only orders pass.",
        "Cancel, decrease, or send an immediate-or-cancel order with reduce_only, once no other order rests on its "
        "side; an operator resumes the rest.",
    ),
    DenyCode.CLIENT_HALTED: _denied(
        "This client is HALTED, by an operator or by what it did: only its cancels and decreases pass.",
        "An operator finds out why (`pretrade status`), then `pretrade resume --client NAME --by NAME --reason TEXT`.",
    ),
    DenyCode.CLIENT_REDUCING: _denied(
        "This client is REDUCING, by an operator or by what it did: only its exits and reduce-only orders pass.",
        "Cancel, decrease, or send an immediate-or-cancel order with reduce_only, once no other order rests on its "
        "side; an operator resumes the rest.",
    ),
    DenyCode.SUBACCOUNT_NOT_OWNED: _denied(
        "The request names another subaccount than the client's own.",
        "Leave the subaccount out (pretrade writes the client's own in) or correct it.",
    ),
    DenyCode.ORDER_NOT_OWNED: _denied(
        "The order that is to be changed belongs to another client.",
        "Change only orders that this client placed itself; an operator may cancel any on the exchange's site.",
    ),
    DenyCode.ORDER_NOT_KNOWN: _not_now(
        "The order that is to be amended is not known here yet, so nobody can say what the amend would add.",
        "Try again when the exchange's record has been read anew, or cancel the order and place another.",
    ),
    DenyCode.ORDER_GROUP_NOT_OWNED: _denied(
        "The order group belongs to another client, or nobody knows whose it is.",
        "Use only groups that this client created itself, through the proxy.",
    ),
    DenyCode.LEDGER_NOT_RECONCILED: _not_now(
        "What is at risk is not known well enough: the exchange's own record was not read yet, or too long ago.",
        "Wait until the exchange can be read; `pretrade status` shows the last reading. Cancels and decreases pass.",
    ),
    DenyCode.MARKET_NOT_ALLOWED: _denied(
        "The policy's list of markets does not allow this one.",
        "Trade another market, or have an operator add it under `markets`.",
    ),
    DenyCode.MARKET_FACTS_MISSING: _not_now(
        "What this order needs to know of its market (event, series, fee, status) could not be had from the exchange.",
        "Check the ticker and try again in a moment; `pretrade status` says whether the exchange answers.",
    ),
    DenyCode.MARKET_NOT_OPEN: _not_now(
        "The market takes no orders now: its status is not active, or its close time has passed.",
        "Trade another market; one that is paused opens again by itself. Cancels and what strictly reduces pass.",
    ),
    DenyCode.MARKET_CLOSES_SOON: _denied(
        "The market closes sooner than the policy lets orders open anything in it.",
        "Trade another market, or only reduce here; an operator sets `limits.market.no_open_before_close`.",
    ),
    DenyCode.EXCHANGE_NOT_TRADING: _not_now(
        "The exchange, or the part of it that has this market, is paused.",
        "Wait until it trades again (a pause is usual on Thursdays, 03:00 to 05:00 in New York). Cancels pass.",
    ),
    DenyCode.EXCHANGE_STATUS_MISSING: _not_now(
        "Whether the exchange trades is not known: its status was not read, or too long ago.",
        "Try again in a moment; `pretrade status` says whether the exchange answers. Exits pass.",
    ),
    DenyCode.FEE_MULTIPLIER_EXCEEDS_CEILING: _denied(
        "The market's fee is higher than the policy reckons with, so a risk reckoned here would be too low.",
        "Trade another market, or have an operator raise `fees.multiplier_ceiling`; every reckoned risk grows with it.",
    ),
    DenyCode.ORDER_COUNT_EXCEEDS_MAXIMUM: _denied(
        "The order has more contracts than one order may have.",
        "Send a smaller order.",
    ),
    DenyCode.ORDER_RISK_EXCEEDS_MAXIMUM: _denied(
        "The order could lose more, fees included, than one order may lose.",
        "Send a smaller order or a better price.",
    ),
    DenyCode.PRICE_OUTSIDE_BAND: _denied(
        "The price lies outside the policy's absolute band.",
        "Check the price for a slip of the finger or of the unit; an operator sets `price.band`.",
    ),
    DenyCode.PRICE_OFF_TICK: _denied(
        "The price is not on the market's own price grid, so the exchange would not take it.",
        "Use a price of the grid that `limit` shows; the market's `price_ranges` say the whole of it.",
    ),
    DenyCode.PRICE_OUTSIDE_COLLAR: _denied(
        "The price is too far from the reference price, on the aggressive or on the passive side.",
        "Look at the book and send a price within `limit`; an operator sets `price.collar` for either side.",
    ),
    DenyCode.REFERENCE_MISSING: _not_now(
        "There is no reference price: the book was not seen, has one side only, or its sides meet or cross.",
        "Wait for a book with two sides; an operator may name the last trade instead by `price.collar.when_missing`.",
    ),
    DenyCode.REFERENCE_STALE: _not_now(
        "The reference price is older than the policy lets a price be compared with.",
        "Try again in a moment; `pretrade status` says how fresh the market data is.",
    ),
    DenyCode.FLAG_REQUIRED: _denied(
        "The order lacks a flag that the policy requires, or has another value of it.",
        "Set the flag to what `limit` says. No amend can: cancel it and place another. An operator sets `require`.",
    ),
    DenyCode.LIMIT_WAIVER_EXPIRED: _denied(
        "A limit was waived on purpose until a date that has passed.",
        "An operator states the limit, or waives it anew with a reason and a date in `unlimited_on_purpose`.",
    ),
    DenyCode.POSITION_EXCEEDS_MAXIMUM: _denied(
        "The position in this market would be too large if every resting order on one side filled.",
        "Cancel resting orders, send a smaller order, or one that reduces the position.",
    ),
    DenyCode.MARKET_EXPOSURE_EXCEEDS_MAXIMUM: _denied(
        "The position and all orders in this market together could lose more than one market may.",
        "Cancel resting orders, send a smaller order, or one that reduces the position.",
    ),
    DenyCode.EVENT_EXPOSURE_EXCEEDS_MAXIMUM: _denied(
        "The positions and orders in all markets of this event together could lose more than one event may.",
        "Cancel resting orders in the event's markets, send a smaller order, or reduce a position there.",
    ),
    DenyCode.SERIES_EXPOSURE_EXCEEDS_MAXIMUM: _denied(
        "The positions and orders in all events of this series together could lose more than one series may.",
        "Cancel resting orders in the series' markets, send a smaller order, or reduce a position there.",
    ),
    DenyCode.ACCOUNT_EXPOSURE_EXCEEDS_MAXIMUM: _denied(
        "All positions and orders together could lose more than the account, or this client, may.",
        "Cancel resting orders, send a smaller order, or reduce a position.",
    ),
    DenyCode.OPEN_ORDERS_EXCEED_MAXIMUM: _denied(
        "As many orders may still fill as may be: resting, on their way, or of unknown outcome.",
        "Cancel orders that are no longer needed; `pretrade status` shows those whose outcome is unknown.",
    ),
    DenyCode.DAY_ORDERS_EXCEED_MAXIMUM: _not_now(
        "The day's number of orders is used up.",
        "Wait for the next day in the policy's time zone, or have an operator look at why so many were sent.",
    ),
    DenyCode.DAY_NOTIONAL_EXCEEDS_MAXIMUM: _not_now(
        "What the day's orders cost together, before fees, would be more than a day may hold.",
        "Cancel what rests (what is proven canceled counts no more), send a smaller order, or wait for the next day.",
    ),
    DenyCode.DAY_LOSS_EXCEEDS_MAXIMUM: _not_now(
        "Today's loss, with what the order would show on filling at its limit, would reach what a day may lose.",
        "Only reduce, or wait for the next day; `pretrade status` shows what the loss is made of.",
    ),
    DenyCode.DAY_LOSS_MISSING: _not_now(
        "Today's loss is not known: the day's fills were not read yet, or what is held has no price to begin with.",
        "Try again when the exchange's record and books have been read; cancels and what strictly reduces pass.",
    ),
    DenyCode.DAY_LOSS_STALE: _not_now(
        "Today's loss rests on a reading of the exchange's record that is too old.",
        "Wait until the exchange can be read; `pretrade status` shows the last reading. Exits pass.",
    ),
    DenyCode.SLIPPAGE_EXCEEDS_MAXIMUM: _denied(
        "What the order would fill at once would trade too much worse, on average, than the best price.",
        "Send a smaller order or a tighter price; `limit` says how many contracts pass, where some do.",
    ),
    DenyCode.DEPTH_TOO_LOW: _not_now(
        "Too few contracts stand near the midpoint, on the side by which the position could be left again.",
        "Wait for a deeper book, or trade another market; an operator sets `liquidity.min_depth`.",
    ),
    DenyCode.DEPTH_SHARE_EXCEEDS_MAXIMUM: _denied(
        "The order would take too much at once of what stands near the midpoint.",
        "Send a smaller order, or one that rests (post_only takes nothing).",
    ),
    DenyCode.LIQUIDITY_GRADE_TOO_LOW: _not_now(
        "The market is less liquid than the policy asks for.",
        "Trade another market or wait; `pretrade market TICKER` shows what the grade is made of.",
    ),
    DenyCode.LIQUIDITY_MISSING: _not_now(
        "The market's book, volume or open interest was not seen, so nobody can say how liquid it is.",
        "Try again in a moment; `pretrade market TICKER` shows what is known.",
    ),
    DenyCode.LIQUIDITY_STALE: _not_now(
        "The market's book was last seen too long ago to say how liquid it is now.",
        "Try again in a moment; `pretrade status` says whether the exchange can be read.",
    ),
    DenyCode.CONFIRMATION_REQUIRED: _denied(
        "A person must confirm this order before it may be sent.",
        "Have it confirmed: `pretrade confirm DECISION_ID --by NAME --reason TEXT`. Then send the same order again.",
    ),
    DenyCode.QUESTIONS_EXCEED_MAXIMUM: _not_now(
        "More was asked of the proxy itself (/pretrade/) than it answers one client in a second.",
        "Ask again at `retry_at`, about fewer orders at once (each counts); a denial tells its headroom by itself.",
    ),
    DenyCode.PLACE_RATE_EXCEEDS_MAXIMUM: _not_now(
        "Orders come faster than they may; each order of a batch counts as one.",
        "Wait a moment and send again, or send fewer at once; cancels and decreases are never held up.",
    ),
    DenyCode.AMEND_RATE_EXCEEDS_MAXIMUM: _not_now(
        "Amends come faster than they may.",
        "Wait a moment and send again; cancels and decreases are never held up.",
    ),
    DenyCode.ORDER_REPEATED: _denied(
        "The same order (market, side, price and count, whatever its flags) came too often in too short a time, as it "
        "does from a loop that has gone wrong; the client may only reduce now.",
        "Stop the client and find out why it repeats itself; an operator then resumes it.",
    ),
    DenyCode.DUPLICATE_IN_FLIGHT: _denied(
        "The same order of this client (market, side, price and count) has no known answer yet: this one may be that "
        "order again under another id or with other flags.",
        "Wait until the first one's answer is known, or look at your orders and fills; do not send it anew.",
    ),
    DenyCode.PRICE_WALK_EXCEEDS_MAXIMUM: _not_now(
        "The client's prices in this market have moved too far in their own direction in too short a time.",
        "Check what the client takes its prices from; wait until the window has passed, or use a less aggressive one.",
    ),
    DenyCode.ORDER_GROUP_LOOSENED: _denied(
        "The limit of an order group would hold less, or nothing: a group may be made and tightened, and nothing else.",
        "Give the group a lower limit, or make another; an operator sets `order_groups.may_loosen` for the rest.",
    ),
    DenyCode.ORDER_GROUP_LIMIT_MISSING: _not_now(
        "The order group's limit is not known here, so that nobody can say whether another would be tighter.",
        "Try again when the exchange's record has been read anew, or make a group of your own through the proxy.",
    ),
    DenyCode.ORDER_GROUP_MISSING: _not_now(
        "The policy puts what opens into an order group of the proxy's own, and there is none for this order.",
        "Try again in a moment: the group is made with an order. An order that is in none cannot be amended to more: "
        "cancel it and place another. The log has why a group could not be made.",
    ),
    DenyCode.ORDER_GROUP_DIFFERS: _denied(
        "The order names an order group, and the policy puts every order that opens into one of the proxy's own.",
        "Leave order_group_id out: the proxy writes it in.",
    ),
    DenyCode.STREAMS_EXCEED_MAXIMUM: _not_now(
        "As many streams are open, or were opened within the minute, as may be.",
        "Subscribe to more on the streams that are open, and close those that nobody reads; `retry_at` says when a "
        "minute's are free again.",
    ),
    DenyCode.STREAM_COMMAND_NOT_ALLOWED: _denied(
        "What came on a stream is none of its four commands in their documented form; the stream was closed.",
        "Send subscribe, unsubscribe, update_subscription or list_subscriptions; orders go by REST.",
    ),
    DenyCode.STREAM_COMMANDS_EXCEED_MAXIMUM: _not_now(
        "More commands came on a stream than it takes in a while; the stream was closed.",
        "Name many markets in one command.",
    ),
    DenyCode.CHANNEL_NOT_ALLOWED: _denied(
        "The channel of a stream is unknown, or private and not open to this client; the stream stays open.",
        "An operator sets `private_channels: true` for a client that may see the account's own orders and fills.",
    ),
    DenyCode.DRY_RUN_ORDER_UNKNOWN: _denied(
        "This instance is in dry_run and holds no such order; a real order cannot be changed from here.",
        "Change a real order through the live instance or on the exchange's own site.",
    ),
}
