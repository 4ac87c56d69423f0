-- rebuild/find_loaded_manifests
SELECT DISTINCT raw_manifest
FROM crypto.load_log
WHERE raw_manifest IS NOT NULL
