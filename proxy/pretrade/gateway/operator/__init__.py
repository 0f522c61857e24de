"""What a person does at the admin socket: halt, confirm, resolve, sweep, rotate, look. Each deed is
recorded with the name of who did it."""
