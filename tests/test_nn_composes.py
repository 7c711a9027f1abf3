"""Overparameterized models beside the rest of torch: each line of the documentation is a test."""

import copy
import io
import pickle
import shutil

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, vmap
from torch.nn.utils import parametrize
from torch.optim.swa_utils import AveragedModel
from torch.utils.checkpoint import checkpoint

from overparam.nn import EndToEnd, collapse, factors, overparameterize, products
from tests.test_nn import IMAGES, LABELS, network, train

needs_compiler = pytest.mark.skipif(
    shutil.which("g++") is None, reason="torch.compile for a CPU needs the C++ compiler g++"
)
# torch's compiler uses what torch itself has deprecated
torch_may_warn = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)


def gradients(model, forward=None):
    model.zero_grad()
    loss = nn.functional.cross_entropy((forward or model)(IMAGES), LABELS)
    loss.backward()
    return [loss.detach()] + [p.grad.clone() for p in model.parameters()]


def assert_close(found, wanted, most=1e-6):
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=most)


@pytest.fixture
def compiler():
    torch.compiler.reset()
    yield
    torch.compiler.reset()


@torch_may_warn
def test_traced_in_one_graph_forward_and_backward(compiler):
    model = overparameterize(network(), 3)
    wanted = gradients(model)
    assert_close(
        gradients(model, torch.compile(model, fullgraph=True, backend="aot_eager")), wanted
    )


@torch_may_warn
@needs_compiler
@pytest.mark.slow
def test_compiled_forward_and_backward(compiler):
    torch.manual_seed(0)
    model = overparameterize(
        nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 10)), 3
    )
    wanted = gradients(model)
    assert_close(gradients(model, torch.compile(model, fullgraph=True)), wanted)


@torch_may_warn
@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("outputs", [1, 5])
def test_a_compiled_step_of_the_end_to_end_rule_is_the_step(outputs, compiler):
    """Written add_(matrix product, alpha=-lr) it would be wrong: the CPU's compiler drops alpha."""
    torch.manual_seed(0)
    first = nn.Linear(20, outputs)
    second, batch = copy.deepcopy(first), torch.randn(8, 20)
    one, two = (
        EndToEnd(layer.parameters(), 0.01, 2.5, weight_decay=0.01) for layer in (first, second)
    )
    step = torch.compile(two.step)
    for _ in range(3):
        for layer in (first, second):
            layer.zero_grad()
            layer(batch).pow(4).mean().backward()
        one.step()
        step()
    assert_close(list(second.parameters()), list(first.parameters()))


def test_gradients_by_sample_with_vmap_and_functional_call():
    torch.manual_seed(0)
    model = overparameterize(nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3)), 2)
    batch, labels, params = (
        torch.randn(6, 5),
        torch.tensor([0, 1, 2, 2, 1, 0]),
        dict(model.named_parameters()),
    )

    def loss(values, sample, label):
        return nn.functional.cross_entropy(
            functional_call(model, values, (sample[None],)), label[None]
        )

    by_sample = vmap(grad(loss), (None, 0, 0))(params, batch, labels)
    nn.functional.cross_entropy(model(batch), labels).backward()
    for name, p in params.items():
        torch.testing.assert_close(by_sample[name].mean(0), p.grad)


def test_checkpointed_gradients_are_the_gradients():
    model = overparameterize(network().eval(), 2)
    wanted = gradients(model)
    assert_close(gradients(model, lambda x: checkpoint(model, x, use_reentrant=False)), wanted, 0)


def test_the_product_is_computed_once_inside_cached():
    model = overparameterize(network().eval(), 2)
    wanted = gradients(model, lambda x: model(x) + model(x))
    with parametrize.cached():
        assert model[7].weight is model[7].weight
        assert_close(gradients(model, lambda x: model(x) + model(x)), wanted)


def test_autocast_leaves_the_factors_and_their_product_in_float32():
    plain, model = network().eval(), overparameterize(network().eval(), 3)
    with torch.no_grad():
        exact = plain(IMAGES)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert model[7].weight.dtype == torch.float32
            torch.testing.assert_close(model[7].weight, plain[7].weight, rtol=0, atol=1e-6)
            coarse, deep = plain(IMAGES).float(), model(IMAGES).float()
    assert 0 < (deep - exact).abs().max() < 2 * (coarse - exact).abs().max()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = nn.functional.cross_entropy(model(IMAGES), LABELS)
    loss.backward()
    assert all(
        w.grad.dtype == torch.float32 and bool(w.grad.isfinite().all()) for w in factors(model)
    )


