"""From decisions back to models: training records, scores and likeness. Needs onediff-core, imported when asked for."""
