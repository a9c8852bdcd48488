"""Text in, text out: language models and their import, and the seam for others."""
