"""Text to voice: clauses, normalisation, Kokoro, and the seam for other voices."""
