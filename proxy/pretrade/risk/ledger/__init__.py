"""The account as events make it: orders, positions, holds, days. It counts and holds; it judges nothing."""
