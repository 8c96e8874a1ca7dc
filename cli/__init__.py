"""The one command; sub-commands import their rooms lazily and nothing imports this room."""
