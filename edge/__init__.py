"""What runs on gateway hardware beside the shelves."""
