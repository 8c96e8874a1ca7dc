"""Pure values, rules, state machines and record declarations; standard library only."""
