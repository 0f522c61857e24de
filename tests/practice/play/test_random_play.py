"""Clients, makers, strangers and a person who plays exchange, all by chance: nothing fails and the books hold."""

import random

import pytest
from tests.practice.worlds.kit import API, ORDERS, world

from pretrade.model.orders import Side
from pretrade.practice.play.action import ActionError
from pretrade.practice.play.actions import perform
from pretrade.practice.simulation import Simulation

TEXT = """version: 1
series:
  - {ticker: KXS, title: S, fee_type: quadratic_with_maker_fees}
events:
  - {ticker: KXS-E, series: KXS, title: E}
accounts:
  main: {cash: $1000, purses: [{subaccount: 0, shard: 2, cash: $500}, {subaccount: 3, shard: 0, cash: $50}]}
  crowd: {cash: $1000, rounding: cent}
maker: {kind: walk, every: 300ms, levels: 3, smallest: 2, largest: 9, inventory_limit: 40}
noise: {every: 700ms, smallest: 1, largest: 12}
markets:
  - {ticker: A, event: KXS-E, yes_sub_title: A, closes: +1d, mid: $0.50, structure: deci_cent}
  - {ticker: B, event: KXS-E, yes_sub_title: B, opens: +3s, closes: +1d, mid: $0.30, maker: {kind: none}}
  - {ticker: C, event: KXS-E, yes_sub_title: C, closes: +40s, mid: $0.97, shard: 2}
"""
PRICES = ("0.5000", "0.4900", "0.4550", "0.5450", "0.5550")
GRIDS = ("linear_cent", "deci_cent")


class Play:
    """One run: what its clients placed, so that they can change it, and its chance."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.sim = Simulation(world(TEXT), seed)
        self.placed = []
        self.group = self.ask("main", "POST", f"{API}/portfolio/order_groups/create", {"contracts_limit": 2}).body

    def ask(self, account, method, target, body=None):
        return self.sim.request_as(self.sim.key_of(account), method, target, body)

    def place(self):
        account, pick = self.rng.choice(["main", "crowd"]), self.rng.choice
        body = {
            "ticker": pick("ABBBC"),
            "side": pick(["bid", "ask"]),
            "count": pick(["0.01", "3.50", "20"]),
            "price": pick(PRICES),
            "time_in_force": pick(["good_till_canceled", "good_till_canceled", "immediate_or_cancel", "fill_or_kill"]),
            "self_trade_prevention_type": pick(["maker", "taker_at_cross"]),
            "cancel_order_on_pause": pick([True, False]),
        }
        if account == "main":
            body["order_group_id"] = self.group["order_group_id"]
        reply = self.ask(account, "POST", ORDERS, body)
        if reply.status == 201:
            self.placed.append((account, reply.body["order_id"], body))

    def change(self):
        if self.rng.random() < 0.3:
            self.ask("main", "PUT", f"{API}/portfolio/order_groups/{self.group['order_group_id']}/reset", {})
        if not self.placed:
            return
        account, order_id, body = self.rng.choice(self.placed)
        new = {"ticker": body["ticker"], "side": body["side"], "price": self.rng.choice(PRICES), "count": "7"}
        if self.rng.random() < 0.5:
            self.ask(account, "POST", f"{ORDERS}/{order_id}/amend", new)
        else:
            self.ask(account, "DELETE", f"{ORDERS}/{order_id}?market_ticker={body['ticker']}")

    def act(self):
        rng, market = self.rng, self.rng.choice("ABBC")
        where = rng.choice([{"what": "market", "market": market}, {"what": "trading"}, {"what": "exchange"}])
        action, arguments = rng.choice(
            [
                ("move", {"market": market, "price": rng.choice(["0.40", "0.60"]), "trade": True}),
                ("pause", where | {"lasting": rng.uniform(0.5, 6)}),
                ("resume", where),
                ("close", {"market": market, "within": rng.choice([3, 100])}),
                ("structure", {"market": market, "structure": rng.choice(GRIDS)}),
                ("fee", {"event": "KXS-E", "multiplier": "2.5"}),
                ("lag", {"seconds": rng.choice([0, 1]), "lasting": rng.uniform(0.5, 5)}),
                ("structure", {"market": "B", "structure": rng.choice(GRIDS)}),
                ("settle", {"market": "C", "result": "scalar", "value": "0.37"}),
            ]
        )
        try:
            perform(self.sim.practice, action, arguments)
        except ActionError as refused:
            assert "not found" not in str(refused)

    def require_order(self):
        exchange = self.sim.practice.exchange
        for account in exchange.accounts.values():
            assert all(purse.available >= 0 for purse in account.purses.values())
        for ticker, state in exchange.markets.items():
            held = [p.count for a in exchange.accounts.values() for (_, t), p in a.positions.items() if t == ticker]
            assert sum(held) == 0
            assert sum(count for count in held if count > 0) == state.open_interest
            bid, ask = state.book.best(Side.BID), state.book.best(Side.ASK)
            assert bid is None or ask is None or bid < ask


@pytest.mark.parametrize("seed", range(9))
def test_whatever_everybody_does_nothing_fails_and_the_books_hold(seed):
    """Catches what only happens between people, as the end of a pause in a market that has closed meanwhile: it ended
    the exchange's clock, or the request of whoever asked next."""
    play = Play(seed)
    for _ in range(250):
        step = play.rng.choice([play.place, play.place, play.change, play.act, play.act, None])
        if step is None:
            play.sim.advance(play.rng.choice([0.1, 0.5, 2, 7]))
        else:
            step()
        play.require_order()
