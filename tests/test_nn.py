"""Overparameterized layers and the rule for plain weights: what they promise and refuse."""

import copy
import re

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from overparam.nn import (
    EndToEnd,
    collapse,
    factors,
    imbalance,
    overparameterize,
    parameter_groups,
    precondition_,
    products,
)
from overparam.theory.preconditioner import precondition


def network(seed: int = 1) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1, groups=4),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 4, 1, bias=False),
        nn.Flatten(),
        nn.Linear(4 * 64, 32),
        nn.Tanh(),
        nn.Linear(32, 10),
    )


IMAGES = torch.randn(16, 1, 8, 8, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(16) % 10


def train(model, optimizer, steps=20):
    images = IMAGES.to(next(model.parameters()).dtype)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images), LABELS).backward()
        optimizer.step()
    return model


@pytest.mark.parametrize("depth", [2, 3, 5])
@pytest.mark.parametrize(("start", "most"), [("balanced", 1e-6), ("identity", 0.0)])
def test_the_function_is_the_same_at_the_start(start, most, depth):
    plain = network().eval()
    changed = overparameterize(copy.deepcopy(plain), depth, start).eval()
    with torch.no_grad():
        assert float((changed(IMAGES) - plain(IMAGES)).abs().max()) <= most
    assert len(list(factors(changed))) == 5 * depth


@pytest.mark.parametrize("shape", [(3, 7), (7, 3), (5, 5), (1, 6), (6, 1)])
def test_a_balanced_start_is_balanced_and_multiplies_back_in_double_precision(shape):
    layer = nn.Linear(shape[1], shape[0]).double()
    weight = layer.weight.detach().clone()
    overparameterize(layer, 4)
    torch.testing.assert_close(layer.weight, weight, rtol=0, atol=1e-14)
    assert list(imbalance(layer)) == ["weight"] and imbalance(layer)["weight"] < 1e-14
    assert [w.shape[1:] for w in factors(layer)][1:3] == [(min(shape), min(shape))] * 2


def test_round_off_of_a_rank_deficient_weight_is_no_direction_to_learn_in():
    layer = nn.Linear(6, 5, bias=False).double()
    with torch.no_grad():
        layer.weight.copy_(torch.outer(torch.arange(1.0, 6), torch.arange(2.0, 8)))
    overparameterize(layer, 8)
    assert all(torch.linalg.matrix_rank(w) == 1 for w in factors(layer))


def test_biases_norms_and_layers_that_are_left_out_stay_as_they_are():
    plain, model = network(), network()
    overparameterize(
        model, 2, where=lambda name, layer: isinstance(layer, nn.Conv2d) and layer.groups == 1
    )
    assert set(products(model)) == {"0.weight", "5.weight"}
    names = dict(plain.named_parameters())
    kept = {name: p for name, p in model.named_parameters() if "parametrizations" not in name}
    assert set(kept) == set(names) - {"0.weight", "5.weight"}
    assert all(torch.equal(p, names[name]) for name, p in kept.items())


@pytest.mark.parametrize("start", ["balanced", "identity"])
def test_collapse_gives_the_plain_model_back(start):
    model = overparameterize(network(), 3, start)
    train(model, torch.optim.SGD(model.parameters(), 0.05)).eval()
    before, weights = (
        model(IMAGES),
        {name: w.detach().clone() for name, w in products(model).items()},
    )
    assert collapse(model) is model
    plain = network().eval()
    assert torch.equal(model(IMAGES), before)
    assert [(n, p.shape, type(p)) for n, p in model.named_parameters()] == [
        (n, p.shape, type(p)) for n, p in plain.named_parameters()
    ]
    assert list(model.state_dict()) == list(plain.state_dict())
    assert [type(m) for m in model.modules()] == [type(m) for m in plain.modules()]
    assert all(torch.equal(model.state_dict()[name], w) for name, w in weights.items())
    plain.load_state_dict(model.state_dict())
    assert torch.equal(plain(IMAGES), before)


def test_frozen_layers_stay_frozen_and_keep_their_keys_even_without_gradients():
    plain, model = network(), network()
    model[0].requires_grad_(False)
    overparameterize(model, 2)
    assert not any(w.requires_grad for w in factors(model[0])) and all(
        w.requires_grad for w in factors(model[2])
    )
    with torch.no_grad():
        collapse(model)
    assert list(model.state_dict()) == list(plain.state_dict())
    assert [p.requires_grad for p in model.parameters()] == [False, False] + [True] * 9


def test_a_layer_that_stands_in_two_places_is_taken_once():
    layer = nn.Linear(4, 4)
    model = nn.Sequential(layer, nn.Tanh(), layer)
    overparameterize(model, 2)
    assert len(list(factors(model))) == 2 and list(products(model)) == ["0.weight"]
    assert list(collapse(model).state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]


def test_assigning_a_weight_factors_it():
    layer, weight = overparameterize(nn.Linear(8, 4), 3), torch.randn(4, 8)
    layer.weight = weight
    torch.testing.assert_close(layer.weight, weight, rtol=0, atol=1e-6)
    assert imbalance(layer)["weight"] < 1e-6


