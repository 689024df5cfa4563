"""Draw what `voxway predict` wrote in other programs' formats, each read by the library that its users have.

    voxway predict runs/w/model --root world --split val --out out --format ply ply-cubes costmap mcap rrd
    python examples/draw_formats.py out pictures

Needs NumPy, Pillow, plyfile, trimesh, mcap-protobuf-support and rerun-sdk; nothing of ours. Each picture shows the
first frame from behind and above, in ego coordinates; that of Foxglove has the camera's picture with the points on it.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

EYE, AT = np.array([-14.0, 0.0, 13.0]), np.array([16.0, 0.0, -2.0])
"""Where the pictures are taken from, and what stands in their middle, metres ahead of the ego frame's origin."""
SIZE = (960, 600)
FOCAL_PX = 820.0
PAPER = (250, 250, 248)


def seen(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (..., 2) and depths (...) of points (..., 3), metres."""
    ahead = (AT - EYE) / np.linalg.norm(AT - EYE)
    right = np.cross(ahead, (0, 0, 1)) / np.linalg.norm(np.cross(ahead, (0, 0, 1)))
    down = np.cross(ahead, right)
    x, y, depth = np.moveaxis((points - EYE) @ np.stack([right, down, ahead], 1), -1, 0)
    pixels = np.stack([x, y], -1) / depth[..., None] * FOCAL_PX + np.array(SIZE) / 2
    return pixels, depth


def dots(points: np.ndarray, colours: np.ndarray, side_m: float) -> Image.Image:
    """Points as squares, the far ones first, lighter with height so that shapes show."""
    pixels, depth = seen(points)
    light = 0.6 + 0.4 * np.clip((points[:, 2] + 2) / 4, 0, 1)
    colours = (colours * light[:, None]).astype(int)
    picture = Image.new("RGB", SIZE, PAPER)
    draw = ImageDraw.Draw(picture)
    for row in np.argsort(-depth):
        if depth[row] > 1:
            (u, v), half = pixels[row], side_m * FOCAL_PX / depth[row] / 2
            draw.rectangle((u - half, v - half, u + half, v + half), fill=tuple(colours[row]))
    return picture


def draw_points(path: Path) -> Image.Image:
    """A point cloud in PLY."""
    import plyfile

    vertices = plyfile.PlyData.read(path)["vertex"]
    points, colours = (np.stack([vertices[name] for name in names], -1) for names in ("xyz", ("red", "green", "blue")))
    return dots(points, colours, 0.2)


def draw_cubes(path: Path) -> Image.Image:
    """A mesh in PLY, lit from above and the left."""
    import trimesh

    mesh = trimesh.load(path, process=False)
    light = 0.7 + 0.3 * (mesh.face_normals @ np.array([-0.3, 0.35, 0.9]))
    colours = (mesh.visual.vertex_colors[mesh.faces[:, 0], :3] * np.clip(light, 0.3, 1)[:, None]).astype(int)
    pixels, depth = seen(np.asarray(mesh.triangles))
    front = ((mesh.triangles_center - EYE) * mesh.face_normals).sum(1) < 0
    picture = Image.new("RGB", SIZE, PAPER)
    draw = ImageDraw.Draw(picture)
    for row in np.argsort(-depth.mean(1)):
        if front[row] and depth[row].min() > 1:
            draw.polygon([tuple(corner) for corner in pixels[row]], fill=tuple(colours[row]))
    return picture


def draw_map(path: Path) -> Image.Image:
    """A cost map, x to the right and y up, with the ego frame's origin where it lies in or beside it."""
    fields = dict(line.split(": ", 1) for line in path.read_text().splitlines())
    x0, y0, _ = (float(value) for value in fields["origin"].strip("[]").split(", "))
    cell, pixels, zoom = float(fields["resolution"]), Image.open(path.parent / fields["image"]), 3
    picture = pixels.convert("RGB").resize((pixels.width * zoom, pixels.height * zoom), Image.Resampling.NEAREST)
    u, v = -x0 / cell * zoom, (pixels.height + y0 / cell) * zoom
    ImageDraw.Draw(picture).polygon([(u + 18, v), (u - 9, v - 9), (u - 9, v + 9)], fill=(220, 40, 40))
    return picture


def draw_recording(path: Path) -> Image.Image:
    """The first moment of a Foxglove recording: the camera's picture with the points on it, the voxel grid below."""
    from mcap.reader import make_reader
    from mcap_protobuf.decoder import DecoderFactory

    first, tree = {}, {}
    with path.open("rb") as file:
        for _, channel, _, said in make_reader(file, decoder_factories=[DecoderFactory()]).iter_decoded_messages():
            if channel.topic == "/tf":
                tree.setdefault(said.child_frame_id, (said.parent_frame_id, matrix(said.translation, said.rotation)))
            first.setdefault(channel.topic, said)
    to_ego = np.eye(4) if first["/occupancy/voxels"].frame_id == "ego" else np.linalg.inv(tree["ego"][1])
    picture = Image.open(io.BytesIO(first["/camera/0/image"].data)).convert("RGB")
    points = records(first["/occupancy/points"], first["/occupancy/points"].point_stride)
    centres = np.stack([points[axis].astype(float) for axis in "xyz"] + [np.ones(len(points))])
    in_camera = np.linalg.inv(tree["camera_0"][1]) @ to_ego @ centres
    projected = np.array(first["/camera/0/calibration"].P).reshape(3, 4) @ in_camera
    draw = ImageDraw.Draw(picture)
    for row in np.argsort(-projected[2]):
        if projected[2, row] > 2 and points["z"][row] > -1.4:  # what lies on the road would hide it
            u, v = projected[:2, row] / projected[2, row]
            colour = tuple(int(points[name][row]) for name in ("red", "green", "blue"))
            draw.ellipse((u - 1.5, v - 1.5, u + 1.5, v + 1.5), fill=colour)
    grid = first["/occupancy/voxels"]
    cells, step = records(grid, grid.cell_stride), np.arange(len(grid.data) // grid.cell_stride) * grid.cell_stride
    xyz = np.stack(
        [
            step % grid.row_stride // grid.cell_stride * grid.cell_size.x + grid.cell_size.x / 2,
            step % grid.slice_stride // grid.row_stride * grid.cell_size.y + grid.cell_size.y / 2,
            step // grid.slice_stride * grid.cell_size.z + grid.cell_size.z / 2,
        ],
        -1,
    )[cells["alpha"] > 0]
    T = to_ego @ matrix(grid.pose.position, grid.pose.orientation)
    colours = np.stack([cells[name] for name in ("red", "green", "blue")], -1)[cells["alpha"] > 0]
    below = dots(xyz @ T[:3, :3].T + T[:3, 3], colours, grid.cell_size.x)
    sheet = Image.new("RGB", (SIZE[0], SIZE[1] + round(picture.height * SIZE[0] / picture.width)), PAPER)
    sheet.paste(picture.resize((SIZE[0], sheet.height - SIZE[1])), (0, 0))
    sheet.paste(below, (0, sheet.height - SIZE[1]))
    return sheet


def matrix(position: object, rotation: object) -> np.ndarray:
    """A pose message as a matrix."""
    x, y, z, w = (getattr(rotation, name) for name in "xyzw")
    turn = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = turn, [getattr(position, axis) for axis in "xyz"]
    return T


def records(message: object, stride: int) -> np.ndarray:
    """The records that a message's packed fields describe."""
    names, kinds = [field.name for field in message.fields], {1: "u1", 7: "<f4"}
    formats, offsets = [kinds[field.type] for field in message.fields], [field.offset for field in message.fields]
    kind = np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": stride})
    return np.frombuffer(message.data, kind)


def draw_rerun(path: Path) -> Image.Image:
    """The first frame of a Rerun recording."""
    from rerun.chunk import RrdReader

    T, rows = np.eye(4), []
    for chunk in RrdReader(path).stream():
        batch = chunk.to_record_batch()
        if chunk.entity_path in ("/world/voxels", "/world/ego/voxels") and "Points3D:positions" in batch.schema.names:
            rows += [(chunk.entity_path, *row) for row in zip(*(batch.column(n) for n in ("frame", *COLUMNS)))]
        elif chunk.entity_path == "/world/ego" and batch.column("frame")[0].as_py() == 0:
            T[:3, :3] = np.array(batch.column("Transform3D:mat3x3")[0].as_py()[0]).reshape(3, 3).T
            T[:3, 3] = batch.column("Transform3D:translation")[0].as_py()[0]
    entity, _, positions, packed, radii = min(rows, key=lambda row: row[1].as_py())
    points, packed = np.array(positions.as_py()), np.array(packed.as_py())
    if entity == "/world/voxels":
        points = (points - T[:3, 3]) @ T[:3, :3]
    return dots(points, np.stack([packed >> 24, packed >> 16 & 255, packed >> 8 & 255], -1), 2 * radii.as_py()[0])


COLUMNS = ("Points3D:positions", "Points3D:colors", "Points3D:radii")

DRAWN = {
    "ply": ("*.ply", draw_points),
    "ply-cubes": ("*.cubes.ply", draw_cubes),
    "costmap": ("*.yaml", draw_map),
    "mcap": ("*.mcap", draw_recording),
    "rrd": ("*.rrd", draw_rerun),
}


def main(folder: str, out: str) -> None:
    """Draw the first file of each format that is there."""
    Path(out).mkdir(parents=True, exist_ok=True)
    for name, (pattern, draw) in DRAWN.items():
        for path in sorted(Path(folder, name).rglob(pattern))[:1]:
            draw(path).save(Path(out, f"{name}.png"))
            print(Path(out, f"{name}.png"))


if __name__ == "__main__":
    main(*sys.argv[1:])
