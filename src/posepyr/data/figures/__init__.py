"""Procedurally drawn people: data that needs no download."""

from posepyr.data.figures.source import Figures, FigureSplit

__all__ = ["FigureSplit", "Figures"]
