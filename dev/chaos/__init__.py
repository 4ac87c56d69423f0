"""The chaos harness: breaks a load at each of its side effects and checks the warehouse afterwards."""
