"""Every key of a policy as a list: what the reference page prints and where an error looks for the nearest name."""

from functools import cache

from pretrade.policy.schema import Policy
from pretrade.yamltext.describe import KeyInfo, keys_of


@cache
def keys() -> tuple[KeyInfo, ...]:
    """Every key of a policy in the order of the file, a group before its keys."""
    return tuple(keys_of(Policy))
