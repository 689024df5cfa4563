"""NaN and infinity: weights and scores that are no numbers stop whatever would use them, by name."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.engine.tiny_run import Streets
from tests.methods.tiny import TINY, sample
from voxway.api.start import start_weights
from voxway.core.errors import InputError
from voxway.core.sample import Batch, Prediction, collate
from voxway.engine.evaluate import network_predictor, predictions
from voxway.engine.model_files import load_model, load_weights, save_model
from voxway.engine.stages import fitting_weights
from voxway.engine.teaching.network import NetworkTeacherConfig

CONFIG = TINY["monoocc"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    save_model(folder, CONFIG, CONFIG.build().state_dict())
    return folder


@pytest.fixture(params=[float("nan"), float("inf"), -float("inf")], ids=str)
def broken(whole: Path, tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Path, str]:
    """A network's folder with one number that is none, and the tensor's name."""
    state = load_file(whole / "model.safetensors")
    name = [name for name, tensor in state.items() if name.endswith("weight") and tensor.ndim > 1][3]
    state[name].view(-1)[-1] = request.param
    save_file(state, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_bytes((whole / "config.json").read_bytes())
    return tmp_path, name


USES = {
    "load_model": load_model,
    "checkpoint": lambda folder: load_weights(CONFIG.build(), load_file(folder / "model.safetensors"), folder),
    "start": lambda folder: start_weights(CONFIG, folder),
    "next stage": lambda folder: fitting_weights(CONFIG, folder),
    "teacher": lambda folder: NetworkTeacherConfig(model=folder).build(),
}


@pytest.mark.parametrize("use", USES)
def test_weights_are_refused_by_name(broken: tuple[Path, str], whole: Path, use: str) -> None:
    USES[use](whole)
    folder, name = broken
    with pytest.raises(
        InputError, match=rf"weights: expected finite numbers, found NaN or infinity in 1 of .*: {name}"
    ):
        USES[use](folder)


class Astray(torch.nn.Module):
    """Scores of one frame that are no numbers."""

    def forward(self, batch: Batch) -> Prediction:
        logits = torch.zeros(len(batch.keys), 20, *CONFIG.task.grid.shape)
        for number, key in enumerate(batch.keys):
            if key == sample(1).key:
                logits[number, 0, 0, 0, 0] = torch.nan
        return Prediction(logits=logits)


def test_scores_are_refused_by_the_frame() -> None:
    predict = network_predictor(Astray())
    assert predict(collate([sample(0)])).shape == (1, *CONFIG.task.grid.shape)
    with pytest.raises(InputError, match=rf"frame {sample(1).key}: prediction: expected finite scores"):
        predict(collate([sample(0), sample(1)]))


def test_frames_before_are_predicted_and_then_it_ends() -> None:
    done = predictions(network_predictor(Astray()), Streets(), CONFIG.task, show=False)
    assert next(done)[0].key == sample(0).key
    with pytest.raises(InputError, match="finite scores"):
        next(done)
