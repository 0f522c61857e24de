"""What is checked before the doors open: keys, scopes, clocks, certificates. It reads; it never writes."""
