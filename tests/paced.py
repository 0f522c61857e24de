"""Changes to a policy that waives what is new, after which it limits a pace again."""

_WAIVED = "  - {{limit: {name}, reason: not what this is about, until: 2999-12-31}}\n"


def paced(*, throttle: str = "", repeat: str = "", walk: str = "") -> tuple[tuple[str, str], ...]:
    """The changes that state these limits, each as the inside of a flow mapping (`place: 1/s, amend: 1/s, burst: 2`).
    Who repeats itself is stopped."""
    changes = []
    if throttle:
        changes.append((_WAIVED.format(name="limits.throttle"), ""))
    if repeat:
        changes.append((_WAIVED.format(name="limits.repeat"), ""))
        changes.append((_WAIVED.format(name="halts.repeat"), ""))
        changes.append(("\nnotify:\n", "\nhalts: {repeat: {then: REDUCING}}\nnotify:\n"))
    if walk:
        changes.append((_WAIVED.format(name="price.walk"), ""))
        changes.append(("\nliquidity:\n", f"\n  walk: {{{walk}}}\nliquidity:\n"))
    limits = "".join(f"  {name}: {{{text}}}\n" for name, text in (("throttle", throttle), ("repeat", repeat)) if text)
    return (*changes, ("\nunlimited_on_purpose:\n", f"\n{limits}unlimited_on_purpose:\n"))
