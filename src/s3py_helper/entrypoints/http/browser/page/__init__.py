"""The page at `/`: plain HTML, style sheets and ES modules, with no build and nothing from elsewhere."""
