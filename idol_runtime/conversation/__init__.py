"""What is said to a character, what it answers, and one turn from the one to the other."""
