"""Arguments of earlier versions: their names, positions and defaults, and those without an effect."""
