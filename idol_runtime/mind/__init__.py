"""What makes a mind of a dialogue model: the hooks of its conversations."""
