"""The miniature: a small world with known truth, whose teachers, rewards and judge are trained on the spot."""
