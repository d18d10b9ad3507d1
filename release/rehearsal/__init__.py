"""The whole release in a throw-away clone: the code of `cut`, a real index on loopback, a real installation."""
