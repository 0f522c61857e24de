"""What the ledger counts, what each check says, and decide. Pure: the gate brings every fact.

`ledger` knows neither `checks`, which judge by it, nor `reconciling`, which sets it right.
"""
