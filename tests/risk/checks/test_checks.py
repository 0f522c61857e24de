"""Every check on both sides of its limit: the reason, what was observed, what the limit was."""

import pytest
from tests.builders import ROOMY, amend, facts_for, order, policy

from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Approved, Denied
from pretrade.model.facts import Measure, NamedOrder
from pretrade.model.instance import Mode, Role, TradingState
from pretrade.model.orders import (
    CancelAll,
    CancelBatch,
    CancelOrder,
    CreateBatch,
    CreateOrder,
    DecreaseOrder,
    Side,
    TimeInForce,
    Withdraw,
    Write,
)
from pretrade.model.units import parse_count
from pretrade.risk.checks.engine import decide

POLICY = policy(*ROOMY)
EXITS: tuple[Write, ...] = (
    CancelOrder("order-1", subaccount=0),
    CancelBatch((CancelOrder("order-1", subaccount=0), CancelOrder("order-2"))),
    CancelAll(0),
    DecreaseOrder("order-1", reduce_by=parse_count("1")),
    Withdraw("/trade-api/v2/communications/quotes/{quote_id}", ("quote-1",)),
)
OPENING: tuple[Write, ...] = (CreateOrder(order()), CreateBatch((order(), order())), amend())
IOC = {"time_in_force": TimeInForce.IMMEDIATE_OR_CANCEL}


def reasons(write: Write, **state: object) -> list[tuple[DenyCode | None, str, str, int | None]]:
    """What the decision objects to: (code, observed, limit, leg)."""
    decision = decide(write, facts_for(write, **state), POLICY)
    if isinstance(decision, Approved):
        return []
    return [(check.code, check.observed, check.limit, check.leg) for check in decision.reasons]


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (CreateOrder(order("100.00", "0.98")), []),
        (CreateOrder(order("100.01", "0.5")), [(DenyCode.ORDER_COUNT_EXCEEDS_MAXIMUM, "100.01", "100.00", None)]),
        (amend("100.01", "0.5"), [(DenyCode.ORDER_COUNT_EXCEEDS_MAXIMUM, "100.01", "100.00", None)]),
        (CreateOrder(order(price="0.02")), []),
        (CreateOrder(order(price="0.0199")), [(DenyCode.PRICE_OUTSIDE_BAND, "0.0199", "0.0200 to 0.9800", None)]),
        (CreateOrder(order(price="0.9801")), [(DenyCode.PRICE_OUTSIDE_BAND, "0.9801", "0.0200 to 0.9800", None)]),
        (amend(price="0.99"), [(DenyCode.PRICE_OUTSIDE_BAND, "0.9900", "0.0200 to 0.9800", None)]),
        (
            CreateOrder(order(ticker="KXFED-26DEC-T4.25")),
            [(DenyCode.MARKET_NOT_ALLOWED, "KXFED-26DEC-T4.25", "allow: true", None)],
        ),
        (CreateOrder(order("20", ticker="KXHIGHNY-26NOV22-T52")), []),
        (
            CreateOrder(order("20.01", ticker="KXHIGHNY-26NOV22-T52")),
            [(DenyCode.ORDER_COUNT_EXCEEDS_MAXIMUM, "20.01", "20.00", None)],
        ),
        (CreateOrder(order(subaccount=0)), []),
        (CreateOrder(order(subaccount=1)), [(DenyCode.SUBACCOUNT_NOT_OWNED, "1", "0", None)]),
        (
            CreateBatch((order(), order("101", "0.5"), order(subaccount=2))),
            [
                (DenyCode.SUBACCOUNT_NOT_OWNED, "2", "0", 2),
                (DenyCode.ORDER_COUNT_EXCEEDS_MAXIMUM, "101.00", "100.00", 1),
            ],
        ),
    ],
)
def test_an_order_is_held_to_its_limits(write: Write, expected: list[object]) -> None:
    """Catches a comparison off by one unit, another market's limit, a batch leg or an amend not looked at."""
    assert reasons(write) == expected


def test_risk_counts_the_leg_bought_and_the_worst_fee() -> None:
    """Catches an ask judged at p, and a risk without its fee."""
    just, tight = (policy(*ROOMY, ('max_risk: "$200"', f'max_risk: "{most}"')) for most in ("$46.02", "$46"))
    bid, ask = order("100", "0.4400"), order("100", "0.5600", side=Side.ASK)
    for one in (bid, ask):
        # 0.01 contract costs 0.07 x 0.01 x 0.44 x 0.56 = $0.000172 at most, charged as $0.0002: $2, and $0.02 beside.
        write = CreateOrder(one)
        assert isinstance(decide(write, facts_for(write), just), Approved)
        decision = decide(write, facts_for(write), tight)
        assert isinstance(decision, Denied)
        assert [(r.code, r.observed, r.limit) for r in decision.reasons] == [
            (DenyCode.ORDER_RISK_EXCEEDS_MAXIMUM, "$46.02", "$46.00")
        ]


