"""`python -m arbitrage` is `arbitrage`."""

from arbitrage.cli import main

main()
