"""What the drawings of methods show; ``python docs/_site/flows.py`` writes them, and a test fails when one is older."""

from __future__ import annotations

from pathlib import Path

from draw import Box, Flow

FOLDER = Path(__file__).parents[1] / "methods"

MONOOCC = Flow(
    title="MonoOcc: proposals ask the picture, complete the volume, and every voxel asks again",
    rows=[
        [
            Box("picture", "Picture", "3 x h x w, its own size", "input"),
            Box("depth", "Depth", "of a pair, or a scan", "input"),
        ],
        [
            Box("backbone", "Backbone and neck", "128 x h/16 x w/16"),
            Box("proposals", "Proposals", "128 x 128 x 16, yes or no"),
        ],
        [
            Box("semantic", "2D semantic head", "classes of pixels", "training"),
            Box("seeds", "Cross-attention, 3 layers", "proposed voxels ask the picture"),
        ],
        [Box("complete", "Self-attention, 2 layers", "all 262,144 voxels, seeds among them")],
        [Box("late", "Cross-attention, 3 layers", "every voxel asks the picture again")],
        [
            Box("teacher", "Teacher's volume", "of several frames", "training"),
            Box("head", "Head", "trilinear x 2, norm, linear"),
        ],
        [Box("classes", "Classes", "256 x 256 x 32, of 20", "output")],
    ],
    arrows=[
        ("picture", "backbone"),
        ("depth", "proposals"),
        ("backbone", "seeds"),
        ("proposals", "seeds"),
        ("seeds", "complete"),
        ("complete", "late"),
        ("late", "head"),
        ("head", "classes"),
    ],
    in_training=[("backbone", "semantic"), ("late", "teacher")],
)

EFFOCC = Flow(
    title="EFFOcc: pictures and LiDAR joined in a bird's-eye map, whose channels become heights",
    rows=[
        [
            Box("pictures", "Six pictures", "3 x 256 x 704 each", "input"),
            Box("points", "LiDAR", "ten scans", "input"),
        ],
        [
            Box("backbone", "ResNet, neck", "128 x 32 x 88"),
            Box("drawn", "Depth images", "points in pictures"),
            Box("voxels", "Voxels", "0.05 m, mean"),
        ],
        [
            Box("depth", "Depth and context", "88 bins, 64 channels"),
            Box("sparse", "Sparse encoder", "128 x 2 x 200 x 200"),
        ],
        [
            Box("lifted", "Lifted map", "64 x 200 x 200"),
            Box("flat", "Map", "256 x 200 x 200"),
        ],
        [Box("join", "Join", "convolution, 256 x 200 x 200")],
        [Box("bev", "Backbone and neck of the map", "512 x 200 x 200")],
        [
            Box("map", "Student's map", "cameras alone", "training"),
            Box("head", "Channels to heights", "two linear layers"),
        ],
        [
            Box("student", "Student's classes", "in three regions", "training"),
            Box("classes", "Classes", "200 x 200 x 16, of 18", "output"),
        ],
    ],
    arrows=[
        ("pictures", "backbone"),
        ("points", "drawn"),
        ("points", "voxels"),
        ("backbone", "depth"),
        ("drawn", "depth"),
        ("voxels", "sparse"),
        ("depth", "lifted"),
        ("sparse", "flat"),
        ("lifted", "join"),
        ("flat", "join"),
        ("join", "bev"),
        ("bev", "head"),
        ("head", "classes"),
    ],
    in_training=[("bev", "map"), ("head", "student")],
)

VLSCENE = Flow(
    title="VLScene: two estimates of depth lift the left picture into a volume whose near voxels meet",
    rows=[
        [
            Box("left", "Left picture", "3 x 384 x 1280", "input"),
            Box("right", "Right picture", "3 x 384 x 1280", "input"),
        ],
        [Box("backbone", "RepViT-M2.3 and neck", "128 x 48 x 160, of both")],
        [
            Box("mono", "Camera-aware depth", "112 bins, of the left"),
            Box("stereo", "Stereo volume", "112 bins, of the pair"),
        ],
        [
            Box("context", "Context", "128 x 48 x 160"),
            Box("both", "Mutual interaction", "one distribution of depth"),
        ],
        [
            Box("lseg", "LSeg", "what words say of pixels", "training"),
            Box("lifted", "Lifted volume", "128 x 128 x 128 x 16"),
        ],
        [Box("aware", "Sparse awareness", "spread, sparse U-Net, gate: 256")],
        [Box("head", "Head", "diffusion, trilinear x 2, linear")],
        [Box("classes", "Classes", "256 x 256 x 32, of 20", "output")],
    ],
    arrows=[
        ("left", "backbone"),
        ("right", "backbone"),
        ("backbone", "mono"),
        ("backbone", "stereo"),
        ("mono", "context"),
        ("mono", "both"),
        ("stereo", "both"),
        ("context", "lifted"),
        ("both", "lifted"),
        ("lifted", "aware"),
        ("aware", "head"),
        ("head", "classes"),
    ],
    in_training=[("context", "lseg")],
)

OCCLE = Flow(
    title="OccLE, our reading: semantics and geometry apart, fused, and projected back into the pictures",
    rows=[
        [
            Box("pictures", "Pictures", "of three frames", "input"),
            Box("points", "LiDAR", "of three frames", "input"),
        ],
        [
            Box("unet2d", "2D U-Net", "64 x h/4 x w/4"),
            Box("unet3d", "Sparse U-Net", "voxels of 0.2 m"),
            Box("encoder", "Sparse encoder", "voxels of 0.1 m"),
        ],
        [
            Box("pseudo", "Pseudo-labels", "of pixels, voxels", "training"),
            Box("semantic", "Semantics", "64 x 128 x 128 x 16"),
            Box("geometric", "Geometry", "64 x 128 x 128 x 16"),
        ],
        [
            Box("fusion", "Dual Mamba", "both volumes"),
            Box("rays", "LiDAR's rays", "free, occupied", "training"),
        ],
        [Box("coarse", "Coarse classes", "128 x 128 x 16")],
        [
            Box("projection", "Projection", "against pseudo-labels", "training"),
            Box("classes", "Classes", "256 x 256 x 32, of 20", "output"),
        ],
    ],
    arrows=[
        ("pictures", "unet2d"),
        ("points", "unet3d"),
        ("points", "encoder"),
        ("unet2d", "semantic"),
        ("unet3d", "semantic"),
        ("unet2d", "geometric"),
        ("encoder", "geometric"),
        ("semantic", "fusion"),
        ("geometric", "fusion"),
        ("fusion", "coarse"),
        ("coarse", "classes"),
    ],
    in_training=[("unet2d", "pseudo"), ("unet3d", "pseudo"), ("geometric", "rays"), ("coarse", "projection")],
)

FLOWS = {"monoocc": MONOOCC, "effocc": EFFOCC, "vlscene": VLSCENE, "occle": OCCLE}

if __name__ == "__main__":
    for name, flow in FLOWS.items():
        (FOLDER / f"{name}.svg").write_text(flow.svg())
