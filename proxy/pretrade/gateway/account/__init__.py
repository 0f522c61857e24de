"""What is known of the account: the ledger from its rows, and held against the exchange's own record."""
