"""The parts of the page on Theorem 2: `controls` chooses, `compute` computes and keeps, each other
module shows one part."""
