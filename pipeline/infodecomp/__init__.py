"""What each word of a caption tells a text-to-image diffusion model about each pixel of an image, in nats."""

__version__ = "0.1.0"
