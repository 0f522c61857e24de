"""The Dockerfile and what may go into an image."""

import re
from pathlib import Path

from tests.deploy.controller import Tool

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"


def _stages() -> dict[str, str]:
    """The text of each stage, by its name."""
    parts = re.split(r"(?m)^FROM ", DOCKERFILE.read_text())[1:]
    return {part.split(" AS ", 1)[1].split("\n", 1)[0]: part for part in parts}


def test_the_dockerfile_is_good(tool: Tool) -> None:
    """Catches what hadolint knows of: unpinned packages, shells that hide failures, wrong instructions."""
    done = tool("hadolint", "--failure-threshold", "style", str(DOCKERFILE))
    assert (done.returncode, done.stdout) == (0, ""), done.stdout


def test_bases_are_pinned_and_nothing_ends_as_root() -> None:
    """Catches `latest`, a stage of its own base, and an image that starts as root."""
    stages = _stages()
    outside = {text.split()[0] for text in stages.values() if ":" in text.split()[0]}
    assert len(outside) == 1
    assert re.fullmatch(r"python:3\.13\.\d+-slim-[a-z]+(@sha256:[0-9a-f]{64})?", outside.pop())
    for name in ("sidecar", "client", "audit"):
        assert re.findall(r"(?m)^USER (.*)$", stages[name])[-1] == "10001:10001", name


def test_everything_is_installed_by_a_lock() -> None:
    """Catches an installation that takes what is newest on the day of the build."""
    installs = re.findall(r"(?m)^RUN (.*(?:install|sync).*)$", DOCKERFILE.read_text())
    assert installs
    for line in installs:
        assert "--locked" in line or "--require-hashes" in line or line.startswith("install --directory"), line


def test_nothing_slips_into_an_image() -> None:
    """Catches a build context that takes a made folder, a key or a log along: what is not named stays out."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    assert lines[-2:] == ["**/*.pem", "**/*.key"]
    named = {line.removeprefix("!") for line in lines if line.startswith("!")}
    copied = {
        one for line in re.findall(r"(?m)^COPY (?!--from)(.*) \S+$", DOCKERFILE.read_text()) for one in line.split()
    }
    assert copied == named, "the Dockerfile takes exactly what the context has"
    assert all((ROOT / one).exists() for one in named)
