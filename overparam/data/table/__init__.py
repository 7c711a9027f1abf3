"""A person's own file as a table of numbers: from bytes to a regression problem, or a sentence."""
