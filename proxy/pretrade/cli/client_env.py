"""`pretrade exec` and `pretrade env`: give an unmodified client what it needs to come in by the proxy door."""

import os
import shlex
from pathlib import Path

import click

from pretrade.cli.shared import load_policy, policy_option
from pretrade.gateway.certs import CA_NAME
from pretrade.gateway.config import LoadedPolicy, paths

_CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
_PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy")
_UNSET = ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "SSL_CERT_DIR", "HTTP_PROXY", "http_proxy")


def client_environment(loaded: LoadedPolicy, client: str) -> dict[str, str]:
    """The variables that lead a client's exchange traffic through the proxy door, and where the base-URL door is."""
    entry = loaded.policy.clients.get(client)
    if entry is None:
        known = ", ".join(sorted(loaded.policy.clients)) or "none"
        raise click.ClickException(f"no client {client!r} in the policy; registered: {known}")
    proxy, base_url = loaded.policy.listen.proxy, loaded.policy.listen.base_url
    if not (proxy.port and base_url.port):
        raise click.ClickException("`listen` has port 0, so only the running proxy knows its ports: write fixed ones")
    ca_file = str(paths(loaded).certs / CA_NAME)
    return {
        **dict.fromkeys(_PROXY_VARIABLES, f"http://{proxy}"),
        **dict.fromkeys(_CA_VARIABLES, ca_file),
        "KALSHI_API_KEY_ID": entry.key_id,
        "PRETRADE_BASE_URL": f"http://{base_url}/trade-api/v2",
    }


@click.command(name="env")
@policy_option
@click.option("--client", required=True, help="The client's name in the policy.")
def env(policy_path: Path, client: str) -> None:
    """Print the variables for a client as shell lines: `eval "$(pretrade env --client NAME)"`."""
    variables = client_environment(load_policy(policy_path), client)
    for name in _UNSET:
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
    environment = {name: value for name, value in os.environ.items() if name not in _UNSET}
    environment.update(client_environment(load_policy(policy_path), client))
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606 - no shell is wanted between the client and us
    except OSError as e:
        raise click.ClickException(f"cannot run {command[0]}: {e.strerror}") from e
