"""A strict stand-in for GitHub's REST interface, scripted over /_admin. See README.md."""
