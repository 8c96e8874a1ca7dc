"""Does the ledger hold what floorwise promises? Every invariant is recomputed from what is stored, by other code than wrote it."""
