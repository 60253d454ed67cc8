"""
Unit tests take as long as the machine needs, which others may be using, too.
"""

try:
    from hypothesis import settings
except ImportError:  # the tests that need it say so
    pass
else:
    settings.register_profile("no deadline", deadline=None)
    settings.load_profile("no deadline")
