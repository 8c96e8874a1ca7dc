"""A made-up thermometer and hygrometer in a room or a cold store."""
