"""conversehost: the site, the chat and one login, in one process."""

__version__ = "0.1.0"
