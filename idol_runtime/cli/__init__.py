"""The command `idol`: reads arguments and settings, calls the rooms below, prints."""
