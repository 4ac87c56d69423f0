"""The chaos harness: breaks a load at each of its side effects and looks whether the warehouse is right afterwards."""
