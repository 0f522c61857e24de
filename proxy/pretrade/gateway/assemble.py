"""The start, up to the doors: everything that can be wrong is found here, before a port opens, and said in one
sentence.
"""

import datetime as dt
import json
import os
import pwd
import secrets
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from pretrade.gateway.account import snapshots
from pretrade.gateway.account.restore import FOLDED, fold, reopen, spent_signatures
from pretrade.gateway.account.unread import reopen_unread
from pretrade.gateway.config import KeyPaths, LoadedPolicy, PolicyPaths, paths
from pretrade.gateway.instance import Instance
from pretrade.gateway.keys import certs
from pretrade.gateway.keys.keyfile import KeyFileError, open_private_key
from pretrade.gateway.keys.signers import GENERAL, Signers, place_of
from pretrade.gateway.machine.clock import Clock
from pretrade.gateway.machine.disk import DiskRoom
from pretrade.gateway.market.market_facts import MarketFactsCache
from pretrade.gateway.stops.auto_halt_memory import recall
from pretrade.gateway.stops.trading import Trading
from pretrade.gateway.way.attempts import Attempts
from pretrade.gateway.way.destination import Destinations
from pretrade.gateway.way.identity import Client
from pretrade.gateway.way.refusals import FloodGuard
from pretrade.gateway.way.replay import KEEP_WRITE_MS, Replays
from pretrade.journal.errors import JournalError
from pretrade.journal.events import EventKind
from pretrade.journal.reader import back_from_the_end, find, read_events, tail
from pretrade.journal.writer import Journal
from pretrade.kalshi.client import Address, Upstream, tls_context
from pretrade.kalshi.hosts import REST_HOSTS, WEBSOCKET_HOSTS, names_of
from pretrade.kalshi.keys import KeyFormatError, load_public_key, public_pem_of
from pretrade.kalshi.signing import Signer, SigningError
from pretrade.kalshi.stream import StreamDialler
from pretrade.model.instance import Environment, Mode
from pretrade.policy.combine import prepare
from pretrade.policy.fields import Endpoint
from pretrade.policy.schema import LiveKey, Policy
from pretrade.risk.ledger.ledger import Ledger

ROOT = 0
AS_ROOT_VARIABLE = "PRETRADE_AS_ROOT"
"""Set to 1 it says that root is meant, on demo and in production."""


class StartError(Exception):
    """The proxy cannot start; the message says which check failed, what was seen and what to do."""


@dataclass(frozen=True, slots=True)
class Listening:
    """The addresses that the doors are bound to."""

    proxy: Endpoint
    base_url: Endpoint


@dataclass(frozen=True, slots=True)
class Started:
    """What a person is told once the doors are open."""

    instance: Instance
    loaded: LoadedPolicy
    listening: Listening


def check_surroundings(loaded: LoadedPolicy) -> None:
    """Refuse to start where secrets would leak, or where a variable would choose whom to believe. Raises StartError."""
    for variable in ("SSLKEYLOGFILE", "MITMPROXY_SSLKEYLOGFILE"):
        if os.environ.get(variable):
            raise StartError(f"{variable} is set: it writes every TLS secret to a file. Unset it and start again.")
    _check_user(loaded.policy.instance.environment)
    _check_trust(loaded.policy.instance.environment)


def _check_user(environment: Environment) -> None:
    """A process that others' bytes reach has no business being root; on practice there is nothing to take."""
    if environment is Environment.PRACTICE or os.geteuid() != ROOT or os.environ.get(AS_ROOT_VARIABLE) == "1":
        return
    raise StartError(
        f"this is root, whom a fault of the proxy's would give the whole machine. Run it as a user of its own whose "
        f"files the keys are, or say that you mean it: {AS_ROOT_VARIABLE}=1"
    )


def _check_trust(environment: Environment) -> None:
    """Where we send comes from the policy alone: demo and production are who the machine's own store of CAs says."""
    if environment is Environment.PRACTICE:
        return
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        if os.environ.get(variable):
            raise StartError(
                f"{variable} is set: it would choose whom the proxy takes for the exchange. Unset it: it is for clients"
            )


