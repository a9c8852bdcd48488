"""The generators of face and body, and what they hear: sound, style, gestures."""
