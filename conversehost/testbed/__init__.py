"""The test bed around the server, never inside it: it fills it, looks at it, and takes part in it."""
