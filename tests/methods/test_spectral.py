"""Methods on matrices, against their formulas written out on tiny ones."""

from __future__ import annotations

import pytest
import torch

from core.methods.spectral.iso import iso_c, iso_cts
from core.methods.spectral.matrix import orthogonal_factor, solve_right, svd
from core.methods.spectral.regmean import regmean
from core.methods.spectral.svc import svc
from core.methods.spectral.tsv_m import tsv_m
from core.methods.spectral.wudi import wudi
from core.methods.task_vectors import MethodError, task_arithmetic
from tests.methods.vectors import MATRIX, some

CLOSE = {"atol": 2e-4, "rtol": 2e-4}


def matrices(count, seed=0):
    return [one[MATRIX].flatten(1) for one in some(count, seed)]


def named(*tensors):
    return [{"w": tensor} for tensor in tensors]


def low_rank(seed, rows=6, columns=7, rank=2):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, rank, generator=generator) @ torch.randn(rank, columns, generator=generator)


def test_a_convolution_is_a_matrix_out_by_rest():
    vectors = some(2)
    name = "visual.conv1.weight"
    flat = named(*(one[name].reshape(4, 12) for one in vectors))
    for method in (tsv_m, iso_c, iso_cts, wudi):
        torch.testing.assert_close(method(vectors)[name].reshape(4, 12), method(flat)["w"], **CLOSE)
    bias = "visual.layer1.0.bn1.weight"
    torch.testing.assert_close(tsv_m(vectors)[bias], (vectors[0][bias] + vectors[1][bias]) / 2)


def test_tsv_m_is_its_algorithm():
    a, b = matrices(2)
    kept = [[part.double() for part in torch.linalg.svd(m, full_matrices=False)] for m in (a, b)]
    u = torch.cat([u[:, :3] for u, _, _ in kept], 1)
    s = torch.cat([s[:3] for _, s, _ in kept])
    v = torch.cat([vh[:3].T for _, _, vh in kept], 1)

    def whiten(x):  # X (XᵀX)^(-1/2), the same orthogonal matrix by another route
        values, vectors = torch.linalg.eigh(x.T @ x)
        return x @ vectors @ torch.diag(values**-0.5) @ vectors.T

    expected = whiten(u) @ torch.diag(s) @ whiten(v).T
    torch.testing.assert_close(tsv_m(named(a, b))["w"], expected.float(), atol=1e-3, rtol=1e-3)


def test_tsv_m_of_tasks_that_do_not_touch_is_their_sum():
    a, b = torch.zeros(4, 4), torch.zeros(4, 4)
    a[:2, :2], b[2:, 2:] = torch.tensor([[3.0, 1.0], [0.0, 2.0]]), torch.tensor([[1.0, 0.0], [2.0, 5.0]])
    torch.testing.assert_close(tsv_m(named(a, b))["w"], a + b, **CLOSE)


def test_tsv_m_with_more_tasks_than_rank_keeps_one_triplet_each():
    rows = [torch.zeros(2, 3) for _ in range(3)]
    for i, row in enumerate(rows):
        row[i % 2, i] = 1.0 + i
    found = tsv_m(named(*rows))["w"]
    assert torch.isfinite(found).all() and found.abs().sum() > 1


def test_iso_c_has_a_flat_spectrum_and_the_sums_directions():
    a, b = matrices(2)
    found = iso_c(named(a, b))["w"]
    u, s, vh = torch.linalg.svd(a + b, full_matrices=False)
    torch.testing.assert_close(found, s.mean() * (u @ vh), **CLOSE)
    torch.testing.assert_close(torch.linalg.svdvals(found), s.mean().expand(len(s)), **CLOSE)


def test_directions_of_strength_zero_stay_zero():
    matrix = low_rank(1)
    for method in (iso_c, iso_cts):
        found = method(named(matrix))["w"]
        assert int((torch.linalg.svdvals(found) > 1e-3).sum()) == 2


def test_iso_cts_is_its_algorithm():
    a, b = matrices(2)
    shared, own = 4, 1  # rank 6, 80 % → 4.8 → 4 common, 1 for each of two tasks
    u, s, vh = torch.linalg.svd((a + b).double(), full_matrices=False)
    left, sizes, right = [u[:, :shared]], [s[:shared]], [vh[:shared].T]
    for m in (a.double(), b.double()):
        rest = torch.linalg.svd(m - u[:, :shared] @ u[:, :shared].T @ m, full_matrices=False)
        left.append(rest[0][:, :own])
        sizes.append(rest[1][:own])
        right.append(rest[2][:own].T)

    def polar(x):
        p, _, q = torch.linalg.svd(x, full_matrices=False)
        return p @ q

    expected = torch.cat(sizes).mean() * polar(torch.cat(left, 1)) @ polar(torch.cat(right, 1)).T
    torch.testing.assert_close(iso_cts(named(a, b))["w"], expected.float(), atol=1e-3, rtol=1e-3)


