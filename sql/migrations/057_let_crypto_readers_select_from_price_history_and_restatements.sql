-- 053 granted only the views of its time.
GRANT SELECT ON TABLE crypto_views.price_history, crypto_views.restatements TO ROLE crypto_readers
