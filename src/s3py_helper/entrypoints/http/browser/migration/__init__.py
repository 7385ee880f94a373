"""The page that shows a migration, and steers it; made as the page at `/` is, of which it has some parts."""
