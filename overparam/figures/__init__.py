"""Figures: numpy arrays in, `plotly.graph_objects.Figure` out. No torch, no streamlit.

Colours, dashes and the common layout come from `overparam.figures.style` and from nowhere else.
"""
