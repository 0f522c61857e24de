"""The start, up to the doors: everything that can be wrong is found here, before a port opens, and said in one
sentence.
"""

import datetime as dt
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from pretrade.gateway import certs
from pretrade.gateway.attempts import Attempts
from pretrade.gateway.clock import Clock
from pretrade.gateway.config import LoadedPolicy, PolicyPaths, paths
from pretrade.gateway.destination import Destinations
from pretrade.gateway.identity import Client
from pretrade.gateway.instance import Instance
from pretrade.gateway.keyfile import KeyFileError, open_private_key
from pretrade.gateway.refusals import FloodGuard
from pretrade.gateway.replay import KEEP_WRITE_MS, Replays
from pretrade.gateway.restore import FOLDED, fold, reopen, spent_signatures
from pretrade.gateway.trading import Trading
from pretrade.gateway.unread import reopen_unread
from pretrade.journal.errors import JournalError
from pretrade.journal.events import EventKind
from pretrade.journal.reader import read_events
from pretrade.journal.writer import Journal
from pretrade.kalshi.client import Address, Upstream, tls_context
from pretrade.kalshi.hosts import REST_HOSTS, names_of
from pretrade.kalshi.keys import KeyFormatError, load_public_key, public_pem_of
from pretrade.kalshi.signing import Signer, SigningError
from pretrade.model.instance import Environment, Mode
from pretrade.policy.fields import Endpoint
from pretrade.policy.schema import Policy
from pretrade.risk.ledger import Ledger

JOURNAL_NAME = "journal.db"


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
    """Refuse to start where secrets would leak or where the preflight that production needs does not exist yet."""
    for variable in ("SSLKEYLOGFILE", "MITMPROXY_SSLKEYLOGFILE"):
        if os.environ.get(variable):
            raise StartError(f"{variable} is set: it writes every TLS secret to a file. Unset it and start again.")
    if loaded.policy.instance.environment is Environment.PRODUCTION:
        raise StartError(
            "environment: production is not open yet: this version cannot prove at start what the live key may do. "
            "Use practice or demo."
        )


def assemble(loaded: LoadedPolicy, clock: Clock, listening: Listening) -> Instance:
    """Open the journal, fold it, load the keys, and put the instance together. Raises StartError."""
    policy = loaded.policy
    where = paths(loaded)
    signer = _signer(policy, where)
    clients = _clients(policy, where, signer)
    upstream = _upstream(policy, where)
    _check_certificates(where.certs, policy.instance.environment)
    where.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = where.state / JOURNAL_NAME
    try:
        boot = secrets.token_hex(8)
        journal = Journal.open(path, boot=boot, utc_now_ns=clock.utc_ns, monotonic_ns=clock.monotonic_ns)
        ledger, attempts, replays = _remember(path, clock, policy.instance.mode)
    except (JournalError, OSError) as e:
        raise StartError(f"the journal {path} cannot be used: {e}") from e
    return Instance(
        policy=policy,
        policy_hash=loaded.sha256,
        zone=ZoneInfo(policy.limits.day.timezone),
        clients=clients,
        destinations=Destinations(policy.instance.environment, _own_addresses(listening)),
        clock=clock,
        journal=journal,
        ledger=ledger,
        trading=Trading(ledger, journal, where.state),
        signer=signer,
        upstream=upstream,
        flood=FloodGuard(journal, clock),
        started_ms=clock.now_ms(),
        attempts=attempts,
        replays=replays,
    )


def _remember(path: Path, clock: Clock, mode: Mode) -> tuple[Ledger, Attempts, Replays]:
    """What earlier runs did, as far as this one must know it. Raises JournalError."""
    ledger, attempts, replays = fold(read_events(path, kinds=FOLDED)), Attempts(), Replays()
    if mode is Mode.LIVE:  # a dry run sends nothing, so it can double nothing
        reopen(ledger, attempts)
        reopen_unread(lambda kinds: read_events(path, kinds=kinds), attempts)
    decisions = read_events(path, kinds=(EventKind.DECISION,))
    for signature in spent_signatures(decisions, clock.now_ms(), KEEP_WRITE_MS):
        replays.spend(signature)
    return ledger, attempts, replays


def _signer(policy: Policy, where: PolicyPaths) -> Signer:
    try:
        return Signer(open_private_key(where.signing_key, where.passphrase), policy.signing.key_id)
    except (KeyFileError, SigningError) as e:
        raise StartError(f"signing.key_file: {e}") from e


def _clients(policy: Policy, where: PolicyPaths, signer: Signer) -> dict[str, Client]:
    clients: dict[str, Client] = {}
    for name, entry in policy.clients.items():
        path = where.client_keys[name]
        try:
            public_key = load_public_key(path.read_bytes())
        except (OSError, KeyFormatError) as e:
            raise StartError(f"clients.{name}.public_key: {path}: {e}") from e
        if public_pem_of(public_key) == signer.public_pem():
            raise StartError(
                f"clients.{name}.public_key is the live key's own public half: a client must sign with a key that is "
                "worthless at the exchange. Make it one of its own and register that."
            )
        twin = next((one.name for one in clients.values() if one.public_key == public_key), None)
        if twin is not None:
            raise StartError(f"clients.{name} has the same public key as {twin}: nobody could tell the two apart")
        clients[entry.key_id] = Client(name, entry.key_id, entry.subaccount, public_key)
    return clients


def _upstream(policy: Policy, where: PolicyPaths) -> Upstream:
    environment, practice = policy.instance.environment, policy.exchange.practice
    try:
        if environment is Environment.PRACTICE and practice is not None:
            url = practice.url
            return Upstream(Address(url.host, url.port, url.host), tls_context(where.practice_ca))
        host = REST_HOSTS[environment]
        return Upstream(Address(host, 443, host), tls_context(None))
    except (OSError, ValueError) as e:
        raise StartError(f"exchange.{environment}: the address or its CA file cannot be used: {e}") from e


def _check_certificates(folder: Path, environment: Environment) -> None:
    problems = certs.inspect(folder, names_of(environment), dt.datetime.now(dt.UTC)).problems
    if problems:
        raise StartError(f"certificates in {folder}: {problems[0]} (`pretrade certs` makes new ones)")


def _own_addresses(listening: Listening) -> frozenset[str]:
    return frozenset({str(listening.base_url), f"localhost:{listening.base_url.port}"})


def leaf_path(loaded: LoadedPolicy) -> Path:
    """The PEM file with the leaf and its key."""
    return paths(loaded).certs / certs.LEAF_NAME
