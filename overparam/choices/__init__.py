"""What a person can choose: value, text in a link, bounds, and the sentence about a bad one."""
