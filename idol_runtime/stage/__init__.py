"""Every live character, ticked thirty times a second: what it says, does and shows."""
