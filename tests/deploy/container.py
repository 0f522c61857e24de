"""Becomes a container: the program that is named, in a root of its own, as its engine would run it.

Usage: python container.py SPEC.json      (as root, in the network namespace that the container is to have)
Rule of this file: the kernel's own mounts, users and capabilities do the holding; what a specification does not name is
not there, but for the machine's programs and libraries, which are read-only.
"""

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

_PROGRAMS = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/ssl", "/etc/passwd", "/etc/group", "/proc", "/dev")


def main(spec: dict[str, Any]) -> None:
    """Never returns: this process becomes the container's first one."""
    os.unshare(os.CLONE_NEWNS)
    _mount("--make-rprivate", "/")
    root = Path(spec["root"])
    _mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", str(root))
    for path, options in spec["tmpfs"].items():
        (root / path.lstrip("/")).mkdir(parents=True)
        _mount("-t", "tmpfs", "-o", options, "tmpfs", str(root / path.lstrip("/")))
    for path in (*_PROGRAMS, *spec["programs"]):
        _bind(Path(path), root / path.lstrip("/"), read_only=path not in ("/proc", "/dev"))
    for source, target, read_only in spec["mounts"]:
        _bind(Path(source), root / target.lstrip("/"), read_only=read_only)
    if spec["read_only"]:
        _mount("-o", "remount,ro,bind", str(root))
    os.chroot(root)
    os.chdir("/")
    kept = ",".join(["-all", *(f"+{name.lower()}" for name in spec["capabilities"])])
    held = [f"--reuid={spec['user']}", f"--regid={spec['group']}", "--clear-groups", f"--bounding-set={kept}"]
    held += [f"--inh-caps={kept}", *(["--no-new-privs"] if spec["no_new_privileges"] else [])]
    os.execve("/usr/bin/setpriv", ["setpriv", *held, "--", *spec["command"]], spec["environment"])  # noqa: S606


def _bind(source: Path, target: Path, *, read_only: bool) -> None:
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    _mount("--rbind", str(source.resolve()), str(target))
    if read_only:
        _mount("-o", "remount,ro,bind", str(target))


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


if __name__ == "__main__":
    ctypes.CDLL(None).umask(0o022)
    main(json.loads(Path(sys.argv[1]).read_text()))
