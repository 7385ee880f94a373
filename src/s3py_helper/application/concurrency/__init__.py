"""Tasks that end as they should, no matter who is cancelled."""
