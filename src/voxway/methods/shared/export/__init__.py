"""What graphs of several methods need: see `voxway.methods.contract.Graph`."""