def test_imbalance_is_that_of_the_definition():
    layer = overparameterize(nn.Linear(3, 2, bias=False).double(), 2)
    first, last = factors(layer)
    with torch.no_grad():
        first.copy_(torch.tensor([[[1.0, 2, 0], [0, 0, 3]]]))
        last.copy_(torch.tensor([[[1.0, 0], [0, 2]]]))
    # W_2ᵀ W_2 = diag(1, 4), W_1 W_1ᵀ = diag(5, 9): gap |(4, 5)|, largest |W|² is 14
    assert imbalance(layer)["weight"] == pytest.approx((16 + 25) ** 0.5 / 14, rel=1e-14)


def test_one_step_on_balanced_factors_is_one_end_to_end_step_up_to_the_square_of_the_step():
    """Theorem 1 layer by layer in a network that is not linear, grouped convolutions included."""
    gaps = []
    for lr in (1e-3, 5e-4):
        torch.set_default_dtype(torch.float64)
        try:
            deep, plain = network(), network()
        finally:
            torch.set_default_dtype(torch.float32)
        overparameterize(deep, 3)
        for model, optimizer in (
            (deep, torch.optim.SGD(deep.parameters(), lr, weight_decay=0.1)),
            (plain, EndToEnd(parameter_groups(plain), lr, 3, weight_decay=0.1)),
        ):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(IMAGES.double()), LABELS).backward()
            optimizer.step()
        pairs = zip(collapse(deep).parameters(), plain.parameters(), strict=True)
        gaps.append(max(float((a - b).detach().abs().max()) for a, b in pairs))
    assert 0 < gaps[0] < 1e-5
    assert gaps[0] / gaps[1] == pytest.approx(4, rel=0.02)


@pytest.mark.parametrize("depth", [1, 1.5, 2, 3])
def test_precondition_applies_theorem_1_to_matrices_convolutions_and_groups_and_leaves_vectors(
    depth,
):
    generator = torch.Generator().manual_seed(3)
    shapes = {(5, 3): 1, (4, 2, 3, 3): 1, (6, 1, 3): 3, (7,): 1}
    for shape, groups in shapes.items():
        weight = torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()
        weight.grad = grad = torch.randn(shape, generator=generator, dtype=torch.float64)
        wanted = grad.clone()
        if len(shape) > 1:
            matrices = (groups, shape[0] // groups, -1)
            wanted = precondition(
                weight.detach().reshape(matrices), grad.reshape(matrices), depth
            ).reshape(shape)
        precondition_([weight], depth, groups)
        torch.testing.assert_close(weight.grad, wanted, rtol=1e-13, atol=0)


def test_precondition_before_sgd_is_end_to_end():
    first, second = network(), network()
    train(first, EndToEnd(first.parameters(), 0.05, 2.5), 5)
    optimizer = torch.optim.SGD(second.parameters(), 0.05)
    optimizer.register_step_pre_hook(lambda *_: precondition_(second.parameters(), 2.5))
    train(second, optimizer, 5)
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)


def test_end_to_end_at_depth_one_is_sgd():
    # in float32 rounding that differs from run to run may switch a ReLU, and grow
    first, second = network().double(), network().double()
    train(first, EndToEnd(first.parameters(), 0.05, 1, weight_decay=0.01))
    train(second, torch.optim.SGD(second.parameters(), 0.05, weight_decay=0.01))
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def test_half_precision_weights_move_as_their_float32_copies_do():
    for dtype in (torch.bfloat16, torch.float16):
        fine = (
            torch.randn(6, 4, generator=torch.Generator().manual_seed(2))
            .to(dtype)
            .float()
            .requires_grad_()
        )
        fine.grad = torch.randn(6, 4, generator=torch.Generator().manual_seed(4)).to(dtype).float()
        coarse = fine.detach().to(dtype).requires_grad_()
        coarse.grad = fine.grad.to(dtype)
        precondition_([fine, coarse], 3)
        assert coarse.grad.dtype == dtype and torch.equal(coarse.grad, fine.grad.to(dtype))


def test_a_weight_that_diverged_gives_numbers_that_are_none_and_no_error():
    weight = torch.full((3, 2), torch.inf).requires_grad_()
    weight.grad = torch.ones(3, 2)
    precondition_([weight], 2)
    assert bool(weight.grad.isnan().all())


def test_options_by_group_closures_schedules_and_saved_states():
    layer = nn.Linear(6, 3)
    optimizer = EndToEnd([{"params": [layer.weight], "depth": 3}, {"params": [layer.bias]}], 0.1)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)

    def closure():
        optimizer.zero_grad()
        loss = layer(torch.ones(1, 6)).square().sum()
        loss.backward()
        return loss.detach()

    before = float(closure())
    assert float(optimizer.step(closure)) == before > float(closure())
    schedule.step()
    other = EndToEnd([{"params": [layer.weight]}, {"params": [layer.bias]}], 1.0)
    other.load_state_dict(optimizer.state_dict())
    assert [(g["lr"], g["depth"]) for g in other.param_groups] == [(0.05, 3), (0.05, 2.0)]


