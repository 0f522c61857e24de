"""The ledger, one small function a check, and decide. Pure: the gate brings every fact."""
