"""The courses of lessons, a file each."""
