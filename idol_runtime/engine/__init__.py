"""All that runs and who lives here; whole turns without a network; fetching models."""
