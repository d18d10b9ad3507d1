"""Show the results of `benchmarks` as text, as JSON, and as one self-contained web page."""
