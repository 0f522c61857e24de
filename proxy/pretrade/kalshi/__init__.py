"""Everything that knows the exchange's language, and nothing else does."""
