"""The first questions of `pretrade doctor`: do the variables of this shell lead a client through the proxy door?

Rule of this file: it looks at the environment and at files, and connects to nothing.
"""

import datetime as dt
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from pretrade.cli.client_env import CA_VARIABLES, MORE_CA_VARIABLE, PROXY_VARIABLES
from pretrade.cli.doctor_lines import Line, fine, found, note
from pretrade.gateway.config import LoadedPolicy, paths
from pretrade.gateway.keys.certs import CA_NAME
from pretrade.kalshi.hosts import names_of
from pretrade.policy.fields import Endpoint

_READ_BY = {
    "SSL_CERT_FILE": "Python clients",
    "REQUESTS_CA_BUNDLE": "clients on requests",
    "CURL_CA_BUNDLE": "curl",
    MORE_CA_VARIABLE: "clients on Node",
}
_ASTRAY = {
    "ALL_PROXY": "leads some clients another way",
    "HTTP_PROXY": "leads requests to the base-URL door another way",
    "WSS_PROXY": "leads some streams another way",
    "SSL_CERT_DIR": "makes clients trust others than our CA",
}
_BASE_URLS = ("KALSHI_API_BASE_URL", "KALSHI_HTTP_BASE_URL")
"""What kalshi-sdk and pykalshi-client take their address from."""
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def check_proxy_variables(environ: Mapping[str, str], loaded: LoadedPolicy, client: str) -> Iterator[Line]:
    """Does HTTPS_PROXY lead to the proxy door, and does NO_PROXY keep no name of the exchange from it?"""
    door = loaded.policy.listen.proxy
    values = {name: environ[name] for name in PROXY_VARIABLES if environ.get(name)}
    if not values:
        to_do = f"run the bot under `pretrade exec --client {client} --`, or give it the base-URL door"
        yield found("HTTPS_PROXY", "is not set: a client goes straight to the exchange", to_do)
    for name, value in values.items():
        problem = _problem_of_proxy(value, door)
        yield found(name, problem, f"set it to http://{door}") if problem else fine(name, f"{value}, the proxy door")
    for name in _spelt("NO_PROXY", environ):
        excluded = [host for host in names_of(loaded.policy.instance.environment) if _excludes(environ[name], host)]
        if excluded:
            yield found(name, f"{environ[name]!r} leads past the proxy, to {excluded[0]}", f"unset {name}")
        else:
            yield fine(name, f"{environ[name]!r} names none of the exchange's hosts")


def check_other_variables(environ: Mapping[str, str], loaded: LoadedPolicy, client: str) -> Iterator[Line]:
    """Is there anything that leads elsewhere, or that gives a client another name than its own?"""
    for variable, effect in _ASTRAY.items():
        for name in _spelt(variable, environ):
            yield found(name, f"{environ[name]!r} {effect}", f"unset {name}")
    key_id = loaded.policy.clients[client].key_id
    given = environ.get("KALSHI_API_KEY_ID")
    if given == key_id:
        yield fine("KALSHI_API_KEY_ID", key_id)
    elif given:
        yield found("KALSHI_API_KEY_ID", f"is {given!r}, the key id of {client} is {key_id!r}", "correct it")
    else:
        yield note("KALSHI_API_KEY_ID", f"is not set; where the bot reads no variable, it must send {key_id!r}")
    for name in _BASE_URLS:
        if (address := environ.get(name)) and _origin(address) not in _origins(loaded):
            yield found(name, f"{address!r} is neither the exchange nor the base-URL door", f"unset {name}")


def check_trust(environ: Mapping[str, str], loaded: LoadedPolicy, now: dt.datetime) -> Iterator[Line]:
    """Do the variables that name CA files name ours, and is it valid?"""
    ca_file = paths(loaded).certs / CA_NAME
    try:
        ca = x509.load_pem_x509_certificates(ca_file.read_bytes())[0]
        ours = ssl.PEM_cert_to_DER_cert(_certificates(ca_file)[0])
    except (OSError, ValueError, IndexError) as e:
        why = getattr(e, "strerror", None) or e
        to_do = "copy the proxy's own here; on its machine `pretrade certs` makes it"
        yield found("our CA", f"{ca_file} cannot be read: {why}", to_do)
        return
    ends = f"{ca.not_valid_after_utc:%Y-%m-%d}"
    if ca.not_valid_after_utc <= now:
        yield found("our CA", f"{ca_file} ended on {ends}", "`pretrade certs --force`, and restart the proxy")
    else:
        yield fine("our CA", f"{ca_file}, valid until {ends}")
    for name in (*CA_VARIABLES, MORE_CA_VARIABLE):
        yield _trust_of(name, environ.get(name), ours, ca_file)


def _trust_of(name: str, value: str | None, ours: bytes, ca_file: Path) -> Line:
    if not value:
        return note(name, f"is not set: {_READ_BY[name]} will not trust the proxy door unless told otherwise")
    to_do = f"set it to {ca_file}"
    try:
        known = {ssl.PEM_cert_to_DER_cert(pem) for pem in _certificates(Path(value))}
    except (OSError, ValueError) as e:
        return found(name, f"{value} cannot be read: {getattr(e, 'strerror', None) or e}", to_do)
    if ours not in known:
        return found(name, f"{value} does not hold our CA, by which {_READ_BY[name]} would know the proxy door", to_do)
    return fine(name, f"{value} holds our CA" if len(known) == 1 else f"{value} holds our CA and {len(known) - 1} more")


def _certificates(path: Path) -> list[str]:
    return _CERTIFICATE.findall(path.read_text(encoding="utf-8"))


def _problem_of_proxy(value: str, door: Endpoint) -> str | None:
    """Why this proxy is not the proxy door; None when it is. Names are compared by what they resolve to."""
    parts = urlsplit(value if "://" in value else f"http://{value}")
    try:
        host, port = parts.hostname or "", parts.port or 80
        found_there = {str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except (ValueError, OSError):
        return f"{value!r} is no address that can be found"
    if parts.scheme != "http":
        return f"{value!r} asks for {parts.scheme} to the proxy; the door speaks plain HTTP"
    if port != door.port or door.host not in found_there:
        return f"{value!r} is not the proxy door of this policy, http://{door}"
    return None


def _excludes(no_proxy: str, host: str) -> bool:
    """Whether any client could read this NO_PROXY as naming the host: exactly, or by a domain that it lies in."""
    for entry in no_proxy.lower().replace(",", " ").split():
        name = entry.partition("://")[2] or entry
        name = name.partition(":")[0].lstrip("*").lstrip(".")
        if entry == "*" or (name and (host == name or host.endswith(f".{name}"))):
            return True
    return False


def _spelt(variable: str, environ: Mapping[str, str]) -> list[str]:
    """The spellings of a variable that are set: clients read upper and lower case."""
    return [name for name in (variable, variable.lower()) if environ.get(name)]


def _origins(loaded: LoadedPolicy) -> set[str]:
    names = names_of(loaded.policy.instance.environment)
    return {f"http://{loaded.policy.listen.base_url}", *(f"https://{name}" for name in names)}


def _origin(address: str) -> str:
    """Scheme, host and port as they are written; nothing that is written alike but leads elsewhere."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.removesuffix(':443') if parts.scheme == 'https' else parts.netloc}"
