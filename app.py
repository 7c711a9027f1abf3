"""Depth as acceleration: start with `streamlit run app.py`."""

from overparam.ui.shell.frame import navigation, page_frame, warm_up
from overparam.ui.shell.lesson_card import beside_lesson
from overparam.ui.shell.presentation import header_tools

page_frame()
page = navigation()
header_tools()
with beside_lesson(page):
    page.run()
warm_up()  # last: the page that was asked for comes first
