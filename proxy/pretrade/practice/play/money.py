"""Actions on accounts: cash put in, API keys added and taken away, the tier, the attestation of a region.

Rule of this file: an account or key that an action names is looked up here, so that a wrong name is told with the
nearest one.
"""

from typing import Annotated

from pydantic import Field

from pretrade.kalshi.keys import KeyFormatError, load_public_key
from pretrade.model.units import format_money
from pretrade.practice.api.keystore import ApiKey
from pretrade.practice.api.ratelimit import TIERS
from pretrade.practice.api.schemas import SCOPES
from pretrade.practice.assemble import Practice
from pretrade.practice.core import routing, transfers
from pretrade.practice.core.accounts import LAST_SUBACCOUNT, PRIMARY, Account
from pretrade.practice.play.action import Action, ActionError, Done, MoneyText
from pretrade.practice.words import nearest

_MICROS = 1_000_000
type Subaccount = Annotated[int, Field(ge=0, le=LAST_SUBACCOUNT)]


class Deposit(Action):
    """Put cash into a purse of an account: that of a subaccount on a shard, which is opened where it is not yet.

    Only what the primary subaccount gets is in the history of deposits, as on the exchange.
    """

    amount: MoneyText
    account: str = "main"
    subaccount: Subaccount = 0
    shard: Annotated[int, Field(ge=0, le=routing.LAST)] = 0

    def do(self, practice: Practice) -> Done:
        """Raises ActionError for an unknown account or shard."""
        account, shards = account_of(practice, self.account), practice.exchange.shard_switches
        if self.shard not in shards:
            raise ActionError(f"there is no shard {self.shard}; the shards are {', '.join(map(str, sorted(shards)))}")
        if self.subaccount not in account.subaccounts:
            transfers.open_subaccount(practice.exchange, account, self.subaccount, self.shard)
        if self.subaccount == PRIMARY:
            transfers.deposit(practice.exchange, account, self.amount, shard=self.shard)
        else:
            practice.exchange.put_cash(account, self.subaccount, self.shard, self.amount)
        owned = account.cash_of(self.subaccount, self.shard)
        where = f"subaccount {self.subaccount} on shard {self.shard} of {self.account}"
        return Done(f"put {format_money(self.amount)} into {where}, which has {format_money(owned)} now")


class AddKey(Action):
    """Let a key sign from now on: its public half as PEM text, its scopes, and the one subaccount it is bound to."""

    key_id: Annotated[str, Field(min_length=1, max_length=200)]
    public_key: str
    scopes: Annotated[list[str], Field(min_length=1)] = ["read", "write"]  # noqa: RUF012 - pydantic copies defaults
    account: str = "main"
    subaccount: Subaccount | None = None

    def do(self, practice: Practice) -> Done:
        """Raises ActionError for a text that is no public key, an unknown scope or an unknown account."""
        account_of(practice, self.account)
        for scope in self.scopes:
            if scope not in SCOPES:
                raise ActionError(f"there is no scope {scope}; {nearest(scope, SCOPES)}")
        if "write" in self.scopes and "read" not in self.scopes:
            raise ActionError("the exchange grants write only together with read")
        try:
            public_key = load_public_key(self.public_key.encode())
        except KeyFormatError as error:
            raise ActionError(f"public_key must be a public key as PEM text: {error}") from error
        key = ApiKey(self.key_id, self.account, public_key, tuple(self.scopes), subaccount=self.subaccount)
        practice.dispatcher.keys.add(key)
        bound = "" if self.subaccount is None else f", subaccount {self.subaccount} only"
        return Done(f"key {self.key_id} signs for {self.account} with {', '.join(self.scopes)}{bound}")


class RemoveKey(Action):
    """Revoke a key: it signs nothing from now on."""

    key_id: str

    def do(self, practice: Practice) -> Done:
        """Raises ActionError for an unknown key."""
        keys = practice.dispatcher.keys
        if self.key_id not in keys:
            raise ActionError(f"there is no key {self.key_id}; {nearest(self.key_id, keys)}")
        keys.remove(self.key_id)
        return Done(f"key {self.key_id} is revoked")


class AttestRegion(Action):
    """Let the attestation of an account's region end in so many seconds, at once for 0; orders in the categories that
    need one are refused after that. Without `seconds` the account has never been asked for one."""

    account: str = "main"
    seconds: Annotated[float, Field(ge=0, le=31_536_000)] | None = None

    def do(self, practice: Practice) -> Done:
        """Raises ActionError for an unknown account."""
        account_of(practice, self.account)
        now_s = practice.exchange.clock() // _MICROS
        ends = None if self.seconds is None else now_s + round(self.seconds)
        practice.dispatcher.keys.attest_region(self.account, ends)
        said = "needs no attestation of its region" if ends is None else f"is attested for {self.seconds:g} s more"
        return Done(f"account {self.account} {said}")


class Tier(Action):
    """Give an account the rate limits of a tier from now on. What its trading has lifted it to it never loses."""

    tier: str
    account: str = "main"

    def do(self, practice: Practice) -> Done:
        """Raises ActionError for an unknown account or tier."""
        account_of(practice, self.account)
        if self.tier not in TIERS:
            raise ActionError(f"there is no tier {self.tier}; {nearest(self.tier, TIERS)}")
        limiter = practice.dispatcher.limiter
        limiter.set_tier(self.account, self.tier)
        counts = limiter.tier_of(self.account)
        reads, writes = TIERS[counts]
        return Done(f"account {self.account} has tier {counts}: {reads} tokens a second to read, {writes} to write")


def account_of(practice: Practice, name: str) -> Account:
    """The account of a name. Raises ActionError with the nearest one."""
    accounts = practice.exchange.accounts
    if name not in accounts:
        raise ActionError(f"there is no account {name}; {nearest(name, accounts)}")
    return accounts[name]
