"""Which frames to read, what of them, and what happens to them on the way: what all datasets have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, TypeVar

from voxway.core.errors import InputError
from voxway.core.files import Json
from voxway.core.frame_shape import FrameShape
from voxway.core.share import exact_share
from voxway.core.task import Task
from voxway.data.files.names import meant_root
from voxway.data.steps.augment import Augment
from voxway.data.steps.few_labels import SEED

if TYPE_CHECKING:
    from voxway.data.entry import Server
    from voxway.data.reader import Reader
    from voxway.data.samples import Samples


Split = Literal["train", "val", "test"]
C = TypeVar("C", bound="DataConfig")


@dataclass(frozen=True, kw_only=True)
class DataConfig(ABC):
    """What every dataset's configuration has; each adds where its own files lie and which of its switches are on.

    Raises:
        ValueError: a count or a size is not positive, or frames without labels are to be left out of all-labelled data.
    """

    parts: ClassVar[tuple[str, ...]] = ()
    """Names of the folders that lie in a root, by which a root is found that is named one level off."""

    may_have_truth: ClassVar[bool] = True
    """Whether there can be labels at all."""
    cameras_vary: ClassVar[bool] = False
    """Whether frames may have unlike numbers of cameras."""

    root: Path
    """Folder of the dataset."""
    split: Split = "train"
    """Which of the benchmark's splits."""
    drives: tuple[str, ...] = ()
    """Sequences or scenes to read instead of the split's own; one that is named twice counts once."""
    keys: tuple[str, ...] = ()
    """Frames to read, by key, instead of all; one that is named twice counts once."""
    partial: bool = False
    """Accept a copy that lacks parts of the split."""
    needs: frozenset[str] = frozenset({"images", "target"})
    """Fields of a sample to load, and no others."""
    prepared: Mapping[str, Path] = field(default_factory=dict)
    """Folders of prepared files, by the need that they serve (`voxway prepare`)."""

    every: int = 1
    """Read every n-th frame of split train, from the first, in order; other splits are whole."""
    labelled: int | None = None
    """How many drives (or frames, see `labelled_by`) of split train may supervise; the others have no target and their
    label files are never opened. None: all of them. Other splits are whole."""
    labelled_by: Literal["drives", "frames"] = "drives"
    """What `labelled` counts. Drives are drawn as in the published label-efficient runs: names sorted, then Python's
    generator with seed 42; frames likewise, by key."""
    labelled_share: str | None = None
    """The same as a share, a fraction such as "1/10" or "0.1": of frames evenly spread ones, of drives as many as it
    makes, drawn. Instead of `labelled`."""
    labelled_list: Path | None = None
    """The same as a file of frames: a JSON list of keys, ``labels.json`` of another run, or text, a key a line. Instead
    of both."""
    labelled_seed: int = SEED
    """What is drawn with."""
    only_labelled: bool = False
    """Leave out the frames that may not supervise: the data of a teacher that learns from few labels."""
    selection: Path | None = None
    """Folder that `voxway select` wrote: of split train, only its frames and voxels may supervise."""

    earlier: tuple[int, ...] = ()
    """Earlier frames to add, in recordings before the key frame, e.g. (3, 6). Before a drive begins, its first."""
    image_px: tuple[int, int] | None = None
    """(height, width) of the network's images; None leaves them as recorded."""
    focal_px: float | None = None
    """Focal length in pixels that pictures are scaled to where their own differs by more than a quarter, if `image_px`
    leaves them as recorded: training notes its first frame's, so that things look as large later. None: no scaling."""
    camera_places: int | None = None
    """Cameras that every sample has room for: beyond its own there are cameras of no pixels, which a network for any
    rig leaves out, so that frames of unlike rigs fit into one micro-batch. None: none but its own."""
    augment: Augment | None = None
    """How training changes samples at random, a visit at a time; None: not at all."""
    depth_rule: Literal["nearest", "published"] = "nearest"
    """How points become depth images: the nearest wins, exactly; or by the rounded rank that the published fusion
    networks learnt with (`voxway.ops.draw`)."""
    depth_range_m: tuple[float, float] | None = None
    """Least depth in depth images, and the one from which on points are left out; None draws all in front."""

    def __post_init__(self) -> None:
        for name in ("drives", "keys"):
            object.__setattr__(self, name, tuple(dict.fromkeys(getattr(self, name))))
        if self.image_px is not None and min(self.image_px) < 1:
            raise ValueError(f"image_px is (height, width) in pixels, got {self.image_px}")
        if self.focal_px is not None and self.focal_px <= 0:
            raise ValueError(f"focal_px is a focal length in pixels, got {self.focal_px}")
        if self.camera_places is not None and self.camera_places < 1:
            raise ValueError(f"camera_places is how many cameras there is room for, got {self.camera_places}")
        if self.every < 1:
            raise ValueError(f"every n-th frame needs n >= 1, got {self.every}")
        if self.only_labelled and not self.few_labels:
            raise ValueError("only_labelled needs `labelled`, how many drives may supervise, or `selection`")
        named = {name: getattr(self, name) for name in ("labelled", "labelled_share", "labelled_list")}
        given = {name: value for name, value in named.items() if value is not None}
        if len(given) > 1:
            said = " and ".join(f"{name} {value}" for name, value in given.items())
            raise ValueError(f"{', '.join(named)} say the same, choose one, got {said}")
        if self.labelled_share is not None:
            exact_share("labelled_share", self.labelled_share)
        if self.depth_rule == "published" and self.depth_range_m is None:
            raise ValueError("depth images by the published rule need depth_range_m")

    @classmethod
    def is_root(cls, folder: Path) -> bool | None:
        """Whether a folder is laid out as this dataset's root; None where nobody can tell."""
        return None

    @cached_property
    def folder(self) -> Path:
        """The root's own folder, where `root` names one inside it or the one that it lies in."""
        return meant_root(Path(self.root), self.is_root, self.parts)

    @abstractmethod
    def reader(self) -> Reader:
        """What reads this dataset's files.

        Raises:
            InputError: nothing to read, unknown drives or keys, or fewer frames than the split has.
        """

    def frame_note(self) -> str:
        """What a page says of every frame; empty: nothing."""
        return ""

    def server(self) -> Server:
        """What writes and reads predictions of its frames.

        Raises:
            InputError: no dataset has configurations of this class.
        """
        from voxway.data import registry

        return registry.server(registry.config_name(self))

    def build(self) -> Samples:
        """Samples: what the reader reads, after all steps.

        Raises:
            InputError: see `reader`; or a need that neither files, nor prepared files, nor a step can serve.
        """
        from voxway.data.samples import Samples

        return Samples(self)

    def stereo(self: C) -> C:
        """The same frames as rectified pairs: images of two cameras, left and right.

        Raises:
            InputError: the dataset has no stereo pair.
        """
        raise InputError(
            file=self.root,
            field="cameras",
            expected="a dataset with a rectified stereo pair",
            found=type(self).__name__,
            remedy="Make it from LiDAR, or name a folder of files made elsewhere.",
        )

    @property
    def few_labels(self) -> bool:
        """Whether it is said which frames of split train may supervise."""
        return any(one is not None for one in (self.labelled, self.labelled_share, self.labelled_list, self.selection))

    def all_labelled(self: C) -> C:
        """The same with all labels."""
        return replace(
            self, labelled=None, labelled_share=None, labelled_list=None, only_labelled=False, selection=None
        )

    @property
    def share(self) -> Fraction | None:
        """`labelled_share` as a number."""
        return None if self.labelled_share is None else exact_share("labelled_share", self.labelled_share)

    def one_scan(self: C) -> C:
        """The same with one scan in a moment, where several may be put together."""
        return self

    def truth_name(self) -> tuple[str, ...]:
        """What results say of the truth beside the split's name, where it is not the benchmark's own."""
        return ()

    def own_task(self) -> tuple[Task, float] | None:
        """Task, and height of the ego frame above the road in metres, where the configuration says them; None: they
        are the dataset's."""
        return None

    def recorded(self, fields: frozenset[str]) -> dict[str, Json]:
        """Settings of the dataset's own that change these raw fields of a frame, such as ``"data.cameras"``."""
        return {}

    def frame_shape(self) -> FrameShape:
        """What its frames are like, told without reading one; datasets add what they have of everything."""
        usual = FrameShape()
        return replace(usual, image_px=self.image_px or usual.image_px, earlier=len(self.earlier))

    def raw(self: C, *needs: str) -> C:
        """The same frames as recorded, with these needs: no selection, augmentation, resizing, earlier frames."""
        return replace(
            self.all_labelled(),
            needs=frozenset(needs),
            every=1,
            earlier=(),
            image_px=None,
            focal_px=None,
            camera_places=None,
            augment=None,
        )

    def with_prepared(self: C, need: str, folder: Path) -> C:
        """The same with a folder of prepared files."""
        return replace(self, prepared={**self.prepared, need: folder})
