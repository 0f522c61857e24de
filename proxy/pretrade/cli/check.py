"""`pretrade check`: is this policy one that the proxy would load?"""

from pathlib import Path

import click

from pretrade.cli.policy_lines import policy_lines
from pretrade.cli.shared import load_current_policy


@click.command()
@click.argument("policy_path", metavar="POLICY", type=click.Path(path_type=Path), default=Path("policy.yaml"))
def check(policy_path: Path) -> None:
    """Check the text of a policy and say what it allows. Changes nothing.

    The files that it names (keys, certificates) are checked by `pretrade run`, before a port opens.

    Exits with 1 and every problem's line and column when the file would be refused.
    """
    loaded = load_current_policy(policy_path)
    policy = loaded.policy
    instance = policy.instance
    click.echo(f"{policy_path}: good, sha256 {loaded.sha256[:16]}")
    click.echo(f"  instance   role {instance.role}, {instance.mode} on {instance.environment}")
    for line in policy_lines(policy):
        click.echo(f"  {line}")
