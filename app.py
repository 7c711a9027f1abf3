"""Depth as acceleration: start with `streamlit run app.py`.

Read twice: the server imports this file and finds `app`, the pages with routes of our own beside
them; for every visitor Streamlit runs it as a script. Without `app` the pages run all the same.
"""

import streamlit as st

if __name__ == "__main__":
    from overparam.ui.shell.first_word import say_again
    from overparam.ui.shell.frame import navigation, page_frame, sidebar_first
    from overparam.ui.shell.lesson_card import beside_lesson
    from overparam.ui.shell.presentation import header_tools
    from overparam.ui.shell.speaker import speaker_notes
    from overparam.ui.shell.turns import in_turn
    from overparam.ui.warm import warm_up_beside

    with in_turn():
        page_frame()
        page = navigation()
        header_tools(page)
        sidebar_first(page)
        if not speaker_notes():
            with beside_lesson(page):
                page.run()
        say_again()
    warm_up_beside()  # last: the page that was asked for comes first
else:
    from overparam.ui.shell.server import lifespan, middleware, routes
    from overparam.ui.warm import warm_up

    app = st.App(__file__, routes=routes(), lifespan=lifespan(warm_up), middleware=middleware())