@torch_may_warn
@pytest.mark.parametrize("folded", [False, True])
def test_export_before_and_after_collapse(folded):
    model = overparameterize(network().eval(), 3)
    if folded:
        collapse(model)
    exported = torch.export.export(model, (IMAGES,))
    torch.testing.assert_close(exported.module()(IMAGES), model(IMAGES))
    graphs = [
        part.graph
        for part in exported.graph_module.modules()
        if isinstance(part, torch.fx.GraphModule)
    ]
    products_inside = sum("matmul" in str(node.target) for graph in graphs for node in graph.nodes)
    assert products_inside == (0 if folded else 2 * 5)


@torch_may_warn
@pytest.mark.slow
def test_onnx_after_collapse_is_the_plain_models(tmp_path):
    onnx = pytest.importorskip(
        "onnx", reason="ONNX is tested where onnx, onnxscript and onnxruntime are installed"
    )
    pytest.importorskip(
        "onnxscript", reason="ONNX is tested where onnx, onnxscript and onnxruntime are installed"
    )
    runtime = pytest.importorskip(
        "onnxruntime", reason="ONNX is tested where onnx, onnxscript and onnxruntime are installed"
    )
    operators = []
    for name, model in (
        ("plain", network()),
        ("collapsed", collapse(overparameterize(network(), 3))),
    ):
        path = tmp_path / f"{name}.onnx"
        torch.onnx.export(model.eval(), (IMAGES,), path, dynamo=True, verbose=False)
        session = runtime.InferenceSession(path)
        (output,) = session.run(None, {session.get_inputs()[0].name: IMAGES.numpy()})
        torch.testing.assert_close(
            torch.from_numpy(output), model(IMAGES).detach(), rtol=1e-4, atol=1e-5
        )
        operators.append([node.op_type for node in onnx.load(path).graph.node])
    assert operators[0] == operators[1]


def test_a_saved_state_comes_back():
    model = overparameterize(network(), 3)
    train(model, torch.optim.AdamW(model.parameters(), 0.01), 3)
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    other = overparameterize(network(seed=2), 3)
    other.load_state_dict(torch.load(io.BytesIO(file.getvalue())))
    assert torch.equal(other.eval()(IMAGES), model.eval()(IMAGES))


def test_a_plain_checkpoint_does_not_fit_an_overparameterized_model():
    with pytest.raises(RuntimeError, match="Missing key"):
        overparameterize(network(), 2).load_state_dict(network().state_dict())


def test_a_copy_is_a_model_of_its_own():
    model = overparameterize(network().eval(), 2)
    before, other = model(IMAGES).detach(), copy.deepcopy(model)
    train(other, torch.optim.SGD(other.parameters(), 0.1), 2)
    assert torch.equal(model(IMAGES), before) and not torch.equal(other(IMAGES), before)
    trained = other(IMAGES).detach()
    collapse(other)
    assert torch.equal(model(IMAGES), before) and torch.equal(other(IMAGES), trained)
    assert torch.equal(collapse(copy.deepcopy(model))(IMAGES), before) and len(products(model)) == 5


def test_whole_models_are_pickled_after_collapse_only():
    model = overparameterize(network().eval(), 2)
    with pytest.raises(RuntimeError, match="only supported through state_dict"):
        pickle.dumps(model)
    again = pickle.loads(pickle.dumps(collapse(model)))
    assert torch.equal(again(IMAGES), model(IMAGES))


def test_a_moving_average_of_products_loads_into_the_collapsed_model():
    torch.manual_seed(0)
    model = overparameterize(nn.Linear(8, 8), 2)
    of_factors = AveragedModel(model)
    average = {name: torch.zeros_like(w) for name, w in products(model).items()}
    for i in range(1, 6):
        with torch.no_grad():
            for w in factors(model):
                w.add_(0.2 * torch.randn_like(w))
            for name, w in products(model).items():
                average[name].lerp_(w, 1 / i)
        of_factors.update_parameters(model)
    wrong = (of_factors.module.weight - average["weight"]).norm() / average["weight"].norm()
    assert wrong > 0.05  # the trap: an average of factors is another function
    plain = collapse(copy.deepcopy(model))
    plain.load_state_dict(average | {"bias": model.bias.detach()})
    assert torch.equal(plain.weight, average["weight"])


@torch_may_warn
def test_a_transformer_layer_with_and_without_its_fast_path():
    torch.manual_seed(0)
    layer, batch = (
        nn.TransformerEncoderLayer(16, 2, 32, batch_first=True).eval(),
        torch.randn(2, 5, 16),
    )
    wanted = layer(batch)
    overparameterize(layer, 2)
    assert set(products(layer)) == {"self_attn.out_proj.weight", "linear1.weight", "linear2.weight"}
    torch.testing.assert_close(layer(batch), wanted, rtol=0, atol=1e-5)
    with torch.no_grad():
        torch.testing.assert_close(layer(batch), wanted, rtol=0, atol=1e-5)
