"""A small Flux instance in Python: the default where no Flux is installed. It is not a Flux."""
