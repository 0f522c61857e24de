"""The command line: one file a command group; data to stdout, talk to stderr."""
