"""What there is to trade and who trades it: the default world, worlds from files, makers, a script."""
