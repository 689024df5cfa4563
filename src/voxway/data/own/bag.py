"""Recordings of ROS as what a rig reads: pictures, scans, poses and cameras, by topic.

::

    recording = Recording("drive.mcap")
    print(*recording.topics.values(), sep="\\n")
    pictures = recording.pictures("/camera/image_raw")
    pictures.times_s, pictures.read(0)                    # seconds; (h, w, 3), uint8, RGB
    T_ego_cam = recording.frames.rigid("base_link", recording.camera("/camera/image_raw").frame)
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

from voxway.data.own.bag_cameras import CAMERA_INFO, RecordedCamera, read_camera
from voxway.data.own.bag_file import BagFile, Topic
from voxway.data.own.bag_messages import Clock, Messages
from voxway.data.own.bag_pictures import COMPRESSED, RAW, BagPictures
from voxway.data.own.bag_points import CLOUD, BagPoints
from voxway.data.own.bag_poses import POSES, Frames, first_frame, frame_name, read_track
from voxway.data.track import Track

_RECTIFIED = "image_rect"
"""How ROS calls topics of rectified pictures."""


class Recording:
    """A recording of ROS: a folder of rosbag2 (sqlite3 or MCAP), a file .mcap, .db3, or .bag of ROS 1.

    Opening it reads an index. A topic is read through once, for the stamps of its messages, when it is first asked for;
    after that each message is read alone. Recordings and their streams may be handed to other processes.

    Args:
        path: of the folder or file.

    Raises:
        InputError: absent, damaged, or no recording.
        MissingExtra: rosbags is not installed.
    """

    def __init__(self, path: Path | str) -> None:
        self._bag = BagFile(path)

    @property
    def path(self) -> Path:
        """Of the folder or file."""
        return self._bag.path

    @property
    def topics(self) -> Mapping[str, Topic]:
        """All topics by name, with the types and numbers of their messages."""
        return self._bag.topics

    def pictures(self, topic: str, clock: Clock = "header") -> BagPictures:
        """Pictures of a topic of Image or CompressedImage.

        Args:
            topic: its name.
            clock: which times count: those of the messages' headers, or those of recording.

        Raises:
            InputError: no such topic, one of another type, no or a damaged message, or stamps that run backwards.
        """
        return BagPictures(Messages.of(self._bag, self._topic(topic, RAW, COMPRESSED), clock))

    def points(self, topic: str, clock: Clock = "header") -> BagPoints:
        """Scans of a topic of PointCloud2.

        Args:
            topic: its name.
            clock: which times count: those of the messages' headers, or those of recording.

        Raises:
            InputError: as `pictures`.
        """
        return BagPoints(Messages.of(self._bag, self._topic(topic, CLOUD), clock))

    def poses(self, topic: str, frame: str | None = None, clock: Clock = "header") -> Track:
        """Poses of a topic of Odometry, PoseStamped or PoseWithCovarianceStamped.

        Args:
            topic: its name.
            frame: whose poses, if not those of the topic's own child frame: one that tf_static ties to it.
            clock: which times count: those of the messages' headers, or those of recording.

        Raises:
            InputError: as `pictures`; numbers that are no poses; or a frame that is not fixed to the topic's.
        """
        track = read_track(Messages.of(self._bag, self._topic(topic, *POSES), clock))
        if frame is None or frame_name(frame) in (track.inner, "") or not track.inner:
            return track
        poses = track.at(track.times_s) @ self.frames.rigid(track.inner, frame)
        return Track.of(track.outer, frame_name(frame), track.times_s, poses)

    @cached_property
    def frames(self) -> Frames:
        """Frames and how they lie to each other, from tf and tf_static.

        Raises:
            InputError: damaged messages.
        """
        return Frames.of(self._bag)

    def frame(self, topic: str) -> str:
        """Name of the frame that a topic's messages are in, as the first of them says.

        Raises:
            InputError: no such topic, no or a damaged message, or one of a type without a header.
        """
        return first_frame(self._bag, self._topic(topic, RAW, COMPRESSED, CLOUD, CAMERA_INFO, *POSES))

    def camera(self, topic: str) -> RecordedCamera:
        """The camera of a topic of pictures, or of its CameraInfo.

        Args:
            topic: of CameraInfo; or of pictures, beside which there is one called camera_info. Pictures are taken for
                rectified where the topic is called so, as image_rect or image_rect_color.

        Raises:
            InputError: no such topic, a camera without calibration, or a lens of an unknown kind.
        """
        place, rectified = topic, any(part.startswith(_RECTIFIED) for part in topic.split("/"))
        while place and self.topics.get(topic, Topic(topic, "", 0)).kind != CAMERA_INFO:
            place = place.rpartition("/")[0]
            topic = f"{place}/camera_info" if f"{place}/camera_info" in self.topics else topic
        return read_camera(Messages.of(self._bag, self._topic(topic, CAMERA_INFO)), rectified)

    def _topic(self, name: str, *kinds: str) -> Topic:
        """A topic whose messages are of one of these types.

        Raises:
            InputError: there is none; names those that are there.
        """
        fitting = [topic.name for topic in self.topics.values() if topic.kind in kinds]
        if name not in self.topics:
            close = get_close_matches(name, self.topics, n=1, cutoff=0.4)
            there = ", ".join(f"{topic.name} ({topic.kind})" for topic in self.topics.values()) or "none: it is empty"
            remedy = f"Perhaps you meant {close[0]}." if close else "Name one of these topics."
            raise self._bag.wrong("topic", f"one of {there}", name, remedy)
        if self.topics[name].kind not in kinds:
            remedy = f"Topics of that type: {', '.join(fitting)}." if fitting else "It has no topic of that type."
            raise self._bag.wrong(f"topic {name}", " or ".join(kinds), self.topics[name].kind, remedy)
        return self.topics[name]
