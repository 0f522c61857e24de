"""Clients' WebSocket streams, passed on frame by frame under our own identity; no frame of theirs can trade."""
