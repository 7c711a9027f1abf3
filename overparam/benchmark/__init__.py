"""How fast a step is, and against what: `python -m overparam.benchmark`.

A section is a function that is given a stopwatch and yields lines to print; a file has the sections
of one idea, and what they are held against. To measure something else, write one and add it to
SECTIONS in `__main__`.
"""
