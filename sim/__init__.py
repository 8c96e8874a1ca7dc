"""The digital twin: the real order and planning code on a simulated clock."""
