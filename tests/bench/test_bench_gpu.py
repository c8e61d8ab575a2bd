"""The GPU benchmark runs from end to end, in a tiny shape where there is no GPU; its shapes are those of the named models."""

import bench_gpu
import pytest
import torch


def test_every_way_trains_and_is_measured():
    found = bench_gpu.measured(["tiny"], 18, 32, 100.0)
    assert [(row.method, row.way) for row in found] == [
        ("SFT", "the lab"), ("SFT", "the lab, packed"), ("SFT", "TRL"), ("SFT", "TRL, padding-free"), ("SFT", "TRL, packed"),
        ("DPO", "the lab"), ("DPO", "the lab, packed"), ("DPO", "TRL")]
    assert all(row.tokens_per_second > 0 and row.mfu > 0 for row in found) and found[0].estimated > 0
    assert "| tiny | DPO | TRL |" in bench_gpu.report(found, "a device", "the command")


@pytest.mark.parametrize(("name", "parameters"), [("0.5B", 494_032_768), ("1B", 1_235_814_400), ("1.5B", 1_543_714_304), ("8B", 8_030_261_248)])
def test_the_shapes_have_the_sizes_that_are_known_of_them(name, parameters):
    model = bench_gpu.model_of(name, torch.device("meta"))
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters
