"""The drawing library for components of our own: where the browser finds it, and how it loads it once per page.

It comes from the installed plotly, through the server itself: so it works offline and on a read-only file system, and the
browser's version is always Python's.
"""

from pathlib import Path

import plotly
import streamlit.components.v1 as components_v1

# Declaring a component is the documented way to have a folder of an installed package served.
_package_data = components_v1.declare_component("plotly_js", path=str(Path(plotly.__file__).parent / "package_data"))

PLOTLY_URL = f"component/{_package_data.name}/plotly.min.js?v={plotly.__version__}"
"""Address of plotly.min.js, relative to the address of the app."""

LOADER = (Path(__file__).parent / "plotly_js.js").read_text(encoding="utf-8")
"""JavaScript to put at the end of a component's own: `loadPlotly(PLOTLY_URL)`, a promise of `Plotly`."""

HEIGHTS = (Path(__file__).parent / "heights.js").read_text(encoding="utf-8")
"""JavaScript likewise: `heights.add(element, picture)` makes a picture as high as the window has room for."""
