"""The command `pretrade`: the groups put together, and the exit codes.

0 fine · 1 refused or invalid · 2 usage · 3 a bug of ours. The catch-all in `main` is one of the two in the program:
it turns a bug into one line, a traceback without local variables, and code 3.
"""

import importlib
import sys
import traceback
from collections.abc import Sequence

import click

COMMANDS = {
    "certs": "certs.certs",
    "check": "check.check",
    "clients": "clients.clients",
    "confirm": "ask.confirm",
    "demo": "demo.demo",
    "doctor": "doctor.doctor",
    "env": "client_env.env",
    "exec": "client_env.exec_command",
    "halt": "halt.halt",
    "headroom": "ask.headroom",
    "init": "init.init",
    "keys": "keys.keys",
    "log": "log.log",
    "market": "ask.market",
    "practice": "practice.practice",
    "reconcile": "reconcile.reconcile",
    "resolve": "reconcile.resolve",
    "resume": "halt.resume",
    "run": "run.run",
    "status": "status.status",
}
"""Where each command lives in this room: module, then name."""


class Commands(click.Group):
    """Imports a command when it is asked for: who halts waits for what halting needs, not for all the rest."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command's name, in order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, or None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(".")
        command: click.Command = getattr(importlib.import_module(f"pretrade.cli.{module}"), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that these arguments begin with. Raises NoSuchCommand, which tells the nearest name."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            raise click.exceptions.NoSuchCommand(args[0], possibilities=COMMANDS, ctx=ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="pretrade")
def cli() -> None:
    """Check, sign and record every order before it reaches the Kalshi exchange.

    Start with `pretrade demo`, or make a working folder with `pretrade init DIR`.
    """


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
    except PermissionError as e:
        click.echo(f"Error: {e.filename or 'not allowed'}: {e.strerror}", err=True)
        return 1
    except Exception:  # noqa: BLE001 - the boundary: see the top of this file
        click.echo(traceback.format_exc(), err=True)
        click.echo("This is a bug in pretrade, not in what you typed. Please report the lines above.", err=True)
        return 3
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    sys.exit(main())