def test_parameter_groups_hold_every_parameter_once():
    model = nn.ModuleDict(
        {"net": network(), "words": nn.Embedding(5, 4), "head": nn.Linear(4, 5, bias=False)}
    )
    model["head"].weight = model["words"].weight
    groups = parameter_groups(model)
    listed = [id(p) for group in groups for p in group["params"]]
    assert sorted(listed) == sorted(map(id, model.parameters()))
    assert {group.get("groups") for group in groups} == {1, 4, None}


def test_decay_on_the_product_is_the_plain_models_decay():
    plain, model = network(), overparameterize(network(), 2)
    penalty = sum(w.square().sum() for w in products(model).values())
    wanted = sum(plain.get_parameter(name).square().sum() for name in products(model))
    torch.testing.assert_close(penalty, wanted)
    penalty.backward()
    assert all(w.grad is not None for w in factors(model))


# Refusals: what is wrong and what to do


def tied():
    model = nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 10, bias=False))
    model[1].weight = model[0].weight
    return model


def pruned():
    return prune.random_unstructured(nn.Linear(4, 4), "weight", 0.5)


def zero():
    layer = nn.Linear(4, 4)
    nn.init.zeros_(layer.weight)
    return layer


def broken():
    layer = nn.Linear(4, 4)
    with torch.no_grad():
        layer.weight[0, 0] = torch.nan
    return layer


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (tied, "1.weight is tied to 0.weight, .* leave the layer out with `where`"),
        (
            lambda: parametrizations.weight_norm(nn.Linear(4, 4)),
            "parametrized already .*: collapse or remove that first",
        ),
        (lambda: overparameterize(nn.Linear(4, 4)), r"weight is parametrized already \(Product\)"),
        (pruned, "not a parameter: remove what computes it first"),
        (zero, "weight is 0, .* take start='identity'"),
        (broken, "not finite"),
        (
            lambda: nn.Linear(4, 4).bfloat16(),
            "weight is bfloat16, .* model.float.. first and train under torch.autocast",
        ),
        (lambda: nn.Linear(4, 4, device="meta"), "no numbers yet: materialise"),
        (lambda: nn.LazyLinear(4), "no numbers yet: materialise"),
        (
            lambda: torch.compile(nn.Linear(4, 4), backend="eager"),
            "wrapped by OptimizedModule: overparameterize the model first",
        ),
        (nn.ReLU, "ReLU holds no linear or convolutional layer"),
    ],
)
def test_what_cannot_be_overparameterized_is_refused_and_left_alone(make, words):
    model = make()
    keys = [name for name, _ in model.named_parameters()]
    with pytest.raises(ValueError, match=words):
        overparameterize(model)
    assert [name for name, _ in model.named_parameters()] == keys


def test_one_bad_layer_leaves_the_good_ones_alone():
    model = nn.Sequential(nn.Linear(4, 4), zero())
    with pytest.raises(ValueError, match=re.escape("1.weight is 0")):
        overparameterize(model)
    assert list(model.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]


@pytest.mark.parametrize(
    ("choice", "words"),
    [({"depth": 1}, "depth"), ({"depth": 2.5}, "EndToEnd"), ({"start": "zero"}, "start")],
)
def test_choices_out_of_range_are_refused(choice, words):
    with pytest.raises(ValueError, match=words):
        overparameterize(nn.Linear(4, 4), **choice)


def test_collapse_refuses_what_it_cannot_multiply_out():
    with pytest.raises(ValueError, match="nothing in Linear is overparameterized"):
        collapse(nn.Linear(4, 4))
    layer = overparameterize(nn.Linear(4, 4))
    nn.utils.parametrize.register_parametrization(layer, "weight", nn.Softplus())
    with pytest.raises(ValueError, match="second parametrization on top"):
        collapse(layer)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lr": 0}, "lr must be above 0, not 0"),
        ({"lr": float("nan")}, "lr must be above 0"),
        ({"lr": 0.1, "depth": 0.5}, "depth must be 1 or more, not 0.5"),
        ({"lr": 0.1, "weight_decay": -1}, "weight_decay must be 0 or more"),
        ({"lr": 0.1, "groups": 3}, "groups = 3 does not divide the 4 outputs"),
    ],
)
def test_options_out_of_range_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        EndToEnd(nn.Linear(4, 4).parameters(), **options)


def test_a_weight_of_zero_is_refused_where_the_rule_would_leave_it_there():
    with pytest.raises(ValueError, match="is 0, where depth above 1 leaves it forever"):
        EndToEnd(zero().parameters(), 0.1)
    EndToEnd(zero().parameters(), 0.1, depth=1)


def test_sparse_gradients_are_refused():
    layer = nn.Embedding(5, 3, sparse=True)
    optimizer = EndToEnd(layer.parameters(), 0.1)
    layer(torch.tensor([1])).sum().backward()
    with pytest.raises(ValueError, match="sparse=False"):
        optimizer.step()


def test_precondition_refuses_a_depth_below_one():
    with pytest.raises(ValueError, match="depth must be 1 or more"):
        precondition_(nn.Linear(2, 2).parameters(), 0.9)
