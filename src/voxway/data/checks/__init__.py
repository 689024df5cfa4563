"""What checks of datasets share: the report, and rules that hold for any rig."""
