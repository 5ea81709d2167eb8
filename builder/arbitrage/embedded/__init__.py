"""Teachers that the run serves itself, each by a process of its own: llama.cpp on a GGUF file, or transformers."""
