"""The word stages of `onediff-tiny`: facts to words, coupled samples, then pairs of images with all their tasks."""
