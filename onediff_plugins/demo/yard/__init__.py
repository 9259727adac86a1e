"""A yard as triangles, and the light in it: what `onediff_plugins.demo.camera` takes its stills of."""
