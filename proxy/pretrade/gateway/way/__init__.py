"""The way of an order, from a request read whole to its outcome: who asks, judge, hold, record, sign, send, answer."""
