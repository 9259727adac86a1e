"""Screens that Pillow draws: the elements of pages, with a layout of rows and columns, hundreds of times faster."""
