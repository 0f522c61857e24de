"""`pretrade exec` and `pretrade env`: give an unmodified client what it needs to come in by the proxy door."""

import os
import shlex
import ssl
from pathlib import Path

import certifi
import click

from pretrade.cli.shared import load_policy, policy_option
from pretrade.gateway.config import LoadedPolicy, paths
from pretrade.gateway.keys.certs import CA_NAME

CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
MORE_CA_VARIABLE = "NODE_EXTRA_CA_CERTS"
TRUST_NAME = "ca-and-roots.crt"
"""Our CA and the public ones: what a client trusts that also talks to other hosts."""
PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy")
UNSET = ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "SSL_CERT_DIR", "HTTP_PROXY", "http_proxy")


def client_environment(loaded: LoadedPolicy, client: str) -> dict[str, str]:
    """The variables that lead a client's exchange traffic through the proxy door, and where the base-URL door is."""
    entry = loaded.policy.clients.get(client)
    if entry is None:
        known = ", ".join(sorted(loaded.policy.clients)) or "none"
        raise click.ClickException(f"no client {client!r} in the policy; registered: {known}")
    proxy, base_url = loaded.policy.listen.proxy, loaded.policy.listen.base_url
    if not (proxy.port and base_url.port):
        raise click.ClickException("`listen` has port 0, so only the running proxy knows its ports: write fixed ones")
    ca_file = paths(loaded).certs / CA_NAME
    return {
        **dict.fromkeys(PROXY_VARIABLES, f"http://{proxy}"),
        **dict.fromkeys(CA_VARIABLES, str(_trusted(loaded, ca_file))),
        MORE_CA_VARIABLE: str(ca_file),
        "KALSHI_API_KEY_ID": entry.key_id,
        "PRETRADE_BASE_URL": f"http://{base_url}/trade-api/v2",
    }


def _trusted(loaded: LoadedPolicy, ca_file: Path) -> Path:
    """The file of the CAs that a client is to trust, in place of all that it trusted before.

    Our CA alone where nothing but the exchange can be reached; with the public ones beside it where the policy lists
    other hosts, which are passed through with their own certificates.
    """
    if not loaded.policy.other_hosts:
        return ca_file
    # SSL_CERT_FILE of this process is not asked: it may be ours already.
    system = Path(ssl.get_default_verify_paths().openssl_cafile)
    roots = system if system.is_file() else Path(certifi.where())
    trust = ca_file.with_name(TRUST_NAME)
    fresh = trust.with_name(f"{trust.name}.{os.getpid()}")
    try:
        fresh.write_bytes(ca_file.read_bytes() + b"\n" + roots.read_bytes())
        fresh.replace(trust)
    except OSError as e:
        raise click.ClickException(
            f"cannot write {trust}, the CAs that a client of other hosts trusts: {e.strerror}; "
            f"it is our {ca_file.name} and {roots}"
        ) from e
    return trust


@click.command(name="env")
@policy_option
@click.option("--client", required=True, help="The client's name in the policy.")
def env(policy_path: Path, client: str) -> None:
    """Print the variables for a client as shell lines: `eval "$(pretrade env --client NAME)"`."""
    variables = client_environment(load_policy(policy_path), client)
    for name in UNSET:
        click.echo(f"unset {name}")
    for name, value in variables.items():
        click.echo(f"export {name}={shlex.quote(value)}")


@click.command(name="exec", context_settings={"ignore_unknown_options": True})
@policy_option
@click.option("--client", required=True, help="The client's name in the policy.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def exec_command(policy_path: Path, client: str, command: tuple[str, ...]) -> None:
    """Run a client behind the proxy: `pretrade exec --client NAME -- python bot.py`.

    Sets the proxy and CA variables, then becomes the command. The client keeps its own code and its own key.
    """
    environment = {name: value for name, value in os.environ.items() if name not in UNSET}
    environment.update(client_environment(load_policy(policy_path), client))
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606 - no shell is wanted between the client and us
    except OSError as e:
        raise click.ClickException(f"cannot run {command[0]}: {e.strerror}") from e
