"""Who a client is: its own signature says so, once. Each way to be nobody has a code of its own."""

import pytest
from tests.e2e.clients import API, ORDERS
from tests.e2e.harness import order

from pretrade.kalshi.keys import generate_private_key, private_pem_of

BALANCE = f"{API}/portfolio/balance"


def _wrong(headers):
    return headers | {"KALSHI-ACCESS-SIGNATURE": headers["KALSHI-ACCESS-SIGNATURE"][:-8] + "AAAAAAA="}


STRANGERS = {
    "no headers": (lambda raw: {}, "SIGNATURE_MISSING"),
    "no timestamp": (
        lambda raw: {k: v for k, v in raw.signed("POST", ORDERS).items() if "TIMESTAMP" not in k}, "SIGNATURE_MISSING",
    ),
    "an unknown key": (lambda raw: raw.signed("POST", ORDERS) | {"KALSHI-ACCESS-KEY": "nobody"}, "CLIENT_UNKNOWN"),
    "the live key's id": (
        lambda raw: raw.signed("POST", ORDERS) | {"KALSHI-ACCESS-KEY": "practice-live-key"}, "CLIENT_UNKNOWN",
    ),
    "a broken signature": (lambda raw: _wrong(raw.signed("POST", ORDERS)), "SIGNATURE_INVALID"),
    "a signature of another path": (lambda raw: raw.signed("POST", ORDERS + "/batched"), "SIGNATURE_INVALID"),
    "a signature of another method": (lambda raw: raw.signed("GET", ORDERS), "SIGNATURE_INVALID"),
    "one of 6 s ago": (lambda raw: raw.signed("POST", ORDERS, age_ms=6_000), "SIGNATURE_STALE"),
    "one of the future": (lambda raw: raw.signed("POST", ORDERS, age_ms=-6_000), "SIGNATURE_STALE"),
    "a moved timestamp": (
        lambda raw: raw.signed("POST", ORDERS, age_ms=9_000) | {
            "KALSHI-ACCESS-TIMESTAMP": raw.signed("POST", ORDERS)["KALSHI-ACCESS-TIMESTAMP"]
        },
        "SIGNATURE_INVALID",
    ),
}  # fmt: skip


@pytest.mark.parametrize("door", ["proxy", "base_url"])
@pytest.mark.parametrize("case", STRANGERS)
def test_a_stranger_is_refused_by_the_code_of_what_is_wrong(world, case, door):
    """Catches: a skipped signature check; a check of the key id alone; a window that is not looked at."""
    make, code = STRANGERS[case]
    with world.exchange_sees(0):
        answer = world.raw().send("POST", ORDERS, order(), headers=make(world.raw()), door=door)
    assert (answer.status, answer.code) == (403, code)
    assert world.refusal(answer.body["decision_id"])["code"] == code


@pytest.mark.parametrize("case", STRANGERS)
def test_a_stranger_reads_nothing_either(world, case):
    """Catches: reads that are signed with the live key for anybody who asks."""
    make, code = STRANGERS[case]
    headers = make(world.raw())
    answer = world.raw().send("GET", BALANCE, headers=headers)
    assert answer.status == 403
    assert answer.code in {code, "SIGNATURE_INVALID"}


def test_a_known_key_id_with_another_private_key_is_no_way_in(world, tmp_path):
    other = tmp_path / "other.pem"
    other.write_bytes(private_pem_of(generate_private_key("rsa")))
    with world.exchange_sees(0):
        answer = world.raw(key_file=other).send("POST", ORDERS, order())
    assert answer.code == "SIGNATURE_INVALID"
    assert "momentum-bot" not in answer.body["message"], "a stranger is not told whose the key id is"
    assert "momentum-bot" in world.events("refusal")[-1].body["detail"]


@pytest.mark.parametrize("door", ["proxy", "base_url"])
def test_the_same_bytes_again_are_the_same_request(world, door):
    """Catches: a repeated write that is sent twice, or answered with another order's answer."""
    raw = world.raw()
    headers = raw.signed("POST", ORDERS)
    with world.exchange_sees(1):
        first, second = (raw.send("POST", ORDERS, order(), headers=headers, door=door) for _ in range(2))
    assert (first.status, first.raw) == (second.status, second.raw)
    assert first.status == 201


def test_other_bytes_under_a_used_signature_are_refused(world):
    """Catches: a captured signature that carries another order, or another query."""
    raw = world.raw()
    headers = raw.signed("POST", ORDERS)
    with world.exchange_sees(1):
        assert raw.send("POST", ORDERS, order(), headers=headers).status == 201
        other = raw.send("POST", ORDERS, order("2.00"), headers=headers)
        by_the_other_door = raw.send("POST", ORDERS, order("3.00"), headers=headers, door="proxy")
    assert {other.code, by_the_other_door.code} == {"SIGNATURE_REPLAYED"}
    cancel = f"{ORDERS}/11111111-1111-1111-1111-111111111111"
    headers = raw.signed("DELETE", cancel)
    with world.exchange_sees(1):
        raw.send("DELETE", cancel, headers=headers)
        assert raw.send("DELETE", f"{cancel}?subaccount=0", headers=headers).code == "SIGNATURE_REPLAYED"


def test_a_denied_write_again_is_the_same_denial(world):
    raw = world.raw()
    headers = raw.signed("POST", ORDERS)
    with world.exchange_sees(0):
        first, second = (raw.send("POST", ORDERS, order("500.00"), headers=headers) for _ in range(2))
    assert first.body["decision_id"] == second.body["decision_id"]


def test_a_read_again_passes(world):
    raw = world.raw()
    headers = raw.signed("GET", BALANCE)
    assert [raw.send("GET", BALANCE, headers=headers).status for _ in range(2)] == [200, 200]


def test_a_web_page_cannot_use_the_base_url_door(world):
    """Catches: DNS rebinding, where a page's own name leads to this machine."""
    raw = world.raw()
    rebound = raw.signed("POST", ORDERS) | {"Host": f"evil.example:{world.base_url_port}"}
    page = raw.signed("POST", ORDERS) | {"Origin": "https://evil.example"}
    with world.exchange_sees(0):
        codes = {raw.send("POST", ORDERS, order(), headers=headers).code for headers in (rebound, page)}
    assert codes == {"DESTINATION_NOT_ALLOWED"}
