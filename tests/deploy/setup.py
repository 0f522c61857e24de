"""Make the two environments that the delivery files are tested with: Ansible and file checkers; Datasette.

Usage: python tests/deploy/setup.py [UV]      UV: the path of uv; else .tools/bin/uv or the one on the PATH

Both go into .venv-deploy, which ignores itself for git. A second run with nothing changed ends within a second.
Rule of this file: the standard library only, and nothing is installed but what the two lock files say.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = ROOT / ".venv-deploy"
TOOLS = TARGET / "tools"
DATASETTE = TARGET / "datasette"
_PROJECTS = {TOOLS: HERE / "tools", DATASETTE: ROOT / "deploy" / "datasette"}
_INSTALL_S = 600


def main(arguments: list[str]) -> int:
    """Bring both environments to what their lock files say; 0 when they are."""
    own = ROOT / ".tools" / "bin" / "uv"
    uv = shutil.which(arguments[0] if arguments else (str(own) if own.exists() else "uv"))
    if uv is None:
        print(
            "tests/deploy/setup.py: there is no uv; run `make sync`, which brings one, or name its path",
            file=sys.stderr,
        )
        return 1
    TARGET.mkdir(exist_ok=True)
    (TARGET / ".gitignore").write_text("*\n")
    with (TARGET / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return max(_sync(str(Path(uv).absolute()), target, project) for target, project in _PROJECTS.items())


def _sync(uv: str, target: Path, project: Path) -> int:
    kept = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    command = [uv, "sync", "--locked", "--quiet", "--project", str(project), "--python", sys.executable]
    environment = kept | {"UV_PROJECT_ENVIRONMENT": str(target), "UV_SYSTEM_CERTS": "1"}
    return subprocess.run(command, env=environment, timeout=_INSTALL_S, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
