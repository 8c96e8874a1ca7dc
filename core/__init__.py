"""The warehouse itself: values, rules, flows and the ports through which the world comes in."""
