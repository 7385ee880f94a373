"""FastDFS without routing and validation: the client, and services whose ids read `group1/M00/...`."""
