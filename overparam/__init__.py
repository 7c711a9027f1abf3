"""Depth as an accelerator: linear networks, the end-to-end update rule, and what they do to gradient descent.

The one idea of the package: *the data only ever sees the end-to-end matrix* W_e = W_N ... W_1. One pass over the data gives
the loss gradient G = dL/dW at W_e; depth, optimizer and start only decide what is done with it.

Source: S. Arora, N. Cohen, E. Hazan, "On the Optimization of Deep Networks: Implicit Acceleration by
Overparameterization", ICML 2018, arXiv 1802.06509 ("the paper").
"""
