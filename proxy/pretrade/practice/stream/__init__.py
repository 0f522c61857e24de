"""The exchange's WebSocket: what changes in `core`, told to those who subscribed."""
