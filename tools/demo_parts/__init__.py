"""The rooms of tools/demo: its processes, what GitHub has, the parts, and what is printed."""
