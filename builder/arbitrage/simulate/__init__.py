"""Any router on any recorded pool: what it would have chosen, at what cost, without a request."""
