"""VLScene (AAAI 2025): a stereo pair, guided by a vision-language network."""

from voxway.methods.vlscene.config import VLSceneConfig

__all__ = ["VLSceneConfig"]