@pytest.mark.parametrize("write", [*EXITS, *OPENING])
@pytest.mark.parametrize("mode", Mode)
def test_role_r_refuses_every_write(write: Write, mode: Mode) -> None:
    """Role R holds in both modes, for exits too."""
    assert DenyCode.ROLE_READ_ONLY in [code for code, *_ in reasons(write, role=Role.R, mode=mode)]


@pytest.mark.parametrize("write", EXITS)
@pytest.mark.parametrize("state", TradingState)
def test_exits_pass_in_every_trading_state_and_past_every_limit(write: Write, state: TradingState) -> None:
    """No limit traps an exit. Catches a day limit, a market list or a halt that stops a cancel."""
    assert reasons(write, trading_state=state, used=dict.fromkeys(Measure, 10**15)) == []


@pytest.mark.parametrize("write", OPENING)
def test_halted_denies_what_opens(write: Write) -> None:
    """HALTED lets exits through alone, whatever flags an order carries."""
    assert (DenyCode.TRADING_HALTED, "HALTED", "exits only", None) in reasons(write, trading_state=TradingState.HALTED)


@pytest.mark.parametrize(
    ("write", "passes"),
    [
        (CreateOrder(order(reduce_only=True, **IOC)), True),
        (CreateBatch((order(reduce_only=True, **IOC), order(reduce_only=True, **IOC))), True),
        (CreateBatch((order(reduce_only=True, **IOC), order())), False),
        (CreateOrder(order(reduce_only=True)), False),
        (CreateOrder(order(**IOC)), False),
        (amend("0.01"), False),
    ],
)
def test_reducing_lets_through_what_the_exchange_caps_at_the_position(write: Write, passes: bool) -> None:
    """Catches an opening order or amend under REDUCING, and one open leg that hides in a batch."""
    codes = [code for code, *_ in reasons(write, trading_state=TradingState.REDUCING)]
    assert codes == ([] if passes else [DenyCode.TRADING_REDUCING])


def test_reducing_stops_what_would_close_the_same_contracts_twice() -> None:
    """Catches a reduce-only order beside an older one that rests: the exchange caps it at what is held, closes all,
    and the older one turns the position later. What can only close, whatever fills before it, still passes."""
    write = CreateOrder(order(reduce_only=True, **IOC))
    beside = {"trading_state": TradingState.REDUCING, "crowded": (True,)}
    assert [code for code, *_ in reasons(write, **beside)] == [DenyCode.TRADING_REDUCING]
    assert reasons(write, **beside, reduces=(True,)) == []


@pytest.mark.parametrize(
    ("write", "used", "expected"),
    [
        (CreateOrder(order()), 24, []),
        (CreateOrder(order()), 25, [(DenyCode.DAY_ORDERS_EXCEED_MAXIMUM, "26", "25", None)]),
        (CreateBatch((order(), order())), 23, []),
        (CreateBatch((order(), order())), 24, [(DenyCode.DAY_ORDERS_EXCEED_MAXIMUM, "26", "25", None)]),
        (amend(), 25, []),
    ],
)
def test_the_day_has_its_number_of_orders(write: Write, used: int, expected: list[object]) -> None:
    """Batch legs count one by one; an amend is no new order. Catches a batch that counts as one."""
    assert reasons(write, used={Measure.DAY_ORDERS: used}) == expected


@pytest.mark.parametrize("write", [amend(), DecreaseOrder("order-1", reduce_by=parse_count("1")), *EXITS[:2]])
def test_dry_run_changes_its_own_orders_only(write: Write) -> None:
    """A real order cannot be touched from a dry run. Catches a cancel that would be answered from nowhere."""
    assert reasons(write, mode=Mode.DRY_RUN) == []
    nobodys = tuple(NamedOrder(name, None) for name in ("order-1", "order-2"))
    codes = {code for code, *_ in reasons(write, mode=Mode.DRY_RUN, orders=nobodys)}
    assert codes == {DenyCode.DRY_RUN_ORDER_UNKNOWN}


def test_every_reason_is_reported() -> None:
    """An order that breaks four rules says four, with every other check's report beside them."""
    bad = CreateOrder(order("1000", "0.99", ticker="KXFED-26DEC-T4.25", subaccount=3))
    assert {code for code, *_ in reasons(bad, trading_state=TradingState.HALTED, used={Measure.DAY_ORDERS: 25})} == {
        DenyCode.TRADING_HALTED,
        DenyCode.SUBACCOUNT_NOT_OWNED,
        DenyCode.MARKET_NOT_ALLOWED,
        DenyCode.ORDER_COUNT_EXCEEDS_MAXIMUM,
        DenyCode.ORDER_RISK_EXCEEDS_MAXIMUM,
        DenyCode.PRICE_OUTSIDE_BAND,
        DenyCode.DAY_ORDERS_EXCEED_MAXIMUM,
    }
