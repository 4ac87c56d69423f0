-- marts/dimensions/delete_sources
DELETE FROM crypto.sources
