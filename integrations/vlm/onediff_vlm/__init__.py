"""Any multi-image chat model as a describer of onediff-plugins: the model `hf-vlm`."""

__version__ = "0.1.0"
