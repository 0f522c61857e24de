"""The exchange itself: books, orders, accounts, money, in exact integers. No I/O, no HTTP, no clock of its own."""
