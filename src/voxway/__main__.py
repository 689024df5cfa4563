"""``python -m voxway``: the command line, for torchrun and for environments without scripts."""

from voxway.cli import main

if __name__ == "__main__":
    main()
