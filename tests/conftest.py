"""What all tests share."""

from hypothesis import settings

# A property is about behaviour; how long an example takes on a busy machine is not.
settings.register_profile("idol", deadline=None)
settings.load_profile("idol")
