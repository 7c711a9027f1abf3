"""Pages of the app without a browser, opened as a link opens them."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

APP = str(Path(__file__).parents[1] / "app.py")


def visit(page: str, **query: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=120)
    app.switch_page(page)
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def race(**query: str) -> AppTest:
    return visit("pages/convergence.py", **query)


def transport(app: AppTest) -> dict:
    return app.session_state["race__transport"]
