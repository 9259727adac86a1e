"""A small canvas for one figure that stands on the ground, drawn with lit faces and with bars that face the camera."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from onediff_core.data.synthetic.sprites import Sprite
from onediff_core.data.synthetic.textures import noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onediff_core.data.synthetic.camera.view import View

    Points = NDArray[np.float64]
    Colour = NDArray[np.float64]


class Stamp:
    """A small canvas about one figure; lengths are metres from its foot: ahead, up, to its left.

    Args:
        at: metres to the right of the camera and away from it.
        yaw: radians about the vertical.
        reach: metres to each side that may be drawn on.
        view: the camera.
        sun: (3,) unit vector towards the light: right, up, away.
        tone: seed of the grain.
    """

    def __init__(self, at: tuple[float, float], yaw: float, reach: float, view: View, sun: Points, tone: int) -> None:
        """Take a rectangle of pixels that everything within reach falls into."""
        self.view, self.sun, self.tone = view, sun, tone
        self.foot = np.array([at[0], 0.0, at[1]])
        cos, sin = np.cos(yaw), np.sin(yaw)
        self.axes = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
        self.pixel = view.scale(at[1])
        around = [[i, j, k] for i in (-reach, reach) for j in (-0.1, 2.3) for k in (-reach, reach)]
        seen = view.seen(self.foot + np.array(around))
        self.corner = np.floor(seen.min(axis=0)).astype(int) - 2
        columns, rows = np.minimum(np.ceil(seen.max(axis=0)).astype(int) + 3 - self.corner, 4 * view.size)
        self.light = np.zeros((rows, columns, 3), np.float32)
        self.alpha = np.zeros((rows, columns), np.uint8)

    def polygon(self, pixels: Points, colour: Colour) -> None:
        """In pixels of the picture."""
        points = np.rint(16 * (pixels - self.corner - 0.5)).astype(np.int32)
        cv2.fillPoly(self.light, [points], colour.tolist(), cv2.LINE_AA, 4)
        cv2.polylines(self.light, [points], True, colour.tolist(), 1, cv2.LINE_AA, 4)
        cv2.fillPoly(self.alpha, [points], 255, cv2.LINE_AA, 4)

    def limb(self, start: tuple[float, float], end: tuple[float, float], width: float, colour: Colour) -> None:
        """A round-ended bar that faces the camera; points are metres to the right and up."""
        ends = np.rint(16 * (self._facing(np.array([start, end])) - self.corner - 0.5)).astype(np.int32)
        thick = max(round(width * self.pixel), 1)
        for target, value in ((self.light, colour.tolist()), (self.alpha, 255)):
            cv2.line(target, ends[0].tolist(), ends[1].tolist(), value, thick, cv2.LINE_AA, 4)

    def disc(self, at: tuple[float, float], radii: tuple[float, float], colour: Colour) -> None:
        """An ellipse that faces the camera."""
        angles = np.linspace(0, 2 * np.pi, 20, endpoint=False)
        rim = np.array(at) + np.column_stack([np.cos(angles), np.sin(angles)]) * np.array(radii)
        self.polygon(self._facing(rim), colour)

    def flat(self, outline: list[tuple[float, float]], colour: Colour) -> None:
        """A polygon that faces the camera."""
        self.polygon(self._facing(np.array(outline)), colour)

    def face(self, outline: Points, colour: Colour) -> None:
        """A polygon in space, lit; not drawn where it faces away. Counter-clockwise seen from outside."""
        corners = self.foot + outline @ self.axes
        normal = _normal(corners)
        if normal @ (np.array([0.0, self.view.height, 0.0]) - corners[0]) <= 0:
            return
        self.polygon(
            self.view.seen(corners), colour * (0.55 + 0.5 * max(float(normal @ self.sun), 0.0) + 0.08 * normal[1])
        )

    def block(
        self,
        low: tuple[float, float, float],
        high: tuple[float, float, float],
        colour: Colour,
        top: tuple[float, float] = (1, 1),
        roof: Colour | None = None,
    ) -> None:
        """A box between two corners; `top` narrows its upper face."""
        (x0, y0, z0), (x1, y1, z1) = low, high
        mx, mz, hx, hz = (x0 + x1) / 2, (z0 + z1) / 2, (x1 - x0) / 2 * top[0], (z1 - z0) / 2 * top[1]
        bottom = np.array([[x0, y0, z0], [x1, y0, z0], [x1, y0, z1], [x0, y0, z1]])
        upper = np.array(
            [[mx - hx, y1, mz - hz], [mx + hx, y1, mz - hz], [mx + hx, y1, mz + hz], [mx - hx, y1, mz + hz]]
        )
        faces = [np.array([bottom[i], upper[i], upper[(i + 1) % 4], bottom[(i + 1) % 4]]) for i in range(4)]
        for outline in sorted(faces, key=lambda face: -float((self.foot + face @ self.axes)[:, 2].mean())):
            self.face(outline, colour)
        self.face(upper[::-1], colour if roof is None else roof)

    def wheel(self, at: tuple[float, float, float], radius: float, outward: float) -> None:
        """Upright and lengthways; `outward` is the sign of the side that it is seen from."""
        angles = np.linspace(0, 2 * np.pi, 16, endpoint=False) * outward
        for share, tone in ((1.0, 30.0), (0.55, 120.0)):
            rim = np.column_stack([np.cos(angles), np.sin(angles), np.zeros(16)]) * radius * share + np.array(at)
            self.face(rim[::-1], np.full(3, tone))

    def sprite(self) -> Sprite:
        """With roundness: darker towards the edge that lies away from the light."""
        alpha = self.alpha.astype(np.float32) / np.float32(255)
        soft = cv2.GaussianBlur(alpha, (0, 0), max(0.05 * self.pixel, 0.6))
        slope = cv2.Sobel(soft, cv2.CV_32F, 1, 0, ksize=3)
        shape = alpha.shape
        grain = noise(np.random.default_rng(self.tone), "fine", shape)
        tone = np.clip(1 - np.float32(0.22 * np.sign(self.sun[0])) * slope - 0.12 * (1 - soft) + 0.03 * grain, 0.4, 1.3)
        light = np.asarray(self.light * tone[:, :, None], np.float32)
        return Sprite(int(self.corner[0]), int(self.corner[1]), alpha, light)

    def _facing(self, points: Points) -> Points:
        """Pixels of metres to the right of the foot and up, on a plane that faces the camera."""
        return self.view.seen(
            np.column_stack([self.foot[0] + points[:, 0], points[:, 1], np.full(len(points), self.foot[2])])
        )


def _normal(corners: Points) -> Points:
    (a, b, c), (d, e, f) = (corners[1] - corners[0]).tolist(), (corners[2] - corners[0]).tolist()
    normal = np.array([b * f - c * e, c * d - a * f, a * e - b * d])  # numpy.cross takes ten times as long
    return normal / max(math.hypot(*normal), 1e-9)
