"""What a person may do to a running exchange: actions, its state in a page, the control endpoint that takes them."""
