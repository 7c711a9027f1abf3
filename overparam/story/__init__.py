"""Words for people: lessons, presets, verdicts; computes nothing."""
