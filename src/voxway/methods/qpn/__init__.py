"""QPN: the query proposal network of VoxFormer and MonoOcc."""

from voxway.methods.qpn.model import QPN, QPNConfig

__all__ = ["QPN", "QPNConfig"]
