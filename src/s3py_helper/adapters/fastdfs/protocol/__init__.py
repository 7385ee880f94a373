"""The protocol of trackers and storage servers, and the connections that carry it."""