def assemble(loaded: LoadedPolicy, clock: Clock, listening: Listening) -> Instance:
    """Open the journal, fold it, load the keys, and put the instance together. Raises StartError."""
    policy = loaded.policy
    prepare(policy)
    where = paths(loaded)
    signers = _signers(policy, where)
    clients = _clients(policy, where, signers)
    upstream = _upstream(policy, where)
    _check_certificates(where.certs, policy.instance.environment)
    where.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    path, disk = where.journal, DiskRoom(where.state, clock)
    try:
        boot = secrets.token_hex(8)
        journal = Journal.open(path, boot=boot, utc_now_ns=clock.utc_ns, monotonic_ns=clock.monotonic_ns)
        _check_journal(path, policy.instance.environment)
        ledger, attempts, replays = _remember(path, clock, policy.instance.mode)
    except (JournalError, OSError) as e:
        full = disk.problem()
        raise StartError(f"the journal {path} cannot be used: {e}{f'; {full}' if full else ''}") from e
    instance = Instance(
        policy=policy,
        policy_hash=loaded.sha256,
        zone=ZoneInfo(policy.limits.day.timezone),
        clients=clients,
        destinations=_destinations(policy, listening),
        clock=clock,
        journal=journal,
        ledger=ledger,
        trading=Trading(ledger, journal, where.state, clock),
        signers=signers,
        upstream=upstream,
        flood=FloodGuard(journal, clock),
        started_ms=clock.now_ms(),
        disk=disk,
        markets=MarketFactsCache(upstream, clock),
        attempts=attempts,
        replays=replays,
    )
    try:
        recall(path, instance.auto_halt, instance.trading, clock)
        instance.notices.recall(path, instance.losses.day())
    except JournalError as e:
        raise StartError(f"the journal {path} cannot be used: {e}") from e
    return instance


def _check_journal(path: Path, environment: Environment) -> None:
    """One log, one exchange: what was held and spent at another one would be counted here. Raises StartError."""
    before = next((json.loads(row.body)["environment"] for row in tail(path, 1, (EventKind.START,))), environment)
    if before != environment:
        raise StartError(
            f"the journal {path} is of environment {before}, the policy says {environment}: "
            f"give each its own state_dir, as in `state_dir: state-{environment}`"
        )


def _remember(path: Path, clock: Clock, mode: Mode) -> tuple[Ledger, Attempts, Replays]:
    """What earlier runs did, as far as this one must know it. Raises JournalError."""
    snapshot, attempts, replays = snapshots.last(path), Attempts(), Replays()
    ledger = fold(read_events(path, snapshot.seq, kinds=FOLDED), snapshot.ledger)
    ledger.lose_sight(clock.now_ms())
    if mode is Mode.LIVE:  # a dry run sends nothing, so it can double nothing
        reopen(ledger, attempts)
        deliveries = read_events(path, snapshot.seq, kinds=(EventKind.DELIVERY,))
        reopen_unread(snapshot.unread, deliveries, lambda decision_id: find(path, decision_id), attempts)
    decisions = back_from_the_end(path, kinds=(EventKind.DECISION,))
    for signature in spent_signatures(decisions, clock.now_ms(), KEEP_WRITE_MS):
        replays.spend(signature)
    return ledger, attempts, replays


def _signers(policy: Policy, where: PolicyPaths) -> Signers:
    general = _signer(GENERAL, policy.signing, where.live_key)
    named = {name: _signer(place_of(name), key, where.named_keys[name]) for name, key in policy.signing.keys.items()}
    signers, places = Signers.of_policy(policy, general, named), dict[bytes, str]()
    for place, signer in signers.all():
        twin = places.setdefault(signer.public_pem(), place)
        if twin != place:
            raise StartError(f"{place}.key_file has the key of {twin}: the exchange knows each key by one id")
    return signers


