"""Picker routing, order batching, location choice and assignment, each with a bound."""
