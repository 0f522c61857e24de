"""API keys over the API: scopes, bindings, tiers, and what a key may do the moment it exists."""

import pytest
from tests.practice.api.desk import API, ORDERS, Desk
from tests.practice.rawclient import sign
from tests.practice.support import ed25519_key, rsa_key

from pretrade.kalshi.keys import load_private_key, public_pem_of
from pretrade.practice.api.dispatch import HttpRequest
from pretrade.practice.api.keys import KeyFile, load_keys
from pretrade.practice.api.keystore import KeyStore

KEYS = "/api_keys"
PEM = public_pem_of(ed25519_key().public_key()).decode()


def _signed(desk, key_id, private_key, method="GET", path="/portfolio/balance"):
    stamp = str(desk.clock.now_us // 1_000)
    headers = {
        "KALSHI-ACCESS-KEY": key_id,
        "KALSHI-ACCESS-TIMESTAMP": stamp,
        "KALSHI-ACCESS-SIGNATURE": sign(private_key, stamp + method + API + path),
    }
    return desk.dispatcher.answer(HttpRequest(method, API + path, "", headers, b"")).status


@pytest.mark.parametrize(
    ("kind", "header"),
    [(None, "RSA PRIVATE KEY"), ("rsa", "RSA PRIVATE KEY"), ("ed25519", "PRIVATE KEY")],
)
def test_a_generated_key_signs_until_it_is_revoked(kind, header):
    desk = Desk()
    status, made = desk.call("POST", KEYS + "/generate", {"name": "new"} | ({"key_type": kind} if kind else {}))
    assert (status, made["key_type"]) == (201, kind or "rsa")
    assert made["private_key"].startswith(f"-----BEGIN {header}-----")
    private_key = load_private_key(made["private_key"].encode())
    assert _signed(desk, made["api_key_id"], private_key) == 200
    row = next(k for k in desk.get(KEYS)["api_keys"] if k["api_key_id"] == made["api_key_id"])
    assert row == {"api_key_id": made["api_key_id"], "name": "new", "scopes": ["read", "write"]}
    assert desk.call("DELETE", f"{KEYS}/{made['api_key_id']}") == (204, None)
    assert _signed(desk, made["api_key_id"], private_key) == 401
    assert desk.call("DELETE", f"{KEYS}/{made['api_key_id']}")[0] == 404


def test_a_registered_key_has_its_scopes_and_its_subaccount():
    desk = Desk()
    body = {"name": "n", "public_key": PEM, "scopes": ["read", "write::trade"], "subaccount": 3}
    status, made = desk.call("POST", KEYS, body)
    assert status == 201
    key_id = made["api_key_id"]
    assert _signed(desk, key_id, ed25519_key()) == 200
    row = next(k for k in desk.get(KEYS)["api_keys"] if k["api_key_id"] == key_id)
    assert (row["scopes"], row["subaccount"]) == (["read", "write::trade"], 3)
    desk.place(key=key_id)
    assert [o["subaccount_number"] for o in desk.get("/portfolio/orders")["orders"]] == [3]


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"scopes": ["write"]}, 400, "scope write can only be granted together with scope read"),
        ({"scopes": ["write::everything"]}, 400, "'Scopes' failed on the 'oneof' tag"),
        ({"scopes": [1]}, 400, "cannot unmarshal number into Go struct field CreateApiKeyRequest.scopes"),
        ({"scopes": "read"}, 400, "cannot unmarshal string into Go struct field CreateApiKeyRequest.scopes of type []"),
        ({"name": None}, 400, "'Name' failed on the 'required' tag"),
        ({"public_key": None}, 400, "'PublicKey' failed on the 'required' tag"),
        ({"public_key": "-----BEGIN NOTHING-----"}, 400, "not a readable public key in PEM"),
        ({"subaccount": 64}, 400, "'Subaccount' failed on the 'lte' tag"),
        ({"subaccount": 9}, 404, "subaccount_not_found"),
        ({"fcm_subtrader_id": "u_1"}, 400, "FCM members only"),
    ],
)
def test_a_key_that_cannot_be_is_refused(change, status, says):
    desk = Desk()
    before = dict(desk.keys)
    got, body = desk.call("POST", KEYS, {"name": "n", "public_key": PEM} | change)
    assert got == status
    assert says in str(body)
    assert dict(desk.keys) == before


