"""`python -m onediff_plugins` is `onediff`."""

from onediff_plugins.cli import main

main()
