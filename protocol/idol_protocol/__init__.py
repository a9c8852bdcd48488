"""The wire of idol_runtime: channel names, media frames, control events and their codec."""
