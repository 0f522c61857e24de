"""One small function a check, on the facts of one write, and decide, which runs them all. They change nothing."""
