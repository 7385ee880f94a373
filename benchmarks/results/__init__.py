"""What runs found out: kept as one JSON file for each release, shown as tables and a plot."""
