"""Foundation networks that teach: configurations that a recipe holds as its `teacher`."""
