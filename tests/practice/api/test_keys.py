import stat

import pytest
from tests.practice.support import ed25519_key, rsa_key

from pretrade.kalshi.keys import private_pem_of, public_pem_of
from pretrade.practice.api.keys import KeyFileError, add_key, load_keys
from pretrade.practice.api.keystore import ApiKey

PEM = public_pem_of(ed25519_key().public_key())


def test_added_keys_are_loaded_and_a_second_entry_replaces_the_first(tmp_path):
    folder = tmp_path / "new"
    add_key(folder, "a", PEM, ["read"])
    add_key(folder, "b", PEM.decode(), ["read", "write"], account="other", subaccount=7)
    add_key(folder, "a", PEM, ["read", "write::trade"])
    keys = load_keys(folder)
    assert {k: (v.account, v.scopes, v.subaccount) for k, v in keys.items()} == {
        "a": ("main", ("read", "write::trade"), None),
        "b": ("other", ("read", "write"), 7),
    }
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "keys.yaml").stat().st_mode) == 0o600


def test_a_public_key_may_be_a_path_beside_the_file(tmp_path):
    (tmp_path / "k.pem").write_bytes(PEM)
    (tmp_path / "keys.yaml").write_text("- {key_id: a, account: main, public_key: k.pem, scopes: [read]}\n")
    assert load_keys(tmp_path)["a"].scopes == ("read",)


def test_no_file_means_no_keys(tmp_path):
    assert load_keys(tmp_path) == {}


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("{account: main, public_key: k.pem, scopes: [read]}", "key_id must be a text"),
        ("{key_id: 12, account: main, public_key: k.pem, scopes: [read]}", "key_id must be a text"),
        ("{key_id: a, account: main, public_key: gone.pem, scopes: [read]}", "public_key must be"),
        ("{key_id: a, account: main, public_key: secret.pem, scopes: [read]}", "private key"),
        ("{key_id: a, account: main, public_key: k.pem, scopes: []}", "scopes must be a list"),
        ("{key_id: a, account: main, public_key: k.pem, scopes: [trade]}", "scopes must be a list"),
        ("{key_id: a, account: main, public_key: k.pem, scopes: [write]}", "only together with read"),
        ("{key_id: a, account: main, public_key: k.pem, scopes: [read], subaccount: 64}", "from 0 to 63"),
        ("{key_id: a, account: main, public_key: k.pem, scopes: [read], sub: 1}", "unknown field 'sub'"),
        ("a", "must be a list of entries"),
        ("[", "is not YAML"),
    ],
)
def test_a_bad_entry_is_told_with_its_place(tmp_path, entry, says):
    (tmp_path / "k.pem").write_bytes(PEM)
    (tmp_path / "secret.pem").write_bytes(private_pem_of(ed25519_key()))
    (tmp_path / "keys.yaml").write_text(f"- {entry}\n")
    with pytest.raises(KeyFileError, match=says) as caught:
        load_keys(tmp_path)
    assert "keys.yaml" in str(caught.value)


def test_a_key_listed_twice_is_refused(tmp_path):
    (tmp_path / "k.pem").write_bytes(PEM)
    entry = "- {key_id: a, account: main, public_key: k.pem, scopes: [read]}\n"
    (tmp_path / "keys.yaml").write_text(entry * 2)
    with pytest.raises(KeyFileError, match="entry 2: key_id 'a' is listed twice"):
        load_keys(tmp_path)


@pytest.mark.parametrize(
    ("scopes", "needed", "allowed"),
    [
        (("read",), ("read",), True),
        (("read",), ("write::trade",), False),
        (("read", "write"), ("write::trade",), True),
        (("read", "write::trade"), ("write::transfer",), False),
        (("write::trade",), ("read",), False),
        (("read::portfolio_balance",), ("read", "read::portfolio_balance"), True),
        (("read",), ("read::portfolio_balance",), True),
        (("read::portfolio_balance",), ("read",), False),
        (("read",), ("readx",), False),
    ],
)
def test_a_parent_scope_implies_its_children_and_never_the_other_way(scopes, needed, allowed):
    assert ApiKey("k", "main", rsa_key().public_key(), scopes).allows(*needed) is allowed
