"""The command `pretrade`: the groups put together, and the exit codes.

0 fine · 1 refused or invalid · 2 usage · 3 a bug of ours. The catch-all in `main` is one of the two in the program:
it turns a bug into one line, a traceback without local variables, and code 3.
"""

import sys
import traceback
from collections.abc import Sequence

import click

from pretrade.cli import (
    ask,
    certs,
    check,
    client_env,
    clients,
    demo,
    doctor,
    halt,
    init,
    keys,
    log,
    practice,
    reconcile,
    run,
    status,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="pretrade")
def cli() -> None:
    """Check, sign and record every order before it reaches the Kalshi exchange.

    Start with `pretrade demo`, or make a working folder with `pretrade init DIR`.
    """


for command in (
    init.init,
    run.run,
    practice.practice,
    demo.demo,
    client_env.exec_command,
    client_env.env,
    doctor.doctor,
    check.check,
    clients.clients,
    keys.keys,
    certs.certs,
    halt.halt,
    halt.resume,
    status.status,
    reconcile.reconcile,
    reconcile.resolve,
    ask.headroom,
    ask.market,
    ask.confirm,
    log.log,
):
    cli.add_command(command)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        code = cli.main(list(argv) if argv is not None else None, prog_name="pretrade", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("stopped", err=True)
        return 1
    except click.ClickException as e:
        e.show()
        return e.exit_code
    except Exception:  # noqa: BLE001 - the boundary: see the top of this file
        click.echo(traceback.format_exc(), err=True)
        click.echo("This is a bug in pretrade, not in what you typed. Please report the lines above.", err=True)
        return 3
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    sys.exit(main())
