"""The demo's stage: the exchange, the proxies and the bots that run, and what the operator can do to them."""

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

from pretrade.cli import init
from pretrade.cli.client_env import client_environment
from pretrade.cli.demo_folder import Ports, policy_name
from pretrade.cli.demo_story import BASE_URL, PROXY, ROLE_ABH, ROLE_R, Step
from pretrade.cli.practice_client import Operator
from pretrade.cli.processes import Child, plain_environment, pretrade_command
from pretrade.cli.shared import ask_proxy, load_policy
from pretrade.kalshi.signing import KEY_HEADER

_WAIT_S = 20.0
"""How long the demo waits for what must come by itself: a book that moves, a loss that is seen, an order found again.
"""
_LOOK_S = 0.1
_ADDRESSES = (BASE_URL, ROLE_R, ROLE_ABH)
"""Where the sync bot is sent, in the order of the proxies."""


class Stage:
    """The running parts of one demo. `started` is ended by whoever made it."""

    def __init__(self, folder: Path, ports: Ports, started: list[Child]) -> None:
        self.folder = folder
        self.work = folder / "work"
        self._ports = ports
        self._started = started
        self._plain = plain_environment()
        self._bots: dict[str, Child] = {}
        self._proxies: dict[str, Child] = {}
        self._actions: dict[str, Callable[[Step], str]] = {
            "halt": self._trading_state,
            "resume": self._trading_state,
            "restart": self._restart,
            "reconcile": self._reconcile,
            "lose_answer": self._lose_answer,
            "find": self._find,
            "count_orders": self._count_orders,
            "move": self._move,
            "wait_for": self._wait_for,
        }

    def start_exchange(self) -> None:
        """Start the practice exchange. Raises ChildError."""
        world = Path(__file__).with_name("demo_world.yaml")
        options = ("--folder", str(self.work / "practice"), "--port", str(self._ports.exchange), "--world", str(world))
        self._start("the practice exchange", pretrade_command("practice", *options)).wait_ready()

    def start_proxies(self) -> list[str]:
        """Start the proxies of all roles, and what W says at its start. Raises ChildError."""
        for role in self._ports.doors:
            self._start_proxy(role)
        said, *_ = [proxy.wait_ready() for proxy in self._proxies.values()]
        return said

    def _start_proxy(self, role: str) -> Child:
        command = pretrade_command("run", "-p", str(self.work / policy_name(role)))
        self._proxies[role] = self._start(f"the {role} proxy", command)
        return self._proxies[role]

    def start_bots(self) -> None:
        """Start two bots with the client's worthless key: one at the proxy door, one for the base-URL doors."""
        loaded = load_policy(self.work / policy_name("W"))
        addresses = [f"http://127.0.0.1:{base_url}/trade-api/v2" for _, base_url in self._ports.doors.values()]
        self._start_bot("async_bot", self._plain | client_environment(loaded, init.CLIENT))
        self._start_bot("sync_bot", self._plain, *addresses)

    def _start_bot(self, name: str, environment: Mapping[str, str], *more: str) -> None:
        program = Path(__file__).parent / "demo_bots" / f"{name}.py"
        key = (init.CLIENT_KEY_ID, str(self.work / "keys" / f"{init.CLIENT}.pem"))
        self._bots[name] = self._start(name, [sys.executable, str(program), *key, *more], environment)

    def _start(self, name: str, command: list[str], environment: Mapping[str, str] | None = None) -> Child:
        child = Child(name, command, environment or self._plain, self.folder / f"{name.replace(' ', '-')}.log")
        self._started.append(child)
        return child

    def ask_bot(self, bot: str, call: str, arguments: Mapping[str, object]) -> dict[str, object]:
        """Have a bot make one call of its SDK, and what the SDK's user saw. Raises ChildError."""
        if bot == PROXY:
            return self._bots["async_bot"].ask(call, arguments)
        return self._bots["sync_bot"].ask(call, arguments, at=_ADDRESSES.index(bot))

    def operate(self, step: Step) -> str:
        """Do what the operator does in a step, and what came of it. Raises ChildError or ClickException."""
        return self._actions[step.call](step)

    def _ask_proxy(self, command: str, **arguments: str) -> dict[str, object]:
        return ask_proxy(self.work / "state", command, **arguments)

    def _trading_state(self, step: Step) -> str:
        arguments = {name: str(value) for name, value in step.arguments.items()}
        return str(self._ask_proxy(step.call, **arguments)["trading_state"])

    def _restart(self, step: Step) -> str:
        self._proxies["W"].end()
        self._start_proxy("W").wait_ready()
        return "ready"

    def _reconcile(self, step: Step) -> str:
        """Have the proxy read the exchange's record now: only that proves that canceled orders can fill no more."""
        return "breaks" if self._ask_proxy("reconcile")["breaks"] else "no breaks"

    def _lose_answer(self, step: Step) -> str:
        """The exchange will carry the next order out and close the connection instead of answering."""
        fault = {"kind": "close_after_read", "method": "POST", "times": 1, "execute": True}
        self._exchange("POST", "faults", fault)
        return "planned"

    def _find(self, step: Step) -> str:
        """Wait until no write is of unknown fate any more."""
        return _eventually(lambda: "" if self._ask_proxy("status")["unknown"] else "found") or "not found"

    def _count_orders(self, step: Step) -> str:
        """Every write that came to the exchange, and by whose key: told by the exchange itself."""
        writes = cast("list[dict[str, object]]", self._exchange("GET", "requests")["requests"])
        keys = {
            value
            for one in writes
            for name, value in cast("list[tuple[str, str]]", one["headers"])
            if name.upper() == KEY_HEADER
        }
        whose = "signed on W" if keys == {init.LIVE_KEY_ID} else f"signed by {sorted(keys)}"
        return f"{len(writes)} {'order' if len(writes) == 1 else 'orders'}, {whose}"

    def _move(self, step: Step) -> str:
        """Move the market at the exchange, through what rests on the way, and wait until the proxy has seen that."""
        ticker, price = (str(step.arguments[name]) for name in ("market", "price"))
        self._exchange("POST", "move", {"market": ticker, "price": price, "trade": True})
        return _eventually(lambda: "seen" if self._midpoint(ticker) == price else "") or "not seen"

    def _midpoint(self, ticker: str) -> str:
        return str(self._ask_proxy("market", ticker=ticker, client=init.CLIENT).get("midpoint"))

    def _wait_for(self, step: Step) -> str:
        """Wait until trading is in a state, and in which it is then."""

        def state() -> str:
            return str(self._ask_proxy("status")["trading_state"])

        return _eventually(lambda: found if (found := state()) == step.arguments["state"] else "") or state()

    def _exchange(self, method: str, name: str, arguments: Mapping[str, object] | None = None) -> dict[str, object]:
        return Operator(self.work / "practice").ask(method, name, arguments)


def _eventually(look: Callable[[], str]) -> str:
    """What `look` finds, or nothing when it has found nothing in time."""
    deadline = time.monotonic() + _WAIT_S
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(_LOOK_S)
    return ""
