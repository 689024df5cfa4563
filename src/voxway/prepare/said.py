"""What a teacher says of every frame, written once: float16, for students that train with it later."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from voxway.core.config import to_json
from voxway.core.errors import InputError
from voxway.core.files import read_json, write_json
from voxway.core.sample import collate
from voxway.data.config import DataConfig
from voxway.data.job import Job
from voxway.data.prepared.made import Origin
from voxway.engine.model_files import save_tensors
from voxway.engine.teaching.average import AverageTeacher
from voxway.engine.teaching.stored import DESCRIPTION, feature_path
from voxway.engine.teaching.teacher import Teacher
from voxway.engine.teaching.together import each


def said_job(teacher: Teacher, data: DataConfig, folder: Path, device: str = "cpu") -> Job:
    """What a teacher says of every frame, as `voxway.engine.teaching.recorded` reads it.

    Args:
        teacher: a frozen one.
        data: the frames as the student will see them: cameras, image size.
        folder: `teacher.json` and a file per frame, with one tensor for each name.
        device: where batches go.

    Raises:
        InputError: a teacher that changes, nothing to read, or the folder holds what was said by another, or of other
            pictures.
    """
    if any(isinstance(one, AverageTeacher) for one in each(teacher)):
        raise InputError(
            file="prepare",
            field="teacher",
            expected="a teacher that does not change",
            found="the moving average of a student that is yet to be trained",
            remedy="Leave it in the recipe: it teaches while the student trains.",
        )
    samples = replace(data, needs=teacher.inputs, augment=None).build()
    first = teacher.says(collate([samples[0]]).to(device))
    # Frames follow each other in files of one shape; what a teacher says must not depend on more.
    described = {
        "says": {name: list(tensor.shape[1:]) for name, tensor in sorted(first.items())},
        "teacher": to_json(teacher.facts()),
        "image_px": None if data.image_px is None else list(data.image_px),
    }
    path = folder / DESCRIPTION
    known = read_json(path) if path.exists() else described
    if known != described:
        raise InputError(
            file=path,
            field="teacher",
            expected=f"what {described['teacher']} says of pictures of {described['image_px']} px",
            found="what another teacher said, or of other pictures",
            remedy="Write to another folder, or delete this one.",
        )
    write_json(path, described)

    def make(key: str, file: Path) -> None:
        said = teacher.says(collate([samples[key]]).to(device))
        halved = {name: tensor[0].half() for name, tensor in said.items()}
        broken = [name for name, tensor in halved.items() if not tensor.isfinite().all()]
        if broken:
            raise InputError(
                file=f"frame {key}",
                field=", ".join(broken),
                expected="finite values within the range of float16",
                found="NaN, infinity, or values beyond 65504",
                remedy="Check the teacher's weights; or train with the teacher itself instead of its record.",
            )
        save_tensors(file, halved)

    return Job(
        what="what the teacher says",
        keys=samples.keys,
        target=lambda key: feature_path(folder, key),
        make=make,
        origin=Origin(
            folder=folder,
            name="teacher",
            maker="what a teacher says",
            settings=described,
            root=data.folder,
            sources=samples.read_from,
        ),
    )
