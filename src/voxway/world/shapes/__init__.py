"""Shapes of things: meshes with class, material and paint, that know neither a street nor a sensor."""
