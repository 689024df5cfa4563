"""SemanticKITTI scene completion: files, reader, ground truth, checks and submissions."""

from voxway.data.semantickitti.reader import SemanticKITTI, SemanticKITTIConfig

__all__ = ["SemanticKITTI", "SemanticKITTIConfig"]
