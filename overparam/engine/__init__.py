"""Many runs on one problem, one pass over the data a step; knows no person."""
