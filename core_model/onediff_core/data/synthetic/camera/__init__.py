"""Stills of a fixed camera: streets, car parks, yards, rooms and undergrowth, where people and things come and go."""

from onediff_core.data.synthetic.camera.pairs import camera

__all__ = ["camera"]
