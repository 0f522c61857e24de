"""docs/deploying.md: what it names is there."""

import re
from pathlib import Path

from tests.deploy.engine import compose

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "deploying.md").read_text()


def test_every_file_that_the_page_names_is_there() -> None:
    """Catches a file that was renamed under the page."""
    named = set(re.findall(r"`((?:deploy|docs)/[A-Za-z0-9_./-]+)`", PAGE)) | {"docker-compose.yml", "Dockerfile"}
    assert len(named) > 6
    made = "deploy/compose/made"
    assert [name for name in named if not name.startswith(made) and not (ROOT / name).exists()] == []


def test_every_command_names_services_and_profiles_that_there_are() -> None:
    """Catches a walk through a compose file that has changed."""
    read = compose()
    commands = re.findall(r"(?m)^(?:[A-Z_]+=\S+ )?docker compose ([^#\n]+)", PAGE)
    assert len(commands) > 6
    profiles = {name for service in read["services"].values() for name in service.get("profiles", ())}
    for command in commands:
        assert set(re.findall(r"--profile (\S+)", command)) <= profiles, command
        for named in re.findall(r"(?:run|exec)(?: --\S+)* ([a-z-]+)", command):
            assert named in read["services"], command


def test_the_clients_variables_lead_to_the_sidecars_doors() -> None:
    """Catches a client that is told another address than its sidecar has."""
    services = compose()["services"]
    for desk in ("w", "r", "abh"):
        told = services[f"client-{desk}"]["environment"]
        address = services[desk]["networks"][f"desk-{desk}"]["ipv4_address"]
        assert told["HTTPS_PROXY"] == f"http://{address}:8080"
        assert told["PRETRADE_BASE_URL"] == f"http://{address}:8081/trade-api/v2"
