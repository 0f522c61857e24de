"""Questions about what would pass, answered by the same judging; they hold nothing and send nothing."""
