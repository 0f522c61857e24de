"""Who may trade now: trading states, automatic halts, thresholds, and telling people. Nothing loosens by
itself."""
