"""SD3 and SD3.5 networks as an ordinary PyTorch library: files, transformer, autoencoder, text encoders, residency.

It knows nothing of graphs, nodes or servers and can be used from a notebook. See `handles` (what a file contains),
`pool` (what is loaded where) and `text_encoding` (prompt to conditioning).
"""
