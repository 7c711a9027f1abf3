"""Depth as acceleration: start with `streamlit run app.py`."""

from overparam.ui.frame import navigation, page_frame, warm_up

page_frame()
navigation().run()
warm_up()  # last: the page that was asked for comes first
