"""What a character remembers of each person: facts, across sessions, and only that person's."""
