"""What each page's symbols mean, and what the page does not show: one popover."""

from __future__ import annotations

import streamlit as st

from overparam.ui.components.window import icon_only
from overparam.ui.shell.frame import when_open

_SHARED = """
- $W_e=W_N\\cdots W_1$: end-to-end matrix of a network of **depth** $N$ (1: plain gradient descent),
  also written $W$; $\\|W\\|$ its norm
- $L$: loss; $L^*$ its least value; $L_0$ its value at $W=0$; $G$ its gradient in $W$
- $\\eta$: **step size**; $\\lambda$: weight decay; $p$: exponent of the loss
"""
SYMBOLS = {
    "home": (
        """
- $w_1, w_2$: the two weights; $p$: exponent of the loss; ★ the minimum; ◆ the start: both are
  dragged in the picture, or moved by the arrow keys
- **depth** $N$: number of layers whose product the weights are; 1 is plain gradient descent
- dotted line: the loss that counts as arrived
"""
    ),
    "race": (
        _SHARED
        + """- $g=(L-L^*)/(L_0-L^*)$: **gap**, the share of the avoidable loss that is left
- speed-up: iterations of depth 1 with gradient descent over the method's own, at the smallest gap
  that one of them reached
- **best step size**: of a grid, that of lowest final loss, or the first to the gap that is tuned
  for; ★ below the slider
- *end-to-end rule*: $W$ moved by the update of Theorem 1; *scale only*, *stretch only*: one factor
  of it (Claim 2)
"""
    ),
    "pre": (
        _SHARED
        + """- $P$: **implicit preconditioner**, what depth makes of a gradient; it depends on $W$
  and $N$ alone
- $\\mathrm{Pr}_W G$: the part of $G$ along $W$; $\\sigma_r, u_r, v_r$: singular values and vectors
  of $W$
- **balanced**: $W_{j+1}^\\top W_{j+1}=W_jW_j^\\top$ for neighbouring layers; $H$: Hessian of $L$ in
  $W$
- $W_j=U_jS_jV_j^\\top$: singular vectors of a layer; $T_j=V_{j+1}^\\top U_j$: **interface** of two
  layers
- $h$: hidden width; $k$: outputs; $r$: number of top directions; $a_r$: their **score**
- $\\Delta=W_{j+1}^\\top W_{j+1}-W_jW_j^\\top$: imbalance; $\\delta$: **spectral gap** between
  the top $r$ and the rest
"""
    ),
    "reg": (
        """
- $W$: end-to-end weights of a network of **depth** $N$ with one output; $L$: loss; $G$: its
  gradient
- $F$: what depth makes of $G$ (Claim 2); a network moves along $-F$; $\\mathrm{Pr}_W G$: part of
  $G$ along $W$
- $e=G(0)/\\|G(0)\\|$: the direction of $G$ at 0; *across*: at right angles to $e$; $c=\\|G(0)\\|$
- $\\Gamma_{r,R}$: the closed curve, of two segments ①, ③ along $e$ and two arcs ②, ④ of radii $r$
  and $R$
- **circulation** $\\oint F\\cdot dW$: integral around a closed curve; **curl**: the same by area,
  at a point
- $\\varphi^*$: the function whose gradient $\\nabla\\varphi^*$ is nearest to $F$, in the mean over
  a square
- *Estimate*: $R$: a regularizer, $\\theta, Q$ its parameters; $-\\eta u$: an update; $f$: the
  **force** that $R$ should explain
- $\\kappa$: work around a closed loop, over all |work|; $H$: Hessian of $L$; $J$: Jacobian of $F$
"""
    ),
    "plateaus": (
        """
- $z_j=W_jh_{j-1}$, $h_j=\\varphi(z_j)$: layers of a net of **depth** $N$ with activation
  $\\varphi$; $L$: loss
- $r$: number of small layers; $\\varepsilon$: their scale
- $\\tau$: **escape time**, when the loss falls below 0.8 of the loss at zero
- $\\Delta_j=\\|W_{j+1}\\|^2-\\|W_j\\|^2$: **imbalance** of neighbouring layers
- $\\psi(z)=z\\varphi'(z)-\\varphi(z)$: 0 where $\\varphi$ is homogeneous
- $a$: scale of a *scalar chain* $w_N\\varphi(\\dots\\varphi(w_1s))$ whose layers are equal; a net
  whose units are all alike is one
- $a_0, \\varphi'(0), a_2, a_3$: terms of $\\varphi$ at 0; $\\kappa=E[s^3y]/E[sy]$,
  $\\mu=E[s^2y]/E[sy]$; $\\lambda$: weight decay
- $c$: rate of the chain's escape, $\\dot a=c\\,a^{r-1}$; $\\eta$: step size
"""
    ),
    "map": (
        """
- $y_1,y_2$: the minimum of the two-coordinate loss; ratio $y_1/y_2$; $p$: exponent of the loss
- **depth** $N$: number of layers; a *network* has a whole number of them, the *rule* (Claim 2)
  takes any real number
- condition number: largest curvature over smallest, of the synthetic regression at $p=2$
- **goal**: a loss $L$ to reach, or a gap $g=(L-L^*)/(L_0-L^*)$, the share of the avoidable loss
  that is left
- colour: iterations of depth 1 to the goal over those of depth $N$; *give up after*, the
  horizon: iterations after which a run counts as not arrived
"""
    ),
    "beyond": (
        """
- $W_l=F_N\\cdots F_1$: weights of a dense layer, a product of $N$ **factors**; $N=1$: one matrix;
  biases and kernels are not split
- **same function**: balanced factors of the weights that one matrix starts from, so that every $N$
  begins alike
- **fit**: loss on the training images (at most 2,000 of them); **penalty**:
  $\\frac\\lambda2\\sum\\|W_l\\|^2$ on the product, $\\frac\\lambda2\\sum\\|F_j\\|^2$ on the
  factors; *plotted*: both together
- $\\sigma$: singular values of a $W_l$; **rank**: how many exceed a hundredth of the largest
- $\\eta$: **step size**; *own best*: of a grid of four a decade; ranges are over seeds: starts and
  orders of the images
"""
    ),
}
LIMITS = {
    "home": (
        """
- **Two weights are not data.** The race runs on real and synthetic data, where depth gains less, or
  nothing.
- **At $p=2$ depth hurts here**; momentum and Adam are often faster than depth.
- **Step sizes decide.** Each depth has its own best one, from a fine grid over six starts; from a
  single start a lucky leap can do far better.
"""
    ),
    "race": (
        """
- **At $p=2$ depth does not help**; momentum, Nesterov and Adam do.
- **The data were chosen.** Of the 31 columns of breast cancer, each predicted from the others at
  $p=4$, depth 2 is more than a tenth faster to $g\\leq0.01$ in 22 and slower in 9, which plain
  gradient descent solves in few iterations. Nor is depth faster from the first step.
- **Depth is not the best optimizer.** On Ethanol at $p=4$ momentum is a little slower than depth 2
  or several times as fast, depending on start and gap, and Adam is well ahead; depth helps Adam on
  some data and slows it down on others.
- **Iterations are not seconds**, and counts move with start, grid and data: change *seed* and *step
  sizes a decade* before you believe a small difference.
- **AdaDelta at large steps is chaotic**: a difference of 1e-15 grew beyond 1e-4 within 300
  iterations (Ethanol at step 0.1, diabetes at 1), so its counts there differ from machine to
  machine.
- **Deep networks started near zero stall.** Unbalanced layers can accelerate too, outside Theorem 1
  ([arXiv 2511.09810](https://arxiv.org/abs/2511.09810)).
- **Linear models only**: see *Beyond linear* for networks with nonlinearities.
"""
    ),
    "pre": (
        """
- **The rule is exact for small steps from balanced layers.** With finite steps layers drift away
  from balance, and from an unbalanced start the network is another method.
- **Whether depth improves the condition number** is for the data to say: at the optimum for $p=4$
  it does on diabetes, and makes it worse on synthetic data. What always holds: it is a step size
  that grows with $W$, and a stretch along $W$.
- **A faster flow alone means nothing**: time can be rescaled at will. Compare iterations, each
  method at its own best stable step size.
- **The same growth can hurt**: near $W=0$ everything is slow, and a step that suited the start can
  diverge later.
- **A certificate of alignment can be late**: directions may agree long before it says so, and where
  $\\sigma_r$ and $\\sigma_{r+1}$ are close it never does. Equal ones have no directions of their
  own.
- **Claim 2 is for one output.** For more, *One step, matrices* shows Claim 1.
"""
    ),
    "reg": (
        """
- **Nothing about $N\\le2$**: with a linear loss and $N=2$, $F$ is a gradient.
- **Only Euclidean gradients are excluded**: the flow is a Riemannian gradient flow of $L$.
- **Not that depth is faster**, nor that a regularizer is far off: see *Come close*.
- **One output, balanced layers, no weight decay, small steps.** The part *Not said* has examples.
- **A small share left is no regularizer, and a large one no proof that there is none**: a family
  can be too free or too narrow.
"""
    ),
    "plateaus": (
        """
- **The law is an asymptote**: at $\\varepsilon=0.1$ times are up to 30 % off it, at 0.3 mostly much
  more.
- **It says when, not what follows**: after the escape the scalar equation is exact only for linear
  nets.
- **It is about gradient flow.** Adam has no plateau of this kind; weight decay can make one that
  never ends.
- **With several modes** the times between the falls follow no law shown here.
- **Escape is measured at 0.8 of the loss at zero** (0.97 for a sigmoid's chain, which cannot fall
  much lower): a ReLU net can rest at one half.
- **Small nets on small data**, without biases; where $\\varphi(0)\\neq0$ only a chain. Few starts:
  ranges, not error bars.
- The law for smooth activations is after the abstract of
  [arXiv 2605.01288](https://arxiv.org/abs/2605.01288); derivation and measurements are this
  project's own.
"""
    ),
    "map": (
        """
- **Iterations, not seconds.** A deep step costs a little more than a shallow one.
- **A median of seven starts is no law.** Where a cell has •, at least two of the seven contradict
  it; with *one* start a cell, more do. Goal and start scale move the numbers too.
- **The best of a grid can be lucky.** A large first step sometimes lands near the target. Click a
  cell: its lower picture shows how narrow the best step size is, and a finer grid finds more of
  them.
- **Neither two coordinates nor synthetic data are data.** The race has those.
- **Only depth 1 by plain gradient descent is beaten here.** Momentum and Adam are in the race.
"""
    ),
    "beyond": (
        """
- **Two to four seeds, small networks, at most 2,000 iterations**: ordering and rough ratios hold,
  not digits.
- **A grid of four step sizes a decade** is coarse: for cross entropy one matrix has a broad best
  range, factors a narrow one next to their limit; for $\\ell_4$ both have, and a notch of the
  grid alone is up to 1.8 times.
- **Iterations, not seconds**: factors cost extra products, most where a batch is small.
- **Not the paper's MNIST run**: its network runs here on images that you download; its falling step
  size is left out.
- **Not accuracy**: on these data no depth differs beyond the seeds.
"""
    ),
}

LABEL = "Symbols, limits"


def notes(page: str, label: str = LABEL, **how) -> None:
    """The popover of a page, with its icon alone where the label is ""; `how` goes to
    `st.popover`."""
    if not label:
        st.html(f"<style>{icon_only(f'{page}_notes')}</style>")
    words = "What the symbols mean, and what this does not show"
    popover = st.popover(
        label or LABEL,
        icon=":material/info:",
        key=f"{page}_notes",
        help=words,
        on_change="rerun",
        **how,
    )
    text = (
        f"**What the symbols mean**\n{SYMBOLS[page]}\n**What this does not show**\n{LIMITS[page]}"
    )
    when_open(popover, lambda: st.markdown(text))
