"""The gate for people who debug with mitmdump or mitmweb; docs/debugging.md says how. Production is `pretrade run`.

    mitmweb -s addons/pretrade.py --set pretrade_policy=policy.yaml

It judges, records and answers in dry_run and sends no write; `mode: live` ends mitmproxy with a message. Edit, empty
or delete this file while mitmproxy runs, and everything is refused until mitmproxy is started again.
"""

import sys
from pathlib import Path

# mitmproxy puts a script's folder first on the path, where this file would be taken for the package it is named after.
sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).resolve().parent]

from pretrade.gateway.debug_door import DebugDoor  # noqa: E402 - the line above comes first

addons = [DebugDoor()]
