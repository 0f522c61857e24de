"""Changes to the default policy for tests that send many orders: room in everything that adds up.

Rule of this file: what one order may be stays as it is; a test that wants a limit puts it back, after these changes.
"""

ROOMY = (
    ("max_orders: 25", "max_orders: 100000"),
    ('max_notional: "$200"', 'max_notional: "$10000000"'),
    ('max_position: "100"', 'max_position: "10000000"'),
    ('max_exposure: "$200"', 'max_exposure: "$10000000"'),
    ('max_exposure: "$400"', 'max_exposure: "$10000000"'),
    ('max_exposure: "$600"', 'max_exposure: "$10000000"'),
    ('max_exposure: "$1000"', 'max_exposure: "$10000000"'),
    ("max_open_orders: 50", "max_open_orders: 100000"),
)
