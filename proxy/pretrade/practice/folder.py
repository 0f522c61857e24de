"""What the running practice exchange leaves in its folder for the commands that talk to it.

Rule of this file: it imports nothing, so that they need not load an HTTP server to know where one listens.
"""

TOKEN_FILE = "control.token"  # noqa: S105  (a file's name)
ADDRESS_FILE = "address"
"""Where the running exchange listens."""
