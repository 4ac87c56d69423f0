"""moto behind the front: the services it answers, its state on disk, and what it lacks."""
