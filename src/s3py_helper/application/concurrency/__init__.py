"""Tasks that end as they should, whoever is being cancelled."""
