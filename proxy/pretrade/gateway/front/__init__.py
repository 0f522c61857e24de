"""Where bytes come in: our listeners, mitmproxy and all that knows it, fail-closed. It judges nothing."""
