"""Every fault with what client, journal and exchange saw of an order meanwhile, and why: one table of all the tests'.

`python -m tests.failing.table` prints it. The tests hold the proxy to each of its rows; nothing is said here twice.
"""

from collections.abc import Iterator

from tests.failing import test_disk, test_exchange, test_gone, test_starts, test_stops

type Line = tuple[str, str, str, str, str]
HEAD: Line = ("fault", "client", "journal", "exchange", "why")
_SEEN = {"accepted": "1 order", "rejected": "1 request, refused", "unknown": "1 request; nobody here knows"}


def lines() -> Iterator[Line]:
    """Every row of every table."""
    for name, disk in test_disk.TABLE.items():
        cancel = f"cancel {disk.cancel or '200 or 503'}"
        yield f"disk: {name}", f"503 JOURNAL_UNAVAILABLE, {cancel}", "nothing that counts", "nothing", disk.why
    for name, start in test_starts.TABLE.items():
        yield f"start: {name}", "no door is open", "nothing", "nothing", start.why
    for name, (_, row) in test_exchange.TABLE.items():
        status, code, outcome = row.ends
        yield f"exchange: {name}", f"{status} {code}".strip(), f"approved, {outcome}", _SEEN[outcome], row.why
    for name, stop in test_stops.TABLE.items():
        journal = ", ".join(stop.journal[0]) or "nothing"
        yield f"stop: {name}", str(stop.told or "connection lost"), journal, f"{stop.sent} order", stop.why
    for name, moment in test_gone.MOMENTS.items():
        sent = " or ".join(map(str, sorted(moment.sent)))
        yield f"client gone: {name}", "nobody there", "a row and its end for each", f"{sent} order", moment.why


def main() -> None:
    """Print the table as Markdown."""
    for line in (HEAD, ("---",) * 5, *lines()):
        print(f"| {' | '.join(line)} |")


if __name__ == "__main__":
    main()
