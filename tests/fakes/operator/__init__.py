"""A fake Flux Operator, and what of Kubernetes makes the pods of its MiniClusters real processes."""

from fakes.operator.install import install
from fakes.operator.loop import Operator
from fakes.operator.settings import Delays, ImageBehaviour

__all__ = ["Delays", "ImageBehaviour", "Operator", "install"]
