"""The exchange over restarts: one clock reading a command, commands noted in a file, and carried out again from it."""
