"""pretrade: a sidecar proxy that checks, signs and records every order before it reaches the exchange."""
