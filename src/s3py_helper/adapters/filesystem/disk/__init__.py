"""What lies on the disk, and the calls that touch it. Everything here blocks: it is called in threads."""
