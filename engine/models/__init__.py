"""Models: catalog, verified files, preparation, and the chat and embedding models behind two protocols."""
