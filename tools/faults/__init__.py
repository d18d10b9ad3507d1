"""Breaks releases on purpose, a thousand and more of them, and checks that nothing is ever half done or lost."""
