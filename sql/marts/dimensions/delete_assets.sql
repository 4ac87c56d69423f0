-- marts/dimensions/delete_assets
DELETE FROM crypto.assets