def test_iso_cts_with_all_common_or_one_task_is_iso_c():
    a, b = matrices(2)
    torch.testing.assert_close(iso_cts(named(a, b), common=1.0)["w"], iso_c(named(a, b))["w"], **CLOSE)
    torch.testing.assert_close(iso_cts(named(a))["w"], iso_c(named(a))["w"], **CLOSE)


def test_wudi_is_the_minimum_of_its_loss():
    vectors = [low_rank(seed) for seed in range(3)]

    def loss(x):
        return sum(((x - v) @ v.T).square().sum() / v.square().sum() for v in vectors)

    found = wudi(named(*vectors))["w"]
    x = found.clone().requires_grad_(True)
    loss(x).backward()
    assert float(x.grad.abs().max()) < 1e-3 and float(loss(found)) < float(loss(sum(vectors)))
    steps = sum(vectors).clone().requires_grad_(True)  # the authors' way: gradient steps from the sum
    for _ in range(2000):
        (gradient,) = torch.autograd.grad(loss(steps), steps)
        steps = (steps - 0.3 * gradient).detach().requires_grad_(True)
    assert float(loss(found)) <= float(loss(steps.detach())) + 1e-5


def test_regmean_is_least_squares_on_the_inputs():
    a, b = matrices(2)
    generator = torch.Generator().manual_seed(5)
    x, y = torch.randn(40, 6, generator=generator), torch.randn(30, 6, generator=generator)
    grams = [{"w": x.T @ x}, {"w": y.T @ y}]
    found = regmean(named(a, b), statistics=grams, shrink=1.0, ridge=0.0)["w"]
    targets = torch.cat([x @ a.T, y @ b.T])
    expected = torch.linalg.lstsq(torch.cat([x, y]), targets).solution.T
    torch.testing.assert_close(found, expected, **CLOSE)
    only_diagonal = regmean(named(a, b), statistics=grams, shrink=0.0, ridge=0.0)["w"]
    p, q = (g["w"].diagonal() for g in grams)
    torch.testing.assert_close(only_diagonal, (a * p + b * q) / (p + q), **CLOSE)
    averaged = regmean(named(a, b), statistics=[{}, {}])["w"]
    torch.testing.assert_close(averaged, (a + b) / 2)


def test_singular_equations_are_refused_in_a_sentence():
    a, b = matrices(2)
    dead = torch.diag(torch.tensor([1.0, 1, 1, 1, 1, 0]))
    with pytest.raises(MethodError, match=r"singular matrix.*raise ridge"):
        dict(regmean(named(a, b), statistics=named(dead, dead), ridge=0.0))
    assert torch.isfinite(regmean(named(a, b), statistics=named(dead, dead))["w"]).all()
    with pytest.raises(MethodError, match="singular"):
        dict(wudi(named(torch.ones(3, 4)), ridge=0.0))
    with pytest.raises(MethodError, match="every model"):
        regmean(named(a, b), statistics=[{}])
    with pytest.raises(MethodError, match="w has no singular values"):
        svd("w", torch.full((3, 3), float("nan")))
    assert not solve_right("w", torch.ones(2, 3).double(), torch.zeros(3, 3).double(), 0.1).any()


def test_svc_counts_what_is_shared_once():
    [a] = matrices(1)
    same = named(a, a, a)
    torch.testing.assert_close(svc(task_arithmetic(same), same)["w"], a, **CLOSE)
    torch.testing.assert_close(svc(task_arithmetic(same[:1]), same[:1])["w"], a, **CLOSE)


def test_svc_is_its_formula():
    vectors = matrices(3)
    merged = sum(vectors)
    u, s, vh = torch.linalg.svd(merged, full_matrices=False)
    for least in (0.0, 1.0):
        expected = torch.zeros_like(merged)
        for r in range(len(s)):
            counted = 0.0
            for tau in vectors:
                own = u[:, r] @ tau
                counted += max(least or 1 / 3, float((u[:, r] @ merged) @ own / (own @ own)))
            expected += 3 / counted * s[r] * torch.outer(u[:, r], vh[r])
        torch.testing.assert_close(
            svc(task_arithmetic(named(*vectors)), named(*vectors), least=least)["w"], expected, **CLOSE
        )


def test_the_orthogonal_factor_is_unique_where_columns_repeat():
    column = torch.tensor([[1.0], [2.0], [2.0]]) / 3
    found = orthogonal_factor("w", torch.cat([column, column], 1))
    torch.testing.assert_close(found, torch.cat([column, column], 1) / 2**0.5)
