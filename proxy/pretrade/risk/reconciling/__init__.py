"""The ledger beside the exchange's own record: what each difference means, as changes for the ledger to learn."""
