"""Load records: what each committed load was made of, in the lake. A lost warehouse is rebuilt from them."""
