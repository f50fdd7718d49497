"""Captions and word ids: the tokenizer, the vocabulary."""
