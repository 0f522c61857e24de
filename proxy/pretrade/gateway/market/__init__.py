"""What is known of markets: books, facts, status, marks, by our own stream or REST, each figure with its age."""
