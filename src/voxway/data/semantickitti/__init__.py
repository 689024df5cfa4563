"""SemanticKITTI scene completion: files, reader, ground truth, checks and submissions."""
