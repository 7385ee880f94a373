"""Links of FastDFS' nginx module, answered from wherever their files are now."""
