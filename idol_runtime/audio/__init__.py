"""Sound files, levels and rates."""
