"""What the machine gives: clocks, free space, log lines, timers, memory. It knows no order and no policy."""
