"""The synthetic floor outside the live system: a physical world, and people and devices that act in it."""
