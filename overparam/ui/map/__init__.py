"""Parts of the map page."""
