"""The dataset folder: what is written, proved and rebuilt."""
