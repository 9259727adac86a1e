"""Pairs of made-up user interfaces: pages that Chromium renders (`html`) and faster ones that are drawn (`drawn`).

Labels are the words of designers: attachment, avatar, badge, banner, button, card, cell, chart, checkbox, column, day,
dialog, event, field, heading, icon, image, input, line, link, menu, menu item, message, notification, option, page,
progress bar, quote, row, switch, tab, text; and `content` where several kinds moved together.

Masks: `element` is what was added, removed or changed. Content that moved, by itself or because an edit pushed it, is
not in it but in `moved`. Both are on the grid of the after image; something removed is marked where it was, carried
along with its surroundings.
"""
