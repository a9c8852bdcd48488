"""Onsets, beats and bars of a recording, and a metronome."""
