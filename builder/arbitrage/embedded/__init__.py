"""Teachers that the run serves itself: llama.cpp on a GGUF file, as a process of its own."""
