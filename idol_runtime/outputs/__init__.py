"""Peers that take a character's timeline somewhere else."""
