"""The parts of the page on plateaus: `controls` chooses, each other module shows one view."""
