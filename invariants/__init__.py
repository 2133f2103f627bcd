"""What must hold: the properties of each world."""
