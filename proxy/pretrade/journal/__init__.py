"""The SQLite log: append-only, chained, written before anything takes effect."""
