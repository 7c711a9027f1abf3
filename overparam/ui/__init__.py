"""The part of the package that talks to Streamlit; everything below it can be used without."""
