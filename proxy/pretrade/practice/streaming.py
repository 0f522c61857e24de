"""Who may open a stream: the keys of the REST side, asked by the WebSocket's handshake.

Rule of this file: it only connects `api` and `stream`, which do not know each other.
"""

from collections.abc import Mapping

from pretrade.practice.api import auth
from pretrade.practice.api.dispatch import Dispatcher
from pretrade.practice.stream.session import Member
from pretrade.practice.stream.wire import Admit

READ = "read"


def admission(dispatcher: Dispatcher) -> Admit:
    """The check of a handshake: signed as GET of the path, like any request, by a key that may read (auth.md 2).

    Documented choices: a handshake costs no tokens, `read` as a whole is needed (a child scope is not enough), and a
    key that is revoked keeps the connections it has.
    """

    def admit(headers: Mapping[str, str], path: str) -> Member:
        now_ms = dispatcher.exchange.clock() // 1_000
        key = auth.authenticate(dispatcher.keys, headers, "GET", path, now_ms, dispatcher.clock_window)
        auth.require_scope(key, READ)
        return Member(key.account, key.subaccount)

    return admit
