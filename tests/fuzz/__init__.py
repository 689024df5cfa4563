"""Files of every kind that are read, damaged at random: each must be refused in five parts, or give a valid value."""
