"""Writes the files of a release: the bundle as one zip file, its bill of materials, and their checksums."""
