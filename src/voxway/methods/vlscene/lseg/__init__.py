"""LSeg (ICLR 2022), the vision-language network that guides VLScene in training: pixels as vectors among words."""

from voxway.methods.vlscene.lseg.network import LSeg

__all__ = ["LSeg"]
