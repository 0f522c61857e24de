"""The words of the program as frozen values: units, orders, facts, decisions. Pure: no I/O, no clock, no chance."""