@pytest.mark.parametrize(
    ("scopes", "allowed", "refused"),
    [
        (["read"], ["GET /portfolio/balance", "GET /portfolio/orders"], ["DELETE /portfolio/events/orders"]),
        (["read::portfolio_balance"], ["GET /portfolio/balance"], ["GET /portfolio/orders", "GET /api_keys"]),
        (["write::trade"], ["DELETE /portfolio/events/orders"], ["GET /portfolio/balance"]),
        (
            ["read", "write"],
            ["DELETE /portfolio/events/orders", "POST /portfolio/target_balance_allocation"],
            [],
        ),
        (
            ["read", "write::trade"],
            ["DELETE /portfolio/events/orders"],
            ["POST /portfolio/target_balance_allocation", "POST /portfolio/subaccounts", "POST /api_keys/generate"],
        ),
        (
            ["write::transfer"],
            ["POST /portfolio/target_balance_allocation"],
            ["DELETE /portfolio/events/orders", "GET /portfolio/balance", "POST /portfolio/subaccounts"],
        ),
    ],
)
def test_a_parent_scope_implies_its_children_and_a_child_stands_alone(scopes, allowed, refused):
    """Catches a child that implies its parent, or a sibling."""
    desk = Desk()
    _, made = desk.call("POST", KEYS, {"name": "n", "public_key": PEM, "scopes": scopes})
    for line in allowed + refused:
        method, path = line.split()
        status, _ = desk.call(method, path, {"allocations": []} if method == "POST" else None, key=made["api_key_id"])
        assert (status == 403) == (line in refused), line


@pytest.mark.parametrize(
    ("tier", "path", "body", "status"),
    [
        ("expert", KEYS, {"name": "n", "public_key": PEM}, 403),
        ("premier", KEYS, {"name": "n", "public_key": PEM}, 201),
        ("basic", KEYS + "/generate", {"name": "n", "key_type": "ed25519"}, 201),
        ("basic", "/portfolio/subaccounts", {}, 403),
        ("advanced", "/portfolio/subaccounts", {}, 201),
    ],
)
def test_some_calls_need_a_tier(tier, path, body, status):
    assert Desk(tier=tier).call("POST", path, body)[0] == status


def test_keys_of_another_account_are_neither_seen_nor_revoked():
    desk = Desk()
    assert "rival" not in {row["api_key_id"] for row in desk.get(KEYS)["api_keys"]}
    assert desk.call("DELETE", KEYS + "/rival")[0] == 404
    assert [row["api_key_id"] for row in desk.get(KEYS, fcm_subtrader_id="u_1")["api_keys"]] == ["fcm"]


def test_what_is_made_at_run_time_is_in_the_key_file_after_a_restart(tmp_path):
    """Catches a key that a person made and that is gone when the exchange starts again."""
    desk = Desk()
    desk.dispatcher.keys = KeyStore(desk.keys.values(), KeyFile(tmp_path))
    body = {"name": "kept", "public_key": PEM, "scopes": ["read"], "subaccount": 3}
    kept = desk.call("POST", KEYS, body)[1]["api_key_id"]
    gone = desk.call("POST", KEYS, {"name": "gone", "public_key": PEM})[1]["api_key_id"]
    desk.call("DELETE", f"{KEYS}/{gone}")
    [key] = load_keys(tmp_path).values()
    assert (key.key_id, key.name, key.scopes, key.subaccount, key.account) == (kept, "kept", ("read",), 3, "main")
    assert "PRIVATE" not in (tmp_path / "keys.yaml").read_text()


@pytest.mark.parametrize(("skew_ms", "stamp_off_ms", "status"), [(0, 9_999, 200), (0, 10_001, 401), (60_000, 0, 401)])
def test_the_clock_window_and_a_clock_that_is_off(skew_ms, stamp_off_ms, status):
    desk = Desk()
    desk.dispatcher.clock_window.skew_ms = skew_ms
    desk.keys.add(desk.keys["full"])
    stamp = str(desk.clock.now_us // 1_000 + stamp_off_ms)
    headers = {
        "KALSHI-ACCESS-KEY": "full",
        "KALSHI-ACCESS-TIMESTAMP": stamp,
        "KALSHI-ACCESS-SIGNATURE": sign(rsa_key(), f"{stamp}DELETE{API}{ORDERS}"),
    }
    reply = desk.dispatcher.answer(HttpRequest("DELETE", API + ORDERS, "", headers, b""))
    assert reply.status == (204 if status == 200 else status)
