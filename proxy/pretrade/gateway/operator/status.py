"""What an operator sees of a running proxy: what it is, whether it trades, what is used of the day, what is open."""

from pretrade.gateway.assemble import Listening
from pretrade.gateway.instance import Instance
from pretrade.gateway.keys.signers import place_of
from pretrade.gateway.operator.confirming import waiting
from pretrade.gateway.operator.standing import standing, unknown_writes
from pretrade.gateway.questions.injected import groups_shown
from pretrade.model.instance import TradingState
from pretrade.policy.waivers import observations


def _stopped_by(instance: Instance) -> dict[str, str]:
    """Why trading is stopped, by client, under an empty name the whole account: as far as this run was told."""
    trading, ledger = instance.trading, instance.ledger
    return {
        client: f"{change.cause}: {change.reason}"
        for client, change in sorted(trading.last.items())
        if ledger.state_of(client) is not TradingState.ACTIVE
    }


def _stopped_since(instance: Instance) -> dict[str, str]:
    """Since when (UTC) trading is stopped as it is, under the same names."""
    trading, ledger = instance.trading, instance.ledger
    since = sorted(trading.since.items())
    return {client: utc for client, utc in since if ledger.state_of(client) is not TradingState.ACTIVE}


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
        "client_states": instance.trading.stopped_clients(policy.clients),
        "stopped_by": _stopped_by(instance),
        "stopped_since": _stopped_since(instance),
        "policy": instance.policy_hash,
        "proxy": str(listening.proxy),
        "base_url": f"http://{listening.base_url}/trade-api/v2",
        "uptime_s": (instance.clock.now_ms() - instance.started_ms) // 1000,
        "day": day,
        "day_orders": ledger.account(mode).days.orders(day, (None, "")),
        "max_day_orders": policy.limits.day.max_orders,
        "left_out": [f"{waiver.limit} until {waiver.until}" for waiver in policy.unlimited_on_purpose],
        "observed": observations(policy, day),
        "clients": sorted(client.name for client in instance.clients.values()),
        "keys": _keys(instance),
        "own_groups": _own_groups(instance),
        "in_flight": len(instance.attempts.unanswered),
        "streams": instance.streams.count,
        "unknown": sorted(pending.decision_id for pending in unknown_writes(instance)),
        "to_confirm": [str(one["decision_id"]) for one in waiting(instance) if one["needed"]],
        "day_loss": instance.losses.as_status(),
        "feed": instance.feed.as_status(
            instance.clock.age_ms(), instance.books.live.count(), instance.books.live.drifts
        ),
        "exchange": _exchange(instance),
        "journal": "ok" if instance.journal.healthy else str(instance.journal.last_error),
        "notices": instance.notices.today(day),
        "notify": instance.notices.hook.as_status(),
        "disk": instance.disk.problem() or "ok",
        "preflight": instance.preflight.as_status(),
    } | standing(instance)


def _keys(instance: Instance) -> list[dict[str, object]]:
    """Every live key by its place in the policy, and for whom it signs."""
    policy = instance.policy
    bound = {place_of(name): key.subaccount for name, key in policy.signing.keys.items()}
    return [
        {
            "key": place,
            "key_id": signer.key_id,
            "algorithm": signer.algorithm,
            "subaccount": bound.get(place),
            "clients": sorted(name for name in policy.clients if instance.signers.of(name) is signer),
        }
        for place, signer in instance.signers.all()
    ]


def _own_groups(instance: Instance) -> list[dict[str, object]]:
    """The order groups that the proxy has made for its clients."""
    clients = sorted(instance.clients.values(), key=lambda one: one.name)
    return [{"client": client.name} | group for client in clients for group in groups_shown(instance, client)]


def _exchange(instance: Instance) -> str:
    seen = instance.exchange_status.seen()
    if seen is None:
        return f"not known: {instance.exchange_status.problem or 'not read yet'}"
    return "trading" if seen.is_active and seen.is_trading else "not trading"
