"""`pretrade keys check --place-and-cancel`: one small order is placed, seen to rest, canceled, and seen to be gone.

Rule of this file: the order and its cancels are writes like a client's: judged, recorded, signed, sent once. What
became of them is read from the exchange's record and never taken from an answer. Whatever it ends with, it says what
may still rest.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus

from pretrade.gateway.account.drop_copy import DropCopyReader, Wanted
from pretrade.gateway.account.reconcile import Reconciler
from pretrade.gateway.instance import Instance
from pretrade.gateway.messages import Answer
from pretrade.gateway.operator.by_hand import PATIENCE, Patience, command, said
from pretrade.gateway.operator.trial_order import NoOrderError, find_market, trial_order
from pretrade.gateway.way.identity import Client
from pretrade.gateway.way.writes import Writes
from pretrade.model.drop_copy import DropCopy, ExchangeOrder, OrderStatus
from pretrade.model.orders import CancelOrder, CreateOrder, NewOrder, Write
from pretrade.model.units import NO_CONTRACTS, Count, format_count, format_price
from pretrade.risk.ledger.live_order import LiveOrder

type Tell = Callable[[str, str], None]
"""Takes a step and what was seen of it."""


class TrialError(Exception):
    """The order was not placed, rested and canceled; the message says why, and what may rest."""


class _KeptReader(DropCopyReader):
    """Reads the exchange's record and keeps the last copy: the ledger knows an order from its answer already."""

    copy: DropCopy | None = None

    async def read(self, wanted: Wanted) -> DropCopy:
        self.copy = None
        self.copy = await super().read(wanted)
        return self.copy


class Trial:
    """One try, in one client's place."""

    def __init__(
        self, instance: Instance, client: Client, actor: str, tell: Tell, patience: Patience = PATIENCE
    ) -> None:
        self._instance = instance
        self._client = client
        self._actor = actor
        self._tell = tell
        self._patience = patience
        self._writes = Writes(instance)
        self._reader = _KeptReader(instance.signers.general, instance.upstream, instance.clock)
        self._reconciler = Reconciler(instance, self._reader)

    async def run(self, ticker: str) -> None:
        """Place, look, cancel, look; in the first open market that the policy allows where none is named. Raises
        TrialError."""
        await self._get_ready()
        try:
            market = ticker or await find_market(self._instance, self._client)
            order = await trial_order(self._instance, self._client, market)
        except NoOrderError as e:
            raise TrialError(f"nothing was placed: {e}") from e
        try:
            await self._try(order)
        except asyncio.CancelledError:
            self._tell("stopped", self._may_rest(order))
            raise

    async def _get_ready(self) -> None:
        """Learn what the proxy's own tasks would have: an order is denied without."""
        instance = self._instance
        await asyncio.gather(self._reconciler.round(), instance.exchange_status.read())
        instance.losses.marks.look()
        await instance.losses.marks.refresh()

    async def _try(self, order: NewOrder) -> None:
        before = self._position(order)
        await self._place(order)
        await self._read_until(order, lambda: self._shown(order) is not None)
        shown = self._shown(order)
        if shown is not None:
            what = {OrderStatus.RESTING: "rests", OrderStatus.EXECUTED: "filled", OrderStatus.CANCELED: "ended"}
            self._tell(what[shown.status], f"order {shown.order_id}, by the exchange's record")
        await self._cancel_until_gone(order)
        if before != (after := self._position(order)):
            moved = f"was {format_count(before)} and is {format_count(after)}"
            raise TrialError(f"it filled before it was canceled, and is yours: the position in {order.ticker} {moved}")
        if shown is None or shown.status is not OrderStatus.RESTING:
            raise TrialError("it is gone, and the exchange's record never showed it at rest")

    async def _place(self, order: NewOrder) -> None:
        write = CreateOrder(order)
        if full := self._instance.disk.refusal(write):
            raise TrialError(f"nothing was placed: {full.detail}")
        self._tell("order", f"{_words(order)}, post-only, as {self._client.name}")
        answer = await self._write(write)
        if answer.outcome_unknown:
            self._tell("unanswered", said(answer))
        elif answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise TrialError(f"it was not placed: {said(answer)} (decision {answer.decision_id})")
        else:
            self._tell("placed", said(answer))

    async def _cancel_until_gone(self, order: NewOrder) -> None:
        for _ in range(self._patience.cancels):
            live = self._counted(order)
            if live is not None:
                if live.order_id is None:
                    break
                cancel = CancelOrder(live.order_id, market_ticker=order.ticker, subaccount=order.subaccount)
                self._tell("cancel", said(await self._write(cancel)))
            if await self._read_until(order, lambda: self._is_gone(order)):
                self._tell("gone", "by the exchange's record")
                return
        if self._instance.reconciled.problem:
            self._tell("record", f"could not be read: {self._instance.reconciled.problem}")
        raise TrialError(self._may_rest(order))

    async def _read_until(self, order: NewOrder, is_seen: Callable[[], bool]) -> bool:
        """Read the record some times, for its reads lag its writes; whether it was seen in the end."""
        for _ in range(self._patience.reads):
            if await self._reconciler.round() and is_seen():
                return True
            await asyncio.sleep(self._patience.pause)
        return False

    async def _write(self, write: Write) -> Answer:
        request = command(self._instance.clock, self._client, write, self._actor)
        return await self._writes.begin(request).wait()

    def _shown(self, order: NewOrder) -> ExchangeOrder | None:
        """The order in the last copy of the record."""
        copy = self._reader.copy
        rows = () if copy is None else copy.orders
        return next((row for row in rows if row.client_order_id == order.client_order_id), None)

    def _counted(self, order: NewOrder) -> LiveOrder | None:
        """The order in the ledger, which lets go of it only by the record."""
        rows = self._instance.ledger.live.orders_in(order.ticker)
        return next((row for row in rows if row.client_order_id == order.client_order_id), None)

    def _is_gone(self, order: NewOrder) -> bool:
        shown = self._shown(order)
        return self._counted(order) is None and (shown is None or shown.status is not OrderStatus.RESTING)

    def _position(self, order: NewOrder) -> Count:
        books = self._instance.ledger.live.books()
        key = (order.subaccount, order.ticker)
        return next((book.position for found, book in books if found == key), NO_CONTRACTS)

    def _may_rest(self, order: NewOrder) -> str:
        """What may rest, and the way to be rid of it."""
        live = self._counted(order)
        known = "" if live is None or live.order_id is None else f", order_id {live.order_id}"
        by_hand = f"`pretrade run`, then `pretrade halt --client {self._client.name} --cancel --reason TEXT`"
        return (
            f"it may rest, nobody can say: {_words(order)}{known}, subaccount {order.subaccount}. "
            f"Cancel it at the exchange's own page, or by {by_hand}. "
            "It is on record: the proxy counts it until the exchange's record proves that it is gone"
        )


def _words(order: NewOrder) -> str:
    """The order as a person looks for it."""
    what = f"{order.side} of {format_count(order.count)} at ${format_price(order.price)} in {order.ticker}"
    return f"{what}, client_order_id {order.client_order_id}"
