"""mitmproxy's options as they must be, and the check that they are. Each line closes a way past the gate (threats 0,
2.1).

Rule of this file: asserted at the start and on every change; a value that differs stops the proxy or undoes the
change.
"""

from collections.abc import Mapping

from mitmproxy import exceptions, options

REQUIRED: Mapping[str, object] = {
    "server": False,
    "mode": ["regular"],
    "http2": False,
    "http3": False,
    "rawtcp": False,
    "websocket": False,
    "connection_strategy": "lazy",
    "upstream_cert": False,
    "validate_inbound_headers": True,
    "keep_host_header": True,
    "body_size_limit": "128k",
    "stream_large_bodies": None,
    "store_streamed_bodies": False,
    "ignore_hosts": [],
    "allow_hosts": [],
    "tcp_hosts": [],
    "udp_hosts": [],
    "ssl_insecure": False,
    "listen_host": "127.0.0.1",
    "connect_addr": "127.0.0.1",
    "client_certs": None,
    "certs": [],
    "add_upstream_certs_to_client_chain": False,
    "tcp_timeout": 120,
}
"""`connect_addr` on loopback is a backstop in the kernel: a socket bound there cannot reach a routable address."""

FORBIDDEN_PREFIX = "emudhra"
"""Options of mitmproxy 12.3.x, whose code carries the private key of a compromised CA."""


class OptionsDifferError(Exception):
    """mitmproxy is not set up the way the gate needs; the message names the option, the value and what is needed."""


def apply_required(opts: options.Options) -> None:
    """Set every option to its required value and check that it took."""
    opts.update(**{name: value for name, value in REQUIRED.items() if name in opts})
    check(opts, REQUIRED)


def check(opts: options.Options, required: Mapping[str, object]) -> None:
    """Raise OptionsDifferError unless every required option exists and has its value."""
    for name in opts.keys():  # noqa: SIM118 - not a mapping
        if name.startswith(FORBIDDEN_PREFIX):
            raise OptionsDifferError(f"this mitmproxy has an option {name}: use 12.2.3 (see SECURITY.md)")
    for name, value in required.items():
        if name not in opts:
            raise OptionsDifferError(f"this mitmproxy has no option {name}")
        current = getattr(opts, name)
        if (list(current) if isinstance(current, list | tuple) else current) != value:
            raise OptionsDifferError(f"mitmproxy option {name} must be {value!r}, was {current!r}")


def refuse_changes(opts: options.Options, required: Mapping[str, object]) -> None:
    """The same check for a `configure` hook: mitmproxy undoes a change that raises OptionsError."""
    try:
        check(opts, required)
    except OptionsDifferError as e:
        raise exceptions.OptionsError(str(e)) from e
