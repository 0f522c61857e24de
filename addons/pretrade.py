"""The gate for people who debug with mitmweb: see the wanted addon list and options in docs/debugging.md."""
