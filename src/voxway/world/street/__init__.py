"""A street: where things stand and move, what the ground is, and the day's light; it knows no sensor."""
