"""What an operator sees of a running proxy: what it is, whether it trades, what is used of the day, what is open."""

from pretrade.gateway.assemble import Listening
from pretrade.gateway.instance import Instance


def status(instance: Instance, listening: Listening) -> dict[str, object]:
    """The proxy's state as plain JSON values."""
    policy, ledger = instance.policy, instance.ledger
    mode = policy.instance.mode
    day = ledger.day_of(instance.clock.day(instance.zone))
    return {
        "role": str(policy.instance.role),
        "mode": str(mode),
        "environment": str(policy.instance.environment),
        "trading_state": str(instance.trading.state()),
        "policy": instance.policy_hash,
        "proxy": str(listening.proxy),
        "base_url": f"http://{listening.base_url}/trade-api/v2",
        "uptime_s": (instance.clock.now_ms() - instance.started_ms) // 1000,
        "day": day,
        "day_orders": ledger.day_orders(mode, day),
        "max_day_orders": policy.limits.day.max_orders,
        "clients": sorted(client.name for client in instance.clients.values()),
        "in_flight": len(instance.attempts.unanswered),
        "unknown": sorted(set(ledger.pending) - instance.attempts.under_way),
        "journal": "ok" if instance.journal.healthy else str(instance.journal.last_error),
    }
