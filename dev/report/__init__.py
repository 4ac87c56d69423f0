"""``make report``: the page *Crypto prices* as one HTML file."""
