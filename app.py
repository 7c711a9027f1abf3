"""Depth as acceleration: start with `streamlit run app.py`."""

import streamlit as st

from overparam.ui.frame import page_frame, warm_up

page_frame()

page = st.navigation(
    [
        st.Page("pages/home.py", title="Home", icon=":material/home:", default=True),
        st.Page("pages/convergence.py", title="The race", icon=":material/show_chart:"),
        st.Page("pages/preconditioner.py", title="What depth does to a gradient", icon=":material/explore:"),
        st.Page("pages/no_regularizer.py", title="Why no regularizer can do it", icon=":material/cycle:"),
    ],
    position="top",
)
page.run()

warm_up()  # last: the page that was asked for comes first
