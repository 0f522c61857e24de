#!/usr/bin/env python3
"""An example for `notify.command`: writes each notice as one line to the system's log, where alerting picks it up.

In the policy: `command: ["/usr/bin/python3", "/etc/pretrade/notify/to_syslog.py"]`. The notice comes as JSON on
standard input; nothing else is handed over. Whatever this program does, the proxy does not wait for it.
"""

import json
import sys
import syslog
from typing import Any


def line_of(notice: dict[str, Any]) -> tuple[int, str]:
    """How urgent a notice is, and what it says in one line of printable ASCII."""
    of = notice["instance"]
    where = f"{of['role']} {of['mode']} on {of['environment']}"
    match notice["notice"]:
        case "trading_state":
            urgent = syslog.LOG_NOTICE if notice["state"] == "ACTIVE" else syslog.LOG_CRIT
            told = f"{notice['client'] or 'all trading'} {notice['state']} ({notice['cause']}: {notice['reason']})"
        case "break":
            urgent, told = syslog.LOG_ALERT, f"{notice['kind']} {notice['subject']}: {notice['detail']}"
        case _:
            urgent = syslog.LOG_WARNING
            whose = " ".join(word for word in (notice["client"], notice["of"]) if word)
            told = (
                f"{notice['rule']} {notice['percent']} % used, {notice['used']} of {notice['limit']} {whose}".rstrip()
            )
    more = f" [{notice['untold']} notices before this one were dropped]" if notice["untold"] else ""
    text = f"pretrade {where}: {told}{more}"
    return urgent, text.encode("ascii", "backslashreplace").decode().replace("\n", " ")


if __name__ == "__main__":
    syslog.openlog("pretrade-notify")
    syslog.syslog(*line_of(json.load(sys.stdin)))
