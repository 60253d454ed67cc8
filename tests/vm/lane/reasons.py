"""
Why tests do not hold for other runtimes.
"""

# (runtime, or "" for all; what is looked for in "test error"; the reason), the first that fits
REASONS: "list[tuple[str, str, str]]" = []
