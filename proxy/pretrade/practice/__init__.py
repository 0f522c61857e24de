"""The practice exchange: a separate program that speaks Kalshi's API on loopback. Only cli and tests import it."""
