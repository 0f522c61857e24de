"""The next questions of `pretrade doctor`: do the doors answer, and do they know this client and its key?

Rule of this file: it connects to the policy's own doors and to nothing else, and it sends reads only. Without a key the
read is unsigned, and our gate shows itself by refusing it.
"""

import asyncio
import http.client
import json
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pretrade.cli.doctor_lines import Line, fine, found, note
from pretrade.gateway.config import LoadedPolicy, paths
from pretrade.gateway.keys.certs import CA_NAME
from pretrade.gateway.way.identity import FRESH_MS
from pretrade.kalshi.hosts import names_of
from pretrade.kalshi.keys import KeyFormatError, PrivateKey, load_private_key, load_public_key, public_pem_of
from pretrade.kalshi.signing import ReadRequest, Signer
from pretrade.model.codes import DenyCode

_READ = "/trade-api/v2/portfolio/balance"
_WAIT_S = 10.0
_RUN = "is `pretrade run` up with this policy?"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a door answered: the status, and our code, sentence and hint where the answer is our gate's."""

    status: int
    body: dict[str, Any]

    @property
    def code(self) -> str:
        """Our code; empty where the answer is not our gate's own."""
        return str(self.body.get("code", "")) if "decision_id" in self.body else ""

    def told(self) -> str:
        """The answer in words."""
        return f"{self.status} {self.code}: {self.body.get('message', '')}" if self.code else f"status {self.status}"


def check_key(loaded: LoadedPolicy, client: str, key_file: Path) -> tuple[PrivateKey | None, Line]:
    """Is this the private half of the key that is registered for the client? The key, if it is one to sign with."""
    where = paths(loaded)
    registered = where.client_keys[client]
    if any(live.key.exists() and key_file.samefile(live.key) for live in (where.live_key, *where.named_keys.values())):
        to_do = "give the bot a key of its own, and keep this one where only the proxy's user can read it"
        return None, found("the key", f"{key_file} is the proxy's live key; nothing was signed with it", to_do)
    try:
        key = load_private_key(key_file.read_bytes())
    except (OSError, KeyFormatError) as e:
        why = getattr(e, "strerror", None) or e
        return None, found("the key", f"{key_file} cannot be read: {why}", "name the PEM file that the bot signs with")
    try:
        public = load_public_key(registered.read_bytes())
    except (OSError, KeyFormatError) as e:
        why = getattr(e, "strerror", None) or e
        return key, note("the key", f"{registered}, its registered half, cannot be read here: {why}")
    if public_pem_of(public) != public_pem_of(key.public_key()):
        to_do = f"let the bot sign with the other half of {registered}, or register this key under a name of its own"
        return key, found("the key", f"{key_file} is not the key that is registered for {client}", to_do)
    return key, fine("the key", f"{key_file} is the one registered for {client}")


def check_proxy_door(loaded: LoadedPolicy, client: str, key: PrivateKey | None) -> Iterator[Line]:
    """CONNECT to the exchange's name, TLS with our CA, and a read through it."""
    door, name = loaded.policy.listen.proxy, names_of(loaded.policy.instance.environment)[0]
    plain = http.client.HTTPConnection(door.host, door.port, timeout=_WAIT_S)
    try:
        connected = _ask(plain, "CONNECT", f"{name}:443", {"Host": f"{name}:443"})
    except (OSError, http.client.HTTPException) as e:
        yield found("proxy door", f"http://{door} does not answer: {e}", _RUN)
        return
    if connected.status != http.client.OK:
        yield found("proxy door", f"refuses CONNECT to {name}: {connected.told()}", connected.body.get("hint") or _RUN)
        return
    yield fine("proxy door", f"http://{door} answers CONNECT to {name}")
    ca_file = paths(loaded).certs / CA_NAME
    try:
        tunnel = http.client.HTTPSConnection(
            door.host, door.port, timeout=_WAIT_S, context=ssl.create_default_context(cafile=ca_file)
        )
        tunnel.set_tunnel(name, 443)
        tunnel.connect()
    except (OSError, http.client.HTTPException) as e:
        to_do = f"trust {ca_file} of this policy; restart the proxy if its certificates are newer than its start"
        yield found("TLS", f"with our CA, as {name}: {e}", to_do)
        return
    yield fine("TLS", f"with our CA, as {name}")
    yield from _check_read("read, proxy door", tunnel, loaded, client, key)


def check_base_url_door(loaded: LoadedPolicy, client: str, key: PrivateKey | None) -> Iterator[Line]:
    """A read through the base-URL door."""
    door = loaded.policy.listen.base_url
    connection = http.client.HTTPConnection(door.host, door.port, timeout=_WAIT_S)
    yield from _check_read("read, base-URL door", connection, loaded, client, key)


def _check_read(
    what: str, connection: http.client.HTTPConnection, loaded: LoadedPolicy, client: str, key: PrivateKey | None
) -> Iterator[Line]:
    key_id = loaded.policy.clients[client].key_id
    try:
        answer = _ask(connection, "GET", _READ, {} if key is None else _signature(key, key_id))
    except (OSError, http.client.HTTPException) as e:
        yield found(what, f"{connection.host}:{connection.port} does not answer: {e}", _RUN)
        return
    if key is None:
        yield _of_unsigned(what, answer)
    else:
        yield _of_signed(what, answer, client)
        yield _clock(what, answer)


def _of_unsigned(what: str, answer: Answer) -> Line:
    if answer.code == DenyCode.SIGNATURE_MISSING:
        return fine(what, "our gate answers (it refused a read without a signature, as it must); --key FILE says more")
    return found(what, f"an unsigned read was answered with {answer.told()}", "see that no other program listens there")


def _of_signed(what: str, answer: Answer, client: str) -> Line:
    if answer.status == http.client.OK:
        return fine(what, f"passed: the proxy knows {client} and its own key is good at the exchange")
    to_do = answer.body.get("hint") if answer.code else "the exchange answered; ask the operator to look at the log"
    return found(what, answer.told(), str(to_do))


def _clock(what: str, answer: Answer) -> Line:
    """What a signed read's answer says about the clocks: the signature's time was this machine's."""
    where = what.replace("read", "clock")
    if answer.code == DenyCode.SIGNATURE_STALE:
        return found(where, str(answer.body.get("message")), "set both clocks by NTP")
    if answer.status == http.client.OK:
        return fine(where, f"agrees with the proxy's within {FRESH_MS // 1000} s")
    return note(where, "was not compared: the read was refused before")


def _signature(key: PrivateKey, key_id: str) -> dict[str, str]:
    """The three headers as the bot would make them now."""
    signer = Signer(key, key_id)
    signed = asyncio.run(signer.sign_read(ReadRequest(_READ), time.time_ns() // 1_000_000))
    signer.close()
    return dict(signed.headers)


def _ask(connection: http.client.HTTPConnection, method: str, target: str, headers: dict[str, str]) -> Answer:
    """One request. The body of an accepted CONNECT is the tunnel, so it is not read."""
    try:
        connection.request(method, target, headers=headers)
        response = connection.getresponse()
        accepted = method == "CONNECT" and response.status == http.client.OK
        text = b"{}" if accepted else response.read()
    finally:
        connection.close()
    try:
        body = json.loads(text)
    except ValueError:
        body = {}
    return Answer(response.status, body if isinstance(body, dict) else {})
