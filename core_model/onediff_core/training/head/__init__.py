"""A head on a frozen base, from a user's own pairs: `fit.train_head` does it, `onediff train head` calls it."""