def _signer(place: str, key: LiveKey, files: KeyPaths) -> Signer:
    try:
        return Signer(open_private_key(files.key, files.passphrase), key.key_id)
    except (KeyFileError, SigningError) as e:
        raise StartError(f"{place}.key_file: {e}") from e


def _clients(policy: Policy, where: PolicyPaths, signers: Signers) -> dict[str, Client]:
    clients: dict[str, Client] = {}
    live = {signer.public_pem(): place for place, signer in signers.all()}
    for name, entry in policy.clients.items():
        path = where.client_keys[name]
        try:
            public_key = load_public_key(path.read_bytes())
        except (OSError, KeyFormatError) as e:
            raise StartError(f"clients.{name}.public_key: {path}: {e}") from e
        if place := live.get(public_pem_of(public_key)):
            raise StartError(
                f"clients.{name}.public_key is the live key's own public half ({place}): a client must sign with a "
                "key that is worthless at the exchange. Make it one of its own and register that."
            )
        twin = next((one.name for one in clients.values() if one.public_key == public_key), None)
        if twin is not None:
            raise StartError(f"clients.{name} has the same public key as {twin}: nobody could tell the two apart")
        clients[entry.key_id] = Client(
            name,
            entry.key_id,
            entry.subaccount,
            public_key,
            entry.private_channels,
            entry.shares_subaccount,
            _user_id(name, entry.user),
        )
    return clients


def _user_id(client: str, user: str | None) -> int | None:
    try:
        return None if user is None else pwd.getpwnam(user).pw_uid
    except KeyError as e:
        raise StartError(f"clients.{client}.user: this machine has no user {user}") from e


def live_signers(loaded: LoadedPolicy) -> Signers:
    """The live keys that the policy names, to be closed by the caller. Raises StartError."""
    return _signers(loaded.policy, paths(loaded))


def keys_and_exchange(loaded: LoadedPolicy) -> tuple[Signers, Upstream]:
    """The live keys and our own client for the exchange, both to be closed by the caller. Raises StartError."""
    where = paths(loaded)
    return _signers(loaded.policy, where), _upstream(loaded.policy, where)


def _upstream(policy: Policy, where: PolicyPaths) -> Upstream:
    return _reaching(Upstream, REST_HOSTS, policy, where)


def stream_dialler(loaded: LoadedPolicy) -> StreamDialler:
    """What opens streams at the exchange of the policy's environment. Raises StartError."""
    return _reaching(StreamDialler, WEBSOCKET_HOSTS, loaded.policy, paths(loaded))


def _reaching[T](
    client: Callable[[Address, ssl.SSLContext], T],
    hosts: Mapping[Environment, str],
    policy: Policy,
    where: PolicyPaths,
) -> T:
    """A client of ours for the environment's exchange; `hosts` are the addresses that the program knows."""
    environment, practice = policy.instance.environment, policy.exchange.practice
    _check_trust(environment)
    try:
        if environment is Environment.PRACTICE and practice is not None:
            url = practice.url
            return client(Address(url.host, url.port, url.host), tls_context(where.practice_ca))
        host = hosts[environment]
        return client(Address(host, 443, host), tls_context(None))
    except (OSError, ValueError) as e:
        raise StartError(f"exchange.{environment}: the address or its CA file cannot be used: {e}") from e


def _check_certificates(folder: Path, environment: Environment) -> None:
    problems = certs.inspect(folder, names_of(environment), dt.datetime.now(dt.UTC)).problems
    if problems:
        raise StartError(f"certificates in {folder}: {problems[0]} (`pretrade certs` makes new ones)")


def _destinations(policy: Policy, listening: Listening) -> Destinations:
    own = frozenset({str(listening.base_url), f"localhost:{listening.base_url.port}"})
    others = frozenset((other.host, other.port) for other in policy.other_hosts)
    return Destinations(policy.instance.environment, own, others)


def leaf_path(loaded: LoadedPolicy) -> Path:
    """The PEM file with the leaf and its key."""
    return paths(loaded).certs / certs.LEAF_NAME
